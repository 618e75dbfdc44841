"""The distinct texts of a column, found without making an object of each."""

import os

import numpy as np
from numba import njit

from pipelines.arrays import Int64, UInt64
from pipelines.ingest.copying import SLACK, load_upto, move, same
from pipelines.ingest.machine import folded_product
from pipelines.ingest.spans import Int32, Spans, UInt8
from pipelines.ingest.texts import Texts, read_only

_SECRETS = np.frombuffer(os.urandom(16), np.uint64) | np.uint64(1)
"""Drawn anew by each process, so that nobody can prepare texts that collide. No result depends
on it: texts are compared byte by byte, and numbered as they come."""

_FEWEST_SLOTS = 1 << 8


def distinct(column: Texts) -> tuple[Int32, Spans]:
    """Number the distinct texts of a column.

    Args:
        column: n texts.

    Returns:
        The number of each row's text, int32[n], -1 where it is absent, and the
        d distinct texts in the order of their first row, with `SLACK` bytes behind.
    """
    ids, data, start, length = _distinct(column.data, column.side, column.start, column.length, _SECRETS)
    return ids, Spans(read_only(data), start, length)


@njit(cache=True, nogil=True)
def _distinct(
    data: UInt8, side: UInt8, start: Int64, length: Int32, secrets: UInt64
) -> tuple[Int32, UInt8, Int64, Int32]:
    room = SLACK
    for row in range(start.size):
        room += max(0, length[row])
    texts = np.empty(room, np.uint8)
    starts = np.empty(start.size, np.int64)
    lengths = np.empty(start.size, np.int32)
    marks = np.empty(start.size, np.uint64)
    ids = np.full(start.size, -1, np.int32)
    slots = np.full(_FEWEST_SLOTS, -1, np.int32)
    count, end, slots = _number_in(
        data, 0, start, length, texts, starts, lengths, marks, slots, ids, 0, 0, secrets
    )
    count, end, slots = _number_in(
        side, data.size, start, length, texts, starts, lengths, marks, slots, ids, count, end, secrets
    )
    return ids, texts[: end + SLACK].copy(), starts[:count].copy(), lengths[:count].copy()


@njit(cache=True, nogil=True)
def _number_in(
    buffer: UInt8,
    base: int,
    start: Int64,
    length: Int32,
    texts: UInt8,
    starts: Int64,
    lengths: Int32,
    marks: UInt64,
    slots: Int32,
    ids: Int32,
    count: int,
    end: int,
    secrets: UInt64,
) -> tuple[int, int, Int32]:
    """Number the rows that lie in a buffer whose positions count from `base` on."""
    for row in range(start.size):
        at, size = start[row] - base, length[row]
        if size < 0 or not 0 <= at < buffer.size:
            continue
        mark = _mark(buffer, at, size, secrets[0], secrets[1])
        mask = slots.size - 1
        slot = np.int64(mark) & mask
        known = slots[slot]
        while known >= 0:
            alike = marks[known] == mark and lengths[known] == size
            if alike and same(buffer, at, texts, starts[known], size):
                break
            slot = (slot + 1) & mask
            known = slots[slot]
        if known < 0:
            known = count
            slots[slot] = count
            marks[count] = mark
            starts[count] = end
            lengths[count] = size
            end = move(buffer, at, size, texts, end)
            count += 1
            if 2 * count > slots.size:
                slots = _grown(slots, marks, count)
        ids[row] = known
    return count, end, slots


@njit(cache=True, nogil=True, forceinline=True)
def _mark(data: UInt8, at: int, size: int, factor: np.uint64, seed: np.uint64) -> np.uint64:
    """A keyed hash of a text."""
    mark = seed + np.uint64(size)
    for index in range(0, size, 8):
        mark = folded_product(mark ^ load_upto(data, at + index, size - index), factor)
    return mark


@njit(cache=True, nogil=True)
def _grown(slots: Int32, marks: UInt64, count: int) -> Int32:
    """A table of four times the slots."""
    grown = np.full(4 * slots.size, -1, np.int32)
    mask = grown.size - 1
    for number in range(count):
        slot = np.int64(marks[number]) & mask
        while grown[slot] >= 0:
            slot = (slot + 1) & mask
        grown[slot] = number
    return grown
