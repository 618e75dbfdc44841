"""The real command line, and what a lake holds afterwards as any reader of Delta sees it."""

import contextlib
import datetime as dt
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from pipelines.cli import main
from pipelines.terminal.compiling import COMPILING_ONCE
from tests.end_to_end.reference import Names, Stay, Window, venue_id
from tests.end_to_end.worlds import EPOCH, NOW, Scan, World

ROOT = Path(__file__).parents[2]
_MICROSECOND = dt.timedelta(microseconds=1)
_FREE = ("received_at", "scan_mode", "scanner", "authenticity")
"""Columns of `scans` that the laws leave free."""


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """What `run` says, in the one line of its standard output."""
        assert (self.code, self.out.count("\n")) == (0, 1), self.err
        return json.loads(self.out)


def truyvet(*words: object) -> Done:
    """Run a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    return Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def run(lake: Path, *words: object, now: str = NOW) -> dict[str, Any]:
    """`truyvet run` in this process, whose report must obey the law of conservation."""
    report = truyvet("run", "--lake", lake, "--now", now, *words).report
    check_conservation(report)
    return report


def check_conservation(report: dict[str, Any]) -> None:
    """received = accepted + duplicate + rejected, of scans and of every other input."""
    for counts in (report, *report["others"].values()):
        assert counts["received"] == counts["accepted"] + counts["duplicate"] + counts["rejected"]
        assert counts["rejected"] == sum(counts["reasons"].values())
    assert report["stays_version"] <= report["scans_version"]


def started(*words: object, **environment: str) -> "subprocess.Popen[str]":
    """Start a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: "subprocess.Popen[str]") -> Done:
    """Return how a command in a process of its own ended, without the line about kernels.

    Tests compile in two processes at once; numba replaces the index of its cache as a whole, so that one
    process can drop what the other has just put there, and a third compiles it a second time.
    """
    out, err = process.communicate(timeout=200)
    return Done(process.returncode, out, err.replace(COMPILING_ONCE, ""))


def rows_of(lake: Path, table: str) -> list[dict[str, Any]]:
    """Return all rows of a table; none where it has never been written."""
    if version_of(lake, table) < 0:
        return []
    return DeltaTable(str(lake / table)).to_pyarrow_table().to_pylist()


def version_of(lake: Path, table: str = "scans") -> int:
    """Return the newest version of a table, -1 where there is none."""
    return max((int(path.stem) for path in Path(lake, table, "_delta_log").glob("*.json")), default=-1)


def files_of(lake: Path, *tables: str) -> set[str]:
    """Return the live data files of tables: the hashes of their bytes."""
    return {Path(uri).name for table in tables for uri in DeltaTable(str(lake / table)).file_uris()}


def content(lake: Path) -> dict[str, list[Any]]:
    """Return what the laws compare: scans but for the free columns, stays in both orders, footfall; more."""
    scans = [tuple(v for name, v in row.items() if name not in _FREE) for row in rows_of(lake, "scans")]
    found = {"scans": scans}
    for table in ("stays", "footfall", "long_pairs", "unregistered_codes"):
        found[table] = [tuple(row.values()) for row in rows_of(lake, table)]
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


def unlike(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> list[Any]:
    """Return the first rows that only one of two contents has."""
    found = []
    for table in one.keys() | other.keys():
        rows = [set(map(repr, content[table])) for content in (one, other)]
        found += [(table, row) for row in sorted(rows[0] ^ rows[1])[:5]]
        found += [(table, "rows", len(one[table]), len(other[table]))] * (
            len(one[table]) != len(other[table])
        )
    return found


class People:
    """The names behind the ids of a lake, as the world and the keys tell them."""

    def __init__(self, world: World, names: Names) -> None:
        self._persons = {names.token(scan.person): scan.person for scan in world.scans}
        self._venues = {venue_id(scan.venue): scan.venue for scan in world.scans}

    def person(self, token: int) -> str:
        return self._persons[token]

    def venue(self, number: int) -> str:
        return self._venues[number]

    def scan(self, row: dict[str, Any]) -> Scan:
        """Return a row of `scans`; what the laws leave free is left out."""
        return Scan(
            self.person(row["person"]),
            self.venue(row["venue"]),
            micros(row["occurred_at"]),
            row["direction"],
            row["zone"],
        )

    def stay(self, row: dict[str, Any]) -> Stay:
        """Return a row of `stays`."""
        return Stay(
            person=self.person(row["person"]),
            venue=self.venue(row["venue"]),
            enter_us=micros(row["enter"]),
            exit_us=micros(row["exit"]),
            enter_kind=row["enter_kind"],
            exit_kind=row["exit_kind"],
            last_us=micros(row["last_seen"]),
            zone=row["zone"],
            scans=row["scans"],
            stay_id=row["stay_id"],
        )

    def window(self, row: dict[str, Any]) -> Window:
        """Return a row of `footfall`."""
        counts = (row[name] for name in ("entries", "exits", "people", "peak", "person_seconds"))
        assert row["window_end"] - row["window_start"] == dt.timedelta(minutes=15)
        return Window(self.venue(row["venue"]), micros(row["window_start"]), *counts)


def micros(moment: dt.datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND
