from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from pipelines.simulate import habits
from tests.simulate.worlds import DAYS, PEOPLE, lines_of, moment, rows_of, truth_of

EVERYDAY = {"OF", "SC", "TC", "BU", "SH", "SM", "BK", "BS", "PT", "HO", "MA", "RE", "WO", "EN", "OT", "HM"}


@pytest.fixture(scope="module")
def days_of(usual):
    """Each person's true stays in order."""
    found = defaultdict(list)
    for stay in truth_of(usual, "stays"):
        found[stay["person"]].append(stay)
    return {person: sorted(stays, key=lambda stay: stay["enter"]) for person, stays in found.items()}


def test_everybody_is_somewhere(days_of):
    assert len(days_of) == PEOPLE


def test_nobody_is_at_two_places_at_once(days_of):
    for stays in days_of.values():
        for before, after in pairwise(stays):
            assert before["exit"] <= after["enter"]


def test_everybody_begins_at_home_and_stays_within_the_world(days_of):
    begin, end = moment("2021-08-01T00:00:00+07:00"), moment("2021-08-05T00:00:00+07:00")
    for stays in days_of.values():
        assert "-HM-" in stays[0]["venue"]
        assert stays[0]["enter"] == begin
        assert max(stay["exit"] for stay in stays) <= end
        assert all(stay["enter"] < stay["exit"] for stay in stays)


def test_every_common_type_of_place_is_visited(days_of):
    seen = {stay["venue"].split("-")[1] for stays in days_of.values() for stay in stays}
    assert seen >= EVERYDAY


def test_some_stays_cross_midnight_away_from_home(days_of):
    local = [
        (stay["enter"].timestamp() + 25_200, stay["exit"].timestamp() + 25_200)
        for stays in days_of.values()
        for stay in stays
        if "-HM-" not in stay["venue"]
    ]
    assert sum(enter // 86_400 != (leave - 1) // 86_400 for enter, leave in local) > 10


def test_people_go_out_several_times_a_day(days_of):
    away = sum("-HM-" not in stay["venue"] for stays in days_of.values() for stay in stays)
    assert 3.0 < away / PEOPLE / DAYS < 7.0


def test_a_sampled_case_stays_at_home_from_then_on(usual, days_of):
    cases = [row for row in rows_of(usual, "cases.csv") if row["isolated_at"]]
    assert cases
    for case in cases:
        later = [stay for stay in days_of[case["person"]] if stay["enter"] > moment(case["isolated_at"])]
        assert later == []


def test_scans_a_person_and_week_are_in_the_range_of_the_benchmarks(usual):
    number = len(lines_of(usual)) + len(lines_of(usual, "late"))
    assert 35 < number / PEOPLE / DAYS * 7 < 70


def test_habits_know_shortest_and_longest_visits():
    minutes = habits.visit_minutes()
    assert (minutes[:, 0] < minutes[:, 1]).all()
    assert np.allclose(habits.errands()[:, -1], 1.0)
