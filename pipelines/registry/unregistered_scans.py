"""Accepted scans that take no part in stays: which ones each file of `scans` holds.

Every answer says how many there are, and only a look at every scan finds them.
So beside each file of `scans` lies a sidecar with those of its scans whose
venue was not registered, or was closed by then. It names the registry that it
was made by, and is made again when that is another.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Bool, Int64
from pipelines.lake.data_files import DataFile
from pipelines.lake.lake_root import Lake
from pipelines.lake.read_rows import read_live_file, read_table
from pipelines.lake.sidecar import Mapped, check_columns, mapped, open_columns, write_columns
from pipelines.lake.snapshots import LiveFile, OfNewest, snapshot
from pipelines.registry.registry import UNREGISTERED, Registry, registry_from
from schemas.tables import SCANS

_FORMAT = b"1"
_SCHEMA = pa.schema([("person", pa.int64()), ("occurred_us", pa.int64())])
_SOURCES = pa.schema([SCANS.schema.field(name) for name in ("venue", "occurred_at", "person")])
_THREADS = 2

_mapped = Mapped[tuple[bytes, "Unregistered"]]()
"""With the digest of the registry that they were found by."""


@dataclass(frozen=True)
class Unregistered:
    """The unregistered scans of one file, ascending by person, then time.

    Attributes:
        person: int64[n].
        occurred_us: int64[n], microseconds UTC.
    """

    person: Int64
    occurred_us: Int64


def write_unregistered(lake: Lake, file: DataFile, rows: pa.Table, by: Registry) -> int:
    """Write the sidecar of a file of `scans` that has just been written.

    Args:
        lake: where.
        file: the data file.
        rows: its rows in their order.
        by: the registry as it will be when the file is committed.

    Returns:
        How many of its scans are unregistered.

    Raises:
        ServiceError: the lake cannot be written.
    """
    columns = _columns(rows, by)
    write_columns(lake, file, columns)
    return int(columns.num_rows)


def count_unregistered(lake: Lake, from_us: int, to_us: int, person: int | None = None) -> tuple[int, int]:
    """The unregistered scans of a time: how many, and how many of them are one person's.

    Args:
        lake: where.
        from_us: the first instant, microseconds UTC.
        to_us: the end.
        person: token; None is nobody.

    Raises:
        DataError: a file cannot be read.
    """
    files = [
        file
        for file in snapshot(lake, "scans").files
        if file.stats.least["occurred_at"] < to_us and file.stats.greatest["occurred_at"] >= from_us
    ]
    count = own = 0
    for file, found in zip(files, _of_files(files, registry_of(lake)), strict=True):
        inside = from_us <= file.stats.least["occurred_at"] and file.stats.greatest["occurred_at"] < to_us
        count += found.person.size if inside else _between(found.occurred_us, from_us, to_us)
        if person is not None:
            first, last = (int(np.searchsorted(found.person, person, side)) for side in ("left", "right"))
            own += _between(found.occurred_us[first:last], from_us, to_us)
    return count, own


def among_unregistered(lake: Lake, person: Int64) -> Bool:
    """Whether each person has any unregistered scan, bool[n].

    Args:
        lake: where.
        person: int64[n], tokens.

    Raises:
        DataError: a file cannot be read.
    """
    seen = np.zeros(person.size, np.bool_)
    if person.size:
        for found in _of_files(snapshot(lake, "scans").files, registry_of(lake)):
            first = np.searchsorted(found.person, person)
            held = np.flatnonzero(first < found.person.size)
            seen[held] |= found.person[first[held]] == person[held]
    return seen


def open_unregistered(live: LiveFile, by: Registry) -> Unregistered:
    """The unregistered scans of a live file, mapped; found in the Parquet where nothing fit lies beside it.

    Raises:
        DataError: the data file itself cannot be read.
    """
    table = open_columns(
        live, lambda found: _fits(found, by), lambda: _columns(read_live_file(live, _SOURCES), by)
    )
    if not table.num_rows:  # a file of no rows has no chunk either
        return Unregistered(np.empty(0, np.int64), np.empty(0, np.int64))
    return Unregistered(*(table[name].chunk(0).to_numpy(zero_copy_only=True) for name in _SCHEMA.names))


def check(live: LiveFile, rows: pa.Table, by: Registry) -> str | None:
    """What is wrong with the sidecar of a live file of `scans`, or None.

    Neither a missing one nor one that another registry has made is wrong.

    Args:
        live: the data file.
        rows: its rows, at least the columns that a sidecar is made from.
        by: the registry of the lake.
    """
    if mapped(live, lambda found: _is_by(found, by)) is None:
        return None
    return check_columns(live, _columns(rows, by))


def _between(occurred_us: Int64, from_us: int, to_us: int) -> int:
    return int(np.count_nonzero((occurred_us >= from_us) & (occurred_us < to_us)))


registry_of = OfNewest(
    "venues", lambda lake, _newest: registry_from(read_table(lake, "venues", ["venue", "type", "closed_at"]))
)
"""The registry of a lake, kept until its table changes."""


def _of_files(files: Sequence[LiveFile], by: Registry) -> list[Unregistered]:
    """The unregistered scans of files, mapped once a process; two at a time where that takes long."""

    def of_file(file: LiveFile) -> Unregistered:
        kept = _mapped.find(file.path)
        if kept is None or kept[0] != by.digest:
            kept = _mapped.keep(file.path, (by.digest, open_unregistered(file, by)))
        return kept[1]

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(of_file, files))


def _columns(rows: pa.Table, by: Registry) -> pa.Table:
    """The columns of a sidecar, with format, registry and number of rows in the schema's metadata."""
    venue, person = (rows[name].to_numpy() for name in ("venue", "person"))
    occurred_us = rows["occurred_at"].cast(pa.int64()).to_numpy()
    chosen = np.flatnonzero(by.type_codes(venue, occurred_us) == UNREGISTERED)
    chosen = chosen[np.lexsort((occurred_us[chosen], person[chosen]))]
    metadata = {b"format": _FORMAT, b"registry": by.digest, b"rows": str(chosen.size).encode()}
    arrays = [column(person[chosen]), column(occurred_us[chosen])]
    return pa.table(arrays, schema=_SCHEMA.with_metadata(metadata))


def _fits(table: pa.Table, by: Registry) -> bool:
    """Whether a table can be used without harm, though it may lie.

    Raises:
        pa.ArrowException: it would lead outside of its own bytes.
    """
    metadata = table.schema.metadata or {}
    if not table.schema.equals(_SCHEMA) or metadata.get(b"format") != _FORMAT:
        return False
    if metadata.get(b"rows") != str(table.num_rows).encode():
        return False
    table.validate()
    columns = [table[name] for name in _SCHEMA.names]
    whole = all(column.num_chunks == 1 and not column.chunk(0).buffers()[0] for column in columns)
    return (whole or not table.num_rows) and _is_by(table, by)


def _is_by(table: pa.Table, by: Registry) -> bool:
    return bool((table.schema.metadata or {}).get(b"registry") == by.digest)
