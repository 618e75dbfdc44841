"""The distinct texts of a column, found without making an object of each."""

import os
from typing import Any

import numpy as np
from numba import njit

from pipelines.ingest.validate.text_column import Texts
from pipelines.kernels.byte_copy import SLACK, load_upto, move, same
from pipelines.kernels.compile import inlined
from pipelines.kernels.hash_table import fill, home_of, new_slots, next_slot
from pipelines.kernels.simd import folded_product
from pipelines.kernels.types import Int32, Int64, Spans, UInt8, UInt64, read_only

_SECRETS = np.frombuffer(os.urandom(16), np.uint64) | np.uint64(1)
"""Drawn anew by each process, so that nobody can prepare texts that collide. No result depends
on it: texts are compared byte by byte, and numbered as they come."""

_FEWEST_TEXTS = 1 << 9
_MARK, _PLACE = 0, 1
_COUNT, _END = 0, 1
_SIZE = 0xFFFF_FFFF


def distinct(column: Texts) -> tuple[Int32, Spans]:
    """Number the distinct texts of a column.

    Args:
        column: n texts.

    Returns:
        The number of each row's text, int32[n], -1 where it is absent, and the
        d distinct texts in the order of their first row, with `SLACK` bytes behind.
    """
    rows = column.start.size
    texts = np.empty(int(column.length.clip(0).sum(dtype=np.int64)) + SLACK, np.uint8)
    facts = np.empty((rows, 2), np.int64)
    ids = np.full(rows, -1, np.int32)
    slots = new_slots(_FEWEST_TEXTS)
    filled = np.zeros(2, np.int64)
    for buffer, base in column.buffers():
        where = (buffer, base, column.start, column.length)
        row = 0
        while (row := _number_texts(where, row, _SECRETS, texts, facts, slots, ids, filled)) < rows:
            slots = new_slots(2 * slots.size)
            fill(slots, facts[:, _MARK], filled[_COUNT])
    count, end = filled.tolist()
    place = facts[:count, _PLACE]
    spans = Spans(read_only(texts[: end + SLACK].copy()), place >> 32, (place & _SIZE).astype(np.int32))
    return ids, spans


@njit(cache=True, nogil=True)
def _number_texts(
    column: tuple[UInt8, int, Int64, Int32],
    first: int,
    secrets: UInt64,
    texts: UInt8,
    facts: Int64,
    slots: Int32,
    ids: Int32,
    filled: Int64,
) -> int:
    """Number the rows from `first` on that lie in a buffer.

    `column` is the buffer, the position of its first byte, starts and lengths; `texts` the
    distinct texts one behind the other; `facts` int64[distinct, 2] the hash of each and its
    start << 32 | its size; `slots` int32[power of two] their numbers by hash, -1 where free;
    `filled` their count and the end of `texts`.
    Returns n, or the row to go on with when there is a larger table.
    """
    buffer, base, start, length = column
    count, end = filled
    for row in range(first, start.size):
        at, size = start[row] - base, int(length[row])
        if size < 0 or not 0 <= at < buffer.size:
            continue
        mark = _mark(buffer, at, size, secrets[0], secrets[1])
        slot = _slot_of(buffer, at, size, mark, texts, facts, slots)
        known = int(slots[slot])
        if known < 0:
            if 2 * count >= slots.size:
                filled[_COUNT], filled[_END] = count, end
                return row
            known = count
            slots[slot] = count
            facts[count, _MARK] = mark
            facts[count, _PLACE] = end << 32 | size
            end = move(buffer, at, size, texts, end)
            count += 1
        ids[row] = known
    filled[_COUNT], filled[_END] = count, end
    return start.size


@inlined
def _slot_of(
    buffer: UInt8, at: int, size: int, mark: np.int64, texts: UInt8, facts: Int64, slots: Int32
) -> Any:
    """The slot that holds a text's number, or the free one where it belongs."""
    slot = home_of(slots, mark)
    known = slots[slot]
    while known >= 0 and not (
        facts[known, _MARK] == mark
        and facts[known, _PLACE] & _SIZE == size
        and same(buffer, at, texts, facts[known, _PLACE] >> 32, size)
    ):
        slot = next_slot(slots, slot)
        known = slots[slot]
    return slot


@inlined
def _mark(data: UInt8, at: int, size: int, factor: np.uint64, seed: np.uint64) -> np.int64:
    """A keyed hash of a text."""
    mark = seed + np.uint64(size)
    index = 0
    while index < size:
        mark = folded_product(mark ^ load_upto(data, at + index, size - index), factor)
        index += 8
    return np.int64(mark)
