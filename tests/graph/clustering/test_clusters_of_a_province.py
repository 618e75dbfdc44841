"""Clusters in simulated provinces: none where nothing is passed on, and the planted one before all others."""

import csv
import datetime as dt

import pyarrow.parquet as pq
import pytest

from pipelines.graph.cases import Case
from pipelines.graph.clustering.clusters import cluster_request, windows_with_cases
from pipelines.graph.infectious_window import CaseTimes
from pipelines.privacy.keys import token, venue_id
from pipelines.simulate.settings import Knobs
from pipelines.simulate.world import simulate
from pipelines.times import parse_instant
from tests.graph.lakes import put_footfall
from tests.lakes import keys_of, new_lake, put_stays

SEEDS = range(12)


def province(folder, seed):
    """Make a lake of true stays at registered places where nothing is passed on, and reported cases."""
    knobs = Knobs(infectiousness=0.0, cases=0.06)
    simulate(
        str(folder / "world"),
        people=200,
        venues=20,
        days=3,
        seed=seed,
        start=dt.date(2021, 7, 1),
        knobs=knobs,
    )
    lake = new_lake(folder)
    with (folder / "world" / "venues.csv").open(encoding="utf-8", newline="") as file:
        registered = {row["venue"] for row in csv.DictReader(file)}
    keys = keys_of(lake)
    stays = [
        {
            "person": token(keys, row["person"]),
            "venue": venue_id(row["venue"]),
            "enter": micros(row["enter"]),
            "exit": micros(row["exit"]),
        }
        for row in pq.read_table(folder / "world" / "truth" / "stays.parquet").to_pylist()
        if row["venue"] in registered
    ]
    with (folder / "world" / "cases.csv").open(encoding="utf-8", newline="") as file:
        cases = {row["case_id"]: case_of(row, keys) for row in csv.DictReader(file)}
    return lake, stays, cases


def micros(moment):
    return round(moment.timestamp()) * 10**6


def case_of(row, keys):
    times = [
        parse_instant(row[name]) if row[name] else None for name in ("onset_at", "sampled_at", "isolated_at")
    ]
    return Case(token(keys, row["person"]), CaseTimes(*times))


def test_where_nothing_is_passed_on_the_false_discovery_rate_holds(tmp_path):
    discovering = []
    for seed in SEEDS:
        lake, stays, cases = province(tmp_path / str(seed), seed)
        put_stays(lake, stays)
        put_footfall(lake)
        answer = windows_with_cases(lake, cases, cluster_request())
        assert len(answer.cases) >= 1
        assert answer.tested > 500
        discovering += [seed] * any(answer.rows["significant"].to_pylist())
    assert len(discovering) <= 2  # at a rate of 0.05 three would be seen once in 50 times


@pytest.mark.parametrize("seed", [1, 2])
def test_a_venue_that_spreads_is_found_first(tmp_path, seed):
    lake, stays, cases = province(tmp_path, seed)
    evening = parse_instant("2021-07-02T19:00:00+07:00")
    guests = sorted({stay["person"] for stay in stays} - {case.person for case in cases.values()})[:9]
    hall = venue_id("planted")
    party = [
        {"person": guest, "venue": hall, "enter": evening, "exit": evening + 2 * 3600 * 10**6}
        for guest in guests
    ]
    put_stays(lake, stays + party)
    put_footfall(lake)
    onset = parse_instant("2021-07-06")
    infected = {f"P-{row}": Case(guest, CaseTimes(onset_us=onset)) for row, guest in enumerate(guests[:6])}
    rows = windows_with_cases(lake, cases | infected, cluster_request()).rows.to_pylist()
    assert [int(row["venue"], 16) % 2**64 for row in rows[:8]] == [hall % 2**64] * 8
    assert all(row["significant"] and row["over_threshold"] for row in rows[:8])
    assert rows[0]["cases"] == 6
