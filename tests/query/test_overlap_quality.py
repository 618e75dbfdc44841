"""What an answer of `overlaps` rests on: how much was imputed, unregistered and rejected."""

from dataclasses import replace

import pytest

from pipelines.answer import NOT_SAFETY
from pipelines.graph.answer_quality import AnswerQuality
from pipelines.query import overlaps
from tests.lakes import at, new_lake, put_cases, put_rejects, put_scans, put_stays, put_venues

STAYS = """
    person | venue | enter   | exit    | enter_kind | exit_kind | last_seen
    an     | cafe  | 1 08:00 | 1 10:00 | scanned    | scanned   |
    an     | shop  | 2 08:00 | 2 09:00 | scanned    | scanned   |
    binh   | cafe  | 1 20:00 | 1 22:00 | scanned    | default   | 1 21:00
    chi    | cafe  | 3 08:00 | 3 09:00 | imputed    | scanned   |
    dung   | bank  | 1 08:00 | 1 18:00 | imputed    | scanned   |
"""
SCANS = """
    person | venue | occurred_at
    an     | cafe  | 1 08:00
    an     | stall | 1 11:00
    binh   | stall | 2 11:00
    an     | shop  | 4 08:00
    chi    | shop  | 4 09:00
    an     | cafe  | 5 10:00:00.5
"""
VENUES = """
    venue_code | type       | closed_at
    cafe       | restaurant |
    shop       | shop       | 4 08:30
    bank       | office     |
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_scans(lake, SCANS)
    put_rejects(lake, "reason|source\nmalformed|scans\ntoo_old|scans\nbad_time|cases")
    put_stays(lake, STAYS)
    return lake


def quality_of(lake, *who, **words):
    return overlaps(lake, *who, **words).quality


def test_the_stays_at_the_venues_of_the_person_are_counted(lake):
    quality = quality_of(lake, "device:an")
    assert (quality.venues, quality.stays) == (2, 4)
    assert (quality.seconds, quality.seconds_imputed) == (6 * 3600, 2 * 3600)
    assert quality.share_imputed == pytest.approx(1 / 3)


def test_they_are_clipped_to_the_time_asked_about(lake):
    quality = quality_of(lake, "device:an", from_="2021-07-01T09:00:00Z", to="2021-07-01T21:30:00Z")
    assert (quality.venues, quality.stays) == (1, 2)
    assert (quality.seconds, quality.seconds_imputed) == (2.5 * 3600, 1800)


def test_scans_of_places_not_registered_or_closed_by_then_are_counted(lake):
    quality = quality_of(lake, "device:an")
    assert (quality.unregistered, quality.unregistered_own) == (3, 1)
    later = quality_of(lake, "device:an", from_="2021-07-02T00:00:00Z", to="2021-07-04T09:00:00Z")
    assert (later.unregistered, later.unregistered_own) == (1, 0)


def test_refused_scans_and_case_rows_are_counted_apart(lake):
    quality = quality_of(lake, "device:an")
    assert (quality.rejected, quality.rejected_cases, quality.rejected_encounters) == (2, 1, 0)


def test_versions_and_the_last_scan_are_named(lake):
    quality = quality_of(lake, "device:an")
    assert (quality.scans_version, quality.stays_version) == (0, 0)
    assert quality.last_scan_us == at("5 10:00:00.5")
    put_scans(lake, "person|venue|occurred_at\nan|cafe|6 08:00")
    behind = quality_of(lake, "device:an")
    assert (behind.scans_version, behind.stays_version) == (1, 0)
    assert any("run truyvet recompute" in line for line in behind.lines())
    assert not any("recompute" in line for line in quality.lines())


def test_a_person_unknown_to_the_lake_has_a_quality(lake):
    quality = quality_of(lake, "device:nobody")
    assert (quality.venues, quality.stays, quality.share_imputed) == (0, 0, 0.0)
    assert quality.unregistered == 3


def test_an_empty_lake_has_a_quality(tmp_path):
    quality = quality_of(new_lake(tmp_path), "device:an")
    assert quality == AnswerQuality(unregistered_own=0)
    assert next(quality.lines()) == "lake version -1, last scan never"


def test_an_empty_answer_is_said_to_be_no_safety(lake):
    assert list(overlaps(lake, "device:an").lines())[-1] == NOT_SAFETY
    put_stays(lake, "person|venue|enter|exit\nem|cafe|1 09:00|1 09:10")
    assert NOT_SAFETY not in list(overlaps(lake, "device:an").lines())


def test_the_lines_say_it_in_local_time(lake):
    quality = replace(quality_of(lake, "device:an"), stays=1234, seconds=100, seconds_imputed=25)
    assert list(quality.lines()) == [
        "lake version 0, last scan 2021-07-05 17:00:00+07:00",
        "at the 2 venues concerned 25% of the time in 1,234 stays is imputed",
        "3 scans name no registered venue, 1 of them this person's; 2 scan records were rejected",
        "1 case row was rejected",
    ]


def test_a_case_whose_person_is_in_no_scan_is_named_as_such(lake):
    put_cases(lake, "case_id|person|onset_at\nBN-1|an|2 00:00\nBN-2|giang|2 00:00\nBN-3|em|2 00:00")
    put_scans(lake, "person|venue|occurred_at\nem|stall|6 08:00")  # a scan that makes no stay is one
    unseen = {case: quality_of(lake, case=case).cases_unseen for case in ("BN-1", "BN-2", "BN-3")}
    assert unseen == {"BN-1": 0, "BN-2": 1, "BN-3": 0}
    assert "the case is in no scan" in list(overlaps(lake, case="BN-2").lines())
    assert quality_of(lake, "device:giang").cases == 0


def test_an_eager_quality_is_the_same(lake):
    assert quality_of(lake, "device:an", eager_quality=True) == quality_of(lake, "device:an")
