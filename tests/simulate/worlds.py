"""Small worlds for the tests, and readers of their files."""

import csv
import datetime as dt
import json
from dataclasses import replace

import pyarrow.parquet as pq

from pipelines.simulate import Knobs, simulate

PEOPLE, VENUES, DAYS, SEED = 600, 40, 4, 5

PERFECT = Knobs(
    scanning=1.0,
    visits_scanned=1.0,
    entries_forgotten=0.0,
    exits_forgotten=0.0,
    one_way=0.0,
    guarded=0.0,
    late=0.0,
    duplicates=0.0,
    clocks_off=0.0,
    clocks_broken=0.0,
    photographed=0.0,
    without_id=0.0,
    malformed=0.0,
    unusual=0.0,
    unregistered=0.0,
    closed=0.0,
    home_codes=0.0,
)
"""Nothing goes wrong."""


def made(folder, knobs=None, **changed):
    """Simulate into a folder; returns the report."""
    given = {"people": PEOPLE, "venues": VENUES, "days": DAYS, "seed": SEED, **changed}
    return simulate(folder, knobs=knobs, **given)


def perfect(**knobs):
    """Nothing goes wrong but for these knobs."""
    return replace(PERFECT, **knobs)


def lines_of(folder, name="scans"):
    """Return all lines of a folder of scans, in the order of its files."""
    return [line for path in sorted((folder / name).iterdir()) for line in path.read_bytes().splitlines()]


def scans_of(folder, name="scans"):
    return [json.loads(line) for line in lines_of(folder, name)]


def truth_of(folder, name):
    return pq.read_table(folder / "truth" / f"{name}.parquet").to_pylist()


def rows_of(folder, name):
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def moment(text):
    return dt.datetime.fromisoformat(text)


def content_of(folder):
    """Return every file of a world by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
