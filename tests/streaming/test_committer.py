"""Two machines land the segments of one store, where nobody can hold a turn: each batch is taken once."""

import contextlib
import itertools
import json
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from pipelines.ingest import commit
from pipelines.lake import open_lake, read_table, storage
from pipelines.streaming import committer as landing
from pipelines.streaming import landing_spool as segments
from tests.streaming.scans import ROOT, lander_of, rejects, scan

BAD = b"no JSON\n"
STEPS = 18
"""How often landing looks into the landing or asks the lake what it has."""


def line(number):
    return orjson.dumps(scan(number)) + b"\n"


class Steps:
    """A module whose functions tell when they are called."""

    def __init__(self, module, called):
        self._module, self._called = module, called

    def __getattr__(self, name):
        found = getattr(self._module, name)
        if not callable(found):
            return found

        def step(*words, **named):
            self._called()
            return found(*words, **named)

        return step


class Between:
    """Calls something once, before a step of a number."""

    def __init__(self, number, what):
        self.left, self._what = number, what

    def __call__(self):
        self.left -= 1
        if self.left == 0:
            self._what()


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """A lake on the disk that is landed as one in a store is: without a turn."""
    monkeypatch.setattr(segments.Landing, "turn", lambda _landing: contextlib.nullcontext(True))
    made = tmp_path / "lake"
    open_lake(str(made), Path(f"{made}.keys"), create=True)
    return made


def land_everything(*landers):
    landed = []
    while found := [one for one in (lander.land() for lander in landers) if one is not None]:
        landed += found
    return landed


def at_step(number, lake, monkeypatch, what):
    """Land two segments, and do something before a step of it; what was landed."""
    one, landed = lander_of(lake), None
    one.landing.write([line(1), BAD])
    one.landing.write([line(2)])
    between = Between(number, what)
    with monkeypatch.context() as patched:
        patched.setattr(segments, "storage", Steps(storage, between))
        patched.setattr(commit, "mark", Steps(commit, between).mark)
        patched.setattr(landing, "mark", Steps(landing, between).mark)
        with contextlib.suppress(RuntimeError):
            landed = one.land()
    assert between.left <= 0, "there are fewer steps"
    return [] if landed is None else [landed]


class DeathError(RuntimeError):
    """The end of a machine."""


def in_the_lake(lake):
    return read_table(open_lake(str(lake)), "scans", ["venue"]).num_rows, rejects(lake)


def counted(landed):
    names = ("received", "accepted", "duplicate", "rejected", "unregistered")
    return {name: sum(getattr(one, name) for one in landed) for name in names}


@pytest.mark.parametrize("step", [1, *range(4, 8), *range(10, STEPS + 1)])
def test_whenever_another_machine_lands_everything_nothing_is_lost_or_doubled(lake, step, monkeypatch):
    other, landed = lander_of(lake), []

    def meanwhile():
        landed.extend(land_everything(other))
        other.landing.write([line(3), BAD])
        landed.extend(land_everything(other))

    landed += at_step(step, lake, monkeypatch, meanwhile)
    landed += land_everything(other, lander_of(lake))
    assert in_the_lake(lake) == (3, ["malformed"] * 2)
    assert counted(landed) == {"received": 5, "accepted": 3, "duplicate": 0, "rejected": 2, "unregistered": 3}
    assert sum(sum(one.reasons.values()) for one in landed) == 2
    assert sum(sum(one.ages.values()) for one in landed) == 3
    assert other.landing.segments() == []


@pytest.mark.parametrize("step", [5, 6, *range(11, STEPS + 1)])
def test_whenever_a_machine_dies_another_one_takes_its_batch_once(lake, step, monkeypatch):
    def dies():
        raise DeathError

    at_step(step, lake, monkeypatch, dies)
    other = lander_of(lake)
    other.catch_up()
    land_everything(other)
    assert in_the_lake(lake) == (2, ["malformed"])
    assert other.landing.segments() == []


def test_refused_records_alone_are_a_batch_that_the_next_one_follows_on(lake):
    lander = lander_of(lake)
    lander.landing.write([BAD])
    lander.land()
    lander.landing.write([BAD, line(1)])
    lander.land()
    assert in_the_lake(lake) == (1, ["malformed"] * 2)


def test_a_restored_lake_in_a_store_takes_what_was_planned_after_a_later_batch(bucket, tmp_path):
    lake, keys, said = f"{bucket}/restored/lake", tmp_path / "keys", []
    open_lake(lake, keys, create=True)
    one, other = (lander_of(lake, said, keys, shared=True) for _ in range(2))
    one.landing.write([line(1)])
    land_everything(one)
    before = {found.place: storage.read(found.place) for found in storage.files(lake)}
    one.landing.write([line(2)])
    land_everything(one)
    one.landing.write([line(3), BAD])
    planned = one.landing.plan(*one._marks())
    storage.remove_all(lake)
    for place, content in before.items():
        storage.put(place, content)
    landed = [lander.land() for lander in (one, other, one)]
    assert in_the_lake(lake) == (2, ["malformed"])
    assert [found and found.accepted for found in landed] == [None, 1, None]
    assert not storage.exists(planned.place)
    assert said == [f"{lake} was restored to an earlier state; what waits is planned anew"]


def test_a_machine_that_others_overtake_while_it_looks_leaves_their_plan_alone(lake, monkeypatch):
    said = []
    one, other = lander_of(lake, said), lander_of(lake)
    other.landing.write([line(1)])
    look = segments.Landing._look
    theirs = []

    def overtaken(landing):
        monkeypatch.setattr(segments.Landing, "_look", look)
        land_everything(other)
        other.landing.write([line(2)])
        theirs.append(other.landing.plan(*other._marks()))
        return look(landing)

    monkeypatch.setattr(segments.Landing, "_look", overtaken)
    assert one.land() is None
    assert other.landing.plan(*other._marks()) == theirs[0]
    assert said == []


LANDS = """
import json, sys
from tests.streaming.scans import lander_of
from tests.streaming.test_committer import land_everything
lander = lander_of(sys.argv[1], keys=sys.argv[2], shared=True)
print(json.dumps([(one.accepted, one.duplicate) for one in land_everything(lander)]))
"""


def test_machines_land_at_once_in_a_real_store(bucket, tmp_path):
    lake, keys = f"{bucket}/landers/lake", tmp_path / "keys"
    open_lake(lake, keys, create=True)
    lander = lander_of(lake, keys=keys, shared=True)
    for number in range(6):
        lander.landing.write([line(number), BAD])
    words = [sys.executable, "-c", LANDS, lake, str(keys)]
    machines = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
    landed = [json.loads(machine.communicate(timeout=120)[0]) for machine in machines]
    landed.append([(one.accepted, one.duplicate) for one in land_everything(lander)])
    assert in_the_lake(lake) == (6, ["malformed"] * 6)
    assert [sum(counts) for counts in zip(*itertools.chain(*landed), strict=True)] == [6, 0]
    assert storage.names(lander.landing.folder) == ["landing.json"]
    assert lander.landing.folder == f"{lake}.landing"
