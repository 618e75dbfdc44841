"""What an answer rests on: stays at the venues concerned, and scans that are in no answer."""

import numpy as np
import pytest

from pipelines.graph.stays_index import Span
from pipelines.graph.trace_basis import stayed_at, trust
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.privacy.keys import venue_id
from tests.lakes import at, new_lake, person_token, put_rejects, put_scans, put_stays, put_venues

STAYS = """
    person | venue | enter    | exit     | exit_kind | last_seen
    an     | cafe  | 10 08:00 | 10 10:00 |           |
    an     | shop  | 11 08:00 | 11 10:00 |           |
    binh   | cafe  | 10 09:00 | 10 12:00 | default   | 10 10:30
    chi    | cafe  | 9 23:00  | 10 08:30 |           |
    dung   | hall  | 10 09:00 | 10 10:00 |           |
"""
SCANS = """
    person | venue  | occurred_at
    an     | cafe   | 10 08:00
    an     | nobody | 10 09:00
    binh   | shut   | 10 11:59:59
    binh   | shut   | 10 12:00
    chi    | shut   | 10 13:00
    chi    | nobody | 12 09:00
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(
        lake,
        "venue_code|type|closed_at\ncafe|restaurant|\nshop|shop|\nhall|office|\nshut|shop|10 12:00",
    )
    put_scans(lake, SCANS)
    put_rejects(lake, "reason|source\nbad_time|scans\nbad_time|venues")
    put_stays(lake, STAYS)
    return lake


def interval(lake, person, start, end):
    return Intervals(*(np.array([value], np.int64) for value in (person_token(lake, person), start, end)))


def test_the_venues_concerned_are_those_where_a_person_stayed_in_the_interval(lake):
    venues, span = stayed_at(lake, interval(lake, "an", at("10 09:00"), at("11 08:00")))
    assert venues.tolist() == [venue_id("cafe")]
    assert (span.begins_at(), span.ends_at()) == (at("10 09:00"), at("11 08:00"))
    venues, _ = stayed_at(lake, interval(lake, "an", at("10 09:00"), at("11 08:01")))
    assert venues.tolist() == sorted([venue_id("cafe"), venue_id("shop")])


def test_everybodys_stays_there_are_clipped_to_the_time_and_what_nobody_saw_of_them_is_imputed(lake):
    rests_on = trust(lake, np.array([venue_id("cafe")]), Span(at("10 08:00"), at("10 11:00")))
    assert (rests_on.venues, rests_on.stays) == (1, 3)
    assert rests_on.seconds == (120 + 120 + 30) * 60
    assert rests_on.seconds_imputed == 30 * 60
    assert rests_on.share_imputed == pytest.approx(30 / 270)


def test_scans_of_the_time_at_no_registered_or_at_a_closed_place_are_counted(lake):
    counted = {
        hours: trust(lake, np.array([venue_id("cafe")]), Span(at(hours[0]), at(hours[1]))).unregistered
        for hours in (("10 00:00", "11 00:00"), ("10 12:00", "10 13:00"), ("10 09:00:01", "10 12:00"))
    }
    assert list(counted.values()) == [3, 1, 0]


def test_versions_the_last_scan_and_refused_scans_are_those_of_the_lake(lake):
    rests_on = trust(lake, np.empty(0, np.int64), Span(0, 0))
    assert (rests_on.scans_version, rests_on.stays_version, rests_on.rejected) == (0, 0, 1)
    assert rests_on.last_scan_us == at("12 09:00")
    assert (rests_on.venues, rests_on.stays, rests_on.seconds, rests_on.share_imputed) == (0, 0, 0, 0.0)


def test_of_nobody_infectious_no_venue_is_concerned(lake):
    nobody = Intervals(*(np.empty(0, np.int64) for _ in range(3)))
    assert stayed_at(lake, nobody)[0].size == 0
