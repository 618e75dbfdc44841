"""A lake with one dense day of stays: some 62 million pairs meet in the 714,000 that it holds by default."""

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.measure import say
from pipelines.days import DAY_US, day_number, day_text
from pipelines.lake import Lake, commit, open_lake, write_data_file
from pipelines.lake.sidecar import write_sidecar
from schemas.tables import STAY_ORDERS, STAYS

DATE = day_number(dt.date(2021, 7, 8))

_SEED = 11
_PEOPLE_A_STAY = 0.28
_VENUES = 20_000
_ZIPF = 0.8
_SECOND_US = 1_000_000
_SHORTEST_SECONDS, _LONGEST_SECONDS = 5 * 60, 105 * 60
_OPEN_SECONDS = 16 * 60 * 60


def dense_day(work: Path, stays: int) -> Path:
    """The lake of so many stays at venues of Zipf's popularity; reused when `work` holds it already."""
    folder = work / f"dense-day-{stays}"
    if not (folder / "stays").exists():
        for old in (folder, folder.with_name(f"{folder.name}.keys")):
            shutil.rmtree(old, ignore_errors=True)
        say(f"making a day of {stays:,} stays")
        lake = open_lake(str(folder), folder.with_name(f"{folder.name}.keys"), create=True)
        commit(lake, "stays", _files(lake, _stays(stays)), after=-1)
    return folder


def _stays(count: int) -> pa.Table:
    """Stays in no order."""
    random = np.random.default_rng(_SEED)
    persons = random.integers(-(2**63), 2**63 - 1, max(2, round(count * _PEOPLE_A_STAY)), np.int64)
    venues = random.integers(-(2**63), 2**63 - 1, _VENUES, np.int64)
    share = np.arange(1, _VENUES + 1) ** -_ZIPF
    enter = DATE * DAY_US + random.integers(0, _OPEN_SECONDS, count) * _SECOND_US
    leave = enter + random.integers(_SHORTEST_SECONDS, _LONGEST_SECONDS, count) * _SECOND_US
    columns = {
        "person": random.choice(persons, count),
        "venue": random.choice(venues, count, p=share / share.sum()),
        "zone": pa.nulls(count, pa.string()),
        "enter": enter,
        "exit": leave,
        "enter_kind": pa.repeat("scanned", count),
        "exit_kind": pa.repeat("scanned", count),
        "last_seen": leave,
        "scans": np.full(count, 2, np.int32),
        "stay_id": random.integers(-(2**63), 2**63 - 1, count, np.int64),
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in STAYS.file_schema]
    return pa.table(arrays, schema=STAYS.file_schema)


def _files(lake: Lake, rows: pa.Table) -> list:
    files = []
    for by, order in STAY_ORDERS.items():
        other = "person" if by == "venue" else "venue"
        ordered = rows.sort_by([(name, "ascending") for name in (*order, other, "stay_id")])
        files.append(write_data_file(lake, STAYS, {"by": by, "date": day_text(DATE)}, ordered))
        write_sidecar(lake, files[-1], ordered)
    return files
