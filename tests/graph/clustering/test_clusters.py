"""Clusters, drawn; against a plain reference; without spread, and with a venue where it was planted."""

import math

import numpy as np
import pytest

from pipelines.errors import UsageError
from pipelines.graph.cases import Case, cases_by_id
from pipelines.graph.clustering.clusters import CLUSTERS, cluster_request, clusters, windows_with_cases
from pipelines.graph.infectious_window import CaseTimes
from pipelines.privacy.keys import venue_id
from pipelines.terminal.output import token_text
from pipelines.times import DAY_US
from tests.graph.lakes import put_footfall
from tests.lakes import at, new_lake, put_cases, put_stays, put_venues

VENUES = "venue_code|type|name\ncafe|restaurant|Cà phê\nshop|shop|"
STAYS = """
    person | venue | enter    | exit
    an     | cafe  | 10 08:00 | 10 08:30
    binh   | cafe  | 10 08:10 | 10 08:20
    chi    | cafe  | 10 08:14 | 10 08:16
    dung   | cafe  | 10 08:00 | 10 08:30
    an     | shop  | 10 12:00 | 10 12:15
    em     | shop  | 10 12:14 | 10 12:20
    giang  | shop  | 10 23:50 | 11 00:10
    binh   | shop  | 11 09:00 | 11 09:05
"""
CASES = """
    case_id | person | onset_at | sampled_at | isolated_at | withdrawn_at
    BN-1    | an     | 10 00:00 |            |             |
    BN-2    | binh   |          | 12 00:00   | 10 08:15    |
    BN-3    | chi    | 28 00:00 |            |             |
    BN-4    | dung   |          |            | 12 00:00    |
    BN-5    | em     | 10 00:00 |            |             | 12 00:00
    BN-6    | an     | 12 00:00 |            |             |
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_stays(lake, STAYS)
    put_cases(lake, CASES)
    put_footfall(lake)
    return lake


def micros(moment):
    return int(moment.timestamp() * 10**6)


def rows_of(table):
    return [
        (row["venue"], micros(row["window_start"]), row["cases"], ";".join(row["case_ids"]))
        for row in table.to_pylist()
    ]


def test_a_case_counts_from_when_it_may_have_been_infected_until_it_can_infect_no_longer(lake):
    found = clusters(lake, everything=True)
    # BN-2 was isolated at 8:15; BN-3's onset is more than 14 days later, BN-4 has no date, BN-5 is withdrawn.
    assert sorted(rows_of(found)) == [
        ("cafe", at("10 08:00"), 2, "BN-1;BN-2;BN-6"),
        ("cafe", at("10 08:15"), 1, "BN-1;BN-6"),
        ("shop", at("10 12:00"), 1, "BN-1;BN-6"),
    ]
    assert found.schema.equals(CLUSTERS)


def test_a_place_where_cases_are_sampled_is_not_a_cluster(tmp_path):
    lake = new_lake(tmp_path)
    names = ("an", "binh", "chi")
    stays = "\n".join(f"{name}|hospital|10 02:00|10 03:00\n{name}|cafe|9 02:00|9 02:10" for name in names)
    put_stays(lake, f"person|venue|enter|exit\n{stays}")
    sampled = "\n".join(f"BN-{name}|{name}|9 00:00|10 02:{row}0" for row, name in enumerate(names))
    put_cases(lake, f"case_id|person|onset_at|sampled_at\n{sampled}")
    put_footfall(lake)
    found = clusters(lake, everything=True).to_pylist()
    assert [(row["venue"], row["cases"]) for row in found] == [(token_text(venue_id("cafe")), 3)]


def test_back_days_and_the_rule_move_the_interval(lake):
    longer = clusters(lake, everything=True, back_days=18)
    assert ("cafe", at("10 08:00"), 3, "BN-1;BN-2;BN-3;BN-6") in rows_of(longer)
    shorter = clusters(lake, everything=True, back_days=0)
    assert rows_of(shorter)[0] == ("cafe", at("10 08:00"), 2, "BN-1;BN-2;BN-6")  # infectious by then
    assert clusters(lake, everything=True, rule="vn-2020-12").num_rows == 3


def test_the_expectation_is_the_share_of_cases_among_the_persons_of_that_day(lake):
    first = clusters(lake, everything=True).to_pylist()[0]
    # Six persons have a stay on the 10th, an and binh are cases; four were there from 8:00 to 8:15.
    assert (first["people"], first["expected"]) == (4, pytest.approx(4 * 2 / 6))
    mean = 4 * 2 / 6
    assert first["p"] == pytest.approx(1 - math.exp(-mean) * (1 + mean))


def test_windows_are_marked_by_count_and_by_false_discovery_rate(lake):
    marked = clusters(lake, threshold=2)
    assert rows_of(marked) == [("cafe", at("10 08:00"), 2, "BN-1;BN-2;BN-6")]
    assert marked["over_threshold"].to_pylist() == [True]
    assert marked["significant"].to_pylist() == [False]
    assert clusters(lake).num_rows == 0
    assert clusters(lake, fdr=0.999, threshold=9).num_rows == 0


def test_of_each_venue_its_most_surprising_window_may_stand_alone(lake):
    found = clusters(lake, everything=True, by_venue=True)
    assert sorted(rows_of(found)) == [
        ("cafe", at("10 08:00"), 2, "BN-1;BN-2;BN-6"),
        ("shop", at("10 12:00"), 1, "BN-1;BN-6"),
    ]
    assert clusters(lake, by_venue=True).num_rows == 0


def test_only_windows_that_lie_between_from_and_to_are_tested(lake):
    def asked(from_, to):
        answer = windows_with_cases(lake, cases_by_id(lake), cluster_request(from_=from_, to=to))
        return answer.tested, sorted(rows_of(answer.rows))

    assert asked(None, None)[0] == 8
    assert asked("2021-07-10T08:15:00Z", "2021-07-10T12:15:00Z") == (
        3,  # in one of them somebody only left
        [("cafe", at("10 08:15"), 1, "BN-1;BN-6"), ("shop", at("10 12:00"), 1, "BN-1;BN-6")],
    )
    assert asked("2021-07-10T08:01:00Z", "2021-07-10T08:29:00Z") == (0, [])
    assert asked("2021-07-11T00:00:00Z", None) == (2, [])


def test_names_and_types_stand_beside_the_code(lake):
    assert [(row["venue"], row["name"], row["type"]) for row in clusters(lake, threshold=2).to_pylist()] == [
        ("cafe", "Cà phê", "restaurant")
    ]


def test_a_lake_without_cases_or_footfall_has_no_clusters(lake, tmp_path):
    assert windows_with_cases(lake, {}, cluster_request()).tested == 8
    empty = new_lake(tmp_path / "empty")
    assert clusters(empty).schema.equals(CLUSTERS)
    assert clusters(empty, everything=True).num_rows == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"threshold": 0}, "--threshold"),
        ({"fdr": 0.0}, "--fdr"),
        ({"fdr": 1.0}, "--fdr"),
        ({"fdr": math.nan}, "--fdr"),
        ({"back_days": -1.0}, "--back-days"),
        ({"back_days": math.inf}, "--back-days"),
        ({"from_": "2021-07-02", "to": "2021-07-01"}, "--from lies after --to"),
        ({"from_": "yesterday"}, "--from is not a valid time"),
        ({"rule": "who-2021"}, "did you mean who-2020-12"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(lake, words, said):
    with pytest.raises(UsageError, match=said):
        clusters(lake, **words)


def random_world(seed, people=200, venues=12, days=3, visits=3):
    """Stays of a world in which everybody goes anywhere, as rows of `put_stays`."""
    dice = np.random.default_rng(seed)
    size = people * days * visits
    enter = at("1 06:00") + dice.integers(0, days, size) * DAY_US + dice.integers(0, 600, size) * 60_000_000
    return [
        {"person": int(person), "venue": int(venue), "enter": int(start), "exit": int(start + length)}
        for person, venue, start, length in zip(
            dice.integers(0, people, size) * 7919,
            np.minimum(dice.geometric(0.25, size), venues),
            enter,
            dice.integers(5, 180, size) * 60_000_000,
            strict=True,
        )
    ]


def cases_among(persons, number, dice):
    chosen = dice.choice(sorted(persons), number, replace=False)
    onset = at("2 00:00") + dice.integers(0, 3, number) * DAY_US
    return {
        f"BN-{row}": Case(int(person), CaseTimes(onset_us=int(day)))
        for row, (person, day) in enumerate(zip(chosen, onset, strict=True))
    }


def reference(stays, windows, cases, until_us):
    """Cases and expectation of each window (venue, start, end, people), from the definition."""
    spans = [
        (case.person, case.times.onset_us - 14 * DAY_US, min(case.times.onset_us + 13 * DAY_US, until_us))
        for case in cases.values()
    ]
    counting = [
        (stay, max(stay["enter"], start), min(stay["exit"], end))
        for person, start, end in spans
        for stay in stays
        if stay["person"] == person and max(stay["enter"], start) < min(stay["exit"], end)
    ]
    for venue, start, end, people in windows:
        day = start // DAY_US * DAY_US
        among = {s["person"] for s in stays if s["enter"] < day + DAY_US and s["exit"] > day}
        today = {s["person"] for s, enter, leave in counting if enter < day + DAY_US and leave > day}
        here = {
            s["person"]
            for s, enter, leave in counting
            if enter < end and leave > start and s["venue"] == venue
        }
        yield len(here), people * len(today) / len(among)


def test_counts_and_expectations_are_those_of_the_definition(tmp_path):
    stays = random_world(1, people=60, venues=5, visits=2)
    lake = new_lake(tmp_path)
    put_stays(lake, stays)
    put_footfall(lake)
    cases = cases_among({stay["person"] for stay in stays}, 8, np.random.default_rng(2))
    answer = windows_with_cases(lake, cases, cluster_request())
    rows = answer.rows.to_pylist()
    windows = [
        (int(row["venue"], 16), micros(row["window_start"]), micros(row["window_end"]), row["people"])
        for row in rows
    ]
    until_us = max(stay["exit"] for stay in stays)
    expected = list(reference(stays, windows, cases, until_us))
    assert [(row["cases"], row["expected"]) for row in rows] == [
        (count, pytest.approx(mean)) for count, mean in expected
    ]
    assert len(expected) > 50
    order = [(row["p"], -row["cases"], row["venue"]) for row in rows]
    assert order == sorted(order)


def test_without_spread_the_false_discovery_rate_holds(tmp_path):
    """All discoveries are false, so the share of worlds with any is the rate: 200 draws of who is a case."""
    stays = random_world(3)
    lake = new_lake(tmp_path)
    put_stays(lake, stays)
    put_footfall(lake)
    persons = {stay["person"] for stay in stays}
    discovered = 0
    for seed in range(200):
        answer = windows_with_cases(
            lake, cases_among(persons, 12, np.random.default_rng(seed)), cluster_request()
        )
        discovered += any(answer.rows["significant"].to_pylist())
    noise = 2 * math.sqrt(0.05 * 0.95 / 200)
    assert discovered / 200 <= 0.05 + noise


def test_a_venue_where_it_was_planted_is_found_first(tmp_path):
    stays = random_world(4)
    lake = new_lake(tmp_path)
    party = [
        {"person": person, "venue": 777, "enter": at("2 12:00"), "exit": at("2 14:00")}
        for person in sorted({stay["person"] for stay in stays})[:10]
    ]
    put_stays(lake, stays + party)
    put_footfall(lake)
    dice = np.random.default_rng(5)
    infected = {
        f"P-{row}": Case(stay["person"], CaseTimes(onset_us=at("6 00:00")))
        for row, stay in enumerate(party[:8])
    }
    cases = cases_among({stay["person"] for stay in stays}, 10, dice) | infected
    rows = windows_with_cases(lake, cases, cluster_request()).rows.to_pylist()
    assert [int(row["venue"], 16) for row in rows[:8]] == [777] * 8  # its eight windows before all others
    assert all(row["significant"] and row["over_threshold"] for row in rows[:8])
    assert {int(row["venue"], 16) for row in rows if row["significant"]} == {777}
