"""Which intervals of targets and of sources lie beside each other."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.graph.tracing.stability.in_play import beside_each_other

FOR_EVER = 2**60
WANTED = np.uint64(0b1010)
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


def exposes(source, target, reach):
    venue, start, length, is_source, _ = source
    other, other_start, other_length, _, is_target = target
    overlaps = start < other_start + other_length and other_start < start + length + reach
    return is_source and is_target and venue == other and overlaps


def found_in(intervals, reach, *, is_thorough):
    venue, start, length, is_source, is_target = np.array(intervals, np.int64).reshape(-1, 5).T
    roles = is_source.astype(np.bool_), is_target.astype(np.uint64) * WANTED
    found, needed = beside_each_other(venue, start, start + length, reach, *roles, is_thorough=is_thorough)
    assert (needed & WANTED == WANTED).all()
    if not is_thorough:
        assert (needed == WANTED).all()
    assert np.lexsort((start[found], venue[found])).tolist() == list(range(found.size))
    return sorted(found.tolist())


@settings(deadline=None)
@given(INTERVALS, st.sampled_from([0, 2, FOR_EVER]))
def test_it_says_what_all_pairs_say_however_long_the_intervals_are(intervals, reach):
    rows = range(len(intervals))

    def is_beside(row):
        others = [intervals[other] for other in rows if other != row]
        own = intervals[row]
        return any(exposes(own, other, reach) or exposes(other, own, reach) for other in others)

    assert found_in(intervals, reach, is_thorough=True) == [row for row in rows if is_beside(row)]


@settings(deadline=None)
@given(INTERVALS, st.sampled_from([0, 2, FOR_EVER]))
def test_a_look_at_few_finds_each_target_with_a_source_and_no_source_in_vain(intervals, reach):
    found = found_in(intervals, reach, is_thorough=False)
    assert set(found) <= set(found_in(intervals, reach, is_thorough=True))
    for row, own in enumerate(intervals):
        others = [other for other in found if other != row]
        beside = [other for other, one in enumerate(intervals) if other != row and exposes(one, own, reach)]
        assert bool(set(beside) & set(others)) == bool(beside)
        assert row in found or not beside


@settings(deadline=None)
@given(
    INTERVALS, st.lists(st.integers(1, 2**20), min_size=12, max_size=12), st.sampled_from([0, 2, FOR_EVER])
)
def test_a_source_is_needed_in_the_draws_of_targets_at_its_venue_and_of_all_beside_it(
    intervals, draws, reach
):
    venue, start, length, is_source, is_target = np.array(intervals, np.int64).reshape(-1, 5).T
    wanted = (is_target * np.array(draws)[: is_target.size]).astype(np.uint64)
    roles = is_source.astype(np.bool_), wanted
    found, masks = beside_each_other(venue, start, start + length, reach, *roles, is_thorough=True)
    for row, needed in zip(found.tolist(), masks.tolist(), strict=True):
        beside = [
            int(wanted[other])
            for other in range(len(intervals))
            if other != row and exposes(intervals[row], intervals[other], reach)
        ]
        there = np.bitwise_or.reduce(wanted[venue == venue[row]])
        assert needed & ~int(there) == 0
        assert all(one & ~needed == 0 for one in beside)
        if not is_source[row]:
            assert needed == wanted[row]
