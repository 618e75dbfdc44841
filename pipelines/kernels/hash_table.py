"""The one open-addressing hash table that kernels share: keys to numbers, probed linearly.

A table is an array of slots, a power of two of them and at most half of them
taken. A slot holds a number, or FREE; the key of number `i` lies in an array
of the caller at position `i`. So a table stores no keys of its own, and keys
may be wider than one integer: such a caller probes with `home_of` and
`next_slot`, and compares by itself.

Keys are mixed before they choose a slot, so that small numbers and ranks
spread as well as tokens do. The order of slots never shows in a result:
numbers are given in the order in which keys are met.
"""

from typing import Any

import numpy as np
from numba import njit

from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import Bool, Int32, Int64

FREE = -1
"""What a slot holds that no key has taken."""

_FEWEST_SLOTS = 16  # also of an empty table, in which a search must end
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd: Knuth's multiplicative hashing


def new_slots(keys: int) -> Int32:
    """Return free slots for up to `keys` keys."""
    return np.full(slots_for(keys), FREE, np.int32)


@njit(cache=True, nogil=True)
def slots_for(keys: int) -> int:
    """Return how many slots to make: a power of two that `keys` keys fill by half at most."""
    slots = _FEWEST_SLOTS
    while slots < 2 * keys:
        slots *= 2
    return slots


@inlined
def mixed(key: int | np.int64) -> Any:
    """Mix the key into a uint64 whose low bits depend on all of its bits."""
    # Wraps modulo 2^64, as multiplicative hashing wants it.
    product = np.uint64(key) * _GOLDEN
    # The product's high bits are the good ones, and the mask of `home_of` takes the low ones.
    return product ^ (product >> np.uint64(32))


@inlined
def home_of(slots: Int32, key: int | np.int64) -> Any:
    """Return the slot in which a search starts, unsigned: numba tests signed indices for negative ones."""
    # The size is a power of two, so a mask takes the remainder.
    return mixed(key) & np.uint64(slots.size - 1)


@inlined
def next_slot(slots: Int32, slot: Any) -> Any:
    """Return the slot that is probed after `slot`."""
    return (slot + np.uint64(1)) & np.uint64(slots.size - 1)


@inlined
def slot_of(slots: Int32, keys: Int64, key: int) -> Any:
    """Find the slot that holds the number of a key, or the free one that it would take.

    Args:
        slots: int32[2^k], with a free one among them, or the search does not end.
        keys: int64[n], the key of each number.
        key: the key.
    """
    slot = home_of(slots, key)
    # Slots are never freed, so the first free one ends the search.
    while slots[slot] >= 0 and keys[slots[slot]] != key:
        slot = next_slot(slots, slot)
    return slot


@helper
def fill(slots: Int32, keys: Int64, count: int) -> None:
    """Enter the numbers 0 to `count` - 1 into free slots; equal keys each take one, in their order."""
    for number in range(count):
        slot = home_of(slots, keys[number])
        while slots[slot] >= 0:
            slot = next_slot(slots, slot)
        slots[slot] = number


@njit(cache=True, nogil=True)
def number_distinct(keys: Int64) -> tuple[Int64, Int64]:
    """Number the distinct keys in the order of their first row.

    Arrow's `dictionary_encode` does the same in 2.6 to 8 times the time.

    Args:
        keys: int64[n].

    Returns:
        the number of each row, int64[n], and the distinct keys, int64[d].
    """
    # As large as all keys might need, so that nothing is entered twice.
    slots = np.full(slots_for(keys.size), FREE, np.int32)
    numbers, distinct = np.empty(keys.size, np.int64), np.empty(keys.size, np.int64)
    count = 0
    for row in range(keys.size):
        slot = slot_of(slots, distinct, keys[row])
        if slots[slot] < 0:
            slots[slot] = count
            distinct[count] = keys[row]
            count += 1
        numbers[row] = slots[slot]
    return numbers, distinct[:count]


class IdSet:
    """A growing set of int64 ids, asked a column at a time.

    Example:
        >>> ids = IdSet(np.array([7, 9]))
        >>> ids.add(np.array([9, 4, 4, 0])).tolist()
        [1, 3]
        >>> ids.holds(np.array([0, 5])).tolist()
        [True, False]
    """

    def __init__(self, ids: Int64) -> None:
        """Begin with `ids`, int64[n], in any order; any of them may stand there again."""
        # `_ids[: _count]` are the ids held; the room behind them is for those to come.
        self._slots, self._ids, self._count = new_slots(0), np.empty(0, np.int64), 0
        self.add(ids)

    def add(self, ids: Int64) -> Int64:
        """Add `ids`, int64[n], and return the positions of those that were not held before, ascending."""
        if self._count + ids.size > self._ids.size:
            self._grow(self._count + ids.size)
        # `_ids` has room for half as many ids as there are slots, so the table is at most half full.
        fresh = _add(ids, self._slots, self._ids, self._count)
        self._count += fresh.size
        return fresh

    def holds(self, ids: Int64) -> Bool:
        """Tell which of `ids`, int64[n], are held."""
        return _holds(ids, self._slots, self._ids)

    def _grow(self, ids: int) -> None:
        held = self._ids[: self._count]
        # A slot depends on the size of the table, so all ids are entered again.
        self._slots = new_slots(ids)
        self._ids = np.empty(self._slots.size // 2, np.int64)  # slots double, so adds are linear in all
        self._ids[: self._count] = held
        fill(self._slots, self._ids, self._count)


@njit(cache=True, nogil=True)
def _add(ids: Int64, slots: Int32, held: Int64, count: int) -> Int64:
    fresh = np.empty(ids.size, np.int64)
    added = 0
    for row in range(ids.size):
        slot = slot_of(slots, held, ids[row])
        if slots[slot] < 0:
            slots[slot] = count + added
            held[count + added] = ids[row]
            fresh[added] = row
            added += 1
    return fresh[:added]


@njit(cache=True, nogil=True)
def _holds(ids: Int64, slots: Int32, held: Int64) -> Bool:
    found = np.empty(ids.size, np.bool_)
    for row in range(ids.size):
        found[row] = slots[slot_of(slots, held, ids[row])] >= 0
    return found
