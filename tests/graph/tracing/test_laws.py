"""Laws of tracing on the compiled search: symmetry, monotonicity, and invariance under splitting."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from schemas.rules import Infectious
from tests.graph.tracing.test_search import STRATEGIES
from tests.graph.worlds import PERSONS, rules, traced, worlds
from tests.oracle import tiers

ALWAYS = Infectious(days_before_onset=100, days_before_sample=100)

law = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=STRATEGIES.values(), ids=STRATEGIES)
def tuning(request):
    return request.param


def with_contacts(rule, **keys):
    """Return the rule with keys of [contact] changed, in its overrides too."""
    overrides = tuple(replace(one, contact=replace(one.contact, **keys)) for one in rule.overrides)
    return replace(rule, contact=replace(rule.contact, **keys), overrides=overrides)


@law
@given(worlds, rules())
def test_without_indirect_contact_exposure_is_symmetric(tuning, world, rule):
    rule = replace(with_contacts(rule, indirect_minutes=0.0), infectious=ALWAYS)
    met = {}
    for person in PERSONS:
        for row in traced(world, rule, [tiers.Case(person, onset=0)], 1, tuning):
            met[person, row.person] = row
    for (one, other), row in met.items():
        assert row == replace(met[other, one], person=other, via=one)


def more(number):
    """Return this much, or more of it."""
    return st.sampled_from([number, number + 5.0, number + 30.0])


@st.composite
def stricter(draw, rule):
    """Return the same rule asking for longer contacts, in `[contact]` and in overrides alike."""
    overrides = tuple(
        replace(one, contact=replace(one.contact, min_minutes=draw(more(one.contact.min_minutes))))
        for one in rule.overrides
    )
    contact = replace(rule.contact, min_minutes=draw(more(rule.contact.min_minutes)))
    return replace(rule, contact=contact, overrides=overrides)


@st.composite
def wider(draw, rule):
    """Return the same rule with a window that begins earlier, or ends later, or never."""
    days = rule.infectious
    after = days.days_after
    return replace(
        rule,
        infectious=Infectious(
            days.days_before_onset + draw(st.sampled_from([0, 10 / 1440, 1])),
            days.days_before_sample + draw(st.sampled_from([0, 10 / 1440, 1])),
            None if after is None else draw(st.sampled_from([None, after, after + 10 / 1440])),
        ),
    )


LOOSER = {
    "shorter minimum": lambda rule: with_contacts(rule, min_minutes=0.0),
    "summed over a day": lambda rule: with_contacts(rule, accumulate="24h"),
    "summed over the window": lambda rule: with_contacts(rule, accumulate="window"),
    "longer tail": lambda rule: with_contacts(rule, indirect_minutes=40.0),
    "any zone": lambda rule: with_contacts(rule, same_zone=False),
    "any distance": lambda rule: with_contacts(rule, max_distance_m=None, max_attenuation_db=None),
    "no latency": lambda rule: replace(rule, chain=replace(rule.chain, latency_hours=0.0)),
}


def assert_holds_all(more_rows, rows):
    """Assert that the larger trace has everybody of the smaller one, at no later hop or instant."""
    found = {row.person: (row.tier, row.exposed) for row in more_rows}
    for row in rows:
        assert row.person in found
        assert found[row.person] <= (row.tier, row.exposed)


@law
@given(worlds, rules(), st.integers(1, 3), st.data())
def test_a_longer_minimum_never_adds_a_contact(tuning, world, rule, depth, data):
    longer = data.draw(stricter(rule))
    index = world.cases[:2]
    assert_holds_all(traced(world, rule, index, depth, tuning), traced(world, longer, index, depth, tuning))


@law
@given(worlds, rules(), st.integers(1, 3), st.data())
def test_a_larger_window_never_removes_a_contact(tuning, world, rule, depth, data):
    larger = data.draw(wider(rule))
    longer = replace(world, until=world.until + data.draw(st.sampled_from([0, 15, 1440])))
    index = world.cases[:2]
    assert_holds_all(traced(longer, larger, index, depth, tuning), traced(world, rule, index, depth, tuning))


@law
@given(worlds, rules(), st.integers(1, 3), st.sampled_from(sorted(LOOSER)))
def test_a_key_that_asks_for_less_never_removes_a_contact(tuning, world, rule, depth, how):
    if how.startswith("summed"):  # what was summed over more would be summed over less
        rule = with_contacts(rule, accumulate="each")
    index = world.cases[:2]
    looser = LOOSER[how](rule)
    assert_holds_all(traced(world, looser, index, depth, tuning), traced(world, rule, index, depth, tuning))


def halves(stay, middle):
    """Return two touching stays; what nobody saw of the one is not seen of the two."""
    return (
        replace(stay, exit=middle, seen=min(stay.seen, middle)),
        replace(stay, enter=middle, seen=max(stay.seen, middle)),
    )


def merged(rows, whole):
    """Return the rows as they were before the splitting."""
    return {replace(row, stays=frozenset(whole.get(stay, stay) for stay in row.stays)) for row in rows}


@law
@given(worlds, rules(), st.integers(1, 3), st.data())
def test_a_stay_that_is_split_into_touching_ones_changes_nothing(tuning, world, rule, depth, data):
    stays = {(stay.person, stay.venue, stay.enter) for stay in world.stays}
    split, whole = [], {}
    for stay in world.stays:
        middle = data.draw(
            st.sampled_from([None, stay.enter + 1, (stay.enter + stay.exit) // 2, stay.exit - 1])
        )
        pieces = (stay,) if middle is None else halves(stay, middle)
        assume(not {(piece.person, piece.venue, piece.enter) for piece in pieces[1:]} & stays)
        split += pieces
        whole |= dict.fromkeys(pieces, stay)
    index = world.cases[:2]
    rows = traced(replace(world, stays=tuple(split)), rule, index, depth, tuning)
    assert merged(rows, whole) == set(traced(world, rule, index, depth, tuning))


@law
@given(worlds, rules(), st.integers(1, 3), st.data())
def test_an_encounter_that_is_split_into_touching_ones_changes_nothing(tuning, world, rule, depth, data):
    split = []
    for encounter in world.encounters:
        middle = data.draw(st.integers(encounter.start, encounter.end))
        split += [replace(encounter, end=middle), replace(encounter, start=middle)]
    nearby = [one for one in split if one.start < one.end]
    swapped = tuple(replace(one, one=one.other, other=one.one) for one in nearby)
    index = world.cases[:2]
    expected = set(traced(world, rule, index, depth, tuning))
    assert set(traced(replace(world, encounters=tuple(nearby)), rule, index, depth, tuning)) == expected
    assert set(traced(replace(world, encounters=swapped), rule, index, depth, tuning)) == expected
