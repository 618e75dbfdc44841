"""Which texts are times, and which times a scan may have."""

import pytest

from pipelines.ingest.validate.scans import parse
from tests.ingest.reference import SETTINGS, Row, block, kept, line, microseconds, of, outcomes

INSTANTS = """
    2021-07-01T08:30:00+07:00            | 2021-07-01T01:30:00+00:00
    2021-07-01t01:30:00z                 | 2021-07-01T01:30:00+00:00
    2021-07-01 01:30:00Z                 | 2021-07-01T01:30:00+00:00
    2021-07-01T01:30:00-00:00            | 2021-07-01T01:30:00+00:00
    2021-06-30T13:00:00-12:30            | 2021-07-01T01:30:00+00:00
    2021-07-01T01:30:00.5Z               | 2021-07-01T01:30:00.500000+00:00
    2021-07-01T01:30:00.123456789Z       | 2021-07-01T01:30:00.123456+00:00
    2021-07-01T01:30:00.999999999Z       | 2021-07-01T01:30:00.999999+00:00
    2020-02-29T23:59:59Z                 | 2020-02-29T23:59:59+00:00
    2000-02-29T00:00:00Z                 | 2000-02-29T00:00:00+00:00
    1969-12-31T23:59:59.999999Z          | 1969-12-31T23:59:59.999999+00:00
    0001-01-01T00:00:00Z                 | 0001-01-01T00:00:00+00:00
    9999-12-31T23:59:59Z                 | 9999-12-31T23:59:59+00:00
    2021-02-29T00:00:00Z                 | bad_time
    1900-02-29T00:00:00Z                 | bad_time
    2021-04-31T00:00:00Z                 | bad_time
    2021-00-01T00:00:00Z                 | bad_time
    2021-13-01T00:00:00Z                 | bad_time
    2021-07-00T00:00:00Z                 | bad_time
    0000-01-01T00:00:00Z                 | bad_time
    2021-07-01T24:00:00Z                 | bad_time
    2021-07-01T01:60:00Z                 | bad_time
    2021-07-01T01:30:60Z                 | bad_time
    2021-07-01T01:30Z                    | bad_time
    2021-07-01T01:30:00.Z                | bad_time
    2021-07-01T01:30:00,5Z               | bad_time
    2021-07-01T01:30:00.5                | bad_time
    2021-07-01T01:30:00+0700             | bad_time
    2021-07-01T01:30:00+07               | bad_time
    2021-07-01T01:30:00+24:00            | bad_time
    2021-07-01T01:30:00+07:60            | bad_time
    2021-07-01T01:30:00 +07:00           | bad_time
    2021-07-01T01:30:00Z+07:00           | bad_time
    2021-7-1T01:30:00Z                   | bad_time
    +021-07-01T01:30:00Z                 | bad_time
    20210701T013000Z                     | bad_time
    ２021-07-01T01:30:00Z                | bad_time
"""


@pytest.mark.parametrize("row", INSTANTS.strip().splitlines(), ids=str.strip)
def test_a_time_is_rfc_3339_with_an_offset_and_a_day_of_the_calendar(row):
    text, _, expected = (part.strip() for part in row.partition("|"))
    [found] = outcomes(parse(block(line(occurred_at=text)), 0, SETTINGS))
    if isinstance(found, Row):
        assert found.occurred_us == microseconds(expected)
    else:
        assert found == expected


def test_a_time_of_too_many_digits_is_text_over_its_limit():
    head, tail = "2021-07-01T08:30:00.", "Z"
    assert of(line(occurred_at=head + "1" * (128 - 21) + tail)) == ["kept"]
    assert of(line(occurred_at=head + "1" * (129 - 21) + tail)) == ["bad_text"]


def test_times_at_the_edges_of_the_range_are_kept_and_those_beyond_have_a_fault():
    oldest, newest = "2021-05-02T00:00:00Z", "2021-07-02T00:00:00Z"
    assert kept(occurred_at=oldest).fault == kept(occurred_at=newest).fault == ""
    assert kept(occurred_at="2021-05-01T23:59:59.999999Z").fault == "too_old"
    assert kept(occurred_at="2021-07-02T00:00:00.000001Z").fault == "too_new"
