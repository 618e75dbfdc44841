"""Distinct persons over stretches of days."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.graph.clustering.visitors import days_of, distinct_persons, visitors
from pipelines.privacy.keys import venue_id
from pipelines.times import DAY_US
from tests.lakes import at, new_lake, put_stays

STAYS = """
    person | venue | enter    | exit
    an     | cafe  | 1 23:00  | 2 01:00
    an     | cafe  | 2 08:00  | 2 09:00
    an     | shop  | 2 10:00  | 2 11:00
    binh   | shop  | 3 10:00  | 3 11:00
    binh   | shop  | 3 12:00  | 3 13:00
    chi    | cafe  | 4 10:00  | 4 11:00
"""


def test_days_are_those_that_an_interval_reaches_into():
    assert days_of(0, DAY_US) == (0, 1)
    assert days_of(DAY_US - 1, DAY_US + 1) == (0, 2)
    assert days_of(-1, 0) == (-1, 0)


def test_persons_are_counted_once_a_stretch_at_each_venue_and_at_any(tmp_path):
    lake = new_lake(tmp_path)
    put_stays(lake, STAYS)
    venue = np.sort(np.array([venue_id("cafe"), venue_id("shop"), 5]))
    first = at("1 00:00") // DAY_US
    stretches = [(first, first + 5), (first, first + 1), (first + 1, first + 3), (first + 9, first + 9)]
    there, anywhere = visitors(lake, venue, stretches)
    cafe, shop, nowhere = np.searchsorted(venue, [venue_id("cafe"), venue_id("shop"), 5])
    assert there[:, cafe].tolist() == [2, 1, 1, 0]
    assert there[:, shop].tolist() == [2, 0, 2, 0]
    assert there[:, nowhere].tolist() == [0, 0, 0, 0]
    assert anywhere.tolist() == [3, 1, 2, 0]


def test_without_venues_stretches_or_stays_there_is_nobody(tmp_path):
    lake = new_lake(tmp_path)
    there, anywhere = visitors(lake, np.empty(0, np.int64), [(0, 9)])
    assert there.shape == (1, 0)
    assert anywhere.tolist() == [0]
    there, anywhere = visitors(lake, np.array([5]), [])
    assert there.shape == (0, 1)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 6)), max_size=25),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 7)), max_size=4),
)
def test_counts_are_those_of_sets(rows, stretches):
    table = np.array(rows, np.int64).reshape(-1, 3)
    counts = distinct_persons(*(table[:, column].copy() for column in range(3)), 3, stretches)
    assert counts.tolist() == [
        [
            len({who for where, who, day in rows if where == group and first <= day < last})
            for group in range(3)
        ]
        for first, last in stretches
    ]
