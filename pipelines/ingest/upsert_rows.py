"""Upsert rows by key: of equal keys the last received counts, field by field where a table says so.

Pure functions over Arrow tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.types import Bool, Int64

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class KeyedRecords:
    """Checked records in the order received.

    Attributes:
        rows: with the columns of the table.
        given: by column, bool[n], whether each record sets it. A column that is not named is set by all.
    """

    rows: pa.Table
    given: dict[str, Bool]

    @classmethod
    def concat(cls, parts: Sequence["KeyedRecords"], schema: pa.Schema) -> "KeyedRecords":
        """Join records of several files, which may set different columns."""
        rows = pa.concat_tables([schema.empty_table(), *(part.rows for part in parts)])
        names = sorted({name for part in parts for name in part.given})
        given = {name: np.concatenate([part.is_given(name) for part in parts]) for name in names}
        return cls(rows, given)

    def is_given(self, name: str) -> Bool:
        """Tell which records set a column, bool[n]."""
        given = self.given.get(name)
        return np.ones(self.rows.num_rows, np.bool_) if given is None else given


@dataclass(frozen=True)
class Folded:
    """KeyedRecords merged into the rows of a table.

    Attributes:
        rows: the rows that change, as they will be; in no particular order.
        accepted: how many records say something new of their key.
        duplicate: how many repeat what stands for their key at that moment.
    """

    rows: pa.Table
    accepted: int
    duplicate: int


def fold(current: pa.Table, records: KeyedRecords, key: str, earliest: Sequence[str] = ()) -> Folded:
    """Merge records into a table one after the other.

    A column that a record does not set keeps its value. `earliest` columns
    hold the earliest value since they were last emptied.

    Args:
        current: the table; its keys are distinct.
        records: with the same columns.
        key: the column that identifies a row; every record sets it.
        earliest: columns of instants.
    """
    # Only rows of keys that the records name can change.
    known = pc.is_in(current[key], records.rows[key].combine_chunks())
    before = current.filter(known).select(records.rows.column_names).cast(records.rows.schema)
    rows = pa.concat_tables([before, records.rows]).combine_chunks()
    codes = _codes(rows[key])

    # By key, and within it the row of the table first, then the records as they came.
    order = np.argsort(codes, kind="stable")
    is_first = np.append(True, codes[order][1:] != codes[order][:-1])[: order.size]
    # A record repeats when the merged row is after it what it was before, in every column.
    repeats = ~is_first
    merged: dict[str, pa.ChunkedArray] = {}
    for name in rows.column_names:
        # A row of the table sets all of its columns.
        given = np.concatenate([np.ones(before.num_rows, np.bool_), records.is_given(name)])[order]
        column = rows[name].take(pa.array(order))
        if name in earliest:
            column = _earliest(column, given, is_first)
        else:
            column = column.take(pa.array(_last_given(given, is_first)))
        merged[name] = column
        state = _codes(column)
        repeats[1:] &= state[1:] == state[:-1]

    # What stands after the last record of a key is the row; it changes if any record was new.
    is_record = order >= before.num_rows
    # The slice keeps an empty array empty.
    is_last = np.append(is_first[1:], True)[: order.size]
    # Numbers the keys in this order: int64[n], of each row its key.
    group = np.cumsum(is_first) - 1
    changed = np.bincount(group, weights=is_record & ~repeats, minlength=int(is_first.sum())) > 0
    final = pa.table(merged, schema=rows.schema).take(pa.array(np.flatnonzero(is_last)[changed]))
    return Folded(final, int((is_record & ~repeats).sum()), int((is_record & repeats).sum()))


def contradictions(records: KeyedRecords, key: str) -> Int64:
    """Find records that set a column to another value than the record of the same key before them.

    Returns:
        int64[k, 2], the positions of the earlier and of the later record.
    """
    codes = _codes(records.rows[key])
    order = np.argsort(codes, kind="stable")
    # Neighbours in this order; pairs over the border of two keys drop out below.
    one, other = order[:-1], order[1:]
    differ = np.zeros(one.size, np.bool_)
    for name in records.rows.column_names:
        given, values = records.is_given(name), _codes(records.rows[name])
        differ |= given[one] & given[other] & (values[one] != values[other])
    differ &= codes[one] == codes[other]
    # Positions in the records as received, ordered by the later of the two.
    pairs: Int64 = np.stack([one[differ], other[differ]], axis=1)
    return pairs[np.argsort(pairs[:, 1], kind="stable")]


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """Number the distinct values of a column; -1 is null."""
    encoded: Any = column.combine_chunks().dictionary_encode()
    indices: npt.NDArray[np.int32] = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return indices


def _last_given(given: Bool, is_first: Bool) -> Int64:
    """Find, for each position, the last one of its own group up to it that gives the column."""
    # The first of a group counts in any case, or a value of the group before would be taken over.
    own = np.where(given | is_first, np.arange(given.size), 0)
    return np.maximum.accumulate(own) if own.size else own


def _earliest(column: pa.ChunkedArray, given: Bool, is_first: Bool) -> pa.ChunkedArray:
    """Compute the earliest instant at each position since its group began or emptied the column."""
    instants = column.cast(pa.int64()).fill_null(_NEVER).to_numpy()
    # A record that empties the column starts over: only instants after it count.
    is_reset = is_first | (given & (instants == _NEVER))
    is_event = is_reset | (instants != _NEVER)
    stands = instants.copy()
    earliest_us = _NEVER
    for position in np.flatnonzero(is_event).tolist():
        instant = int(instants[position])
        earliest_us = instant if is_reset[position] else min(earliest_us, instant)
        stands[position] = earliest_us
    # KeyedRecords that do not set the column take over what stands before them.
    event = np.maximum.accumulate(np.where(is_event, np.arange(stands.size), 0))
    stands = stands[event] if stands.size else stands
    return pa.chunked_array([pa.array(stands, mask=stands == _NEVER).cast(column.type)])
