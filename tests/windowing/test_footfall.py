from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.windowing.footfall import WINDOW_US, footfall
from tests.windowing import worlds
from tests.windowing.reference import Stay, Window, footfall_of, stays_of

START = worlds.BASE + worlds.DAY
STOP = START + worlds.DAY
WIDE = (worlds.BASE - 10 * worlds.DAY, worlds.BASE + 30 * worlds.DAY)


def counted(stays, start_us=WIDE[0], stop_us=WIDE[1], window_us=WINDOW_US):
    columns = (
        np.array([getattr(stay, name) for stay in stays], np.int64)
        for name in ("person", "venue", "enter_us", "exit_us")
    )
    found = footfall(*columns, start_us, stop_us, window_us)
    columns = (column.tolist() for column in vars(found).values())
    return [Window(*row) for row in zip(*columns, strict=True)]


def stay(person, enter_us, exit_us, venue=0):
    return Stay(person, venue, None, enter_us, exit_us, "scanned", "scanned", exit_us, 2, person)


def minutes(number):
    return START + number * worlds.MINUTE


@st.composite
def overlapping(draw):
    """Return any stays, those of one person at one venue overlapping and touching, over several days."""
    nudges = st.sampled_from([0, 1, 999_999, 1_000_000, 14 * worlds.MINUTE, WINDOW_US, worlds.DAY])
    stays = []
    for _ in range(draw(st.integers(1, 10))):
        enter_us = START + draw(st.integers(-120, 120)) * WINDOW_US + draw(nudges)
        length_us = 1_000_000 + draw(nudges) + draw(nudges)
        stays.append(stay(draw(st.integers(-1, 1)), enter_us, enter_us + length_us, draw(st.integers(0, 1))))
    return stays


@settings(max_examples=200, deadline=None)
@given(overlapping())
def test_every_window_is_as_the_definitions_say(stays):
    windows = counted(stays)
    assert windows == sorted(footfall_of(stays, WINDOW_US), key=lambda row: (row.venue, row.start_us))


@settings(max_examples=100, deadline=None)
@given(overlapping())
def test_a_day_holds_its_own_windows_whatever_reaches_into_it(stays):
    inside = {row for row in footfall_of(stays, WINDOW_US) if START <= row.start_us < STOP}
    assert set(counted(stays, START, STOP)) == inside


@settings(max_examples=100, deadline=None)
@given(worlds.scans())
def test_the_stays_of_scans_are_counted_as_the_definitions_say(scans):
    stays = stays_of(scans, worlds.DWELL, worlds.MAX_STAY)
    assert set(counted(stays)) == footfall_of(stays, WINDOW_US)
    with mock.patch("pipelines.windowing.footfall._ROWS_AT_ONCE", 2):
        assert set(counted(stays)) == footfall_of(stays, WINDOW_US)


def test_another_length_of_window_is_counted_alike():
    stays = [stay(1, minutes(7), minutes(200)), stay(2, minutes(59), minutes(60))]
    for window_us in (worlds.MINUTE, worlds.HOUR, 6 * worlds.HOUR):
        assert set(counted(stays, window_us=window_us)) == footfall_of(stays, window_us)


def test_a_range_that_cuts_a_window_is_refused():
    with pytest.raises(ValueError, match="whole windows"):
        counted([stay(1, START, STOP)], START, STOP, 7 * worlds.MINUTE)


def test_an_exit_at_the_border_of_a_window_is_an_exit_of_the_next_where_nobody_is_present():
    rows = counted([stay(1, minutes(0), minutes(15))])
    assert [(row.start_us, row.entries, row.exits, row.people) for row in rows] == [
        (minutes(0), 1, 0, 1),
        (minutes(15), 0, 1, 0),
    ]
    assert (rows[1].peak, rows[1].person_seconds) == (0, 0)


def test_an_exit_at_midnight_belongs_to_the_new_day():
    assert [row.exits for row in counted([stay(1, minutes(-15), START)], START, STOP)] == [1]
    assert [row.exits for row in counted([stay(1, minutes(-15), START)], START - worlds.DAY, START)] == [0]


def test_one_who_comes_as_another_leaves_never_meets_him():
    assert [
        row.peak for row in counted([stay(1, minutes(0), minutes(5)), stay(2, minutes(5), minutes(9))])
    ] == [1]


def test_a_person_with_two_overlapping_stays_counts_once():
    rows = counted([stay(1, minutes(0), minutes(10)), stay(1, minutes(5), minutes(12))])
    assert [(row.entries, row.exits, row.people, row.peak, row.person_seconds) for row in rows] == [
        (2, 2, 1, 1, 720)
    ]


def test_seconds_are_cut_after_the_sum():
    half_us = 1_500_000
    stays = [stay(1, START, START + half_us), stay(2, START, START + half_us)]
    assert [row.person_seconds for row in counted(stays)] == [3]


def test_no_stays_make_no_windows():
    assert counted([]) == []


def test_a_hundred_thousand_people_at_one_place_for_days_are_counted():
    random = np.random.default_rng(3)
    size = 100_000
    enter_us = START + random.integers(-3 * worlds.DAY, worlds.DAY, size)
    columns = (np.arange(size), np.zeros(size, np.int64), enter_us, enter_us + 2 * worlds.DAY)
    found = footfall(*columns, START, STOP)
    assert found.people[0] == ((enter_us < START + WINDOW_US) & (enter_us + 2 * worlds.DAY > START)).sum()
