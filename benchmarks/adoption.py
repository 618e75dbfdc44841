"""Adoption of a week, first and warm calls, beside the obvious SQL in DuckDB; answers are compared first."""

import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.measure import report, run, truyvet
from benchmarks.scan_world import DAYS, START_US, scan_world
from pipelines.ascertainment.adoption import adoption
from pipelines.lake import Lake, open_lake, snapshot
from pipelines.times import DAY_US

_SQL = Path(__file__).parent / "peer_adoption" / "counts.sql"
_WARM_CALLS = 3
_CLOSE = 1e-12


def measure(work: Path, scans: int) -> None:
    """Compare all columns that both sides count, then print seconds and ratios."""
    lake = open_lake(str(scan_world(work, scans)))
    ours, first, warm = _timed(lambda: adoption(lake).rows)
    theirs, peer_first, peer_warm = _timed(lambda: _peer(lake))
    _check_same(ours, theirs)
    cold = run(truyvet("adoption", "--lake", lake.url, "--format", "csv"))
    about = {"scans": scans, "areas": theirs.num_rows}
    report(
        "adoption",
        [
            {**about, "side": "truyvet", "first s": first, "warm s": warm, "process s": cold.wall_seconds},
            {
                **about,
                "side": "DuckDB",
                "first s": peer_first,
                "warm s": peer_warm,
                "ratio": peer_warm / warm,
            },
        ],
    )


def _timed(ask: Callable[[], pa.Table]) -> tuple[pa.Table, float, float]:
    """Return the rows, the seconds of the first call and the fewest of the others."""
    seconds = []
    for _ in range(1 + _WARM_CALLS):
        begun = time.perf_counter()
        rows = ask()
        seconds.append(time.perf_counter() - begun)
    return rows, seconds[0], min(seconds[1:])


def _peer(lake: Lake) -> pa.Table:
    end_us = START_US + DAYS * DAY_US
    with duckdb.connect() as connection:
        for name in ("scans", "venues"):
            files = [file.path for file in snapshot(lake, name).files]
            connection.read_parquet(files).create_view(name)
        parameters = {"from_us": end_us - 7 * DAY_US, "end_us": end_us, "day_us": DAY_US}
        return connection.sql(_SQL.read_text(encoding="utf-8"), params=parameters).to_arrow_table()


def _check_same(ours: pa.Table, theirs: pa.Table) -> None:
    """Stop unless every column of the peer is ours.

    Raises:
        RuntimeError: a value differs.
    """
    for own, other in zip(ours.slice(0, theirs.num_rows).to_pylist(), theirs.to_pylist(), strict=True):
        for name, value in other.items():
            same = own[name] == value if isinstance(value, str) else abs(own[name] - value) <= _CLOSE
            if not same:
                raise RuntimeError(f"adoption and DuckDB differ in {name}")
