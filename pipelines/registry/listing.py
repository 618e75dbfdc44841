"""The registry as rows for people: as it is now, or with its history."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import DataError
from pipelines.lake import Lake, opened, read_table
from pipelines.lake.log import commit_info, log_entry, read_entry, versions
from schemas.tables import INSTANT, VENUES

_SHOWN: Final = [name for name in VENUES.schema.names if name != "venue"]
_COLUMNS: Final = ["venue", *(name for name in _SHOWN if name != "venue_code")]


def list_venues(
    lake: str,
    venues: Sequence[str] = (),
    *,
    keys: str | None = None,
    district: str | None = None,
    kind: str | None = None,
) -> pa.Table:
    """List the registry, ordered by venue code.

    Args:
        lake: folder or URL.
        venues: only these codes; empty is all.
        keys: folder of the keys, to be compared with the lake's own; None needs none.
        district: only venues of this district code.
        kind: only venues of this type.

    Returns:
        `venue name type zone …`, the columns of the contract.
    """
    rows = _shown(read_table(opened(lake, keys), "venues"))
    wanted = {"district_code": district, "type": kind}
    for column, value in wanted.items():
        if value is not None:
            rows = rows.filter(pc.equal(rows[column], value))
    return _of(rows, venues).sort_by("venue")


def list_history(lake: str, venues: Sequence[str] = (), *, keys: str | None = None) -> pa.Table:
    """List the history of venues: a row for each time that one changed.

    Versions whose files have been vacuumed, as `compact` does after some time, are
    left out; the first remaining version stands for everything before it.

    Args:
        lake: folder or URL.
        venues: only these codes; empty is all.
        keys: folder of the keys, to be compared with the lake's own; None needs none.

    Returns:
        The columns of `list_venues`, then `version changed_at`, ordered by venue and version.
    """
    where = opened(lake, keys)
    url = where.table_url("venues")
    schema = _shown(VENUES.schema.empty_table()).schema
    schema = schema.append(pa.field("version", pa.int64())).append(pa.field("changed_at", INSTANT))
    rows: list[dict[str, Any]] = []
    before: dict[str, dict[str, Any]] = {}
    for version in versions(url):
        held = _version(where, version)
        if held is None:
            continue
        now = {row["venue"]: row for row in _of(_shown(held), venues).to_pylist()}
        changed_at = _committed_at(url, version)
        # Whole rows are compared: a version is rewritten as a whole, whatever changed in it.
        changed = [row for code, row in now.items() if before.get(code) != row]
        rows += [row | {"version": version, "changed_at": changed_at} for row in changed]
        before = now
    return pa.Table.from_pylist(rows, schema).sort_by([("venue", "ascending"), ("version", "ascending")])


def _shown(rows: pa.Table) -> pa.Table:
    """Replace the hash of each venue by its code."""
    return (
        rows.select(_SHOWN)
        .rename_columns(["venue" if name == "venue_code" else name for name in _SHOWN])
        .select(_COLUMNS)
    )


def _of(rows: pa.Table, venues: Sequence[str]) -> pa.Table:
    return rows.filter(pc.is_in(rows["venue"], pa.array(venues, pa.string()))) if venues else rows


def _version(lake: Lake, version: int) -> pa.Table | None:
    """Read the registry at a version; None where its files are gone."""
    try:
        return read_table(lake, "venues", version=version)
    except DataError:
        return None


def _committed_at(url: str, version: int) -> dt.datetime:
    milliseconds = commit_info(read_entry(log_entry(url, version)))["timestamp"]
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
