"""The people in play in a trace: its cases and all in its list, by rank, with their stays.

Whom a trace has not found, a trace of less does not find either, so thinned traces need nobody else. (A stay
whose `out` is missing may end later than it did, and one whose zone is missing may match any: they reach new
people, or people sooner. New people are in no row, and those of the last tier pass on to nobody.)
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from pipelines.graph.encounters import Proximity
from pipelines.graph.row_ranges import rows_between
from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.clipped_stays import by_venue
from pipelines.graph.tracing.exposure_table import NEVER_US
from pipelines.graph.tracing.infectious_intervals import Intervals, Isolation
from pipelines.graph.tracing.overlap_join import candidate_ranges
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.sort import order_of, packed
from pipelines.kernels.types import Bool, Int32, Int64, UInt8, UInt64
from pipelines.lake.sidecars.sidecar import Sidecar

THREADS = 2

_LONG_AGO_US = np.iinfo(np.int64).min
_EVERY = np.uint64(2**64 - 1)


class StaysInPlay(NamedTuple):
    """Stays, in any order.

    Attributes:
        person, venue: int64[n], their ranks.
        enter_us, exit_us: int64[n], microseconds UTC.
        zone: int32[n], the number of the zone, see `Zones`.
    """

    person: Int64
    venue: Int64
    enter_us: Int64
    exit_us: Int64
    zone: Int32

    def at(self, chosen: Int64 | Bool) -> "StaysInPlay":
        """Return some of the stays, by position or mask."""
        columns: list[Any] = [column[chosen] for column in self]
        return StaysInPlay(*columns)


class PeopleInPlay(NamedTuple):
    """The cases of a trace and all in its list, by rank, 0 for the smallest, so that ties end as by token.

    Attributes:
        persons: int64[p], tokens, ascending.
        tier: int64[p], in the list; 0 of cases.
        infectious: when the cases are, persons by rank.
        isolated: of the people who are cases, by rank.
        near: the encounters between the people, by rank.
    """

    persons: Int64
    tier: Int64
    infectious: Intervals
    isolated: Isolation
    near: Proximity

    def from_us(self) -> int:
        """Return when the first case becomes infectious, microseconds UTC."""
        return int(self.infectious.start_us.min())

    def infectors(self, depth: int) -> Bool:
        """Tell who is in the list before its last tier, bool[p]: those of the last pass on to nobody."""
        return (self.tier > 0) & (self.tier < depth)


class SourcesInPlay(NamedTuple):
    """Who may expose others, and where they stay.

    Attributes:
        since_us: int64[p], from when on each may expose others, `NEVER_US` of who does not; microseconds UTC.
        until_us: nobody is infectious later.
        venues: int64[v], where they stay, ascending.
        kind: uint8[v], the class of each venue.
        stays: theirs, venues by rank.
        stay_id: int64[n], of each stay.
    """

    since_us: Int64
    until_us: int
    venues: Int64
    kind: UInt8
    stays: StaysInPlay
    stay_id: Int64

    def is_source(self) -> Bool:
        """Tell who may expose others, bool[p]."""
        return self.since_us < NEVER_US


class InPlay(NamedTuple):
    """What can expose some of the people within a span of time.

    Attributes:
        people: all of the trace.
        sources: who may expose others.
        wanted: uint64[p], the draws in which each person is looked for; none of people who are no targets.
        from_us, until_us: the span, microseconds UTC.
        is_thorough: whether all that can expose them is looked for, or only where it is likely.
    """

    people: PeopleInPlay
    sources: SourcesInPlay
    wanted: UInt64
    from_us: int
    until_us: int
    is_thorough: bool


def people_in_play(
    graph: TemporalGraph,
    index: Intervals,
    cases: Int64,
    isolated: Isolation,
    listed: Int64,
    tier: Int64,
) -> PeopleInPlay:
    """Gather who is in play.

    Args:
        graph: what was traced through.
        index: when the cases are infectious.
        cases: int64[c], their tokens.
        isolated: when people who are cases were isolated.
        listed: int64[n], the tokens of all people in the list.
        tier: int64[n], the tier of each.
    """
    persons = np.unique(np.concatenate((cases, listed)))
    tiers = np.zeros(persons.size, np.int64)
    tiers[np.searchsorted(persons, listed)] = tier
    # Isolation and encounters of others are not asked for, and would have no rank.
    known = np.isin(isolated.person, persons)
    near = graph.near
    both = np.isin(near.person, persons) & np.isin(near.other, persons)
    return PeopleInPlay(
        persons,
        tiers,
        Intervals(np.searchsorted(persons, index.person), index.start_us, index.end_us),
        Isolation(np.searchsorted(persons, isolated.person[known]), isolated.isolated_us[known]),
        Proximity(
            np.searchsorted(persons, near.person[both]),
            np.searchsorted(persons, near.other[both]),
            near.start_us[both],
            near.end_us[both],
        ),
    )


def sources_in_play(
    graph: TemporalGraph, people: PeopleInPlay, since_us: Int64, from_us: int, until_us: int
) -> SourcesInPlay:
    """Gather what can expose people.

    Args:
        graph: what was traced through.
        people: all of the trace.
        since_us: int64[p], from when on each may expose others, `NEVER_US` of who does not.
        from_us: what was before is not asked for.
        until_us: nobody is infectious later.
    """
    is_source = since_us < NEVER_US
    # A source may also be a target, who comes after the last source has left.
    span = Span(from_us, max(until_us + graph.criteria.reach_us, from_us))
    # Only at venues where a source stays can anybody be exposed.
    venues = _venues(graph, people.persons[is_source], span)
    kinds = graph.classes.kinds(venues)
    stays = _stays(graph, people.persons, np.flatnonzero(is_source), venues, span)
    return SourcesInPlay(since_us, until_us, venues, kinds, *stays)


def people_beside(graph: TemporalGraph, people: PeopleInPlay, targets: Bool, span: tuple[int, int]) -> Bool:
    """Tell who has a stay of the lake beside one of the targets, or any encounter, bool[p]; and some others.

    Args:
        graph: what was traced through.
        people: all of the trace.
        targets: bool[p].
        span: where stays of the targets are looked at, from and to; microseconds UTC.
    """
    found = np.zeros(targets.size, np.bool_)
    found[people.near.person[targets[people.near.other]]] = True
    persons = people.persons[targets]
    within = (np.full(persons.size, at_us) for at_us in span)
    stays = by_venue(graph.stays_of(Intervals(persons, *within)))
    # Who has left before the target came may still expose him.
    stays = stays._replace(start_us=stays.start_us - graph.criteria.reach_us)
    files = graph.beside(stays)
    ranges = candidate_ranges(files, stays)
    for number, columns in enumerate(files):
        of_file = ranges.at(ranges.file == number)
        # How many ranges hold each row: those of several targets are looked at once.
        begun, ended = (
            np.bincount(bound, minlength=columns.person.size + 1) for bound in (of_file.first, of_file.last)
        )
        beside = np.unique(columns.person[np.flatnonzero(np.cumsum(begun - ended)[:-1])])
        rank = np.minimum(np.searchsorted(people.persons, beside), people.persons.size - 1)
        found[rank[people.persons[rank] == beside]] = True
    return found


def stays_in_play(graph: TemporalGraph, play: InPlay) -> tuple[StaysInPlay, Int64, UInt64]:
    """Return stays of targets beside one of a source, and of sources beside one of a target.

    Args:
        graph: what was traced through.
        play: what is in play.

    Returns:
        the stays by (venue, enter), venues by rank; the id of each, int64[n]; and the draws in which each
        is needed, uint64[n].
    """
    people, sources = play.people, play.sources
    # The widest reach, at every venue and not clipped: a few stays too many, and none too few.
    reach_us = graph.criteria.reach_us
    own = (sources.stays.enter_us < play.until_us) & (sources.stays.exit_us + reach_us > play.from_us)
    # A target may come after the last source has left.
    until_us = min(play.until_us, sources.until_us + reach_us)
    span = Span(play.from_us, max(until_us, play.from_us))
    ranks = np.flatnonzero((play.wanted != 0) & ~sources.is_source())
    others, other_ids = _stays(graph, people.persons, ranks, sources.venues, span)
    stays = joined_stays([sources.stays.at(own), others])
    # Before he is infectious a source is a target, if that.
    roles = stays.exit_us > sources.since_us[stays.person], play.wanted[stays.person]
    row, needed = beside_each_other(
        stays.venue, stays.enter_us, stays.exit_us, reach_us, *roles, is_thorough=play.is_thorough
    )
    return stays.at(row), np.concatenate((sources.stay_id[own], other_ids))[row], needed


def beside_each_other(
    venue: Int64,
    start_us: Int64,
    end_us: Int64,
    reach_us: int,
    is_source: Bool,
    wanted: UInt64,
    *,
    is_thorough: bool,
) -> tuple[Int64, UInt64]:
    """Find the intervals of targets beside one of a source, and those of sources beside one of a target.

    An interval is not beside itself.

    Example:
        >>> times = np.array([0, 9, 50, 0]), np.array([10, 20, 60, 99])
        >>> roles = np.array([True, False, False, False]), np.array([0, 6, 6, 6], np.uint64)
        >>> row, needed = beside_each_other(np.array([4, 4, 4, 5]), *times, 0, *roles, is_thorough=False)
        >>> row.tolist(), needed.tolist()
        ([0, 1], [6, 6])

    Args:
        venue: int64[n], from 0.
        start_us: int64[n], microseconds UTC.
        end_us: int64[n].
        reach_us: how far contact reaches beyond the interval of a source.
        is_source: bool[n].
        wanted: uint64[n], the draws in which each is a target's.
        is_thorough: whether all sources are looked for, or at most four for each target.

    Returns:
        their positions by (venue, start), int64[k], and the draws in which each is needed, uint64[k].
    """
    if not venue.size:
        return _NONE, _NONE.astype(np.uint64)
    order = order_of(packed(venue, start_us))
    columns = start_us[order], end_us[order], is_source[order], wanted[order]
    needed = (_beside if is_thorough else _beside_few)(venue[order], *columns, reach_us)
    found = np.flatnonzero(needed)
    return order[found], needed[found]


@njit(cache=True, nogil=True)
def _beside(
    venue: Int64, start_us: Int64, end_us: Int64, is_source: Bool, wanted: UInt64, reach_us: int
) -> UInt64:
    """Return the draws in which intervals by (venue, start) are needed, uint64[n]."""
    needed = np.zeros(venue.size, np.uint64)
    # Of those that start before, the latest end tells; of those that start later, the first start.
    source_us = target_us = _LONG_AGO_US
    for row in range(venue.size):
        if row and venue[row] != venue[row - 1]:
            source_us = target_us = _LONG_AGO_US
        if source_us > start_us[row]:
            needed[row] |= wanted[row]
        if is_source[row]:
            if target_us > start_us[row]:
                needed[row] = _EVERY
            source_us = max(source_us, end_us[row] + reach_us)
        if wanted[row]:
            target_us = max(target_us, end_us[row])
    source_us = target_us = NEVER_US
    for row in range(venue.size - 1, -1, -1):
        if row + 1 < venue.size and venue[row] != venue[row + 1]:
            source_us = target_us = NEVER_US
        if source_us < end_us[row]:
            needed[row] |= wanted[row]
        if is_source[row]:
            if target_us < end_us[row] + reach_us:
                needed[row] = _EVERY
            source_us = start_us[row]
        if wanted[row]:
            target_us = start_us[row]
    _leave_out_draws_of_others(needed, venue, start_us, end_us, is_source, wanted, reach_us)
    return needed


@njit(cache=True, nogil=True)
def _leave_out_draws_of_others(
    needed: UInt64,
    venue: Int64,
    start_us: Int64,
    end_us: Int64,
    is_source: Bool,
    wanted: UInt64,
    reach_us: int,
) -> None:
    """Need sources in the draws of the targets beside them alone; targets that overlap are one run."""
    # The runs of a venue: where each begins and ends, and the draws of its targets.
    begins_us, ends_us = np.empty(venue.size, np.int64), np.empty(venue.size, np.int64)
    draws = np.empty(venue.size, np.uint64)
    first = 0
    while first < venue.size:
        runs, last = 0, first
        while last < venue.size and venue[last] == venue[first]:
            if wanted[last]:
                if not runs or start_us[last] > ends_us[runs - 1]:
                    begins_us[runs], ends_us[runs], draws[runs] = start_us[last], end_us[last], 0
                    runs += 1
                ends_us[runs - 1] = max(ends_us[runs - 1], end_us[last])
                draws[runs - 1] |= wanted[last]
            last += 1
        low = 0  # the first run that ends after the row begins: both ascend
        for row in range(first, last):
            while low < runs and ends_us[low] <= start_us[row]:
                low += 1
            some, run = wanted[row], low
            while is_source[row] and run < runs and begins_us[run] < end_us[row] + reach_us:
                some |= draws[run]
                run += 1
            needed[row] &= some
        first = last


@njit(cache=True, nogil=True)
def _beside_few(
    venue: Int64, start_us: Int64, end_us: Int64, is_source: Bool, wanted: UInt64, reach_us: int
) -> UInt64:
    """As `_beside`, with few sources for each target: two that stay longest, and two that come next."""
    needed = np.zeros(venue.size, np.uint64)
    one = other = -1
    for row in range(venue.size):
        if row and venue[row] != venue[row - 1]:
            one = other = -1
        for source in (one, other):
            if source >= 0 and end_us[source] + reach_us > start_us[row]:
                needed[row] |= wanted[row]
                needed[source] |= wanted[row]
        if is_source[row]:
            if one < 0 or end_us[row] >= end_us[one]:
                one, other = row, one
            elif other < 0 or end_us[row] > end_us[other]:
                other = row
    one = other = -1
    for row in range(venue.size - 1, -1, -1):
        if row + 1 < venue.size and venue[row] != venue[row + 1]:
            one = other = -1
        for source in (one, other):
            if source >= 0 and start_us[source] < end_us[row]:
                needed[row] |= wanted[row]
                needed[source] |= wanted[row]
        if is_source[row]:
            one, other = row, one
    return needed


def _venues(graph: TemporalGraph, persons: Int64, span: Span) -> Int64:
    """The venues where some persons stay, ascending."""

    def of(columns: Sidecar) -> Int64:
        row = rows_between(*columns.rows_of(persons))
        # Only now, for the search may have replaced the column.
        return np.unique(columns.venue[row])

    with ThreadPoolExecutor(THREADS) as pool:
        return np.unique(np.concatenate([_NONE, *pool.map(of, graph.files("person", span))]))


def _stays(
    graph: TemporalGraph, persons: Int64, ranks: Int64, venues: Int64, span: Span
) -> tuple[StaysInPlay, Int64]:
    """The stays of some persons at some venues, both by rank, and the id of each."""

    def of(columns: Sidecar) -> tuple[StaysInPlay, Int64]:
        first, last = columns.rows_of(persons[ranks])
        row = rows_between(first, last)
        venue = columns.venue[row]
        rank = np.minimum(np.searchsorted(venues, venue), venues.size - 1)
        # A rank is right only where the venue is in play; other stays are dropped.
        known = np.flatnonzero(venues[rank] == venue)
        row = row[known]
        zone = graph.zones.of(columns)[row] if graph.criteria.zoned else np.full(row.size, -1, np.int32)
        person = np.repeat(ranks, last - first)[known]
        stays = StaysInPlay(person, rank[known], columns.enter_us[row], columns.exit_us[row], zone)
        return stays, columns.stay_id[row]

    # Without venues there is no rank to clamp to.
    files = graph.files("person", span) if venues.size and ranks.size else []
    with ThreadPoolExecutor(THREADS) as pool:
        parts, ids = zip((NO_STAYS, _NONE), *pool.map(of, files), strict=True)
    return joined_stays(parts), np.concatenate(ids)


def joined_stays(parts: Sequence[StaysInPlay]) -> StaysInPlay:
    """Return the stays of all parts, of which there is at least one."""
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return StaysInPlay(*columns)


_NONE = np.empty(0, np.int64)
NO_STAYS = StaysInPlay(_NONE, _NONE, _NONE, _NONE, _NONE.astype(np.int32))
