"""Two lakes compared: every row of every table, stays in both orders, the bytes of what is derived."""

from collections.abc import Iterator

from pipelines.lake import Lake, open_lake, read_live_file, snapshot
from schemas.tables import TABLES

_BY_CONTENT = ("stays", "footfall", "contacts", "crowds")
"""Tables whose files are a function of the scans alone, down to their names, which are hashes."""

_FREE = {
    "scans": {"received_at"},
    "rejects": {"received_at"},
    "retries": {"received_at"},
    "vault": {"sealed"},
}
"""Columns that tell when a batch came, or are sealed with a key of its own."""


def differences(one: str, other: str) -> list[str]:
    """What two lakes do not have in common, a line each; none when they are the same."""
    return list(_differences(open_lake(one), open_lake(other)))


def _differences(one: Lake, other: Lake) -> Iterator[str]:
    for name in TABLES:
        mine, yours = (snapshot(lake, name) for lake in (one, other))
        partitions = [sorted(str(file.partition) for file in held.files) for held in (mine, yours)]
        if partitions[0] != partitions[1]:
            yield f"{name}: files of other partitions"
        if name in _BY_CONTENT and [f.relative for f in mine.files] != [f.relative for f in yours.files]:
            yield f"{name}: other files"
        rows = [rows_of(lake, name) for lake in (one, other)]
        if rows[0] != rows[1]:
            yield f"{name}: other rows, {len(rows[0])} and {len(rows[1])}"


def rows_of(lake: Lake, name: str) -> list[str]:
    """All rows of a table, each as text with its partition, sorted."""
    free = _FREE.get(name, set())
    found = []
    for file in snapshot(lake, name).files:
        kept = [field.name for field in TABLES[name].schema if field.name not in free]
        table = read_live_file(file, TABLES[name].schema).select(kept)
        found += [str(row) for row in table.to_pylist()]
    return sorted(found)
