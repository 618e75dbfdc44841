"""Kills, interrupts, rivals and full disks: the lake is old or new, and the rerun finishes the job."""

import contextlib
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

import pipelines.lake.commits
from tests.end_to_end.commands import (
    ROOT,
    Done,
    content,
    finished,
    rows_of,
    run,
    truyvet,
    unlike,
    version_of,
)
from tests.end_to_end.worlds import NOW, make_world, write_scans, write_venues


class Zygote:
    """Commands in forks of one process that has imported everything."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self._folder, self._child, self._code = folder, 0, None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.end_to_end.zygote"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=os.environ | variables,
        )  # fmt: skip

    def close(self) -> None:
        with self._process:
            self._process.stdin.close()

    def start(self, *words: object, **order: Any) -> int:
        """Start a command; its number. The last one, when nobody waited for it, is killed."""
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGKILL)
            self.wait()
        self._code = None
        for name in ("out", "err"):
            (self._folder / name).write_bytes(b"")
            order[name] = str(self._folder / name)
        print(
            json.dumps({"words": [str(word) for word in words], **order}),
            file=self._process.stdin,
            flush=True,
        )
        self._child = int(self._process.stdout.readline())
        return self._child

    def stops(self) -> Iterator[None]:
        """Yield as often as the command stops on its way, and let it go on."""
        while (said := self._process.stdout.readline()) == "stopped\n":
            yield
            print(file=self._process.stdin, flush=True)
        self._code = int(said)

    def wait(self) -> Done:
        """Wait for the command and return how it ended."""
        if self._code is None:
            list(self.stops())
        self._child = 0
        return Done(self._code, *((self._folder / name).read_text() for name in ("out", "err")))


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
        begin = time.monotonic()
        run(folder / "new", *self.second)
        self.seconds = time.monotonic() - begin
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


COMMITS = (
    *("unregistered_codes", "vault", "rejects", "venues", "cases", "scans"),
    *("codes forgotten", "long_pairs", "footfall", "stays"),
)
"""The order of the commits of a run; at first it keeps codes, and once it has venues it forgets them."""

TABLES = tuple(name for name in COMMITS if name != "codes forgotten")

FAST = {("scans", "before"), ("scans", "after")}


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
    before = {name: version_of(lake, name) for name in TABLES}
    zygote.start(*case.words(lake), commit=COMMITS.index(table), when=when)
    assert zygote.wait().code == -signal.SIGKILL
    moved = COMMITS.index(table) + (when == "after")
    expected = [name for name in COMMITS[:moved] if name in TABLES]
    assert [name for name in TABLES if version_of(lake, name) > before[name]] == expected
    case.is_old_or_new(lake)
    assert list((lake / "_scratch").iterdir()) != []
    case.is_finished_by_a_rerun(lake)
    assert truyvet("compact", "--lake", lake, "--keep-hours", 0).code == 0
    assert {path.name for path in (lake / "_scratch").iterdir()} <= {"writers.lock"}


@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_at_any_moment_is_finished_by_the_next(case, zygote, folder, kills):
    lake = folder / "lake"
    dice = random.Random(kills)
    for kill in range(kills):
        for path in (lake, Path(f"{lake}.keys")):
            shutil.rmtree(path, ignore_errors=True)
        case.copy(lake)
        for _ in range(dice.choice((1, 1, 3))):  # killed again while it is catching up
            child = zygote.start(*case.words(lake))
            time.sleep(2 * case.seconds * (kill + dice.random()) / kills)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            assert zygote.wait().code in (0, -signal.SIGKILL)
            case.is_old_or_new(lake)
        case.is_finished_by_a_rerun(lake)


def test_a_first_run_that_is_killed_leaves_what_the_next_one_can_begin_with(case, zygote, folder):
    lake = folder / "lake"
    for seconds in (0.05, 0.3):
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


@pytest.mark.parametrize(
    "table",
    ["vault", "scans", *(pytest.param(table, marks=pytest.mark.slow) for table in ("cases", "stays"))],
)
def test_a_run_that_its_twin_overtakes_at_a_commit_finds_only_duplicates(
    case, zygote, folder, monkeypatch, table
):
    lake = folder / "lake"
    case.copy(lake)
    commits, write_entry = [], pipelines.lake.commits._write_entry

    def overtaken(*args: Any) -> None:
        commits.append(args)
        if len(commits) == COMMITS.index(table) + 1:
            zygote.start(*case.words(lake))
            assert zygote.wait().code == 0
        write_entry(*args)

    monkeypatch.setattr("pipelines.lake.commits._write_entry", overtaken)
    report = run(lake, *case.second)
    assert (report["accepted"] == 0) == (table != "stays")
    assert unlike(case.new, content(lake)) == []
    vault = [row["person"] for row in rows_of(lake, "vault")]
    assert len(vault) == len(set(vault))
    assert truyvet("verify", "--lake", lake).code == 0


DISK = """
import subprocess, sys
from pathlib import Path
from pipelines.cli import main

folder, kilobytes, now = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
lake = str(folder / "disk/lake")
inputs = ["--scans", str(folder / "0.ndjson"), "--venues", str(folder / "all.csv")]

def mount(*options):
    subprocess.run(["mount", *options, str(folder / "disk")], check=True)

def run():
    print("code", main(["run", "--lake", lake, "--now", now, *inputs]))

mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "none")
run()
mount("-o", "remount,size=64m")
run()
mount("-o", "remount,ro")
run()
print("code", main(["verify", "--lake", lake]))
subprocess.run(["cp", "-r", lake, f"{lake}.keys", str(folder)], check=True)
"""
"""Run on a disk that is too small, then large enough, then read-only."""


def on_a_disk_of(kilobytes: int, folder: Path) -> Done:
    """Run `DISK` in a mount namespace of its own, which takes its disk along when it ends."""
    private = [shutil.which("unshare") or "false", "--map-root-user", "--mount"]
    if subprocess.run([*private, "true"], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here: unshare --map-root-user --mount is not allowed")
    command = [*private, sys.executable, "-c", DISK, str(folder), str(kilobytes), NOW]
    pipe = subprocess.PIPE
    return finished(subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True))


@pytest.mark.parametrize(
    "kilobytes", [150, *(pytest.param(size, marks=pytest.mark.slow) for size in (20, 60, 100, 200, 300))]
)
def test_a_full_and_a_read_only_disk_are_one_line_each_and_a_rerun_finishes_the_job(case, folder, kilobytes):
    (folder / "disk").mkdir()
    for name in ("0.ndjson", "all.csv"):
        shutil.copy(case.folder / name, folder)
    done = on_a_disk_of(kilobytes, folder)
    assert done.code == 0, done.err
    codes = [line for line in done.out.splitlines() if line.startswith("code")]
    assert codes == ["code 4", "code 0", "code 5", "code 0"]
    said = [line for line in done.err.splitlines() if " is a new lake; " not in line]
    full, read_only, verified = said
    assert full.startswith("truyvet run: ")
    assert "the disk is full" in full or "check its space" in full
    assert "read-only file system" in read_only
    assert verified.endswith("no problems")
    words = ("--scans", folder / "0.ndjson", "--venues", folder / "all.csv")
    run(folder / "one", "--keys", folder / "lake.keys", *words)
    assert unlike(content(folder / "one"), content(folder / "lake")) == []
