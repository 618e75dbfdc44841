"""What an answer rests on: stays at the venues concerned, and scans that are in no answer."""

import numpy as np
import pytest

from pipelines.graph.answer_quality import (
    AnswerQuality,
    answer_quality,
    in_scans,
    quality_of_cases,
    venues_of,
)
from pipelines.graph.cases import Case
from pipelines.graph.infectious_window import CaseTimes, Window
from pipelines.graph.seen_share import SeenShare
from pipelines.graph.stays_index import Span
from pipelines.privacy.keys import venue_id
from pipelines.windowing.recompute_stays import recompute
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


def array(*values):
    return np.array(values, np.int64)


def test_the_venues_concerned_are_those_where_a_person_stayed_in_the_interval(lake):
    an = array(person_token(lake, "an"))
    venues = venues_of(lake, an, array(at("10 09:00")), array(at("11 08:00")))
    assert venues.tolist() == [venue_id("cafe")]
    venues = venues_of(lake, an, array(at("10 09:00")), array(at("11 08:01")))
    assert venues.tolist() == sorted([venue_id("cafe"), venue_id("shop")])


def test_each_person_has_an_interval_of_his_own_and_may_have_several(lake):
    person = array(*(person_token(lake, name) for name in ("dung", "an", "an", "nobody")))
    start = array(at("10 00:00"), at("9 00:00"), at("11 09:00"), at("1 00:00"))
    end = array(at("10 09:00"), at("10 08:00"), at("11 09:01"), at("30 00:00"))
    assert venues_of(lake, person, start, end).tolist() == [venue_id("shop")]
    assert venues_of(lake, array(), array(), array()).size == 0


def test_everybodys_stays_there_are_clipped_to_the_time_and_what_no_scan_covers_is_imputed(lake):
    quality = answer_quality(lake, array(venue_id("cafe")), Span(at("10 08:00"), at("10 11:00")))
    assert (quality.venues, quality.stays) == (1, 3)
    assert quality.seconds == (120 + 120 + 30) * 60
    assert quality.seconds_imputed == 30 * 60
    assert quality.share_imputed == pytest.approx(30 / 270)


def test_scans_of_the_time_at_no_registered_or_at_a_closed_place_are_counted(lake):
    counted = {
        hours: answer_quality(lake, array(venue_id("cafe")), Span(at(hours[0]), at(hours[1]))).unregistered
        for hours in (("10 00:00", "11 00:00"), ("10 12:00", "10 13:00"), ("10 09:00:01", "10 12:00"))
    }
    assert list(counted.values()) == [3, 1, 0]


def test_versions_the_last_scan_and_refused_scans_are_those_of_the_lake(lake):
    quality = answer_quality(lake, array(), Span(0, 0))
    assert (quality.scans_version, quality.stays_version, quality.rejected) == (0, 0, 1)
    assert quality.last_scan_us == at("12 09:00")
    assert (quality.venues, quality.stays, quality.seconds, quality.share_imputed) == (0, 0, 0, 0.0)


def test_a_person_is_in_a_scan_whether_it_made_a_stay_or_not(lake):
    names = ("an", "dung", "binh", "nobody", "giang")  # dung has a stay, and no scan of these drawings
    assert in_scans(lake, array(*(person_token(lake, name) for name in names))).tolist() == [
        True,
        True,
        True,
        False,
        False,
    ]
    put_scans(lake, "person|venue|occurred_at\ngiang|nobody|20 08:00")
    assert in_scans(lake, array(person_token(lake, "giang"))).tolist() == [True]
    assert in_scans(lake, array()).tolist() == []


def test_cases_are_looked_at_where_and_when_they_stayed_in_their_windows(lake):
    cases = [Case(person_token(lake, name), CaseTimes()) for name in ("an", "an", "giang")]
    windows = [Window(at("10 09:00"), at("10 10:00")), Window(5, 5), Window(at("10 10:00"), at("10 11:00"))]
    quality = quality_of_cases(lake, cases, windows)
    assert (quality.venues, quality.stays) == (1, 2)
    assert quality.seconds == (60 + 120) * 60
    assert (quality.cases, quality.cases_unseen) == (3, 1)
    assert quality.unregistered_own is None


def test_of_nobody_infectious_no_venue_is_concerned(lake):
    quality = quality_of_cases(lake, [Case(person_token(lake, "an"), CaseTimes())], [Window(5, 5)])
    assert (quality.venues, quality.seconds, quality.cases, quality.cases_unseen) == (0, 0, 1, 0)


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """An inpatient, in on the 10th and out on the 14th, and his visitor of the 12th."""
    lake = new_lake(tmp_path_factory.mktemp("ward"))
    put_venues(lake, "venue_code|type\nward|hospital\nshop|shop")
    scans = """
        person    | venue | direction | occurred_at
        inpatient | ward  | in        | 10 08:00
        inpatient | ward  | out       | 14 08:00
        visitor   | ward  | in        | 12 08:00
        visitor   | ward  | out       | 12 10:00
        customer  | shop  | in        | 12 08:00
    """
    put_scans(lake, scans)
    recompute(lake)
    return lake


@pytest.mark.parametrize(("name", "pairs"), [("visitor", 1), ("inpatient", 1), ("customer", 0)])
def test_a_scan_out_that_came_too_late_counts_at_its_venue_and_for_its_person(ward, name, pairs):
    case = Case(person_token(ward, name), CaseTimes())
    quality = quality_of_cases(ward, [case], [Window(at("11 12:00"), at("13 12:00"))])
    assert quality.long_pairs == pairs
    assert any("too late" in line for line in quality.lines()) == bool(pairs)


def test_a_scan_out_that_came_too_late_counts_for_the_one_person_asked_about(ward):
    span = Span(at("11 12:00"), at("13 12:00"))
    assert answer_quality(ward, array(), span, person=person_token(ward, "inpatient")).long_pairs == 1
    assert answer_quality(ward, array(), span, person=person_token(ward, "customer")).long_pairs == 0


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ({"cases": 4, "cases_unseen": 3}, "3 of 4 cases are in no scan"),
        ({"cases": 4, "cases_unseen": 1}, "1 of 4 cases is in no scan"),
        ({"cases": 1, "cases_unseen": 1}, "the case is in no scan"),
        ({"rejected_cases": 13}, "13 case rows were rejected"),
        ({"rejected_encounters": 1}, "1 encounter was rejected"),
        ({"rejected_cases": 1, "rejected_encounters": 1}, "1 case row and 1 encounter were rejected"),
        ({"rejected": 1}, "0 scans name no registered venue; 1 scan record was rejected"),
        (
            {"venues": 1, "long_pairs": 2},
            "2 scans out came too late to end the stay of the scan in before: see truyvet recompute --stays",
        ),
    ],
)
def test_a_count_is_a_sentence_and_what_did_not_happen_is_none(counts, line):
    assert line in list(AnswerQuality(**counts).lines())
    silent = list(AnswerQuality(cases=4, venues=1).lines())
    assert len(silent) == 3


@pytest.mark.parametrize(
    ("pairs", "seen", "found", "tiers", "said"),
    [
        (40, 20, 10, 1, "between 10 and 81 people were exposed: of 40 Bluetooth partners in stays"),
        (40, 20, 10, 2, "between 10 and 81 people were exposed, and at later tiers more: of 40"),
        (29, 29, 10, 1, "not identifiable from scans: 29 Bluetooth partners in stays of the cases, 30 are"),
        (1, 0, 0, 1, "not identifiable from scans: 1 Bluetooth partner in stays of the cases, 30 are needed"),
        (
            40,
            20,
            0,
            1,
            "not identifiable from scans: 40 Bluetooth partners in stays of the cases, the list is",
        ),
        (40, 0, 10, 1, "not identifiable from scans: 40 Bluetooth partners in stays of the cases, none of"),
    ],
)
def test_a_list_says_how_many_people_it_stands_for(pairs, seen, found, tiers, said):
    stated = AnswerQuality(met=SeenShare(pairs, seen), found=found, tiers=tiers)
    assert any(said in line for line in stated.lines())
    assert not any("exposed" in line for line in AnswerQuality(found=found).lines())
