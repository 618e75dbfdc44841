"""The columns of files of scans as numbers, kept for the next question of the process."""

import threading
from collections import OrderedDict
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.graph.row_ranges import rows_between
from pipelines.kernels.arrow_columns import codes_of, event_key_words
from pipelines.kernels.sort import dense_rank, order_by
from pipelines.kernels.types import Int64, UInt8, UInt64
from pipelines.lake import LiveFile, read_live_file
from pipelines.lake.sidecars.sidecar_search import rows_of
from schemas.codes import DIRECTIONS
from schemas.tables import SCANS

_TEXT = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        *(SCANS.schema.field(name) for name in ("event_key", "person", "venue", "occurred_at")),
        *((name, _TEXT) for name in ("direction", "zone")),
    ]
)
_OUT: Final = DIRECTIONS.index("out")
_BYTES_KEPT: Final = 1 << 29  # 512 MB
_BYTES_A_SCAN: Final = 45  # five numbers of 8 bytes, a direction of 1, the index of a zone of 4


class ScanColumns(NamedTuple):
    """Scans, of a file ascending by person, time, `out` first and event key, the order they are paired in.

    Attributes:
        person: int64[n].
        place: int64[n], positions in `venues`.
        occurred_us: int64[n], microseconds UTC.
        high, low: uint64[n], the two words of the event key.
        direction: uint8[n], positions in `DIRECTIONS`.
        zone: dictionary of string[n].
        venues: int64[v], ascending.
    """

    person: Int64
    place: Int64
    occurred_us: Int64
    high: UInt64
    low: UInt64
    direction: UInt8
    zone: pa.Array
    venues: Int64

    def of(self, persons: Int64, *, zoned: bool) -> "ScanColumns":
        """Return the scans of some persons, in the order of the file.

        Args:
            persons: int64[p], ascending.
            zoned: whether zones are asked for; without them `zone` is empty.

        Returns:
            Columns whose `person` is a position in `persons`.
        """
        # The file ascends by person, so the rows of each are a range.
        first, last = rows_of(self.person, persons)
        row = rows_between(first, last)
        zone = self.zone.take(pa.array(row)) if zoned else self.zone.slice(0, 0)
        columns: list[Any] = [np.repeat(np.arange(persons.size), last - first)]
        columns += [*(column[row] for column in self[1:-2]), zone, self.venues]
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
    # Read outside the lock: two threads may read one file at once, and the later columns are kept.
    found = _numbers(read_live_file(file, _SCHEMA))
    with _lock:
        _kept[file.path] = found
        # The least recently used go first; a file that is larger than the whole budget goes at once.
        while sum(one.person.size for one in _kept.values()) * _BYTES_A_SCAN > _BYTES_KEPT:
            _kept.popitem(last=False)
    return found


def no_scans() -> ScanColumns:
    """Return columns without a row."""
    return _numbers(_SCHEMA.empty_table())


def joined(parts: list[ScanColumns]) -> ScanColumns:
    """Return the rows of all parts."""
    person, place, *numbers, zones, venues = zip(*parts, strict=True)
    distinct = np.unique(np.concatenate(venues))
    # Positions among the venues of a file become positions among those of all.
    places = [np.searchsorted(distinct, own)[at] for own, at in zip(venues, place, strict=True)]
    zone = _array(pa.chunked_array(zones).unify_dictionaries())
    columns: list[Any] = [*map(np.concatenate, (person, places, *numbers)), zone, distinct]
    return ScanColumns(*columns)


def _numbers(rows: pa.Table) -> ScanColumns:
    rows = rows.unify_dictionaries()
    direction = _array(rows["direction"])
    person, occurred_us = rows["person"].to_numpy(), rows["occurred_at"].cast(pa.int64()).to_numpy()
    high, low = event_key_words(_array(rows["event_key"]))
    directions = codes_of(direction.dictionary, DIRECTIONS)[direction.indices.to_numpy()]
    # `out` first among scans of one instant: a bit below the time.
    order = order_by(person, occurred_us << 1 | (directions != _OUT), high, low)
    place, venues = dense_rank(rows["venue"].to_numpy())
    columns: list[Any] = [column[order] for column in (person, place, occurred_us, high, low, directions)]
    columns += [_array(rows["zone"]).take(pa.array(order)), venues]
    return ScanColumns(*columns)


def _array(column: pa.ChunkedArray) -> Any:
    """A column as one array."""
    whole: Any = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        return whole.chunk(0) if whole.num_chunks else pa.array([], whole.type)
    return whole
