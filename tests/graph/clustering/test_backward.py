"""Backward, drawn: what cases share before they could infect."""

import math

import pyarrow as pa
import pytest

from pipelines.errors import DataError, UsageError
from pipelines.graph import backward
from pipelines.graph.clustering.backward import backward_request
from pipelines.graph.clustering.shared_people import SHARED_PEOPLE
from pipelines.graph.clustering.shared_venues import SHARED_VENUES
from schemas.tables import ENCOUNTERS, INSTANT
from tests.lakes import at, new_lake, person_token, put, put_cases, put_stays, put_venues

VENUES = "venue_code|type|name\ncafe|restaurant|Cà phê\nshop|shop|\nhall|entertainment|Nhà văn hoá"
# By who-2020-12 a case is infectious from two days before its onset on, so until the 13th these are not.
STAYS = """
    person | venue | enter    | exit
    an     | cafe  | 5 08:00  | 5 09:00
    binh   | cafe  | 5 10:30  | 5 11:00
    chi    | cafe  | 5 14:00  | 5 15:00
    chi    | hall  | 6 12:00  | 6 14:00
    an     | hall  | 6 12:00  | 6 14:00
    binh   | hall  | 6 13:00  | 6 14:00
    source | hall  | 6 11:00  | 6 13:30
    other  | hall  | 6 13:50  | 6 16:00
    source | cafe  | 5 08:30  | 5 10:40
    an     | shop  | 12 23:00 | 13 01:00
    binh   | shop  | 13 00:00 | 13 01:00
    an     | shop  | 7 08:00  | 7 09:00
    an     | shop  | 8 08:00  | 8 09:00
"""
CASES = """
    case_id | person | onset_at | sampled_at | withdrawn_at
    BN-1    | an     | 15 00:00 |            |
    BN-2    | binh   |          | 15 00:00   |
    BN-3    | chi    | 15 00:00 |            |
    BN-4    | an     | 15 00:00 |            |
    BN-5    | dung   |          |            |
    BN-6    | source | 30 00:00 |            |
    BN-7    | other  | 15 00:00 |            | 20 00:00
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_stays(lake, STAYS)
    put_cases(lake, CASES)
    return lake


def micros(moment):
    return int(moment.timestamp() * 10**6)


def test_venues_of_two_or_more_cases_are_shared(lake):
    found = backward(lake, ["BN-1", "BN-2", "BN-3"]).venues
    assert found.schema.equals(SHARED_VENUES)
    assert {row["venue"]: (row["cases"], row["case_ids"]) for row in found.to_pylist()} == {
        "hall": (3, ["BN-1", "BN-2", "BN-3"]),
        "cafe": (3, ["BN-1", "BN-2", "BN-3"]),
    }
    assert {(row["venue"], row["name"], row["type"]) for row in found.to_pylist()} == {
        ("hall", "Nhà văn hoá", "entertainment"),
        ("cafe", "Cà phê", "restaurant"),
    }


def test_what_counts_lies_between_back_days_and_the_begin_of_the_infectious_window(lake):
    def shared(back_days, rule="who-2020-12"):
        return sorted(backward(lake, ["BN-1", "BN-2"], rule, back_days).venues["venue"].to_pylist())

    assert shared(14) == ["cafe", "hall"]
    assert shared(9) == ["hall"]
    assert shared(9, "vn-2020-12") == ["hall"]
    assert shared(2) == []
    assert shared(2.001) == []
    late = "person|venue|enter|exit\nan|hall|12 23:59:59|13 05:00\nbinh|hall|12 23:59:58|13 05:00"
    put_stays(lake, late)
    assert shared(3) == ["hall"]
    assert shared(3, "vn-2020-12") == []  # infectious from three days before on


def test_cases_gather_where_they_overlap_or_follow_within_some_hours(lake):
    def cafe(within_hours):
        rows = backward(lake, ["BN-1", "BN-2", "BN-3"], within_hours=within_hours).venues.to_pylist()
        row = next(row for row in rows if row["venue"] == "cafe")
        return row["together"], row["start"] and micros(row["start"]), row["gatherings"]

    assert cafe(1) == (None, None, [])
    assert cafe(1.5) == (2, at("5 08:00"), ["2021-07-05T08:00:00Z/2021-07-05T11:00:00Z"])
    assert cafe(3) == (3, at("5 08:00"), ["2021-07-05T08:00:00Z/2021-07-05T15:00:00Z"])


def test_the_largest_gathering_stands_out_the_first_of_equals(lake):
    put_stays(lake, "person|venue|enter|exit\nan|hall|8 12:00|8 14:00\nbinh|hall|8 12:00|8 14:00")
    row = next(row for row in backward(lake, ["BN-1", "BN-2"]).venues.to_pylist() if row["venue"] == "hall")
    assert (row["together"], micros(row["start"]), micros(row["end"])) == (2, at("6 12:00"), at("6 14:00"))
    assert len(row["gatherings"]) == 2


def test_the_score_weighs_the_cases_against_who_goes_there_anyway(lake):
    rows = {row["venue"]: row for row in backward(lake, ["BN-1", "BN-2", "BN-3"]).venues.to_pylist()}
    # Five persons entered anywhere in these days; four of them the café, all of them the hall.
    assert (rows["cafe"]["people"], rows["hall"]["people"]) == (4, 5)
    assert rows["cafe"]["expected"] == pytest.approx(3 * 4 / 5)
    mean = 3 * 4 / 5
    chance = 1 - math.exp(-mean) * (1 + mean + mean**2 / 2)
    assert rows["cafe"]["score"] == pytest.approx(-math.log10(chance))
    assert rows["hall"]["expected"] == pytest.approx(3.0)
    assert list(rows) == ["cafe", "hall"]  # of as many cases the less visited first


def test_two_cases_of_one_person_are_one(lake):
    found = backward(lake, ["BN-1", "BN-4"])
    assert (found.venues.num_rows, found.people.num_rows) == (0, 0)
    cafe = backward(lake, ["BN-1", "BN-2", "BN-4"]).venues.to_pylist()[0]
    assert (cafe["cases"], cafe["case_ids"]) == (2, ["BN-1", "BN-2", "BN-4"])
    assert cafe["expected"] == pytest.approx(2 * 4 / 5)


def test_people_met_by_two_or_more_cases_as_the_rule_has_it(lake):
    found = backward(lake, ["BN-1", "BN-2", "BN-3"]).people
    assert found.schema.equals(SHARED_PEOPLE)
    by_person = {row["person"]: row for row in found.to_pylist()}
    source = by_person[person_token(lake, "source")]
    # an from 8:30 and from 12:00, binh from 10:30 for ten minutes and from 13:00, chi from 12:00.
    assert source["own_case_ids"] == ["BN-6"]
    assert (source["cases"], source["case_ids"]) == (3, ["BN-1", "BN-2", "BN-3"])
    assert source["seconds"] == 60 * (30 + 90 + 10 + 30 + 90)
    assert micros(source["first_met"]) == at("5 08:30")
    assert source["venues"] == ["cafe", "hall"]
    assert person_token(lake, "other") not in by_person  # ten minutes are too short for who-2020-12
    loose = backward(lake, ["BN-1", "BN-2", "BN-3"], "vn-2020-12").people.to_pylist()
    assert person_token(lake, "other") in {row["person"] for row in loose}


def test_a_case_may_have_met_the_others_but_never_himself(lake):
    by_person = {row["person"]: row for row in backward(lake, ["BN-1", "BN-2", "BN-3"]).people.to_pylist()}
    an = by_person[person_token(lake, "an")]
    assert (an["own_case_ids"], an["case_ids"]) == (["BN-1", "BN-4"], ["BN-2", "BN-3"])
    assert an["seconds"] == 60 * (60 + 120)


def test_encounters_count_as_meetings_and_have_no_venue(lake):
    rows = {
        "event_id": pa.nulls(2, pa.string()),
        "person_a": [person_token(lake, "an"), person_token(lake, "binh")],
        "person_b": [person_token(lake, "em")] * 2,
        "started_at": pa.array([at("9 08:00"), at("9 09:00")]).cast(INSTANT),
        "ended_at": pa.array([at("9 08:30"), at("9 09:30")]).cast(INSTANT),
        "distance_m": [1.0, 0.5],
        "attenuation_db": pa.nulls(2, pa.float64()),
    }
    put(lake, "encounters", pa.table(rows, schema=ENCOUNTERS.file_schema), day_of="started_at")
    by_person = {row["person"]: row for row in backward(lake, ["BN-1", "BN-2"]).people.to_pylist()}
    assert by_person[person_token(lake, "em")]["seconds"] == 3600
    assert by_person[person_token(lake, "em")]["venues"] == []


def test_all_cases_are_those_that_count_and_have_a_date(lake):
    asked = backward_request(lake)
    assert list(asked.cases) == ["BN-1", "BN-2", "BN-3", "BN-4", "BN-6"]
    assert len(asked.undated) == 1
    notes = backward(lake).notes
    assert notes[0].startswith("of 5 cases two or more share 2 venues and")
    assert notes[1] == "left out: 1 case with neither onset nor sample"
    assert backward(lake, back_days=1).notes[-1] == "infectious before the interval begins: 5 cases"
    other = backward(lake, rule="vn-2021-12").notes
    assert other[-1] == "5 cases of 5: the case is older than rule vn-2021-12, which is valid from 2021-12-29"


def test_a_lake_without_cases_or_stays_shares_nothing(tmp_path):
    lake = new_lake(tmp_path)
    found = backward(lake)
    assert (found.venues.num_rows, found.people.num_rows) == (0, 0)
    put_cases(lake, CASES)
    found = backward(lake)
    assert found.venues.schema.equals(SHARED_VENUES)
    assert found.people.schema.equals(SHARED_PEOPLE)


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"cases": ["BN-0"]}, DataError, "names no case"),
        ({"cases": ["BN-7"]}, DataError, "withdrawn"),
        ({"cases": ["BN-1", "BN-5"]}, DataError, "neither onset nor sample"),
        ({"back_days": -1}, UsageError, "--back-days"),
        ({"within_hours": math.nan}, UsageError, "--within-hours"),
        ({"rule": "who-2021"}, UsageError, "did you mean who-2020-12"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_line(lake, words, error, said):
    with pytest.raises(error, match=said):
        backward(lake, **words)
