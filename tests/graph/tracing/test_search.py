"""The compiled trace against the oracle, row for row and with the same provenance and last contact."""

import datetime as dt
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.graph.tracing.temporal_graph import Tuning
from schemas.rules import Chain, Contact, Infectious, Rule
from tests.graph.worlds import rules, traced, worlds
from tests.oracle import tiers


def in_order(rows):
    return sorted(rows, key=lambda row: (row.tier, row.person))


STRATEGIES = {
    "an infector at a time": Tuning(),
    "venues swept when rows are many": Tuning(swept_rows=-1),
    "venues swept when infectors are many": Tuning(many_infectious=0),
}


@pytest.fixture(params=STRATEGIES.values(), ids=STRATEGIES)
def tuning(request):
    return request.param


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds, rules(), st.integers(1, 4), st.data())
def test_small_worlds_are_traced_as_the_oracle_traces_them(tuning, world, rule, depth, data):
    index = data.draw(st.lists(st.sampled_from(world.cases), min_size=1, unique=True))
    expected = tiers.trace(world, rule, index, depth)
    assert in_order(traced(world, rule, index, depth, tuning)) == in_order(expected)


def medium(dice):
    """Make a world in which searches run over many rows: 24 people, about 500 stays at 30 venues."""
    people = [dice.randrange(-(2**63), 2**63) for _ in range(24)]
    types = {f"v{place}": dice.choice(("entertainment", "restaurant", "other")) for place in range(30)}
    stays = {}
    for person in people:
        for _ in range(22):
            enter = dice.randrange(0, 4 * 1440) // 5 * 5
            leave = enter + dice.choice((5, 15, 30, 60, 240))
            seen, both = dice.choice(((leave, True), ((enter + leave) // 2, False), (enter, False)))
            venue = f"v{min(int(dice.expovariate(0.15)), 29)}"
            stays[person, venue, enter] = tiers.Stay(person, venue, None, enter, leave, seen, both)
    cases = tuple(tiers.Case(dice.choice(people), 720, 1000, None) for _ in range(2))
    return tiers.World(tuple(stays.values()), (), cases, types, 6000)


@pytest.mark.parametrize("seed", range(3))
def test_worlds_of_many_stays_are_traced_as_the_oracle_traces_them(tuning, seed):
    world = medium(random.Random(seed))
    rule = Rule(
        *("test", "test", "test", dt.date(2021, 1, 1), None, (), Infectious(1.0, 1.0, None)),
        *(Contact(15.0), Chain(0.0), ()),
    )
    expected = tiers.trace(world, rule, list(world.cases), 3)
    assert {row.tier for row in expected} >= {1, 2}
    assert in_order(traced(world, rule, list(world.cases), 3, tuning)) == in_order(expected)
