"""A lake with a fortnight of scans at the points of Quảng Ngãi, one point for 100 inhabitants."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.dense_stays import SECOND_US, Int64, kept_lake, tokens
from pipelines.lake import DataFile, Lake, commit, write_data_file
from pipelines.times import DAY_US, day_text, parse_instant
from schemas.districts import district_names
from schemas.tables import SCANS, VENUES, Table

DAYS = 14
START_US = parse_instant("2021-07-01")  # a local midnight
_SCANS_A_PERSON = 40
_POINTS = 12_317
_NEVER_USED = 0.3
_ZIPF = 0.8
_ROWS_A_FILE = 1 << 21
_SEED = 12
_MODES = ("self", "guard", "kiosk", None)
_WAYS = ("in", "out", "unknown")


def scan_world(work: Path, scans: int) -> Path:
    """Make a lake of this many scans and no stays; reused if `work` already holds it."""

    def fill(lake: Lake) -> None:
        random = np.random.default_rng(_SEED)
        persons, venues = tokens(random, max(1_000, scans // _SCANS_A_PERSON)), tokens(random, _POINTS)
        _commit_points(lake, venues, random)
        used = venues[: int(_POINTS * (1 - _NEVER_USED))]
        files = []
        for day in range(DAYS):  # one at a time: fifty million scans do not fit the memory together
            count = scans * (day + 1) // DAYS - scans * day // DAYS
            files += _files(lake, _scans(random, count, day, persons, used))
        commit(lake, "scans", files, after=-1)

    return kept_lake(work / f"scan-world-{scans}", f"a fortnight of {scans:,} scans", fill, table="scans")


def _scans(random: np.random.Generator, count: int, day: int, persons: Int64, venues: Int64) -> pa.Table:
    """Scans of a day from 05:00 to 23:00 local time, unordered, times to the second."""
    share = np.arange(1, venues.size + 1) ** -_ZIPF
    at_us = START_US + day * DAY_US + random.integers(5 * 3600, 23 * 3600, count) * SECOND_US
    columns = {
        "event_key": pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), count, [None, pa.py_buffer(random.bytes(16 * count))]
        ).cast(pa.binary()),
        "person": random.choice(persons, count),
        "venue": random.choice(venues, count, p=share / share.sum()),
        "direction": _drawn(random, _WAYS, count, (0.6, 0.3, 0.1)),
        "occurred_at": at_us,
        "scan_mode": _drawn(random, _MODES, count, (0.7, 0.2, 0.05, 0.05)),
        "received_at": at_us,
    }
    return pa.table(_typed(SCANS, columns, count), schema=SCANS.file_schema)


def _drawn(
    random: np.random.Generator, texts: tuple[str | None, ...], count: int, p: tuple[float, ...]
) -> pa.Array:
    return pa.array(texts, pa.string()).take(pa.array(random.choice(len(texts), count, p=p)))


def _files(lake: Lake, rows: pa.Table) -> list[DataFile]:
    """Write the dates of UTC, each in files of a size as a batch leaves them."""
    date = rows["occurred_at"].cast(pa.int64()).to_numpy() // DAY_US
    files = []
    for number in np.unique(date).tolist():
        own = np.flatnonzero(date == number)
        for first in range(0, own.size, _ROWS_A_FILE):
            part = rows.take(pa.array(own[first : first + _ROWS_A_FILE]))
            part = part.sort_by([(name, "ascending") for name in SCANS.sorted_by])
            files.append(write_data_file(lake, SCANS, {"date": day_text(number)}, part))
    return files


def _commit_points(lake: Lake, venues: Int64, random: np.random.Generator) -> None:
    codes = sorted(district_names())
    columns = {
        "venue": venues,
        "venue_code": [f"P{number:05}" for number in range(venues.size)],
        "type": ["shop"] * venues.size,
        "district_code": pa.array(codes).take(pa.array(random.integers(0, len(codes), venues.size))),
    }
    rows = pa.table(_typed(VENUES, columns, venues.size), schema=VENUES.file_schema)
    commit(lake, "venues", [write_data_file(lake, VENUES, {}, rows.sort_by("venue"))], after=-1)


def _typed(table: Table, columns: dict[str, object], count: int) -> list[pa.Array]:
    """Return the columns of a table in its types; those that are not given are null."""
    return [
        pa.array(columns[field.name]).cast(field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in table.file_schema
    ]
