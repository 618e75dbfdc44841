"""Trace many draws at once: they lie side by side in one graph, as people and venues that never meet.

A trace of a few people takes microseconds and its calls milliseconds, so one trace of twenty copies is far
faster than twenty traces. Person `r` of draw `d` is number `d · persons + r`, and venues likewise.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.graph.encounters import Proximity
from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.contact_criteria import Criteria, VenueClasses
from pipelines.graph.tracing.infectious_intervals import Intervals, Isolation
from pipelines.graph.tracing.search import hops
from pipelines.graph.tracing.stability.in_play import InPlay, StaysInPlay, zone_names
from pipelines.graph.tracing.temporal_graph import TemporalGraph, Tuning
from pipelines.kernels.sort import order_of
from pipelines.kernels.types import Bool, Int64
from pipelines.lake.sidecars.sidecar import Sidecar
from schemas.rules import Rule

_NO_SWEEP = Tuning(many_infectious=2**62, swept_rows=2**62)  # which needs one file a date


class Terms(NamedTuple):
    """What is asked again of every draw.

    Attributes:
        rule: the rule pack.
        criteria: the same as numbers.
        depth: the last tier.
        until_us: how far the trace reaches; microseconds UTC.
    """

    rule: Rule
    criteria: Criteria
    depth: int
    until_us: int


def listed_in_draws(
    play: InPlay, terms: Terms, stays: StaysInPlay, draw: Int64, near: Bool
) -> npt.NDArray[np.bool_]:
    """Tell whom the trace of each draw lists, at whatever tier.

    Args:
        play: the people in play.
        terms: what is asked of each.
        stays: the stays of all draws.
        draw: int64[n], the draw of each stay, from 0.
        near: bool[draws, e], which encounters each draw has.

    Returns:
        bool[draws, p].
    """
    draws, people = near.shape[0], play.persons.size
    graph = TemporalGraph(
        _files(play, stays, draw),
        terms.criteria,
        _classes(play, draws),
        _near(play, near),
        terms.until_us,
        tuning=_NO_SWEEP,
    )
    index = Intervals(
        _tiled(play.infectious.person, draws, people),
        np.tile(play.infectious.start_us, draws),
        np.tile(play.infectious.end_us, draws),
    )
    isolated = Isolation(
        _tiled(play.isolated.person, draws, people), np.tile(play.isolated.isolated_us, draws)
    )
    cases = _tiled(play.cases, draws, people)
    listed = np.zeros(draws * people, np.bool_)
    for hop in hops(graph, terms.rule, index, cases, isolated, terms.depth):
        listed[hop.person[hop.new]] = True
    return listed.reshape(draws, people)


def _tiled(rank: Int64, draws: int, size: int) -> Int64:
    """Repeat ranks for every draw, each moved by the ranks of the draws before."""
    moved: Int64 = (np.arange(draws)[:, np.newaxis] * size + rank).ravel()
    return moved


def _classes(play: InPlay, draws: int) -> VenueClasses:
    named = np.flatnonzero(play.kind)
    return VenueClasses(_tiled(named, draws, play.venues.size), np.tile(play.kind[named], draws))


def _near(play: InPlay, near: Bool) -> Proximity:
    draw, row = np.nonzero(near)
    moved = draw * play.persons.size
    return Proximity(
        play.near.person[row] + moved,
        play.near.other[row] + moved,
        play.near.start_us[row],
        play.near.end_us[row],
    )


class _Files:
    """The stays of all draws as one file in each order, whatever the span."""

    def __init__(self, by: dict[str, Sidecar]) -> None:
        self._by = by

    def __call__(self, by: str, span: Span) -> list[Sidecar]:  # noqa: ARG002 - all stays lie in one file
        return [self._by[by]]


def _files(play: InPlay, stays: StaysInPlay, draw: Int64) -> _Files:
    infectors = play.infector[stays.person]
    person = stays.person + draw * play.persons.size
    venue = stays.venue + draw * play.venues.size
    moved = stays._replace(person=person, venue=venue)
    sources = moved.at(infectors)  # nobody else passes anything on
    return _Files(
        {
            "person": _file("person", sources.at(_order(sources.person, sources.enter_us)), play),
            "venue": _file("venue", moved.at(_order(venue, stays.enter_us)), play),
        }
    )


def _order(ids: Int64, enter_us: Int64) -> Int64:
    """The permutation that sorts by (id, enter)."""
    by_time = order_of(enter_us)
    order: Int64 = by_time[order_of(ids[by_time])]
    return order


def _file(by: str, stays: StaysInPlay, play: InPlay) -> Sidecar:
    names = zone_names(play.zones)
    return Sidecar(
        by=by,
        person=stays.person,
        venue=stays.venue,
        enter_us=stays.enter_us,
        exit_us=stays.exit_us,
        imputed_from_us=stays.imputed_from_us,
        scanned_both=stays.scanned_both,
        kinds=np.zeros(stays.person.size, np.uint8),
        stay_id=stays.stay_id,
        zone_code=np.where(stays.zone < 0, len(names) - 1, stays.zone).astype(np.int32),
        zone_names=names,
        longest_us=int((stays.exit_us - stays.enter_us).max(initial=0)),
    )
