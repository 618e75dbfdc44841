"""Venue codes that were scanned and are not registered: how often, and which code was probably meant."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from pipelines.lake import Lake, open_lake, read_live_file, read_table, snapshot
from pipelines.registry.near_misses import CodeSearch, differences
from pipelines.registry.registry import Registry
from pipelines.registry.unregistered_scans import registry_of
from pipelines.terminal.options import keys_folder
from pipelines.terminal.output import token_text
from schemas.tables import INSTANT, SCANS

COMPARED_AT_MOST: Final = 2_000
"""How many codes, the most scanned ones, are compared with the registry."""

_COLUMNS: Final = ("venue", "person", "occurred_at")
_SCHEMA: Final = pa.schema(
    [
        ("venue", pa.string()),
        ("scans", pa.int64()),
        ("people", pa.int64()),
        ("first_scan", INSTANT),
        ("last_scan", INSTANT),
        ("nearest", pa.string()),
        ("differs", pa.string()),
    ]
)


def list_unregistered(lake: str, *, keys: str | None = None) -> pa.Table:
    """List the venue codes that were scanned and are not registered, the most scanned first.

    Args:
        lake: folder or URL.
        keys: folder of the keys; None is `LAKE.keys`.

    Returns:
        `venue` (the code, or the 16 digits of its hash where the code looked like the
        identifier of a person and was not kept), `scans`, `people`, `first_scan`,
        `last_scan`, `nearest` (the registered code that it was probably meant to be) and
        `differs` (how the two differ).
    """
    opened = open_lake(lake, keys_folder(keys, lake))
    counts = _counts(opened)
    kept = read_table(opened, "unregistered_codes")
    texts = dict(zip(kept["venue"].to_pylist(), kept["venue_code"].to_pylist(), strict=True))
    registered = CodeSearch(read_table(opened, "venues", ["venue_code"])["venue_code"].to_pylist())
    codes = [texts.get(venue) for venue in counts["venue"].to_pylist()]
    nearest = [
        registered.nearest(code) if code is not None and number < COMPARED_AT_MOST else None
        for number, code in enumerate(codes)
    ]
    columns = {
        "venue": [
            code or token_text(venue) for code, venue in zip(codes, counts["venue"].to_pylist(), strict=True)
        ],
        **{name: counts[name] for name in ("scans", "people", "first_scan", "last_scan")},
        "nearest": nearest,
        "differs": [
            None if near is None or code is None else differences(code, near)
            for code, near in zip(codes, nearest, strict=True)
        ],
    }
    return pa.table([columns[name] for name in _SCHEMA.names], schema=_SCHEMA)


def _counts(lake: Lake) -> pa.Table:
    """Count scans of each unregistered venue, the most scanned first, then by hash."""
    rows = pa.concat_tables([_empty(), *_unregistered_scans(lake)])
    found = rows.group_by("venue").aggregate(
        [("person", "count"), ("person", "count_distinct"), ("occurred_at", "min"), ("occurred_at", "max")]
    )
    names = {
        "person_count": "scans",
        "person_count_distinct": "people",
        "occurred_at_min": "first_scan",
        "occurred_at_max": "last_scan",
    }
    found = found.rename_columns([names.get(name, name) for name in found.column_names])
    return found.sort_by([("scans", "descending"), ("venue", "ascending")])


def _unregistered_scans(lake: Lake) -> Iterator[pa.Table]:
    """Yield the scans of unregistered venues, file by file; a closed venue is registered."""
    registry: Registry = registry_of(lake)
    for file in snapshot(lake, "scans").files:
        # One column first: the others are read only of files that hold such scans.
        venue = read_live_file(file, pa.schema([SCANS.schema.field("venue")]))["venue"].to_numpy()
        unknown = ~registry.holds(venue)
        if unknown.any():
            rows = read_live_file(file, _empty().schema)
            yield rows.take(pa.array(np.flatnonzero(unknown)))


def _empty() -> pa.Table:
    return pa.schema([SCANS.schema.field(name) for name in _COLUMNS]).empty_table()
