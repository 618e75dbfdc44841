"""Rows of `stays` in memory: times as int64, texts of few values as codes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from pipelines.errors import DataError
from pipelines.kernels.arrow_columns import codes_of, texts_of, zone_codes
from pipelines.kernels.compile import inlined
from pipelines.kernels.sort import as_unsigned, order_by
from pipelines.kernels.types import Int64, UInt64
from pipelines.lake import storage
from pipelines.windowing.pairing import twins
from schemas.codes import ENTER_KINDS, EXIT_KINDS
from schemas.tables import INSTANT, STAYS

TAKE_OUT, PUT_IN = -1, 1

_KINDS = {"enter_kind": ENTER_KINDS, "exit_kind": EXIT_KINDS}
_ZONE = pa.dictionary(pa.int32(), pa.string())


def _coded_type(field: pa.Field) -> pa.DataType:
    if field.name in _KINDS:
        return pa.uint8()
    if field.name == "zone":
        return _ZONE
    return pa.int64() if field.type == INSTANT else field.type


CODED = pa.schema([(field.name, _coded_type(field)) for field in STAYS.file_schema])
"""The columns of a file of `stays`, as numbers."""

CHANGES = CODED.append(pa.field("change", pa.int8()))
"""Rows of `CODED` to take out and to put in."""


def read_coded(path: str, columns: Sequence[str] = tuple(CODED.names)) -> pa.Table:
    """Read some columns of a data file of `stays`, as `CODED` has them.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        # No threads of Arrow's own: a step reads several files at once already.
        file = storage.parquet(path, read_dictionary=["zone", *_KINDS])
        rows = file.read(columns=list(columns), use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read", "run truyvet verify") from error
    return pa.table(
        [_coded(rows[name], name) for name in columns], schema=pa.schema([CODED.field(n) for n in columns])
    )


def _coded(column: pa.ChunkedArray, name: str) -> Any:
    if name in _KINDS:
        texts, codes = zone_codes(column)
        return pa.array(codes_of(texts, _KINDS[name])[codes] if len(texts) else np.empty(0, np.uint8))
    if pa.types.is_timestamp(column.type):
        # The same bits, without a copy.
        return pa.chunked_array([chunk.view(pa.int64()) for chunk in column.chunks], pa.int64())
    return column.cast(CODED.field(name).type)


def uncoded(rows: pa.Table) -> pa.Table:
    """Turn rows of `CODED` into rows of `STAYS.file_schema`."""
    columns = []
    for field in STAYS.file_schema:
        column = rows[field.name].combine_chunks()
        if field.name in _KINDS:
            column = texts_of(column.to_numpy(), _KINDS[field.name])
        elif field.type == INSTANT:
            column = column.view(INSTANT)
        columns.append(column.cast(field.type))
    return pa.table(columns, schema=STAYS.file_schema)


def merged(base: pa.Table, changes: pa.Table) -> pa.Table:
    """Apply changes: remove the stays they name from `base` and add those they put in.

    Idempotent: a row put in replaces a row of the same person and stay id.

    Args:
        base: columns of `CODED`, some or all.
        changes: rows of `CHANGES`.

    Returns:
        The columns of `base`, in one chunk each.
    """
    # A stay that changed comes as two rows of one id, out and in; either of them removes the old one.
    gone, arriving = _gone(base, changes), _arriving(changes).select(base.column_names)
    if gone.any():
        base = base.filter(pa.array(~gone))
    return one_chunk(pa.concat_tables([base, arriving]) if base.num_rows else arriving)


def merged_in_order(base: pa.Table, changes: pa.Table, by: str) -> pa.Table:
    """Apply changes as `merged` does and return the rows in the order `by`.

    Fastest when `base` is in that order already, as a file of the lake is.
    """
    gone, arriving = _gone(base, changes), in_order(one_chunk(_arriving(changes).select(CODED.names)), by)
    if not base.num_rows:
        return arriving
    # Rows of the base first: `_merge` tells the two by `gone.size`.
    rows = one_chunk(pa.concat_tables([base, arriving]))
    order = _merge(gone, *_keys(rows, by))
    if order.size:
        return rows.take(pa.array(order))
    # No order: the base was not sorted, or nothing is left.
    return in_order(rows.filter(pa.array(np.append(~gone, np.ones(arriving.num_rows, np.bool_)))), by)


def _gone(base: pa.Table, changes: pa.Table) -> npt.NDArray[np.bool_]:
    """Tell which rows of the base the changes remove or replace."""
    if not changes.num_rows:
        return np.zeros(base.num_rows, np.bool_)
    twin = twins(
        changes["person"].to_numpy(),
        changes["stay_id"].to_numpy(),
        base["person"].to_numpy(),
        base["stay_id"].to_numpy(),
    )
    return twin >= 0


def _arriving(changes: pa.Table) -> pa.Table:
    arrives = changes["change"].to_numpy() == PUT_IN
    return changes if arrives.all() else changes.filter(pa.array(arrives))


def one_chunk(rows: pa.Table) -> pa.Table:
    """Combine chunks into one a column, over one dictionary of zones."""
    return (
        rows if max(c.num_chunks for c in rows.columns) == 1 else rows.unify_dictionaries().combine_chunks()
    )


def in_order(rows: pa.Table, by: str) -> pa.Table:
    """Sort rows of `CODED`, in one chunk, by `by` and enter; ties by the other id, then the stay id."""
    # Pieces of a date arrive almost sorted, so an insertion sort is tried until rows have moved too far.
    keys = _keys(rows, by)
    order = np.arange(rows.num_rows)
    moves = _insert(order, *keys, order.size // 8)
    if moves == 0:
        return rows
    return rows.take(pa.array(order if moves > 0 else order_by(*keys)))


def _keys(rows: pa.Table, by: str) -> tuple[Int64, Int64, UInt64, UInt64]:
    return (
        rows[by].to_numpy(),
        rows["enter"].to_numpy(),
        # Ties are compared as unsigned words that keep the order of the signed ids.
        as_unsigned(rows["person" if by == "venue" else "venue"].to_numpy()),
        as_unsigned(rows["stay_id"].to_numpy()),
    )


@inlined
def _is_later(one: int, other: int, major: Int64, minor: Int64, high: UInt64, low: UInt64) -> bool:
    """Tell whether row `one` comes after row `other` in the order of (major, minor, high, low)."""
    if major[one] != major[other]:
        return bool(major[one] > major[other])
    if minor[one] != minor[other]:
        return bool(minor[one] > minor[other])
    if high[one] != high[other]:
        return bool(high[one] > high[other])
    return bool(low[one] > low[other])


@njit(cache=True, nogil=True)
def _insert(order: Int64, major: Int64, minor: Int64, high: UInt64, low: UInt64, most: int) -> int:
    """Sort rows that are almost sorted, by insertion.

    Returns:
        By how many places rows have moved in total, or -1 if that exceeds `most`.
    """
    moves = 0
    for position in range(1, order.size):
        row = order[position]
        place = position
        # Rows [0, position) of `order` are sorted.
        while place > 0 and _is_later(order[place - 1], row, major, minor, high, low):
            order[place] = order[place - 1]
            place -= 1
            moves += 1
            # Quadratic from here on: the caller sorts instead, and drops what was done.
            if moves > most:
                return -1
        order[place] = row
    return moves


@njit(cache=True, nogil=True)
def _merge(gone: npt.NDArray[np.bool_], major: Int64, minor: Int64, high: UInt64, low: UInt64) -> Int64:
    """Merge a sorted base, without the rows that are gone, with the sorted rows behind it.

    Returns:
        Rows in order, int64[k]; none if the base is not sorted.
    """
    order = np.empty(major.size, np.int64)
    size = 0
    # The next arriving row; those of the base are [0, gone.size).
    arriving = gone.size
    for row in range(gone.size):
        if row and _is_later(row - 1, row, major, minor, high, low):
            return order[:0]
        if gone[row]:
            continue
        # All arriving rows that come no later than this row of the base.
        while arriving < major.size and not _is_later(arriving, row, major, minor, high, low):
            order[size] = arriving
            arriving += 1
            size += 1
        order[size] = row
        size += 1
    while arriving < major.size:
        order[size] = arriving
        arriving += 1
        size += 1
    return order[:size]
