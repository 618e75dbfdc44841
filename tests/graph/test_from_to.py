"""The span between two times: dates are whole days, and the wrong order is refused."""

import datetime as dt

import pytest

from pipelines.errors import UsageError
from pipelines.graph.from_to import span_between
from pipelines.times import DAY_US, HOUR_US, parse_instant

FIRST_US = parse_instant("2021-07-01")


@pytest.mark.parametrize(
    ("from_", "to", "begins_us", "ends_us"),
    [
        ("2021-07-01", "2021-07-01", 0, DAY_US),
        ("2021-07-01", "2021-07-02", 0, 2 * DAY_US),
        (dt.date(2021, 7, 1), dt.date(2021, 7, 1), 0, DAY_US),
        ("2021-07-01T10:00:00+07:00", "2021-07-01", 10 * HOUR_US, DAY_US),
        ("2021-07-01", "2021-07-01T10:00:00+07:00", 0, 10 * HOUR_US),
        ("2021-07-01T10:00:00+07:00", "2021-07-01T10:00:00+07:00", 10 * HOUR_US, 10 * HOUR_US),
    ],
)
def test_a_date_alone_is_the_whole_of_that_day(from_, to, begins_us, ends_us):
    span = span_between(from_, to)
    assert (span.begins_at() - FIRST_US, span.ends_at() - FIRST_US) == (begins_us, ends_us)


def test_what_is_left_out_is_open():
    assert (span_between(None, None).from_us, span_between(None, None).to_us) == (None, None)
    assert span_between("2021-07-01", None).to_us is None


@pytest.mark.parametrize(
    ("from_", "to"),
    [
        ("2021-07-02", "2021-07-01"),
        ("2021-07-03", "2021-07-01"),
        ("2021-07-02T00:00:00+07:00", "2021-07-01"),
        ("2021-07-01T10:00:01+07:00", "2021-07-01T10:00:00+07:00"),
    ],
)
def test_the_wrong_order_is_refused_with_dates_and_with_instants(from_, to):
    with pytest.raises(UsageError, match="--from lies after --to"):
        span_between(from_, to)
