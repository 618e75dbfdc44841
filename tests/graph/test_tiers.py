"""The compiled trace against the plain one, row for row and with the same provenance."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.graph import reference
from tests.graph.worlds import rules, traced, worlds


def in_order(rows):
    return sorted(rows, key=lambda row: (row.tier, row.person))


@settings(max_examples=300, deadline=None)
@given(worlds, rules(), st.integers(1, 4), st.data())
def test_small_worlds_are_traced_as_the_plain_reference_traces_them(world, rule, depth, data):
    index = data.draw(st.lists(st.sampled_from(world.cases), min_size=1, unique=True))
    expected = reference.trace(world, rule, index, depth)
    assert in_order(traced(world, rule, index, depth)) == in_order(expected)
