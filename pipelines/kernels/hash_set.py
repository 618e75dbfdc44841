"""A set of ids that grows, looked up a column at a time."""

import numpy as np
import numpy.typing as npt
from numba import njit

from pipelines.kernels.compile import inlined
from pipelines.kernels.types import Int64

_FEWEST_SLOTS = 1 << 10
_FREE = 0  # an id of 0 is kept apart


class IdSet:
    """Distinct int64 ids in open slots; ids are hashes already, so their own bits choose the slot."""

    def __init__(self, ids: Int64) -> None:
        """Begin with `ids`, int64[n], in any order and any of them again."""
        self._slots = np.zeros(_FEWEST_SLOTS, np.int64)
        self._has_zero = np.zeros(1, np.bool_)
        self._count = 0
        self.add(ids)

    def add(self, ids: Int64) -> Int64:
        """Put `ids` in, int64[n]; the positions of those that were not there before, ascending."""
        needed = 2 * (self._count + ids.size)
        if needed > self._slots.size:
            self._slots = _grown(self._slots, 1 << needed.bit_length())
        fresh = _add(ids, self._slots, self._has_zero)
        self._count += fresh.size
        return fresh

    def holds(self, ids: Int64) -> npt.NDArray[np.bool_]:
        """Which of `ids`, int64[n], are in it."""
        return _holds(ids, self._slots, self._has_zero)


@inlined
def _slot_of(value: int, slots: Int64) -> int:
    """The slot that has the id, or the free one where it belongs."""
    slot = value & (slots.size - 1)
    while slots[slot] != _FREE and slots[slot] != value:
        slot = (slot + 1) & (slots.size - 1)
    return slot


@njit(cache=True, nogil=True)
def _add(ids: Int64, slots: Int64, has_zero: npt.NDArray[np.bool_]) -> Int64:
    fresh = np.empty(ids.size, np.int64)
    count = 0
    for row in range(ids.size):
        slot = _slot_of(ids[row], slots)
        if slots[slot] == ids[row] and (ids[row] != _FREE or has_zero[0]):
            continue
        if ids[row] == _FREE:
            has_zero[0] = True
        slots[slot] = ids[row]
        fresh[count] = row
        count += 1
    return fresh[:count]


@njit(cache=True, nogil=True)
def _holds(ids: Int64, slots: Int64, has_zero: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    found = np.empty(ids.size, np.bool_)
    for row in range(ids.size):
        found[row] = slots[_slot_of(ids[row], slots)] == ids[row] and (ids[row] != _FREE or has_zero[0])
    return found


@njit(cache=True, nogil=True)
def _grown(slots: Int64, size: int) -> Int64:
    """The same ids in `size` slots, a power of two."""
    grown = np.zeros(size, np.int64)
    for value in slots:
        if value != _FREE:
            grown[_slot_of(value, grown)] = value
    return grown
