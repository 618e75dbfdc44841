"""The set of ids against Python's own."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.kernels.hash_set import IdSet

IDS = st.one_of(
    st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1), st.integers(0, 5).map(lambda number: number << 40)
)
COLUMNS = st.lists(st.lists(IDS, max_size=30), max_size=6)


def column(ids):
    return np.array(ids, np.int64)


@settings(deadline=None)
@given(st.lists(IDS, max_size=30), COLUMNS, st.lists(IDS, max_size=30))
def test_an_id_is_new_once_and_held_ever_after(first, columns, asked):
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
