"""Symptomatic contacts: whose declaration counts, which one is shown, and what it does to the score."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import trace
from pipelines.graph.tracing.symptoms import first_declarations, symptomatic
from pipelines.times import DAY_US
from tests.lakes import new_lake, person_token, put_cases, put_declarations, put_stays, put_venues

PEOPLE = ("an", "binh", "chi", "dung")
STAYS = """
    person | venue | enter    | exit
    f0     | cafe  | 10 08:00 | 10 09:00
    an     | cafe  | 10 08:00 | 10 09:00
    binh   | cafe  | 10 08:10 | 10 09:00
    chi    | cafe  | 10 08:20 | 10 09:00
    dung   | cafe  | 10 08:30 | 10 09:00
    late   | bar   | 31 20:00 | 31 21:00
"""


@pytest.fixture
def lake(tmp_path):
    """A café where F0 met four people; another person's stay makes 31 July the lake's last day."""
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code | type\ncafe | restaurant\nbar | entertainment")
    put_stays(lake, STAYS)
    put_cases(lake, "case_id | person | onset_at\nBN-1 | f0 | 11 00:00")
    return lake


def shown(lake, **question):
    """By name of person: symptoms, when they were declared, and the score."""
    names = {person_token(lake, name): name for name in PEOPLE}
    rows = trace(lake, "BN-1", **question).to_pylist()
    return {names[row["person"]]: (row["symptoms"], row["declared_at"], row["score"]) for row in rows}


def july(day, hour=0, minute=0, second=0):
    return dt.datetime(2021, 7, day, hour, minute, second, tzinfo=dt.UTC)


def test_the_columns_are_empty_without_declarations(lake):
    found = shown(lake)
    assert set(found) == set(PEOPLE)
    assert {(symptoms, at) for symptoms, at, _ in found.values()} == {(None, None)}


def test_a_symptom_after_the_exposure_doubles_the_score_and_moves_the_row_up(lake):
    before = shown(lake)
    put_declarations(lake, "person | declared_at | symptoms\nchi | 12 08:00 | fever;cough")
    after = shown(lake)
    assert after["chi"] == ("fever;cough", july(12, 8), 2 * before["chi"][2])
    assert {name: after[name] for name in PEOPLE if name != "chi"} == {
        name: before[name] for name in PEOPLE if name != "chi"
    }
    assert list(before) == ["an", "binh", "chi", "dung"]
    assert list(after) == ["chi", "an", "binh", "dung"]  # two thirds of an hour count twice


def test_only_symptoms_from_the_exposure_to_the_21st_day_and_before_the_end_count(lake):
    declarations = """
        person | declared_at | symptoms
        an     | 10 08:00    | cough
        binh   | 10 08:09:59 | cough
        chi    | 31 08:20    | cough
        dung   | 31 08:30:01 | cough
    """
    put_declarations(lake, declarations)
    found = shown(lake, until="2021-07-31T21:00:00Z")
    assert {name: found[name][1] for name in PEOPLE} == {
        "an": july(10, 8),  # in the instant of the exposure
        "binh": None,  # a second before
        "chi": july(31, 8, 20),  # 21 days later to the second
        "dung": None,  # a second more
    }
    assert shown(lake, until="2021-07-31T08:20:00Z")["chi"][:2] == (None, None)  # `until` is not in it
    assert shown(lake, until="2021-07-31T08:20:01Z")["chi"][:2] == ("cough", july(31, 8, 20))


def test_a_declaration_without_a_symptom_tells_nothing_and_the_first_with_one_is_shown(lake):
    declarations = """
        person | declared_at | symptoms | contact_with_case
        an     | 11 08:00    |          | true
        binh   | 11 08:00    |          | false
        binh   | 13 08:00    | fatigue  |
        binh   | 12 08:00    | no_smell |
        binh   | 09 08:00    | fever    |
    """
    before = shown(lake)
    put_declarations(lake, declarations)
    found = shown(lake)
    assert found["an"] == before["an"]
    assert found["binh"] == ("no_smell", july(12, 8), 2 * before["binh"][2])


def test_declarations_that_come_later_are_seen_by_the_next_question(lake):
    assert shown(lake)["dung"][0] is None
    put_declarations(lake, "person | declared_at | symptoms\ndung | 12 08:00 | fever")
    assert shown(lake)["dung"][0] == "fever"
    put_declarations(lake, "person | declared_at | symptoms\ndung | 11 08:00 | cough")
    assert shown(lake)["dung"][0] == "cough"


def test_a_call_goes_to_the_symptomatic_contact_first(lake):
    put_declarations(lake, "person | declared_at | symptoms\ndung | 12 08:00 | fever\nchi | 12 08:00 |")
    rows = trace(lake, "BN-1", capacity=1).to_pylist()
    first = max(rows, key=lambda row: row["score"])
    assert [row["person"] for row in rows if row["call"]] == [first["person"]]
    assert trace(lake, "BN-1").column_names[-3:] == ["symptoms", "declared_at", "doubt"]


DECLARATIONS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 40), st.sampled_from([None, "", "cough", "fever"])),
    max_size=12,
)
EXPOSED = st.dictionaries(st.integers(0, 4), st.integers(0, 12))


@given(declarations=DECLARATIONS, exposed=EXPOSED, until=st.integers(0, 45))
def test_it_equals_a_walk_through_all_declarations(declarations, exposed, until):
    columns = zip(*declarations, strict=True) if declarations else ((), (), ())
    person, day, symptoms = map(list, columns)
    declared_at = pa.array([one * DAY_US for one in day], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    table = pa.table(
        [pa.array(person, pa.int64()), declared_at, pa.array(symptoms, pa.string())],
        names=["person", "declared_at", "symptoms"],
    )
    asked = sorted(exposed)
    found = first_declarations(
        symptomatic(table),
        np.array(asked, np.int64),
        np.array([exposed[one] * DAY_US for one in asked], np.int64),
        until * DAY_US,
    )
    expected = []
    for one in asked:
        counting = sorted(
            (day, said)
            for who, day, said in declarations
            if who == one and said and exposed[one] <= day <= exposed[one] + 21 and day < until
        )
        expected.append(counting[0] if counting else (None, None))
    at = [None if when is None else when // DAY_US for when in found.declared_at.cast(pa.int64()).to_pylist()]
    assert list(zip(at, found.symptoms.to_pylist(), strict=True)) == expected
