"""Number the distinct texts of a column without making a Python object of each.

A hash table with open addressing (linear probing, at most half full) over the bytes.
"""

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
"""The key of the hash, drawn by each process so that nobody can craft texts that collide. No result
depends on it: texts are compared byte by byte and numbered in the order of their first row."""

_FEWEST_TEXTS = 1 << 9
# Columns of `facts`; then the places in `filled`, and the lower half of a packed place.
_HASH, _PLACE = 0, 1
_COUNT, _END = 0, 1
_SIZE = 0xFFFF_FFFF


def distinct(column: Texts) -> tuple[Int32, Spans]:
    """Number the distinct texts of a column.

    Args:
        column: n texts.

    Returns:
        The number of each row's text, int32[n], -1 where it is absent, and the
        d distinct texts in the order of their first row, followed by `SLACK` bytes.
    """
    rows = column.start.size
    # Room for the case that all texts differ; what is used of it is copied in the end.
    texts = np.empty(int(column.length.clip(0).sum(dtype=np.int64)) + SLACK, np.uint8)
    facts = np.empty((rows, 2), np.int64)
    ids = np.full(rows, -1, np.int32)
    slots = new_slots(_FEWEST_TEXTS)
    filled = np.zeros(2, np.int64)
    for buffer, base in column.buffers():
        where = (buffer, base, column.start, column.length)
        row = 0
        # The kernel stops at a row for which the table is too full, and goes on there with a larger one.
        while (row := _number_texts(where, row, _SECRETS, texts, facts, slots, ids, filled)) < rows:
            slots = new_slots(2 * slots.size)
            fill(slots, facts[:, _HASH], filled[_COUNT])
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

    Args:
        column: the buffer, the position of its first byte, starts and lengths.
        first: the first row to number.
        secrets: the key of the hash.
        texts: receives the distinct texts, one behind another.
        facts: int64[distinct, 2], receives the hash of each text and its start << 32 | size.
        slots: int32[power of two], the table: numbers of texts, -1 where free.
        ids: int32[n], receives the number of each row's text.
        filled: the number of texts, and where `texts` ends.

    Returns:
        n, or the row to continue with when the table is full and must grow.
    """
    buffer, base, start, length = column
    count, end = filled
    for row in range(first, start.size):
        at, size = start[row] - base, int(length[row])
        # Absent, or in the other buffer.
        if size < 0 or not 0 <= at < buffer.size:
            continue
        code = _hash(buffer, at, size, secrets[0], secrets[1])
        slot = _slot_of(buffer, at, size, code, texts, facts, slots)
        known = int(slots[slot])
        # A new text: it gets the next number, so numbers follow the order of first rows.
        if known < 0:
            # Nothing of the row is entered yet, so it is numbered after the table has grown.
            if 2 * count >= slots.size:
                filled[_COUNT], filled[_END] = count, end
                return row
            known = count
            slots[slot] = count
            facts[count, _HASH] = code
            # The sign bit limits positions to 2^31: a block holds some tens of megabytes.
            facts[count, _PLACE] = end << 32 | size
            end = move(buffer, at, size, texts, end)
            count += 1
        ids[row] = known
    filled[_COUNT], filled[_END] = count, end
    return start.size


@inlined
def _slot_of(
    buffer: UInt8, at: int, size: int, code: np.int64, texts: UInt8, facts: Int64, slots: Int32
) -> Any:
    """Return the slot that holds a text's number, or the free slot where it belongs."""
    slot = home_of(slots, code)
    known = slots[slot]
    # The hash rules out nearly all others before any bytes are compared.
    while known >= 0 and not (
        facts[known, _HASH] == code
        and facts[known, _PLACE] & _SIZE == size
        and same(buffer, at, texts, facts[known, _PLACE] >> 32, size)
    ):
        slot = next_slot(slots, slot)
        known = slots[slot]
    return slot


@inlined
def _hash(data: UInt8, at: int, size: int, factor: np.uint64, seed: np.uint64) -> np.int64:
    """Return a keyed hash of a text, eight bytes at a time."""
    # `load_upto` fills up with zeros: the size tells a text from one with zeros behind it.
    code = seed + np.uint64(size)
    index = 0
    while index < size:
        code = folded_product(code ^ load_upto(data, at + index, size - index), factor)
        index += 8
    return np.int64(code)
