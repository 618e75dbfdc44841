"""Instants and dates as flags and functions take them."""

import datetime as dt

import pytest

from pipelines.errors import UsageError
from pipelines.times import DAY_US, end_us, instant_us, parse_instant

MIDNIGHT_US = parse_instant("2021-06-30T17:00:00Z")  # the start of 1 July in Vietnam


@pytest.mark.parametrize("when", ["2021-07-01", " 2021-07-01 ", dt.date(2021, 7, 1)])
def test_a_date_alone_begins_at_its_local_midnight_and_ends_with_the_next(when):
    assert instant_us(when, "--from") == MIDNIGHT_US
    assert end_us(when, "--to") == MIDNIGHT_US + DAY_US


@pytest.mark.parametrize(
    "when",
    ["2021-07-01T00:00:00+07:00", dt.datetime(2021, 6, 30, 17, tzinfo=dt.UTC)],
)
def test_an_instant_is_the_same_as_a_beginning_and_as_an_end(when):
    assert instant_us(when, "--from") == end_us(when, "--to") == MIDNIGHT_US


def test_an_end_that_is_left_out_is_open():
    assert end_us(None, "--to") is None


@pytest.mark.parametrize("when", ["2021-07-32", "tomorrow", dt.datetime(2021, 7, 1)])
def test_an_invalid_end_is_an_error_that_names_the_flag(when):
    with pytest.raises(UsageError, match="--to"):
        end_us(when, "--to")
