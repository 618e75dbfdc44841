"""Contacts that are long enough only together, as a sweep finds them."""

import datetime as dt

from pipelines.graph.tracing.temporal_graph import Tuning
from schemas.rules import Chain, Contact, Infectious, Rule
from tests.graph.worlds import VENUES, traced
from tests.oracle import tiers

SWEPT = Tuning(many_infectious=0)
INFECTORS = (4, 8)
OTHER = -3


def stay(person, venue, enter, leave):
    return tiers.Stay(person, venue, None, enter, leave, leave, True)


def world(*stays, encounters=()):
    cases = tuple(tiers.Case(person, 0, None, None) for person in INFECTORS)
    return tiers.World(stays, encounters, cases, VENUES, 4320)


def exposures(where, accumulate="24h", minutes=15.0):
    rule = Rule(
        *("test", "a test", "nobody", dt.date(2021, 1, 1), None, ()),
        Infectious(1.0, 1.0, None),
        Contact(min_minutes=minutes, accumulate=accumulate),
        Chain(),
        (),
    )
    return [(row.person, row.exposed, row.via) for row in traced(where, rule, where.cases, 1, SWEPT)]


TWO_SHORT_ONES = (
    *(stay(4, "bar", 60, 100), stay(OTHER, "bar", 90, 130)),
    *(stay(4, "cafe", 200, 240), stay(OTHER, "cafe", 230, 300)),
)
A_LONG_ONE = (stay(8, "mall", 400, 500), stay(OTHER, "mall", 400, 420))


def test_two_short_overlaps_expose_before_a_long_one_with_somebody_else():
    assert exposures(world(*TWO_SHORT_ONES, *A_LONG_ONE)) == [(OTHER, 90, 4)]


def test_short_overlaps_do_not_add_up_when_nothing_accumulates():
    assert exposures(world(*TWO_SHORT_ONES, *A_LONG_ONE), "each") == [(OTHER, 400, 8)]


def test_short_overlaps_with_different_people_do_not_add_up():
    passing = (stay(8, "cafe", 200, 240), stay(OTHER, "cafe", 230, 300))
    assert exposures(world(*TWO_SHORT_ONES[:2], *passing)) == []


def test_a_short_overlap_that_another_day_completes_exposes_when_the_whole_window_counts():
    days_later = (stay(4, "cafe", 4000, 4010), stay(OTHER, "cafe", 4000, 4300))
    apart = world(*TWO_SHORT_ONES[:2], *days_later)
    assert exposures(apart, "window") == [(OTHER, 90, 4)]
    assert exposures(apart) == []


def test_a_short_overlap_and_an_encounter_add_up():
    near = tiers.Encounter(OTHER, 4, 500, 505, None, None)
    assert exposures(world(*TWO_SHORT_ONES[:2], encounters=(near,))) == [(OTHER, 90, 4)]


def test_at_one_instant_the_smaller_token_exposes_though_it_is_long_enough_only_together():
    together = (stay(OTHER, "bar", 90, 130), stay(8, "bar", 60, 130))
    again = (stay(4, "bar", 60, 100), stay(4, "cafe", 200, 240), stay(OTHER, "cafe", 230, 300))
    assert exposures(world(*together, *again)) == [(OTHER, 90, 4)]
