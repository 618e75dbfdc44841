"""Which intervals overlap one of others with the same id."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.graph.tracing.stability.in_play import overlaps_any

FOR_EVER = 2**60
INTERVALS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 20), st.one_of(st.integers(1, 9), st.just(FOR_EVER))),
    max_size=12,
)


def columns(intervals):
    ids, start, length = np.array(intervals, np.int64).reshape(-1, 3).T
    return ids, start, start + length


@settings(deadline=None)
@given(INTERVALS, INTERVALS)
def test_it_says_what_all_pairs_say_however_long_the_intervals_are(some, others):
    expected = [
        any(one[0] == other[0] and one[1] < sum(other[1:]) and other[1] < sum(one[1:]) for other in others)
        for one in some
    ]
    assert overlaps_any(*columns(some), *columns(others)).tolist() == expected
