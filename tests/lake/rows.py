"""Rows for tests of the lake, drawn as small texts or made from a seed, and lakes that hold them."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines.lake import commit, open_lake, snapshot, write_data_file
from pipelines.lake.row_order import in_order
from pipelines.lake.sidecars.sidecar import write_sidecar
from schemas.tables import FOOTFALL, INSTANT, SCANS, STAYS, VENUES

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000
DATES = ("2021-07-01", "2021-07-02")


def make_lake(folder):
    """Return an empty lake `folder/lake` with keys beside it."""
    return open_lake(str(folder / "lake"), folder / "lake.keys", create=True)


def midnight_us(date):
    return int(dt.datetime.fromisoformat(f"{date}T00:00:00+00:00").timestamp()) * 1_000_000


def instants(values):
    return pa.array(values, pa.int64()).cast(INSTANT)


def scan_rows(date=DATES[0], count=50, seed=0):
    random = np.random.default_rng([seed, midnight_us(date) // DAY_US])
    rows = {
        "event_key": pa.array([random.bytes(16) for _ in range(count)], pa.binary()),
        "person": random.integers(-(2**63), 2**63 - 1, count),
        "venue": random.integers(-5, 5, count),
        "zone": pa.array(random.choice(np.array([None, "tầng 1", "A"], object), count), pa.string()),
        "direction": random.choice(["in", "out", "unknown"], count),
        "occurred_at": instants(midnight_us(date) + random.integers(0, DAY_US, count)),
        "scan_mode": pa.nulls(count, pa.string()),
        "scanner": pa.nulls(count, pa.int64()),
        "authenticity": pa.nulls(count, pa.string()),
        "received_at": instants(np.full(count, midnight_us(date) + 2 * DAY_US)),
    }
    return in_order(SCANS, {}, pa.table(rows, schema=SCANS.file_schema))


def stay_rows(by, date=DATES[0], count=40, seed=0):
    """Return the same stays for both orders."""
    random = np.random.default_rng([seed, midnight_us(date) // DAY_US])
    enter = midnight_us(date) + random.integers(0, DAY_US, count)
    leave = enter + random.integers(1, 180, count) * MINUTE_US
    rows = {
        "person": random.integers(-(2**63), 2**63 - 1, count),
        "venue": random.integers(-5, 5, count),
        "zone": pa.array(random.choice(np.array([None, "tầng 1", "A"], object), count), pa.string()),
        "enter": instants(enter),
        "exit": instants(leave),
        "enter_kind": random.choice(["scanned", "imputed"], count),
        "exit_kind": random.choice(["scanned", "default", "next_scan"], count),
        "last_seen": instants(enter),
        "scans": pa.array(random.integers(1, 4, count), pa.int32()),
        "stay_id": random.integers(-(2**63), 2**63 - 1, count),
    }
    return in_order(STAYS, {"by": by}, pa.table(rows, schema=STAYS.file_schema))


def footfall_rows(stays, date=DATES[0], exits=None):
    """Return one window that counts all entries and exits of the date."""
    start = midnight_us(date)
    count = stays.num_rows
    rows = {
        "venue": [1],
        "window_start": instants([start]),
        "window_end": instants([start + 15 * MINUTE_US]),
        "entries": pa.array([count], pa.int32()),
        "exits": pa.array([count if exits is None else exits], pa.int32()),
        "people": pa.array([3], pa.int32()),
        "peak": pa.array([2], pa.int32()),
        "person_seconds": [60],
    }
    return pa.table(rows, schema=FOOTFALL.file_schema)


def venue_rows(count=3):
    columns = {
        "venue": list(range(count)),
        "venue_code": [f"V{n}" for n in range(count)],
        "type": ["shop"] * count,
    }
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(count, field.type)
        for field in VENUES.schema
    ]
    return pa.table(arrays, schema=VENUES.schema)


def add(lake, table, partition, rows, **how):
    """Commit rows as one more file of a table; its version."""
    file = write_data_file(lake, table, partition, rows)
    if table is STAYS:
        write_sidecar(lake, file, rows)
    return commit(lake, table.name, [file], after=snapshot(lake, table.name).version, **how)


def add_stays(lake, date=DATES[0], seed=0, **how):
    """Commit the same stays in both orders, in one commit; the rows by venue."""
    both = {by: stay_rows(by, date, seed=seed) for by in ("venue", "person")}
    files = []
    for by, rows in both.items():
        files.append(write_data_file(lake, STAYS, {"by": by, "date": date}, rows))
        write_sidecar(lake, files[-1], rows)
    commit(lake, "stays", files, after=snapshot(lake, "stays").version, **how)
    return both["venue"]


def whole_lake(folder):
    """Return a small lake in which every law holds: scans, venues, stays and footfall of two dates."""
    lake = make_lake(folder)
    for date in DATES:
        add(lake, SCANS, {"date": date}, scan_rows(date))
    add(lake, VENUES, {}, venue_rows())
    scans, venues = snapshot(lake, "scans").version, snapshot(lake, "venues").version
    marks = {"scans_version": scans, "venues_version": venues, "stay_rules": 7}
    for date in DATES:
        stays = add_stays(lake, date, marks=marks)
        add(lake, FOOTFALL, {"date": date}, footfall_rows(stays, date), marks=marks)
    return lake


def data_paths(lake, name):
    return [Path(file.path) for file in snapshot(lake, name).files]
