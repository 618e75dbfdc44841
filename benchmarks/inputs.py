"""The synthetic province that benchmarks read, made once by `truyvet simulate`."""

import datetime as dt
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ROOT, say, truyvet

START = dt.date(2021, 7, 1)
_SEED = 7
_AGREED = ("--malformed", 0)
"""DuckDB's reader cannot distinguish the reasons of malformed records; wrong clocks and conflicts remain."""
_TRIAL_PEOPLE = 2_000
_EPIDEMIC_DAYS = 14  # later everybody is a case, and the true contacts of all of them exceed the memory
_PEOPLE_A_VENUE = 40


@dataclass(frozen=True)
class Province:
    """Files of `truyvet simulate`.

    Attributes:
        folder: their folder.
        lines: number of lines of all scan files.
        days: number of days from `START` on.
    """

    folder: Path
    lines: int
    days: int

    @property
    def scans(self) -> Path:
        """The folder of NDJSON files."""
        return self.folder / "scans"

    @property
    def venues(self) -> Path:
        """The registry."""
        return self.folder / "venues.csv"

    @property
    def now(self) -> dt.datetime:
        """The instant to measure ages from: the end of the last day."""
        midnight = dt.datetime.combine(START, dt.time(), dt.UTC)
        return midnight + dt.timedelta(days=self.days)


def province(work: Path, scans: int, days: int) -> Province:
    """Return a province with about `scans` lines; reused if `work` already holds it."""
    folder = work / f"province-{scans}-{days}"
    known = folder / "lines.json"
    if known.exists():
        return Province(folder, json.loads(known.read_text()), days)
    trial = _simulate(work / f"trial-{days}", _TRIAL_PEOPLE, days)
    people = max(100, round(_TRIAL_PEOPLE * scans / trial.lines))
    say(f"simulating {people:,} people over {days} days")
    made = _simulate(folder, people, days)
    known.write_text(json.dumps(made.lines))
    return made


def _simulate(folder: Path, people: int, days: int) -> Province:
    if not (folder / "venues.csv").exists():
        words = ("--people", people, "--venues", max(50, people // _PEOPLE_A_VENUE), "--days", days)
        healthy = ("--infectiousness", 0) if days > _EPIDEMIC_DAYS else ()
        flags = ("--seed", _SEED, "--start", START, *_AGREED, *healthy)
        command = truyvet("simulate", "--out", folder, *words, *flags)
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return Province(folder, sum(_lines(path) for path in sorted(folder.glob("scans/*.ndjson"))), days)


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
