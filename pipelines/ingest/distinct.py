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
on it: texts are compared byte by byte, and numbered in the order of their first row."""

_FEWEST_SLOTS = 1 << 8
_COUNT, _END = 0, 1


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
    ids = np.empty(start.size, np.int32)
    slots = np.full(_FEWEST_SLOTS, -1, np.int32)
    filled = np.zeros(2, np.int64)
    for row in range(start.size):
        size, at = length[row], start[row]
        if size < 0:
            ids[row] = -1
            continue
        if at < data.size:
            ids[row] = _number(data, at, size, texts, starts, lengths, marks, slots, filled, secrets)
        else:
            at -= data.size
            ids[row] = _number(side, at, size, texts, starts, lengths, marks, slots, filled, secrets)
        if 2 * filled[_COUNT] > slots.size:
            slots = _grown(slots, marks, filled[_COUNT])
    count, end = filled
    return ids, texts[: end + SLACK].copy(), starts[:count].copy(), lengths[:count].copy()


@njit(cache=True, nogil=True)
def _number(
    data: UInt8,
    at: int,
    size: int,
    texts: UInt8,
    starts: Int64,
    lengths: Int32,
    marks: UInt64,
    slots: Int32,
    filled: Int64,
    secrets: UInt64,
) -> int:
    """The number of a text, which is entered when it is new."""
    mark = secrets[1] + np.uint64(size)
    for index in range(0, size, 8):
        mark = folded_product(mark ^ load_upto(data, at + index, size - index), secrets[0])
    mask = slots.size - 1
    slot = np.int64(mark) & mask
    while slots[slot] >= 0:
        known = int(slots[slot])
        if marks[known] == mark and lengths[known] == size and same(data, at, texts, starts[known], size):
            return known
        slot = (slot + 1) & mask
    number = int(filled[_COUNT])
    slots[slot] = number
    marks[number] = mark
    starts[number] = filled[_END]
    lengths[number] = size
    filled[_END] = move(data, at, size, texts, filled[_END])
    filled[_COUNT] = number + 1
    return number


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
