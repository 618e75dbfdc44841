"""Machines that commit the segments of one store, which has no lock: each batch is committed once."""

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
from pipelines.streaming import committer as committing
from pipelines.streaming import landing_spool
from tests.streaming.scans import ROOT, committer_of, rejects, scan

BAD = b"no JSON\n"
STEPS = 18
"""How often a committer reads the landing, or asks the lake which batch it has."""


def line(number):
    return orjson.dumps(scan(number)) + b"\n"


class Steps:
    """A module whose functions report their calls."""

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
    """Calls a function once, before the step of a number."""

    def __init__(self, number, what):
        self.left, self._what = number, what

    def __call__(self):
        self.left -= 1
        if self.left == 0:
            self._what()


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """A lake on the disk whose landing has no lock, as in a store."""
    monkeypatch.setattr(landing_spool.Landing, "lock", lambda _landing: contextlib.nullcontext(True))
    made = tmp_path / "lake"
    open_lake(str(made), Path(f"{made}.keys"), create=True)
    return made


def land_all(*committers):
    landed = []
    while found := [one for one in (committer.land() for committer in committers) if one is not None]:
        landed += found
    return landed


def at_step(number, lake, monkeypatch, what):
    """Land two segments, calling a function before one of the steps; return what was landed."""
    one, landed = committer_of(lake), None
    one.landing.write([line(1), BAD])
    one.landing.write([line(2)])
    between = Between(number, what)
    with monkeypatch.context() as patched:
        patched.setattr(landing_spool, "storage", Steps(storage, between))
        patched.setattr(commit, "mark", Steps(commit, between).mark)
        patched.setattr(committing, "mark", Steps(committing, between).mark)
        with contextlib.suppress(RuntimeError):
            landed = one.land()
    assert between.left <= 0, "there are fewer steps"
    return [] if landed is None else [landed]


class DeathError(RuntimeError):
    """The end of a machine."""


def some_of(steps):
    """Every third step in the quick suite, and all of them in the slow one."""
    return [
        step if place % 3 == 1 else pytest.param(step, marks=pytest.mark.slow)
        for place, step in enumerate(steps)
    ]


def in_the_lake(lake):
    return read_table(open_lake(str(lake)), "scans", ["venue"]).num_rows, rejects(lake)


def counted(landed):
    names = ("received", "accepted", "duplicate", "rejected", "unregistered")
    return {name: sum(getattr(one, name) for one in landed) for name in names}


@pytest.mark.parametrize("step", some_of([1, *range(4, 8), *range(10, STEPS + 1)]))
def test_nothing_is_lost_or_doubled_at_whatever_step_another_machine_lands_everything(
    lake, step, monkeypatch
):
    other, landed = committer_of(lake), []

    def meanwhile():
        landed.extend(land_all(other))
        other.landing.write([line(3), BAD])
        landed.extend(land_all(other))

    landed += at_step(step, lake, monkeypatch, meanwhile)
    landed += land_all(other, committer_of(lake))
    assert in_the_lake(lake) == (3, ["malformed"] * 2)
    assert counted(landed) == {"received": 5, "accepted": 3, "duplicate": 0, "rejected": 2, "unregistered": 3}
    assert sum(sum(one.reasons.values()) for one in landed) == 2
    assert sum(sum(one.ages.values()) for one in landed) == 3
    assert other.landing.segments() == []


@pytest.mark.parametrize("step", some_of([5, 6, *range(11, STEPS + 1)]))
def test_at_whatever_step_a_machine_dies_another_commits_its_batch_once(lake, step, monkeypatch):
    def dies():
        raise DeathError

    at_step(step, lake, monkeypatch, dies)
    other = committer_of(lake)
    other.catch_up()
    land_all(other)
    assert in_the_lake(lake) == (2, ["malformed"])
    assert other.landing.segments() == []


def test_a_batch_of_refused_records_alone_is_followed_by_the_next(lake):
    committer = committer_of(lake)
    committer.landing.write([BAD])
    committer.land()
    committer.landing.write([BAD, line(1)])
    committer.land()
    assert in_the_lake(lake) == (1, ["malformed"] * 2)


@pytest.mark.slow
def test_a_restored_lake_in_a_store_takes_segments_that_were_planned_after_a_later_batch(bucket, tmp_path):
    lake, keys, warnings = f"{bucket}/restored/lake", tmp_path / "keys", []
    open_lake(lake, keys, create=True)
    one, other = (committer_of(lake, warnings, keys, shared=True) for _ in range(2))
    one.landing.write([line(1)])
    land_all(one)
    before = {found.place: storage.read(found.place) for found in storage.files(lake)}
    one.landing.write([line(2)])
    land_all(one)
    one.landing.write([line(3), BAD])
    planned = one.landing.plan(*one.marks())
    storage.remove_all(lake)
    for place, content in before.items():
        storage.put(place, content)
    landed = [committer.land() for committer in (one, other, one)]
    assert in_the_lake(lake) == (2, ["malformed"])
    assert [found and found.accepted for found in landed] == [None, 1, None]
    assert not storage.exists(planned.place)
    assert warnings == [f"{lake} was restored to an earlier state; waiting segments are replanned"]


def test_a_machine_that_is_overtaken_while_it_lists_leaves_the_plan_alone(lake, monkeypatch):
    warnings = []
    one, other = committer_of(lake, warnings), committer_of(lake)
    other.landing.write([line(1)])
    list_ = landing_spool.Landing._list
    theirs = []

    def overtaken(landing):
        monkeypatch.setattr(landing_spool.Landing, "_list", list_)
        land_all(other)
        other.landing.write([line(2)])
        theirs.append(other.landing.plan(*other.marks()))
        return list_(landing)

    monkeypatch.setattr(landing_spool.Landing, "_list", overtaken)
    assert one.land() is None
    assert other.landing.plan(*other.marks()) == theirs[0]
    assert warnings == []


LANDS = """
import json, sys
from tests.streaming.scans import committer_of
from tests.streaming.test_committer import land_all
committer = committer_of(sys.argv[1], keys=sys.argv[2], shared=True)
print(json.dumps([(one.accepted, one.duplicate) for one in land_all(committer)]))
"""


@pytest.mark.slow
def test_machines_land_at_once_in_a_real_store(bucket, tmp_path):
    lake, keys = f"{bucket}/committers/lake", tmp_path / "keys"
    open_lake(lake, keys, create=True)
    committer = committer_of(lake, keys=keys, shared=True)
    for number in range(6):
        committer.landing.write([line(number), BAD])
    words = [sys.executable, "-c", LANDS, lake, str(keys)]
    machines = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
    landed = [json.loads(machine.communicate(timeout=120)[0]) for machine in machines]
    landed.append([(one.accepted, one.duplicate) for one in land_all(committer)])
    assert in_the_lake(lake) == (6, ["malformed"] * 6)
    assert [sum(counts) for counts in zip(*itertools.chain(*landed), strict=True)] == [6, 0]
    assert storage.names(committer.landing.folder) == ["landing.json"]
    assert committer.landing.folder == f"{lake}.landing"
