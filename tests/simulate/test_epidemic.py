from collections import Counter
from dataclasses import replace

import pytest

from pipelines.simulate import Knobs
from tests.simulate.worlds import made, moment, rows_of, truth_of


@pytest.fixture(scope="module")
def wild(tmp_path_factory):
    """A world of strong infection, and its report."""
    folder = tmp_path_factory.mktemp("wild") / "world"
    return folder, made(folder, Knobs(infectiousness=30.0, cases=0.02), days=8)


def test_infections_happen_only_where_both_were_while_the_one_was_infectious(wild):
    folder, _ = wild
    stays = {}
    for stay in truth_of(folder, "stays"):
        stays.setdefault((stay["person"], stay["venue"]), []).append((stay["enter"], stay["exit"]))
    course = {row["infected"]: row for row in truth_of(folder, "infections")}
    passed = [row for row in course.values() if row["infector"]]
    assert len(passed) > 50
    for row in passed:
        at, infector = row["infected_at"], course[row["infector"]]
        assert infector["infectious_from"] <= at < infector["infectious_until"]
        for person in (row["infected"], row["infector"]):
            assert any(enter <= at < leave for enter, leave in stays[person, row["venue"]])


def test_nobody_is_infected_twice_and_time_goes_forward(wild):
    folder, _ = wild
    rows = truth_of(folder, "infections")
    assert len({row["infected"] for row in rows}) == len(rows)
    assert [row["infected_at"] for row in rows] == sorted(row["infected_at"] for row in rows)
    for row in rows:
        assert row["infected_at"] < row["infectious_from"] < row["infectious_until"]
        assert row["onset_at"] is None or row["infectious_from"] < row["onset_at"]


def test_there_are_second_and_third_generations(wild):
    folder, _ = wild
    by = {row["infected"]: row["infector"] for row in truth_of(folder, "infections")}
    depth = Counter()
    for person in by:
        steps = 0
        while by[person]:
            person, steps = by[person], steps + 1
        depth[steps] += 1
    assert depth[1] > 0
    assert depth[2] > 0


def test_without_infectiousness_nothing_is_passed_on(tmp_path):
    report = made(tmp_path / "w", Knobs(infectiousness=0.0, cases=0.02))
    assert report["rows"]["infections"] == report["rows"]["infected_before"] == 12


def test_stronger_infection_infects_more(tmp_path, wild):
    weak = made(tmp_path / "w", replace(Knobs(cases=0.02), infectiousness=1.0), days=8)
    assert weak["rows"]["infections"] < wild[1]["rows"]["infections"]


def test_cases_are_the_infected_who_were_reported_in_the_order_of_the_reports(wild):
    folder, report = wild
    cases = rows_of(folder, "cases.csv")
    infected = {row["infected"]: row["case_id"] for row in truth_of(folder, "infections")}
    end = moment(report["end"])
    reported = [moment(case["reported_at"]) for case in cases]
    assert reported == sorted(reported)
    assert max(reported) < end
    assert [case["case_id"] for case in cases] == [f"QN-{n:04d}" for n in range(1, len(cases) + 1)]
    for case in cases:
        if case["withdrawn_at"]:
            assert case["person"] not in infected
        else:
            assert infected[case["person"]] == case["case_id"]
            assert moment(case["sampled_at"]) < moment(case["reported_at"])
            assert moment(case["sampled_at"]) < moment(case["isolated_at"])
            assert not case["onset_at"] or case["onset_at"] <= case["sampled_at"][:10]


def test_a_few_cases_are_withdrawn(wild):
    folder, report = wild
    withdrawn = [case for case in rows_of(folder, "cases.csv") if case["withdrawn_at"]]
    assert len(withdrawn) == report["rows"]["cases_withdrawn"] > 0


def test_sampled_cases_were_at_a_hospital(wild):
    folder, _ = wild
    stays = {}
    for stay in truth_of(folder, "stays"):
        stays.setdefault(stay["person"], []).append(stay)
    cases = [case for case in rows_of(folder, "cases.csv") if not case["withdrawn_at"]]
    at_hospital = sum(
        any(
            stay["enter"] <= moment(case["sampled_at"]) < stay["exit"] and "-HO-" in stay["venue"]
            for stay in stays[case["person"]]
        )
        for case in cases
    )
    assert at_hospital > 0.8 * len(cases)
