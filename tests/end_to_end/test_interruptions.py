"""Kills, interrupts, rivals and full disks: the lake is old or new, and the rerun finishes the job."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.commands import (
    ROOT,
    Done,
    content,
    finished,
    rows_of,
    run,
    started,
    truyvet,
    unlike,
    version_of,
)
from tests.end_to_end.worlds import NOW, make_world, write_scans, write_venues


class Zygote:
    """Commands in forks of one process that has imported everything."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.zygote"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def close(self) -> None:
        with self._process:
            self._process.stdin.close()

    def start(self, *words: object, **order: Any) -> int:
        """Start a command; its number."""
        for name in ("out", "err"):
            (self._folder / name).unlink(missing_ok=True)
            order[name] = str(self._folder / name)
        print(
            json.dumps({"words": [str(word) for word in words], **order}),
            file=self._process.stdin,
            flush=True,
        )
        return int(self._process.stdout.readline())

    def wait(self) -> Done:
        """How the command ended."""
        code = int(self._process.stdout.readline())
        return Done(code, *((self._folder / name).read_text() for name in ("out", "err")))


class Case:
    """A lake of one batch, a second batch, and the lake of both without an interruption."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        dice = random.Random(7)
        world = make_world(7, size=24)
        scans = list(world.scans)
        dice.shuffle(scans)
        early = [replace(venue, type="hospital") for venue in world.venues[::2]]
        files = [write_scans(folder / f"{part}.ndjson", scans[part::2]) for part in range(2)]
        with open(files[1], "ab") as file:
            file.write(b"no record\n")
        (folder / "cases.csv").write_text(f"case_id,person,onset_at\nC1,{world.scans[0].person},2021-07-06\n")
        first = ("--scans", files[0], "--venues", write_venues(folder / "early.csv", early))
        self.second = ("--scans", files[1], "--venues", write_venues(folder / "all.csv", world.venues))
        self.second += ("--cases", folder / "cases.csv")
        run(folder / "old", *first)
        self.copy(folder / "new")
        run(folder / "new", *self.second)
        self.old, self.new = content(folder / "old"), content(folder / "new")

    def copy(self, lake: Path) -> None:
        for suffix in ("", ".keys"):
            shutil.copytree(f"{self.folder / 'old'}{suffix}", f"{lake}{suffix}")

    def words(self, lake: Path) -> tuple[object, ...]:
        return ("run", "--lake", lake, "--now", NOW, *self.second)

    def is_old_or_new(self, lake: Path) -> None:
        """See that scans are those before or after the batch, and that the stays are one of them too."""
        now = content(lake)
        for table in ("scans", "stays"):
            assert now[table] in (self.old[table], self.new[table])
        assert truyvet("overlaps", "--lake", lake, "--case", "none").code == 3

    def is_finished_by_a_rerun(self, lake: Path) -> None:
        run(lake, *self.second)
        assert unlike(self.new, content(lake)) == []
        assert truyvet("verify", "--lake", lake).code == 0
        vault = [row["person"] for row in rows_of(lake, "vault")]
        assert len(vault) == len(set(vault))
        assert len(rows_of(lake, "cases")) == 1


@pytest.fixture(scope="module")
def case(shared_folder) -> Case:
    return Case(shared_folder)


@pytest.fixture(scope="module")
def zygote(shared_folder) -> Iterator[Zygote]:
    made = Zygote(shared_folder)
    yield made
    made.close()


COMMITS = ("vault", "rejects", "venues", "cases", "scans", "footfall", "stays")
"""The order of the commits of a run."""

FAST = {("rejects", "before"), ("scans", "before"), ("scans", "after"), ("footfall", "after")}


@pytest.mark.parametrize(
    ("table", "when"),
    [
        pytest.param(table, when, marks=() if (table, when) in FAST else pytest.mark.slow)
        for table in COMMITS
        for when in ("before", "after")
    ],
)
def test_a_run_that_is_killed_at_a_commit_is_finished_by_the_next(case, zygote, folder, table, when):
    lake = folder / "lake"
    case.copy(lake)
    before = {name: version_of(lake, name) for name in COMMITS}
    zygote.start(*case.words(lake), commit=COMMITS.index(table), when=when)
    assert zygote.wait().code == -signal.SIGKILL
    moved = COMMITS.index(table) + (when == "after")
    assert [name for name in COMMITS if version_of(lake, name) > before[name]] == list(COMMITS[:moved])
    case.is_old_or_new(lake)
    assert list((lake / "_scratch").iterdir()) != []
    case.is_finished_by_a_rerun(lake)
    assert truyvet("compact", "--lake", lake, "--keep-hours", 0).code == 0
    assert unlike(case.new, content(lake)) == []
    assert list((lake / "_scratch").iterdir()) == []


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_at_any_moment_is_finished_by_the_next(case, zygote, folder, kills):
    lake = folder / "lake"
    case.copy(lake)
    begin = time.monotonic()
    zygote.start(*case.words(lake))
    assert zygote.wait().code == 0
    whole_seconds = time.monotonic() - begin
    dice = random.Random(kills)
    for kill in range(kills):
        shutil.rmtree(lake)
        shutil.rmtree(f"{lake}.keys")
        case.copy(lake)
        for _ in range(dice.choice((1, 1, 3))):  # killed again while it is catching up
            child = zygote.start(*case.words(lake))
            time.sleep(whole_seconds * (kill + dice.random()) / kills)
            os.kill(child, signal.SIGKILL)
            assert zygote.wait().code in (0, -signal.SIGKILL)
            case.is_old_or_new(lake)
        case.is_finished_by_a_rerun(lake)


def test_a_first_run_that_is_killed_leaves_what_the_next_one_can_begin_with(case, zygote, folder):
    lake = folder / "lake"
    for seconds in (0.03, 0.1, 0.3):
        child = zygote.start(*case.words(lake))
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        assert zygote.wait().code == -signal.SIGKILL
        assert version_of(lake) == -1
    assert run(lake, *case.second)["scans_version"] == 0
    assert truyvet("verify", "--lake", lake).code == 0


def test_an_interrupt_ends_the_run_at_once_in_one_line(case, zygote, folder):
    lake = folder / "lake"
    case.copy(lake)
    before = version_of(lake)
    child = zygote.start(*case.words(lake), commit=0, when="wait")
    while not list((lake / "_scratch").glob("run-*/judged-*")):
        time.sleep(0.02)
    os.kill(child, signal.SIGINT)
    begin = time.monotonic()
    done = zygote.wait()
    assert (done.code, done.out, done.err) == (130, "", "truyvet: interrupted\n")
    assert time.monotonic() - begin < 5
    assert version_of(lake) == before
    case.is_finished_by_a_rerun(lake)


def test_two_runs_at_once_both_finish_and_their_union_is_right(case, folder):
    """Both make the lake, its keys, every table; each finds that the other came between."""
    world = make_world(7, size=24)
    parts = [
        write_scans(folder / f"{part}.ndjson", world.scans[part::2] + world.scans[::5]) for part in range(2)
    ]
    words = ("run", "--lake", folder / "lake", "--now", NOW, "--venues", case.second[3], "--scans")
    runs = [started(*words, part) for part in parts]
    reports = [finished(process).report for process in runs]
    assert sum(report["accepted"] for report in reports) == len(rows_of(folder / "lake", "scans"))
    for report in reports:
        assert report["stays_version"] <= report["scans_version"]
        assert report["received"] == report["accepted"] + report["duplicate"]
    keys = ("--keys", folder / "lake.keys")
    run(folder / "one", *keys, "--venues", case.second[3], "--scans", *parts)
    assert unlike(content(folder / "one"), content(folder / "lake")) == []
    assert truyvet("verify", "--lake", folder / "lake").code == 0


def _in_a_small_disk(script: str, *words: object) -> Done:
    """Run a script of bash in a mount namespace of its own, where $DISK can be a disk of any size."""
    unshare = shutil.which("unshare")
    private = [unshare, "--map-root-user", "--mount"] if unshare else ["false"]
    if subprocess.run([*private, "true"], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here: unshare --map-root-user --mount is not allowed")
    return finished(
        subprocess.Popen(
            [*private, "bash", "-euc", script, "bash", sys.executable, *map(str, words)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
    )  # fmt: skip


FULL = """
mount -t tmpfs -o size=${3}k none "$2/disk"
lake="$2/disk/lake"
run() { "$1" -m pipelines.cli run --lake "$lake" --now "$4" --scans "$2/0.ndjson" --venues "$2/all.csv"; }
run "$@" && echo "it fits" && exit 1 || echo "code $?"
mount -o remount,size=64m "$2/disk"
run "$@"
"$1" -m pipelines.cli verify --lake "$lake"
cp -r "$lake" "$lake.keys" "$2"
"""


@pytest.mark.parametrize(
    "kilobytes", [150, *(pytest.param(size, marks=pytest.mark.slow) for size in (20, 60, 100, 200, 300))]
)
def test_a_full_disk_is_one_line_and_the_rerun_finishes_the_job(case, folder, kilobytes):
    (folder / "disk").mkdir()
    for name in ("0.ndjson", "all.csv"):
        shutil.copy(case.folder / name, folder)
    done = _in_a_small_disk(FULL, folder, kilobytes, NOW)
    assert done.code == 0, done.err
    assert done.out.startswith("code 4\n")
    line = done.err.splitlines()[0]
    assert line.startswith("truyvet run: ")
    assert "the disk is full" in line
    words = ("--scans", folder / "0.ndjson", "--venues", folder / "all.csv")
    run(folder / "one", "--keys", folder / "lake.keys", *words)
    assert unlike(content(folder / "one"), content(folder / "lake")) == []


READ_ONLY = """
mount --bind "$2" "$2"
mount -o remount,bind,ro "$2"
"$1" -m pipelines.cli run --lake "$2/lake" --now "$3" --scans "$2/1.ndjson" || echo "code $?"
"$1" -m pipelines.cli verify --lake "$2/lake"
"""


def test_a_read_only_lake_is_one_line_and_stays_readable(case, folder):
    case.copy(folder / "lake")
    shutil.copy(case.folder / "1.ndjson", folder)
    done = _in_a_small_disk(READ_ONLY, folder, NOW)
    assert done.code == 0, done.err
    assert "code 4\n" in done.out
    assert "read-only" in done.err.splitlines()[0]
    assert done.err.count("\n") == 2
    assert unlike(case.old, content(folder / "lake")) == []
