"""Rot: one bit flips in one file of a lake, and no question answers otherwise in silence."""

import json
import random
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from pipelines.graph import stay_files
from pipelines.graph.tracing import exposure_table
from pipelines.lake import NO_TABLE, commit, open_lake, read_rows, snapshot, snapshots
from pipelines.lake.log import checkpoints
from pipelines.maintenance.verify import verify
from pipelines.registry import unregistered_scans
from schemas.tables import ALL_TABLES
from tests.end_to_end.commands import run, truyvet

QUESTIONS = (
    ("overlaps", "--case", "{case}"),
    ("trace", "--all-cases", "--rule", "cdc-2020-10", "--depth", 2),
    ("trace", "--case", "{case}", "--rule", "vn-2021-12"),
    ("milestones", "--case", "{case}"),
    ("backward", "--all-cases"),
    ("clusters",),
)
DAMAGED = 3
OTHER_FORMAT = "lake.json is of another format"  # a digit can flip to another digit
REPAIRED = "is damaged and is made again from its data file"


@pytest.fixture(scope="module")
def province(shared_folder):
    """A lake of a small province: scans, venues, cases and encounters, and a table with a checkpoint."""
    world, lake = shared_folder / "world", shared_folder / "lake"
    size = ("--people", 120, "--venues", 14, "--days", 4, "--seed", 5)
    assert truyvet("simulate", "--out", world, *size).code == 0
    inputs = ("--venues", world / "venues.csv", "--cases", world / "cases.csv")
    now = json.loads((world / "simulation.json").read_text())["now"]
    run(lake, "--scans", world / "scans", *inputs, "--encounters", world / "encounters.ndjson", now=now)
    opened = open_lake(str(lake))
    for number in range(22):
        version = snapshot(opened, "rejects").version
        commit(opened, "rejects", [], after=version, marks={f"batch:{number}": number})
    assert checkpoints(opened.table_url("rejects")) == [19]
    assert verify(opened).problems == ()
    return lake


def forget(intact=None):
    """Be a process that has opened nothing yet, or nothing but the logs of intact tables."""
    for kept in (snapshots._newest, read_rows.checked_files._known, stay_files._mapped._kept):
        kept.clear()
    unregistered_scans._mapped._kept.clear()
    exposure_table._latest.clear()
    snapshots._newest.update(intact or {})


class Logs:
    """The logs of a lake, opened; opening them again before each question takes half of its time."""

    def __init__(self, lake):
        self._lake, self._tables = open_lake(str(lake)), {}
        for name in ALL_TABLES:
            self._open(name)

    def _open(self, name):
        forget()
        if snapshot(self._lake, name).version != NO_TABLE:
            url = self._lake.table_url(name)
            self._tables[name] = url, snapshots._newest[url]

    def beside(self, path):
        """Return those of the other tables; of none where the file is of no table."""
        own = path.relative_to(self._lake.url).parts[0]
        return {url: log for name, (url, log) in self._tables.items() if name != own and own in self._tables}

    def renew(self, path):
        """Open the log of the table of a file that was put back."""
        own = path.relative_to(self._lake.url).parts[0]
        if own in self._tables:
            self._open(own)


def answers(lake, case, intact=None):
    """Return what each question answers, and says beside it."""
    found = []
    for words in QUESTIONS:
        forget(intact)
        asked = [str(word).format(case=case) for word in words]
        before = set(threading.enumerate())
        found.append(truyvet(*asked, "--lake", lake, "--format", "csv"))
        # A question that is refused does not wait for its quality: that thread could compare the hash of one
        # file and then read the next flip.
        while set(threading.enumerate()) - before:  # not by `join`: it may be about to start others
            time.sleep(0.001)
    return found


def flipped(content, chance):
    damaged = bytearray(content)
    damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def put(path, content):
    """Replace a file: one that is mapped must not change under its reader."""
    other = path.with_name(f"{path.name}.new")
    other.write_bytes(content)
    other.replace(path)


def said(done):
    """Return the lines beside an answer but for those about repairs."""
    return [line for line in done.err.splitlines() if REPAIRED not in line]


def after_flips(lake, flips, seed):
    """Ask all questions after each of many flips; count answers: same, repaired, refused or wrong."""
    chance = random.Random(seed)
    case = min(read_rows.read_table(open_lake(str(lake)), "cases", ["case_id"])["case_id"].to_pylist())
    expected = answers(lake, case)
    assert [done.code for done in expected] == [0] * len(QUESTIONS)
    assert all(done.out.count("\n") > 1 for done in expected[:4])
    files = sorted(path for path in Path(lake).rglob("*") if path.is_file() and path.stat().st_size)
    counts, logs = Counter(), Logs(lake)
    for _ in range(flips):
        path = chance.choice(files)
        good = path.read_bytes()
        put(path, flipped(good, chance))
        found = answers(lake, case, logs.beside(path))
        for words, before, now in zip(QUESTIONS, expected, found, strict=True):
            is_refusal = now.code == DAMAGED or OTHER_FORMAT in now.err
            if is_refusal and now.out == "" and "internal error" not in now.err:
                counts["refused"] += 1
            elif (now.code, now.out, said(now)) == (0, before.out, said(before)):
                counts["repaired" if REPAIRED in now.err else "same"] += 1
            else:
                counts["wrong"] += 1
                print(path.relative_to(lake), words[0], now.code, now.err)
        put(path, good)
        logs.renew(path)
    return counts


def report(counts, flips):
    print(
        f"{flips:,} flips of one bit, {len(QUESTIONS)} questions after each: {dict(sorted(counts.items()))}"
    )
    assert counts["wrong"] == 0
    assert counts["refused"] > flips / 10
    assert counts["repaired"] > 0


def test_a_flipped_bit_changes_no_answer_in_silence(province, capsys):
    counts = after_flips(province, 25, seed=1)
    with capsys.disabled():
        report(counts, 25)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_five_hundred_of_five_thousand_flipped_bits_change_no_answer_in_silence(province, capsys, part):
    counts = after_flips(province, 500, seed=2 + part)
    with capsys.disabled():
        report(counts, 500)


def test_a_damaged_file_of_rows_is_named_and_a_damaged_sidecar_is_made_again(province):
    lake = open_lake(str(province))
    case = min(read_rows.read_table(lake, "cases", ["case_id"])["case_id"].to_pylist())
    (venues,) = [Path(file.path) for file in snapshot(lake, "venues").files]
    good = venues.read_bytes()
    put(venues, flipped(good, random.Random(3)))
    forget()
    done = truyvet("milestones", "--lake", province, "--case", case)
    assert (done.code, done.out) == (DAMAGED, "")
    assert done.err.startswith(f"truyvet milestones: {venues} is damaged: restore it from a backup")
    put(venues, good)
