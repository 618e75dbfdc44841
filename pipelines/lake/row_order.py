"""The order of rows in a data file, ties included: the same set of rows is always the same file."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import STAY_ORDERS, Table

_TIES = {"venue": ("person", "stay_id"), "person": ("venue", "stay_id")}


def sort_columns(table: Table, partition: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns that a file's rows are sorted by; readers must not rely on the order of ties."""
    return STAY_ORDERS[partition["by"]] if "by" in partition else table.sorted_by


def in_order(table: Table, partition: Mapping[str, str], rows: pa.Table) -> pa.Table:
    """Sort rows in the order of the table, ties by the other columns that tell rows apart.

    Args:
        table: which table.
        partition: of the file.
        rows: schema `table.file_schema`.
    """
    columns = sort_columns(table, partition)
    if "by" in partition:
        columns += _TIES[partition["by"]]
    else:
        columns += tuple(name for name in rows.column_names if name not in columns)
    return rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in columns]))


def is_in_order(rows: pa.Table, columns: tuple[str, ...]) -> bool:
    """Return whether rows ascend by `columns`, the most significant first."""
    if rows.num_rows < 2:
        return True
    # bool[n - 1]: neighbours equal in all columns so far; only these are compared in the next one.
    open_ties = np.ones(rows.num_rows - 1, bool)
    for name in columns:
        for key in sort_keys(rows[name]):
            if (key[:-1][open_ties] > key[1:][open_ties]).any():
                return False
            open_ties &= key[:-1] == key[1:]
            if not open_ties.any():
                return True
    return True


def sort_keys(column: pa.ChunkedArray) -> list[npt.NDArray[Any]]:
    """Return numbers that order like the values of a column without nulls, the most significant first."""
    kind = column.type
    if pa.types.is_integer(kind):
        return [column.to_numpy()]
    if pa.types.is_timestamp(kind):
        return [column.cast(pa.int64()).to_numpy()]
    lengths = pc.min_max(pc.binary_length(column)).as_py() if pa.types.is_binary(kind) else {}
    if lengths.get("min") == lengths.get("max") == 16:  # event keys: two numbers each sort faster than bytes
        high, low = words(column)
        return [high, low]
    # Dense ranks order like the values, and equal values have equal ranks.
    return [pc.rank(column.combine_chunks(), tiebreaker="dense").to_numpy()]


def words(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Split values of 16 bytes into two numbers, uint64[n] each, that order like the bytes."""
    # Read as big-endian words, which order like the bytes.
    fixed = column.cast(pa.binary(16)).combine_chunks()
    raw = np.frombuffer(fixed.buffers()[1], ">u8", count=2 * (fixed.offset + len(fixed)))
    # A sliced array keeps the whole buffer; skip its offset, which counts values.
    pairs = raw.reshape(-1, 2)[fixed.offset :].astype(np.uint64)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
