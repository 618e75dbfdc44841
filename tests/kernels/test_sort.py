import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.kernels.sort import (
    as_unsigned,
    dense_rank,
    grown,
    order_by,
    order_by_key,
    order_of,
    part_of,
    part_of_group,
    parts_for,
)

INT64 = st.integers(-(2**63), 2**63 - 1)
FEW = st.integers(-2, 2)


def int64(values):
    return np.array(values, np.int64)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(INT64, FEW), max_size=30))
def test_ranks_number_the_distinct_values_in_ascending_order(values):
    ranks, distinct = dense_rank(int64(values))
    assert distinct.tolist() == sorted(set(values))
    assert distinct[ranks].tolist() == values


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 5000])
@pytest.mark.parametrize("spread", [1, 3, 2**11, 2**40, 2**63])
def test_keys_are_sorted_and_equal_ones_keep_their_order(size, spread):
    keys = np.random.default_rng(size).integers(-spread, spread, size)
    assert (order_of(keys) == np.argsort(keys, kind="stable")).all()


@pytest.mark.parametrize("size", [0, 1, 1023, 5000])
def test_rows_are_sorted_by_each_key_in_turn_and_equal_rows_keep_their_order(size):
    dice = np.random.default_rng(size)
    keys = [
        dice.integers(-3, 3, size),
        dice.integers(-(2**63), 2**63 - 1, size) >> 62,
        dice.integers(0, 5, size),
    ]
    assert (order_of(*keys) == np.lexsort(keys[::-1])).all()


def test_extremes_of_the_range_are_sorted():
    keys = np.tile(int64([2**63 - 1, -(2**63), 0, -1]), 500)
    assert (order_of(keys) == np.argsort(keys, kind="stable")).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.one_of(FEW, INT64), st.one_of(FEW, INT64), FEW, FEW), max_size=30))
def test_rows_are_ordered_by_all_four_columns(rows):
    major, minor, high, low = (int64([row[column] for row in rows]) for column in range(4))
    order = order_by(major, minor, as_unsigned(high), as_unsigned(low))
    assert [rows[row] for row in order] == sorted(rows)


def test_a_tie_of_many_rows_is_ordered_too():
    ties = np.random.default_rng(1).integers(0, 2**64, 3000, dtype=np.uint64)
    order = order_by_key(np.zeros(3000, np.int64), ties, ties)
    assert (np.diff(ties[order].astype(object)) >= 0).all()


def test_parts_are_ranges_of_the_ids_as_unsigned_numbers():
    ids = int64([0, 2**62, 2**63 - 1, -(2**63), -1])
    assert part_of(ids, 1).tolist() == [0] * 5
    assert part_of(ids, 2).tolist() == [0, 0, 0, 1, 1]
    assert part_of(ids, 4).tolist() == [0, 1, 1, 2, 3]


@given(
    st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-3, 3))),
    st.dictionaries(st.integers(-5, 5), st.sampled_from([1, 2, 4, 8])),
)
def test_each_id_lies_in_the_part_that_it_has_among_those_of_its_group(rows, parts):
    ids, groups = int64([one for one, _ in rows]), int64([group for _, group in rows])
    expected = [int(part_of(int64([one]), parts.get(group, 1))[0]) for one, group in rows]
    assert part_of_group(ids, groups, parts).tolist() == expected


@pytest.mark.parametrize(("rows", "parts"), [(0, 1), (10, 1), (11, 2), (20, 2), (21, 4), (41, 8)])
def test_parts_are_a_power_of_two_with_a_bounded_number_of_rows(rows, parts):
    assert parts_for(rows, 10) == parts


@given(st.integers(0, 1 << 40), st.integers(0, 1 << 40))
def test_parts_of_a_large_total_grow_as_their_number_does(one, other):
    less, more = sorted((one, other))
    assert grown(100, less, 1 << 20) <= grown(100, more, 1 << 20)
    assert grown(100, min(more, 1 << 20), 1 << 20) == 100
    assert grown(100, 4 * max(more, 1 << 20), 1 << 20) >= 2 * grown(100, max(more, 1 << 20), 1 << 20)
