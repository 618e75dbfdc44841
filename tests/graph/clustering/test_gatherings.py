"""Gatherings of cases, drawn, and against a walk through time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.graph.clustering.case_stays import CaseStays
from pipelines.graph.clustering.gatherings import gatherings


def stays_from(rows):
    """Rows (person, venue, enter, exit) as stays; the case is the row."""
    table = np.array(rows, np.int64).reshape(-1, 4)
    return CaseStays(np.arange(len(rows)), *(table[:, column].copy() for column in range(4)))


def found(rows, within):
    return list(zip(*(column.tolist() for column in gatherings(stays_from(rows), within)), strict=True))


def test_stays_that_overlap_or_follow_within_the_time_gather():
    rows = [(1, 7, 0, 10), (2, 7, 5, 30), (3, 7, 32, 40), (4, 7, 43, 50), (5, 7, 60, 70), (5, 7, 71, 80)]
    assert found(rows, 2) == [(7, 0, 40, 3)]
    assert found(rows, 3) == [(7, 0, 50, 4)]
    assert found(rows, 0) == [(7, 0, 30, 2)]


def test_touching_stays_gather_and_a_stay_inside_another_does_not_end_it():
    assert found([(1, 7, 0, 10), (2, 7, 10, 12)], 0) == [(7, 0, 12, 2)]
    assert found([(1, 7, 0, 100), (2, 7, 5, 6), (3, 7, 90, 120)], 0) == [(7, 0, 120, 3)]


def test_one_person_or_two_venues_do_not_make_a_gathering():
    assert found([(1, 7, 0, 10), (1, 7, 5, 30), (2, 8, 0, 30)], 100) == []
    assert found([], 5) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(-20, 20), st.integers(1, 8)), max_size=14
    ),
    st.integers(0, 6),
)
def test_gatherings_are_those_of_a_walk_through_time(drawn, within):
    rows = [(person, venue, enter, enter + length) for person, venue, enter, length in drawn]
    expected = []
    for venue in range(3):
        open_end, start, persons = None, None, set()
        for person, _, enter, leave in sorted(
            (row for row in rows if row[1] == venue), key=lambda row: row[2]
        ):
            if open_end is not None and enter - open_end > within:
                expected += [(venue, start, open_end, len(persons))] * (len(persons) > 1)
                open_end = None
            if open_end is None:
                start, persons, open_end = enter, set(), leave
            persons.add(person)
            open_end = max(open_end, leave)
        expected += [(venue, start, open_end, len(persons))] * (len(persons) > 1)
    assert found(rows, within) == expected
