"""The infectious window, drawn as days: the case's course in, the window out."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import DataError
from pipelines.graph.infectious_window import (
    CaseTimes,
    Window,
    anchor_us,
    infectious_window,
    local_midnight_us,
    outside_validity,
    source_window,
)
from pipelines.times import DAY_US, parse_instant
from schemas.rules import Chain, Contact, Infectious, Rule, load_rule

COURSES = """
    onset  sample  isolated | before_onset  before_sample  after | from  to
       10      12        13 |            2              1     -  |    8  13
       10      12         - |            2              1     -  |    8  30
       10      12         - |            2              1    13  |    8  23
        -      12         - |            2              1    13  |   11  25
       10      12        24 |            2              1    13  |    8  23
       10      12        22 |            2              1    13  |    8  22
       10       -        40 |            0              0     -  |   10  30
       10      12        10 |            3              3    14  |    7  10
       10      12        07 |            3              3    14  |    7   7
       10      12        05 |            3              3    14  |    7   5
       29       -         - |            0              9    13  |   29  30
       10       -         - |          0.5              0   1.5  |  9.5  11.5
"""


def days(text):
    return None if text == "-" else round(float(text) * DAY_US)


def courses():
    for line in COURSES.strip().splitlines()[1:]:
        yield [days(word) for word in line.replace("|", " ").split()]


@pytest.mark.parametrize("course", list(courses()))
def test_the_window_of_a_case_whose_lake_reaches_to_day_30(course):
    onset, sample, isolated, before_onset, before_sample, after, start, end = course
    infectious = Infectious(
        before_onset / DAY_US, before_sample / DAY_US, None if after is None else after / DAY_US
    )
    window = infectious_window(CaseTimes(onset, sample, isolated), infectious, 30 * DAY_US)
    assert window == Window(start, end)


def test_a_case_with_neither_onset_nor_sample_has_no_window():
    with pytest.raises(DataError, match="neither onset nor sample"):
        infectious_window(CaseTimes(isolated_us=5), Infectious(), 10)


def test_a_stay_meets_a_window_when_they_share_an_instant():
    window = Window(10, 20)
    assert window.meets(0, 11)
    assert window.meets(19, 30)
    assert window.meets(12, 13)
    assert window.meets(0, 100)


def test_a_stay_that_touches_a_window_does_not_meet_it():
    assert not Window(10, 20).meets(0, 10)
    assert not Window(10, 20).meets(20, 30)


def test_an_empty_window_meets_no_stay():
    assert Window(10, 10).empty
    assert not Window(10, 10).meets(0, 100)
    assert not Window(10, 5).meets(0, 100)


def test_a_case_may_have_been_infected_from_back_days_before_until_it_is_infectious():
    infectious = Infectious(days_before_onset=2, days_before_sample=3, days_after=1)
    course = CaseTimes(20 * DAY_US, 25 * DAY_US, 1 * DAY_US)
    assert source_window(course, infectious, 14) == Window(6 * DAY_US, 18 * DAY_US)
    assert source_window(CaseTimes(None, 25 * DAY_US), infectious, 14) == Window(11 * DAY_US, 22 * DAY_US)
    assert source_window(course, infectious, 2).empty
    with pytest.raises(DataError, match="neither onset nor sample"):
        source_window(CaseTimes(), infectious, 14)


@given(
    onset=st.none() | st.integers(0, 100),
    sample=st.integers(0, 100),
    isolated=st.none() | st.integers(0, 100),
    until=st.integers(0, 100),
)
def test_a_window_never_reaches_past_isolation_or_the_lake(onset, sample, isolated, until):
    times = CaseTimes(onset, sample, isolated)
    window = infectious_window(times, Infectious(2, 3, 10), until)
    assert window.start_us <= anchor_us(times)
    assert window.end_us <= until
    assert isolated is None or window.end_us <= isolated


def test_a_number_of_days_beyond_all_measure_still_fits_64_bits():
    window = infectious_window(CaseTimes(onset_us=0), Infectious(1e300, 1e300, 1e300), 5)
    assert -(2**63) < window.start_us < 0
    assert window.end_us == 5


def rule(valid_from, valid_to=None):
    return Rule("r-1", "", "", valid_from, valid_to, (), Infectious(), Contact(), Chain(), ())


@pytest.mark.parametrize(
    ("onset", "said"),
    [
        ("2020-12-31T23:59:59+07:00", "older than rule r-1, which is valid from 2021-01-01"),
        ("2021-01-01", None),
        ("2021-06-30T23:59:59+07:00", None),
        ("2021-07-01", "newer than rule r-1, which is valid to 2021-06-30"),
    ],
)
def test_a_case_outside_the_days_of_a_rule_gets_a_line(onset, said):
    times = CaseTimes(onset_us=parse_instant(onset))
    line = outside_validity(times, rule(dt.date(2021, 1, 1), dt.date(2021, 6, 30)))
    assert line == (said and f"the case is {said}")


def test_a_rule_without_an_end_holds_for_ever():
    assert outside_validity(CaseTimes(sampled_us=2**62), rule(dt.date(2021, 1, 1))) is None


def test_the_default_rule_begins_two_days_before_the_onset():
    window = infectious_window(
        CaseTimes(onset_us=parse_instant("2021-07-10")),
        load_rule("who-2020-12").infectious,
        parse_instant("2022-01-01"),
    )
    assert window == Window(parse_instant("2021-07-08"), parse_instant("2021-07-23"))


@pytest.mark.parametrize(
    "instant", ["2021-07-10T00:00:00+07:00", "2021-07-10T08:31:34.5+07:00", "2021-07-10T16:59:59.999999Z"]
)
def test_a_local_day_begins_at_its_midnight(instant):
    assert local_midnight_us(parse_instant(instant)) == parse_instant("2021-07-10")
