"""Accepted scans that take no part in stays, because their venue is not registered or was closed.

Every answer states how many there are, and only reading every scan would find
them. So each file of `scans` has a sidecar with its unregistered scans. The
sidecar names the registry that it was made with, and is made again for another.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Bool, Int64
from pipelines.lake.data_files import DataFile
from pipelines.lake.lake_root import Lake
from pipelines.lake.read_rows import read_live_file, read_table
from pipelines.lake.sidecars.sidecar_file import Mapped, OpenFile, check_columns, open_columns, write_columns
from pipelines.lake.snapshots import LiveFile, OfNewest, snapshot
from pipelines.registry.registry import UNREGISTERED, Registry, registry_from
from schemas.tables import SCANS

_FORMAT = b"1"
_SCHEMA = pa.schema([("person", pa.int64()), ("occurred_us", pa.int64())])
_SOURCES = pa.schema([SCANS.schema.field(name) for name in ("venue", "occurred_at", "person")])
_THREADS = 2

_mapped = Mapped[tuple[bytes, "Unregistered"]]()
"""By path, with the digest of the registry that they were found with."""


@dataclass(frozen=True)
class Unregistered:
    """The unregistered scans of one file, sorted by person and time.

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
    """Count the unregistered scans in a span of time, and those of one person among them.

    Args:
        lake: where.
        from_us: the first instant, microseconds UTC.
        to_us: the end.
        person: token; None counts no person's scans.

    Raises:
        DataError: a file cannot be read.
    """
    files = [
        file
        for file in snapshot(lake, "scans").files
        # The span is half-open, the bounds of a file are both in it.
        if file.stats.least["occurred_at"] < to_us and file.stats.greatest["occurred_at"] >= from_us
    ]
    count = own = 0
    for file, found in zip(files, _of_files(files, registry_of(lake)), strict=True):
        # A file that lies wholly in the span is counted without looking at its times.
        inside = from_us <= file.stats.least["occurred_at"] and file.stats.greatest["occurred_at"] < to_us
        count += found.person.size if inside else _between(found.occurred_us, from_us, to_us)
        if person is not None:
            # Rows are in the order (person, time), so those of one person are neighbours.
            first, last = (int(np.searchsorted(found.person, person, side)) for side in ("left", "right"))
            own += _between(found.occurred_us[first:last], from_us, to_us)
    return count, own


def among_unregistered(lake: Lake, person: Int64) -> Bool:
    """Tell whether each person has any unregistered scan, bool[n].

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
            # An index past the end is of a token above all that the file has.
            held = np.flatnonzero(first < found.person.size)
            seen[held] |= found.person[first[held]] == person[held]
    return seen


def open_unregistered(live: LiveFile, by: Registry) -> Unregistered:
    """Map the unregistered scans of a live file, or find them in the Parquet if there is no usable sidecar.

    Raises:
        DataError: the data file itself cannot be read.
    """
    made = partial(_made, live, by)
    found = open_columns(live, lambda there: _fits(there, by), made, whole=True)
    return Unregistered(*(found.columns[name] for name in _SCHEMA.names))


def check(live: LiveFile, rows: pa.Table, by: Registry) -> str | None:
    """Return what is wrong with the sidecar of a live file of `scans`, or None.

    A missing sidecar is not wrong, nor is one of another registry.

    Args:
        live: the data file.
        rows: its rows, with at least the columns that a sidecar is made from.
        by: the registry of the lake.
    """
    return check_columns(live, lambda: _columns(rows, by), concerns=lambda found: _is_by(found, by))


def _between(occurred_us: Int64, from_us: int, to_us: int) -> int:
    return int(np.count_nonzero((occurred_us >= from_us) & (occurred_us < to_us)))


registry_of = OfNewest(
    "venues", lambda lake, _newest: registry_from(read_table(lake, "venues", ["venue", "type", "closed_at"]))
)
"""The registry of a lake, cached until its table changes."""


def _of_files(files: Sequence[LiveFile], by: Registry) -> list[Unregistered]:
    """Map the unregistered scans of files once a process, on two threads: some may have to be found."""

    def of_file(file: LiveFile) -> Unregistered:
        kept = _mapped.find(file.path)
        # The registry decides what is unregistered: after a change to it the map is made again.
        if kept is None or kept[0] != by.digest:
            kept = _mapped.keep(file.path, (by.digest, open_unregistered(file, by)))
        return kept[1]

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(of_file, files))


def _made(live: LiveFile, by: Registry) -> pa.Table:
    return _columns(read_live_file(live, _SOURCES), by)


def _columns(rows: pa.Table, by: Registry) -> pa.Table:
    """Make the columns of a sidecar, with format, registry and row count in the metadata of the schema."""
    venue, person = (rows[name].to_numpy() for name in ("venue", "person"))
    occurred_us = rows["occurred_at"].cast(pa.int64()).to_numpy()
    chosen = np.flatnonzero(by.type_codes(venue, occurred_us) == UNREGISTERED)
    # The foremost key of a lexsort is its last: person, then time.
    chosen = chosen[np.lexsort((occurred_us[chosen], person[chosen]))]
    metadata = {b"format": _FORMAT, b"registry": by.digest, b"rows": str(chosen.size).encode()}
    arrays = [column(person[chosen]), column(occurred_us[chosen])]
    return pa.table(arrays, schema=_SCHEMA.with_metadata(metadata))


def _fits(found: OpenFile, by: Registry) -> bool:
    """Tell whether this registry made the sidecar."""
    is_ours = found.metadata.get("format") == _FORMAT.decode() and list(found.columns) == _SCHEMA.names
    # The number of rows tells a file that was cut off while it was written.
    is_whole = is_ours and found.metadata.get("rows") == str(found.columns["person"].size)
    return is_whole and _is_by(found, by)


def _is_by(found: OpenFile, by: Registry) -> bool:
    return found.metadata.get("registry") == by.digest.decode()
