"""Which intervals of targets and of sources lie beside each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.graph.tracing.stability.in_play import beside_each_other

FOR_EVER = 2**60
INTERVALS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 20),
        st.one_of(st.integers(1, 9), st.just(FOR_EVER)),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)


@settings(deadline=None)
@given(INTERVALS, st.sampled_from([0, 2, FOR_EVER]))
def test_it_says_what_all_pairs_say_however_long_the_intervals_are(intervals, reach):
    def exposes(source, target):
        venue, start, length, is_source, _ = intervals[source]
        other, other_start, other_length, _, is_target = intervals[target]
        overlaps = start < other_start + other_length and other_start < start + length + reach
        return source != target and is_source and is_target and venue == other and overlaps

    rows = range(len(intervals))
    expected = [row for row in rows if any(exposes(row, other) or exposes(other, row) for other in rows)]
    venue, start, length, *roles = np.array(intervals, np.int64).reshape(-1, 5).T
    found = beside_each_other(venue, start, start + length, reach, *(role.astype(np.bool_) for role in roles))
    assert sorted(found.tolist()) == expected
    assert np.lexsort((start[found], venue[found])).tolist() == pytest.approx(range(found.size))
