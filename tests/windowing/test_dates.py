import numpy as np

from pipelines.windowing.dates import dates_touched, reaches_unread, within
from tests.windowing.worlds import BASE, DAY, HOUR

FIRST = BASE // DAY


def touched(enter_us, exit_us):
    rows, dates = dates_touched(np.array(enter_us), np.array(exit_us))
    return list(zip(rows.tolist(), (dates - FIRST).tolist(), strict=True))


def test_a_stay_touches_every_date_from_its_enter_to_its_exit():
    found = touched([BASE, BASE + 23 * HOUR], [BASE + HOUR, BASE + 50 * HOUR])
    assert found == [
        (0, 0),
        (1, 0),
        (1, 1),
        (1, 2),
    ]


def test_an_exit_at_midnight_touches_the_new_day_and_an_instant_before_does_not():
    assert touched([BASE], [BASE + DAY]) == [(0, 0), (0, 1)]
    assert touched([BASE], [BASE + DAY - 1]) == [(0, 0)]


def test_dates_before_the_epoch_are_counted_downwards():
    rows, dates = dates_touched(np.array([-1]), np.array([0]))
    assert (rows.tolist(), dates.tolist()) == ([0, 0], [-1, 0])


def test_the_dates_within_a_margin_of_several_centres_are_those_of_each():
    assert within(range(20), [3, 9], 1) == {2, 3, 4, 8, 9, 10}
    assert within([0, 5, 30], [5], 0) == {5}
    assert within(range(5), [], 3) == frozenset()


def doubtful(first, last, before, after, unread):
    columns = (np.array([BASE + instant]) for instant in (first, last, before, after))
    return bool(reaches_unread(*columns, np.array([FIRST + day for day in unread], np.int64))[0])


def test_a_stay_is_in_doubt_when_its_reach_meets_an_instant_of_an_unread_date():
    assert doubtful(HOUR, HOUR, -1, HOUR, [-1])
    assert not doubtful(HOUR, HOUR, 0, HOUR, [-1])
    assert doubtful(HOUR, HOUR, 0, DAY, [1])
    assert not doubtful(HOUR, HOUR, 0, DAY - 1, [1])


def test_unread_dates_beyond_the_nearest_count_where_the_reach_is_long():
    assert doubtful(HOUR, HOUR, -3 * DAY, HOUR, [-9, -3, 5])
    assert not doubtful(HOUR, HOUR, -2 * DAY, HOUR, [-9, -3, 5])
    assert doubtful(HOUR, 3 * DAY, 0, 5 * DAY, [-9, -3, 5])


def test_a_stay_over_an_unread_date_is_in_doubt():
    assert doubtful(HOUR, 3 * DAY, 0, 3 * DAY, [1])
    assert doubtful(HOUR, 3 * DAY, 0, 3 * DAY, [-5, 2, 9])
    assert not doubtful(HOUR, 3 * DAY, 0, 3 * DAY, [-5, 9])


def test_nothing_is_in_doubt_when_all_was_read():
    assert not doubtful(HOUR, HOUR, -99 * DAY, 99 * DAY, [])
