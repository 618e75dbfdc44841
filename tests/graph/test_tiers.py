"""The compiled trace against the plain one, row for row and with the same provenance."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.graph import tiers
from tests.graph import reference
from tests.graph.worlds import rules, traced, worlds


def in_order(rows):
    return sorted(rows, key=lambda row: (row.tier, row.person))


STRATEGIES = {
    "an infector at a time": {},
    "venues swept when rows are many": {"_ROWS_AT_MOST": -1},
    "venues swept when infectors are many": {"_MANY": 0},
    "from the side of those who are left": {"_MANY": 0, "_FEW": 0},
}


@pytest.fixture(params=STRATEGIES.values(), ids=STRATEGIES)
def strategy(request, monkeypatch):
    for name, value in request.param.items():
        monkeypatch.setattr(tiers, name, value)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds, rules(), st.integers(1, 4), st.data())
def test_small_worlds_are_traced_as_the_plain_reference_traces_them(strategy, world, rule, depth, data):
    index = data.draw(st.lists(st.sampled_from(world.cases), min_size=1, unique=True))
    expected = reference.trace(world, rule, index, depth)
    assert in_order(traced(world, rule, index, depth)) == in_order(expected)
