"""Compare lakes: every row of every table, stays in both orders, the bytes of derived tables; and metrics."""

from collections.abc import Iterator
from typing import Any

from pipelines import metrics
from pipelines.lake import Lake, open_lake, read_live_file, snapshot
from pipelines.runtime.job_metrics import JobMetrics
from schemas.tables import TABLES

_BY_CONTENT = ("stays", "footfall", "contacts", "crowds")
"""Tables whose files depend on the scans alone, down to their names, which are hashes."""

_FREE = {
    "scans": {"received_at"},
    "rejects": {"received_at"},
    "retries": {"received_at"},
    "vault": {"sealed"},
}
"""Columns that hold the time of receipt, or are sealed under a key of each batch."""


_FREE_METRICS = (metrics.BYTES_WRITTEN, metrics.FILE_BYTES)
"""Metrics that depend on the time of receipt, which is compressed with the other columns."""


def comparable(found: JobMetrics) -> dict[str, Any]:
    """Return the metrics that must be the same when the same batches run again."""
    named = {**found.counters, **found.distributions}
    return {name: value for name, value in named.items() if name not in _FREE_METRICS}


def differences(one: str, other: str) -> list[str]:
    """Return the differences of two lakes, a line each."""
    return list(_differences(open_lake(one), open_lake(other)))


def _differences(one: Lake, other: Lake) -> Iterator[str]:
    for name in TABLES:
        mine, yours = (snapshot(lake, name) for lake in (one, other))
        partitions = [sorted(str(file.partition) for file in held.files) for held in (mine, yours)]
        if partitions[0] != partitions[1]:
            yield f"{name}: different partitions"
        if name in _BY_CONTENT and [f.relative for f in mine.files] != [f.relative for f in yours.files]:
            yield f"{name}: different files"
        rows = [rows_of(lake, name) for lake in (one, other)]
        if rows[0] != rows[1]:
            yield f"{name}: different rows, {len(rows[0])} and {len(rows[1])}"


def rows_of(lake: Lake, name: str) -> list[str]:
    """Return all rows of a table as text, sorted."""
    free = _FREE.get(name, set())
    found = []
    for file in snapshot(lake, name).files:
        kept = [field.name for field in TABLES[name].schema if field.name not in free]
        table = read_live_file(file, TABLES[name].schema).select(kept)
        found += [str(row) for row in table.to_pylist()]
    return sorted(found)
