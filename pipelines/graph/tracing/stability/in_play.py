"""The people in play in a trace: its cases and all in its list, by rank, with their stays.

Whom a trace has not found, a trace of less does not find either, so thinned traces need nobody else. (A stay
whose `out` is missing may end later than it did, and one whose zone is missing may match any: they reach new
people, or people sooner. New people are in no row, and those of the last tier pass on to nobody.)
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pipelines.graph.encounters import Proximity
from pipelines.graph.row_ranges import rows_between
from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.clipped_stays import Zones
from pipelines.graph.tracing.contact_criteria import Criteria
from pipelines.graph.tracing.infectious_intervals import Intervals, Isolation
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Bool, Int32, Int64, UInt8


class StaysInPlay(NamedTuple):
    """Stays, in any order.

    Attributes:
        person, venue: int64[n], their ranks.
        enter_us, exit_us: int64[n], microseconds UTC.
        stay_id: int64[n].
        zone: int32[n], the number of the zone, see `Zones`.
    """

    person: Int64
    venue: Int64
    enter_us: Int64
    exit_us: Int64
    stay_id: Int64
    zone: Int32

    def at(self, chosen: Int64 | Bool) -> "StaysInPlay":
        """Return some of the stays, by position or mask."""
        columns: list[Any] = [column[chosen] for column in self]
        return StaysInPlay(*columns)


class InPlay(NamedTuple):
    """People and venues of a trace by rank, 0 for the smallest, so that ties end as they do by token.

    Attributes:
        persons: int64[p], tokens, ascending.
        infector: bool[p], the cases, and whom the list has before its last tier.
        venues: int64[v], ascending.
        kind: uint8[v], the class of each venue.
        infectious: when the cases are, persons by rank.
        cases: int64[c], ranks.
        isolated: of the people who are cases, by rank.
        near: the encounters between the people, by rank.
        stays: their stays that reach into the time of the trace and can be beside an infector's.
        zones: the numbers of zones.
    """

    persons: Int64
    infector: Bool
    venues: Int64
    kind: UInt8
    infectious: Intervals
    cases: Int64
    isolated: Isolation
    near: Proximity
    stays: StaysInPlay
    zones: Zones


def in_play(
    graph: TemporalGraph,
    index: Intervals,
    cases: Int64,
    isolated: Isolation,
    listed: Int64,
    passing_on: Int64,
) -> InPlay:
    """Gather what is in play.

    Args:
        graph: what was traced through.
        index: when the cases are infectious.
        cases: int64[c], their tokens.
        isolated: when people who are cases were isolated.
        listed: int64[n], the tokens of all people in the list.
        passing_on: int64[k], the tokens of those before its last tier.
    """
    persons = np.unique(np.concatenate((cases, listed)))
    infector = np.isin(persons, np.concatenate((cases, passing_on)))
    # `scans_in_play` numbers the zones of scans here too, so that stays and scans agree.
    zones = Zones()
    span = Span(int(index.start_us.min()), max(graph.until_us, int(index.start_us.min())))
    # Only at venues where an infector stays can anybody be exposed.
    venues = _venues(graph, persons[infector], span)
    stays = _stays(graph, persons, venues, span, zones)
    stays = stays.at(_beside_infectors(stays, infector, graph.criteria))
    # Isolation and encounters of others are not asked for, and would have no rank.
    known = np.isin(isolated.person, persons)
    near = graph.near
    both = np.isin(near.person, persons) & np.isin(near.other, persons)
    return InPlay(
        persons,
        infector,
        venues,
        graph.classes.kinds(venues),
        Intervals(np.searchsorted(persons, index.person), index.start_us, index.end_us),
        np.searchsorted(persons, cases),
        Isolation(np.searchsorted(persons, isolated.person[known]), isolated.isolated_us[known]),
        Proximity(
            np.searchsorted(persons, near.person[both]),
            np.searchsorted(persons, near.other[both]),
            near.start_us[both],
            near.end_us[both],
        ),
        stays,
        zones,
    )


def _beside_infectors(stays: StaysInPlay, infector: Bool, criteria: Criteria) -> Bool:
    """Tell which stays are an infector's, or overlap one of an infector at the same venue.

    Args:
        stays: in any order.
        infector: bool[p], by rank.
        criteria: how far contact reaches beyond a stay.
    """
    own = infector[stays.person]
    reach_us = int(criteria.indirect_us.max())
    # The widest reach, at every venue and not clipped: a few stays too many, and none too few.
    sources = stays.venue[own], stays.enter_us[own], stays.exit_us[own] + reach_us
    beside: Bool = own | overlaps_any(stays.venue, stays.enter_us, stays.exit_us, *sources)
    return beside


def overlaps_any(
    ids: Int64, start_us: Int64, end_us: Int64, of_id: Int64, of_start_us: Int64, of_end_us: Int64
) -> Bool:
    """Tell whether each interval overlaps one of others with the same id, bool[n].

    Example:
        >>> others = np.array([4, 4]), np.array([0, 50]), np.array([10, 60])
        >>> overlaps_any(np.array([4, 4, 5]), np.array([9, 10, 0]), np.array([20, 50, 99]), *others).tolist()
        [True, False, False]

    Args:
        ids: int64[n], from 0.
        start_us: int64[n], microseconds UTC.
        end_us: int64[n].
        of_id: int64[m], from 0.
        of_start_us: int64[m].
        of_end_us: int64[m].
    """
    if of_id.size == 0 or ids.size == 0:
        return np.zeros(ids.size, np.bool_)
    least_us = min(int(start_us.min()), int(of_start_us.min()))
    # An end behind every start may as well lie there, so the tail of a rule that says for ever makes no key
    # overflow: ids times the span stay below 2^63 for a million venues over a hundred days.
    latest_us = max(int(start_us.max()), int(of_start_us.max())) + 1
    end_us, of_end_us = np.minimum(end_us, latest_us), np.minimum(of_end_us, latest_us)
    span_us = latest_us - least_us + 1
    # The others by (id, start); each id has a range of keys of its own.
    order = np.lexsort((of_start_us, of_id))
    key = of_id[order] * span_us + (of_start_us[order] - least_us)
    # The latest end so far; ends of an id lie below those of the next, so that one maximum serves all.
    latest = np.maximum.accumulate(of_id[order] * span_us + (of_end_us[order] - least_us))
    # The last of the others that starts before the end: of the id, or of a smaller one.
    last = np.searchsorted(key, ids * span_us + (end_us - least_us)) - 1
    # Those of a smaller id end below every time of this one, so they never overlap.
    overlaps: Bool = latest[last] > ids * span_us + (start_us - least_us)
    return overlaps & (last >= 0)  # `last` is -1 where no other starts before


def _venues(graph: TemporalGraph, persons: Int64, span: Span) -> Int64:
    """The venues where some persons stay, ascending."""
    files = graph.files("person", span)
    found = [columns.venue[rows_between(*columns.rows_of(persons))] for columns in files]
    return np.unique(np.concatenate([np.empty(0, np.int64), *found]))


def _stays(graph: TemporalGraph, persons: Int64, venues: Int64, span: Span, zones: Zones) -> StaysInPlay:
    """The stays of some persons at some venues, both by rank."""
    parts = [NO_STAYS]
    # Without venues there is no rank to clamp to.
    for columns in graph.files("person", span) if venues.size else ():
        first, last = columns.rows_of(persons)
        row = rows_between(first, last)
        venue = columns.venue[row]
        rank = np.minimum(np.searchsorted(venues, venue), venues.size - 1)
        # A rank is right only where the venue is in play; other stays are dropped.
        known = np.flatnonzero(venues[rank] == venue)
        row = row[known]
        zone = zones.of(columns)[row] if graph.criteria.zoned else np.full(row.size, -1, np.int32)
        parts.append(
            StaysInPlay(
                np.repeat(np.arange(persons.size), last - first)[known],
                rank[known],
                columns.enter_us[row],
                columns.exit_us[row],
                columns.stay_id[row],
                zone,
            )
        )
    return joined_stays(parts)


def joined_stays(parts: Sequence[StaysInPlay]) -> StaysInPlay:
    """Return the stays of all parts, of which there is at least one."""
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return StaysInPlay(*columns)


_NONE = np.empty(0, np.int64)
NO_STAYS = StaysInPlay(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE.astype(np.int32))
