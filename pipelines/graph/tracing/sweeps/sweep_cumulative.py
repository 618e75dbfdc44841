"""Contacts that are long enough only together: overlaps below the minimum that add up to an exposure.

A sweep finds the earliest exposure that one overlap makes. Only somebody who
has an overlap with the same person before that, or at the same instant and
with a smaller token, can be exposed by him earlier. Such pairs are few: where
many are infectious, one of them soon stays long enough. All overlaps of a
person whom nobody exposes are among them, and must last long enough together.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from pipelines.graph.tracing import provenance_kernel as parts
from pipelines.graph.tracing.contact_criteria import WINDOW, Criteria
from pipelines.graph.tracing.exposure_criteria import record_exposures
from pipelines.graph.tracing.exposure_table import NEVER_US, THREADS, ExposureTable, numbers_of
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.graph.tracing.overlap_join import Overlaps
from pipelines.graph.tracing.provenance import NearBy, infectors_of, near_by, parts_beside
from pipelines.graph.tracing.sweeps.sweep_kernel import (
    EXPOSED,
    NOT_FRESH,
    VIA,
    SweepBuffers,
    SweepRules,
    VenueRows,
    class_of,
    collect,
    end_of,
    next_venue,
    sort_sources,
)
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.sort import dense_rank
from pipelines.kernels.types import Int64, UInt8
from pipelines.times import DAY_US

_PAIRS_AT_ONCE = 1_000_000  # whose overlaps are in memory together
_FOREVER = 1 << 40  # days


class _CandidatePairs(NamedTuple):
    """People and sources, by number; ascending, each pair once.

    Attributes:
        own, other: int64[n].
        first_day, last_day: int64[n], the UTC days on which their contact matters.
    """

    own: Int64
    other: Int64
    first_day: Int64
    last_day: Int64

    def at(self, chosen: Any) -> "_CandidatePairs":
        """Return some of the pairs, by position or mask."""
        return _CandidatePairs(*(column[chosen] for column in self))


def short_pairs(
    state: Int64, before: VenueRows, rows: VenueRows, rules: SweepRules, buffers: SweepBuffers, day: int
) -> Int64:
    """Find the pairs of a person and a source with an overlap that may be part of an earlier exposure.

    Args:
        state: of each person, with the exposures that one overlap makes.
        before: stays that began before the date and reach into it.
        rows: those that began in it.
        rules: what each class of venues asks for.
        buffers: as long as both together.
        day: the date.

    Returns:
        int64[n, 4], both numbers, the microseconds and the day; a pair may stand several times.
    """
    # A guess; the array grows threefold when `_find_pairs` runs out of room.
    pairs = np.empty((1 << 14, 4), np.int64)
    row = early = found = 0
    while True:
        row, early, found = _find_pairs(state, before, rows, rules, buffers, row, early, pairs, found)
        if row == rows.venue.size and early == before.venue.size:
            pairs[:found, 3] = day
            return pairs[:found]
        pairs = np.concatenate((pairs[:found], np.empty_like(pairs), np.empty_like(pairs)))


def record_cumulative_exposures(
    graph: TemporalGraph,
    people: ExposureTable,
    sources: Intervals,
    short: Int64,
    met: Overlaps,
    swept: UInt8,
) -> None:
    """Record the exposures that overlaps make together, of some pairs and of all who had an encounter.

    Args:
        graph: the lake under the rule.
        people: their earliest exposures are kept here; with those that one overlap makes.
        sources: who is infectious, and when.
        short: as `short_pairs` has them.
        met: the encounters, which are of class 0.
        swept: uint8[c], 1 for the classes whose overlaps are added up.
    """
    # Encounters are of class 0: where that is not swept, the join sums them.
    met = met.at(slice(None) if swept[0] else slice(0))
    _, number = numbers_of(people, sources.person)
    own, other = met.other, number[met.owner]
    # Each candidate pair once; `pair_of` has the position of each short overlap, then of each encounter.
    key = np.concatenate((short[:, 0] * people.persons + short[:, 1], own * people.persons + other))
    pair_of, distinct = dense_rank(key)
    # A short overlap counts with those of the days that the rule adds up, an encounter with all.
    first_day, last_day = np.full(distinct.size, _FOREVER), np.full(distinct.size, -_FOREVER)
    of_short, of_met = pair_of[: short.shape[0]], pair_of[short.shape[0] :]
    np.minimum.at(first_day, of_short, short[:, 3])
    np.maximum.at(last_day, of_short, short[:, 3] + _reach_days(graph.criteria))
    first_day[of_met], last_day[of_met] = -_FOREVER, _FOREVER
    pairs = _CandidatePairs(distinct // people.persons, distinct % people.persons, first_day, last_day)
    # Of somebody whom nobody exposes all overlaps are in `short`, so their sum is an upper bound. Of one who
    # is exposed it has only those up to the exposure: later ones may complete the minimum.
    # Float64, as bincount has its weights: exact up to 2^53 µs, which is 285 years.
    together_us = np.bincount(of_short, short[:, 2], distinct.size)
    long_enough = together_us >= graph.criteria.min_us[swept == 1].min()
    long_enough |= people.exposed_us[pairs.own] < NEVER_US
    # Encounters are not in `short`, so a sum would miss them.
    long_enough[of_met] = True
    kept = np.flatnonzero(long_enough)
    # A pair lies in one batch with all of its overlaps, so each batch is judged by itself.
    for begin in range(0, kept.size, _PAIRS_AT_ONCE):
        some = kept[begin : begin + _PAIRS_AT_ONCE]
        overlaps = _overlaps(graph, people, sources, pairs.at(some))
        inside = met.at((of_met >= some[0]) & (of_met <= some[-1]))
        # Classes that are not swept are left to the join.
        together = Overlaps.concatenated([overlaps.at(swept[overlaps.kind] == 1), inside])
        record_exposures(people, together, sources.person, graph.criteria)


def _reach_days(criteria: Criteria) -> int:
    """Return within how many days after the day of an overlap another one is added to it."""
    if (criteria.accumulate == WINDOW).any():
        return _FOREVER
    # An interval that is long enough by itself may be as long as the minimum, and reach into one day more.
    return int(max(DAY_US, criteria.min_us.max()) // DAY_US) + 1


def _overlaps(
    graph: TemporalGraph, people: ExposureTable, sources: Intervals, pairs: _CandidatePairs
) -> Overlaps:
    """Return all overlaps of pairs on the days that matter."""
    person, via = people.token[pairs.own], people.token[pairs.other]

    # Called on the pool's threads below, once `infectors` and `of` are known.
    def of_file(near: NearBy) -> Int64:
        some = np.flatnonzero((pairs.first_day <= near.last_day) & (pairs.last_day >= near.first_day))
        found = parts_beside(near, infectors, person[some], of[some])
        found[:, parts.PAIR] = some[found[:, parts.PAIR]]
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        # The stays of the infectors are clipped once, for all files.
        infectors = infectors_of(graph, sources.of(np.unique(via)), pool)
        of = np.searchsorted(infectors.person, via)
        none = np.empty((0, parts.PART_COLUMNS), np.int64)
        found = np.concatenate([none, *pool.map(of_file, near_by(graph, infectors))])
    columns = (parts.PAIR, parts.VENUE, parts.FROM, parts.TO)
    pair, venue, start_us, end_us = (np.ascontiguousarray(found[:, at]) for at in columns)
    # Any interval of the infector will do as owner: all that is asked of it is whose it is.
    owner = np.searchsorted(sources.person, via)[pair]
    return Overlaps(owner, pairs.own[pair], graph.classes.kinds(venue), start_us, end_us)


@helper
def _find_pairs(
    state: Int64,
    before: VenueRows,
    rows: VenueRows,
    rules: SweepRules,
    buffers: SweepBuffers,
    row: int,
    early: int,
    pairs: Int64,
    found: int,
) -> tuple[int, int, int]:
    """Find pairs from a venue on while there is room; return where the next begins, and their number."""
    place = 0  # classes are searched from the first one again
    while row < rows.venue.size or early < before.venue.size:
        venue = next_venue(before, early, rows, row)
        kind, place = class_of(rules, venue, place)
        early_end, row_end = end_of(before, early, venue), end_of(rows, row, venue)
        if rules.swept[kind] and rules.shorten_us[kind]:
            reach = (rules.indirect_us[kind], rules.until_us, 0)  # not shortened: any overlap counts here
            targets, sources = collect(state, before, early, early_end, reach, buffers, 0, 0)
            targets, sources = collect(state, rows, row, row_end, reach, buffers, targets, sources)
            sort_sources(buffers, sources)
            # Without room nothing of this venue counts, and the next call begins with it.
            more = _pairs_of_venue(state, buffers, targets, sources, pairs, found)
            if more < 0:
                return row, early, found
            found = more
        early, row = early_end, row_end
    return row, early, found


@inlined
def _pairs_of_venue(
    state: Int64, buffers: SweepBuffers, targets: int, sources: int, pairs: Int64, found: int
) -> int:
    """Put the pairs of one venue into `pairs`; return how many there are then, -1 if there is no room."""
    # Bounds for the sources that may overlap a target, as both ascend: a source is over `longest_us`
    # after its start at the latest, and one that starts after the exposure found makes no earlier one.
    longest_us = 0
    for source in range(sources):
        longest_us = max(longest_us, buffers.reach_us[source] - buffers.start_us[source])
    first = 0
    for target in range(targets):
        own, enter_us = buffers.number[target], buffers.enter_us[target]
        best_us, via = state[own, EXPOSED], state[own, VIA]
        until_us = min(best_us, buffers.exit_us[target] - 1)
        while first < sources and buffers.start_us[first] + longest_us <= enter_us:
            first += 1
        source = first
        while source < sources and buffers.start_us[source] <= until_us:
            other = buffers.source[source]
            if buffers.reach_us[source] > enter_us and other != own:
                start_us = max(buffers.start_us[source], enter_us)
                # It is never later than `best_us`: behind the `or` both are equal, and the token decides.
                if start_us < best_us or (via != NOT_FRESH and other < via):
                    if found == pairs.shape[0]:
                        return -1
                    end_us = min(buffers.reach_us[source], buffers.exit_us[target])
                    pairs[found, 0], pairs[found, 1], pairs[found, 2] = own, other, end_us - start_us
                    found += 1
            source += 1
    return found
