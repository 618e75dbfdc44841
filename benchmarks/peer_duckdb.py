"""The peer of `files_to_lake`: plain DuckDB, the same tables from the same files.

    python -m benchmarks.peer_duckdb --scans DIR --venues FILE --now T --out DIR

What it leaves out favours it: `hash()` in place of HMAC-SHA-256, no sealed
vault, no digests of rejected lines, no search for control characters, no
content-addressed names, no sidecars, no commit log.
"""

import argparse
import datetime as dt
import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb

from schemas.stay_rules import VENUE_TYPES, StayRules, load_stay_rules

_SQL = Path(__file__).parent / "peer_duckdb"
_DAILY = {
    "write_scans": ("scans", "scans"),
    "write_stays_by_venue": ("stays", "stays/by=venue"),
    "write_stays_by_person": ("stays", "stays/by=person"),
    "write_footfall": ("footfall", "footfall"),
}
"""The statement for one date -> the table it reads, the folder it writes."""


def connect(threads: int = 2, memory: str = "4GB", spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Return a new database in memory that spills to a folder when needed."""
    config: dict[str, Any] = {"threads": threads, "memory_limit": memory}
    if spill is not None:
        config["temp_directory"] = str(spill)
    connection = duckdb.connect(config=config)
    execute(connection, "settings")
    return connection


def execute(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Run the statements of `peer_duckdb/<name>.sql`."""
    connection.execute((_SQL / f"{name}.sql").read_text(encoding="utf-8")).fetchall()


def set_variables(connection: duckdb.DuckDBPyConnection, **values: Any) -> None:
    """Set the variables that a statement reads with `getvariable`."""
    for name, value in values.items():
        connection.execute(f"SET VARIABLE {name} = $1", [value]).fetchall()


def load_durations(connection: duckdb.DuckDBPyConnection, rules: StayRules | None = None) -> None:
    """Make the table `durations` (type, dwell_us, max_stay_us) and the variable `bounce_us`."""
    rules = rules or load_stay_rules()
    set_variables(connection, bounce_us=rules.bounce_us)
    connection.execute(
        "CREATE TABLE durations (type VARCHAR, dwell_us BIGINT, max_stay_us BIGINT)"
    ).fetchall()
    rows = zip(VENUE_TYPES, rules.dwell_us.tolist(), rules.max_stay_us.tolist(), strict=True)
    connection.executemany("INSERT INTO durations VALUES ($1, $2, $3)", list(rows)).fetchall()


def build(scans: Path, venues: Path, now: dt.datetime, out: Path) -> dict[str, Any]:
    """Build all tables from files; return the counts and the seconds of each stage.

    Args:
        scans: a folder of `*.ndjson`.
        venues: the registry, CSV.
        now: the instant from which the age of a scan is measured.
        out: a folder that does not exist yet.
    """
    out.mkdir(parents=True)
    connection = connect(spill=out / "_spill")
    load_durations(connection)
    set_variables(
        connection,
        files=[str(path) for path in sorted(scans.glob("*.ndjson"))],
        venues=str(venues),
        oldest=now - dt.timedelta(days=60),
        newest=now + dt.timedelta(days=1),
        received_at=now,
    )
    seconds = {}
    for name in ("venues", "read", "dedupe"):
        seconds[name] = _timed(execute, connection, name)
    seconds["write_scans"] = _timed(_write_daily, connection, "write_scans", out)
    seconds["pair"] = _timed(execute, connection, "pair")
    unregistered = _unregistered(connection)
    connection.execute("DROP TABLE scans").fetchall()
    for name in ("write_stays_by_venue", "write_stays_by_person"):
        seconds[name] = _timed(_write_daily, connection, name, out)
    seconds["footfall"] = _timed(execute, connection, "footfall")
    seconds["write_footfall"] = _timed(_write_daily, connection, "write_footfall", out)
    for name in ("venues", "rejects"):
        (out / name).mkdir()
        set_variables(connection, path=str(out / name / "part-0.parquet"))
        execute(connection, f"write_{name}")
    seconds["fsync"] = _timed(_fsync_all, out)
    return {"counts": {**_counts(connection), "unregistered": unregistered}, "seconds": seconds}


def _write_daily(connection: duckdb.DuckDBPyConnection, statement: str, out: Path) -> None:
    """Write one sorted file per date; COPY with PARTITION_BY does not keep the order inside files."""
    table, folder = _DAILY[statement]
    dates = connection.execute(f"SELECT DISTINCT date FROM {table} ORDER BY date").fetchall()  # noqa: S608
    for (date,) in dates:
        path = out / folder / f"date={date}" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        set_variables(connection, date=date, path=str(path))
        execute(connection, statement)


def _unregistered(connection: duckdb.DuckDBPyConnection) -> int:
    """Accepted scans of venues that were not registered or already closed."""
    query = """
        SELECT count(*) FROM scans ANTI JOIN venues
        ON scans.venue = venues.venue AND ifnull(occurred_at < closed_at, true)
    """
    return int(connection.execute(query).fetchall()[0][0])


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """`received accepted duplicate rejected` and each reason, as `truyvet run` prints them."""
    by_reason: dict[str, int] = dict(connection.execute("SELECT reason, records FROM counts").fetchall())
    in_time = by_reason.pop("received_in_time", 0)
    duplicate = by_reason.pop("duplicate", 0)
    conflicts = by_reason.get("conflicting_event_id", 0)
    rejected = sum(by_reason.values())
    return {
        "received": in_time + rejected - conflicts,
        "accepted": in_time - duplicate - conflicts,
        "duplicate": duplicate,
        "rejected": rejected,
        **{f"reason {reason}": records for reason, records in sorted(by_reason.items())},
    }


def _fsync_all(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(_fsync, _files_and_folders(folder)))


def _files_and_folders(folder: Path) -> Iterable[Path]:
    return [folder, *folder.rglob("*")]


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _timed(work: Any, *arguments: Any) -> float:
    begun = time.perf_counter()
    work(*arguments)
    return round(time.perf_counter() - begun, 3)


def main() -> None:
    """Build from the command line and print counts and timings as one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scans", type=Path, required=True)
    parser.add_argument("--venues", type=Path, required=True)
    parser.add_argument("--now", type=dt.datetime.fromisoformat, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    print(json.dumps(build(args.scans, args.venues, args.now, args.out)))


if __name__ == "__main__":
    main()
