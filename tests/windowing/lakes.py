"""Lakes with scans and a registry but no ingest: the tables are written as ingest would write them."""

from pathlib import Path

import pyarrow as pa

from pipelines.lake import Lake, commit, open_lake, read_table, snapshot, write_data_file
from pipelines.privacy.keys import create_keys
from pipelines.times import DAY_US, day_text
from pipelines.windowing.long_pairs import pairs_version, read_pairs
from schemas.tables import INSTANT, SCANS, VENUES
from tests.windowing import worlds
from tests.windowing.reference import LongPair, Stay, Window


def new_lake(folder: Path) -> Lake:
    """Return an empty lake with keys of its own."""
    keys = create_keys(folder / "keys")
    return open_lake(str(folder / "lake"), keys, create=True)


def add_scans(lake, scans, remove=()):
    """Commit a batch of scans, a file a date."""
    files = []
    for date in sorted({scan.at_us // DAY_US for scan in scans}):
        own = [scan for scan in scans if scan.at_us // DAY_US == date]
        own.sort(key=lambda scan: (scan.venue, scan.at_us, scan.event_key))
        files.append(write_data_file(lake, SCANS, {"date": day_text(date)}, scan_rows(own)))
    return commit(lake, "scans", files, remove=remove, after=snapshot(lake, "scans").version)


def replace_scans(lake, scans):
    """Commit these scans in the place of all that there are."""
    return add_scans(lake, scans, remove=snapshot(lake, "scans").files)


def scan_rows(scans):
    """Scans as rows of their table, in the order given."""
    columns = {
        "event_key": [scan.event_key for scan in scans],
        "person": [scan.person for scan in scans],
        "venue": [scan.venue for scan in scans],
        "zone": [scan.zone for scan in scans],
        "direction": [scan.direction for scan in scans],
        "occurred_at": pa.array([scan.at_us for scan in scans]).cast(INSTANT),
        "received_at": pa.array([0 for _ in scans]).cast(INSTANT),
    }
    nulls = [None] * len(scans)
    arrays = [pa.array(columns.get(field.name, nulls), field.type) for field in SCANS.file_schema]
    return pa.table(arrays, schema=SCANS.file_schema)


def set_venues(lake, kinds, closed=None):
    """Commit a registry: venue to type, and to the instant from which it is closed."""
    rows = [
        {"venue": venue, "venue_code": f"v{venue}", "type": kind, "closed_at": (closed or {}).get(venue)}
        for venue, kind in sorted(kinds.items())
    ]
    table = pa.table(
        [
            pa.array([row.get(field.name) for row in rows], _plain(field.type)).cast(field.type)
            for field in VENUES.schema
        ],
        schema=VENUES.schema,
    )
    before = snapshot(lake, "venues")
    files = [write_data_file(lake, VENUES, {}, table)] if rows else []
    return commit(lake, "venues", files, remove=before.files, after=before.version)


def _plain(kind):
    return pa.int64() if kind == INSTANT else kind


def stays_in(lake, by="venue"):
    """Return the rows of one order, as the reference has them."""
    rows = read_table(lake, "stays").to_pylist()
    return [
        Stay(
            row["person"],
            row["venue"],
            row["zone"],
            *(_micros(row[name]) for name in ("enter", "exit")),
            row["enter_kind"],
            row["exit_kind"],
            _micros(row["last_seen"]),
            row["scans"],
            row["stay_id"],
        )
        for row in rows
        if row["by"] == by
    ]


def footfall_in(lake):
    """Return the windows, as the reference has them."""
    names = ("entries", "exits", "people", "peak", "person_seconds")
    return [
        Window(
            row["venue"],
            _micros(row["window_start"]),
            _micros(row["window_end"]),
            *(row[name] for name in names),
        )
        for row in read_table(lake, "footfall").to_pylist()
    ]


def long_pairs_in(lake):
    """Return the long pairs that were made with the newest stays, as the reference has them."""
    rows = read_pairs(lake, pairs_version(snapshot(lake, "stays"))).to_pylist()
    return [LongPair(*(row[name] for name in ("person", "venue", "in_at", "out_at"))) for row in rows]


def _micros(moment):
    return (moment - worlds.EPOCH) // worlds.MICROSECOND


def files_of(lake, name):
    """Return the names of a table's data files: the hashes of their bytes."""
    return {file.relative for file in snapshot(lake, name).files}
