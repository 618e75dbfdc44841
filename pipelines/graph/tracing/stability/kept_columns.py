"""The columns of files of scans as numbers, kept for the next question of the process."""

import threading
from collections import OrderedDict
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.kernels.arrow_columns import codes_of, event_key_words
from pipelines.kernels.hash_table import IdSet
from pipelines.kernels.types import Int64, UInt8, UInt64
from pipelines.lake import LiveFile, read_live_file
from schemas.codes import DIRECTIONS
from schemas.tables import SCANS

_TEXT = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        *(SCANS.schema.field(name) for name in ("event_key", "person", "venue", "occurred_at")),
        *((name, _TEXT) for name in ("direction", "zone")),
    ]
)
_BYTES_KEPT: Final = 1 << 28
_BYTES_A_SCAN: Final = 45


class ScanColumns(NamedTuple):
    """Scans.

    Attributes:
        person, venue: int64[n].
        occurred_us: int64[n], microseconds UTC.
        high, low: uint64[n], the two words of the event key.
        direction: uint8[n], positions in `DIRECTIONS`.
        zone: dictionary of string[n].
    """

    person: Int64
    venue: Int64
    occurred_us: Int64
    high: UInt64
    low: UInt64
    direction: UInt8
    zone: pa.Array

    def of(self, persons: IdSet) -> "ScanColumns":
        """Return the scans of some persons."""
        row = np.flatnonzero(persons.holds(self.person))
        columns: list[Any] = [*(column[row] for column in self[:-1]), self.zone.take(pa.array(row))]
        return ScanColumns(*columns)


_lock = threading.Lock()
_kept: OrderedDict[str, ScanColumns] = OrderedDict()
"""The files used last, by path, which names their content; at most `_BYTES_KEPT` of them."""


def columns_of(file: LiveFile) -> ScanColumns:
    """Return the columns of a file.

    Raises:
        DataError: it is missing or damaged.
    """
    with _lock:
        found = _kept.get(file.path)
        if found is not None:
            _kept.move_to_end(file.path)
            return found
    found = _numbers(read_live_file(file, _SCHEMA))
    with _lock:
        _kept[file.path] = found
        while sum(one.person.size for one in _kept.values()) * _BYTES_A_SCAN > _BYTES_KEPT:
            _kept.popitem(last=False)
    return found


def no_scans() -> ScanColumns:
    """Return columns without a row."""
    return _numbers(_SCHEMA.empty_table())


def joined(parts: list[ScanColumns]) -> ScanColumns:
    """Return the rows of all parts."""
    *numbers, zones = zip(*parts, strict=True)
    zone = _array(pa.chunked_array(zones).unify_dictionaries())
    columns: list[Any] = [*map(np.concatenate, numbers), zone]
    return ScanColumns(*columns)


def _numbers(rows: pa.Table) -> ScanColumns:
    rows = rows.unify_dictionaries()
    direction = _array(rows["direction"])
    return ScanColumns(
        rows["person"].to_numpy(),
        rows["venue"].to_numpy(),
        rows["occurred_at"].cast(pa.int64()).to_numpy(),
        *event_key_words(_array(rows["event_key"])),
        codes_of(direction.dictionary, DIRECTIONS)[direction.indices.to_numpy()],
        _array(rows["zone"]),
    )


def _array(column: pa.ChunkedArray) -> Any:
    """A column as one array."""
    whole: Any = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return whole.chunk(0) if whole.num_chunks else pa.array([], whole.type)
    return whole
