"""The hash table against Python's own dict and set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from pipelines.kernels.hash_table import FREE, IdSet, fill, home_of, new_slots, next_slot, number_distinct

IDS = st.one_of(
    st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1), st.integers(0, 5).map(lambda number: number << 40)
)
COLUMNS = st.lists(st.lists(IDS, max_size=30), max_size=6)


def column(ids):
    return np.array(ids, np.int64)


@settings(deadline=None)
@given(st.lists(IDS, max_size=40))
def test_distinct_keys_are_numbered_as_a_dict_does(keys):
    numbers, distinct = number_distinct(column(keys))
    expected = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    assert numbers.tolist() == [expected[key] for key in keys]
    assert distinct.tolist() == list(expected)


@njit
def probed(slots, key):
    """Return the numbers that a probe for a key passes before it meets a free slot."""
    passed = []
    slot = home_of(slots, key)
    while slots[slot] >= 0:
        passed.append(slots[slot])
        slot = next_slot(slots, slot)
    return passed


@pytest.mark.parametrize("keys", [[5, 5, 5], [0, -1, 2**63 - 1, -(2**63)], [key << 40 for key in range(60)]])
def test_a_probe_passes_every_number_of_its_key_in_their_order(keys):
    slots = new_slots(len(keys))
    fill(slots, column(keys), len(keys))
    for key in keys:
        passed = [number for number in probed(slots, key) if keys[number] == key]
        assert passed == [number for number, other in enumerate(keys) if other == key]


@pytest.mark.parametrize("keys", [0, 1, 8, 9, 1000])
def test_a_table_is_a_power_of_two_of_free_slots_at_most_half_taken(keys):
    slots = new_slots(keys)
    assert slots.size >= 2 * keys
    assert slots.size & (slots.size - 1) == 0
    assert (slots == FREE).all()


@settings(deadline=None)
@given(st.lists(IDS, max_size=30), COLUMNS, st.lists(IDS, max_size=30))
def test_an_id_is_new_once_and_held_from_then_on(first, columns, asked):
    ids, known = IdSet(column(first)), set(first)
    for added in columns:
        expected = [row for row, value in enumerate(added) if value not in known | set(added[:row])]
        assert ids.add(column(added)).tolist() == expected
        known |= set(added)
    assert ids.holds(column(asked)).tolist() == [value in known for value in asked]


def test_a_set_that_grows_past_its_slots_keeps_what_it_had():
    many = np.random.default_rng(3).integers(-(2**63), 2**63 - 1, 20_000)
    ids = IdSet(many[:10])
    assert ids.add(many).size == many.size - 10
    assert ids.holds(many).all()
    assert not ids.holds(many + 1).any()
