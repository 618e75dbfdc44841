"""Rows in groups."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.kernels.group_by import changes, distinct_pairs, distinct_per_group, lists_of

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3)), max_size=20)


def columns(rows):
    table = np.array(rows, np.int64).reshape(-1, 2)
    return table[:, 0].copy(), table[:, 1].copy()


def test_a_row_changes_where_any_column_does():
    assert changes(np.array([5, 5, 5, 6]), np.array([1, 1, 2, 2])).tolist() == [True, False, True, True]
    assert changes(np.empty(0, np.int64)).tolist() == []


@given(pairs)
def test_distinct_pairs_are_a_sorted_set(rows):
    group, value = distinct_pairs(*columns(rows))
    assert list(zip(group.tolist(), value.tolist(), strict=True)) == sorted(set(rows))


@given(pairs)
def test_distinct_values_of_a_group_are_its_set(rows):
    counts = distinct_per_group(*columns(rows), 5)
    assert counts.tolist() == [len({value for group, value in rows if group == one}) for one in range(5)]


def test_lists_follow_the_groups_and_may_be_empty():
    made = lists_of(np.array([1, 1, 3]), pa.array(["a", "b", "c"]), 5)
    assert made.to_pylist() == [[], ["a", "b"], [], ["c"], []]
    assert lists_of(np.empty(0, np.int64), pa.array([], pa.string()), 0).to_pylist() == []
