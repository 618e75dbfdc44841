"""Where contacts came from: how long each was, how much of it was indirect or imputed, and at which stays."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from pipelines.graph.tracing import provenance_kernel as parts
from pipelines.graph.tracing.clipped_stays import NO_ZONE, clipped_rows
from pipelines.graph.tracing.contact_criteria import Criteria
from pipelines.graph.tracing.exposure_table import THREADS
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.graph.tracing.overlap_join import NO_ZONES, matching_rows
from pipelines.graph.tracing.provenance_kernel import (
    Pairs,
    PairTotals,
    columns_of,
    measured,
    parts_of,
)
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.compile import helper
from pipelines.kernels.sort import order_of
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.lake.sidecars.sidecar import Sidecar
from pipelines.times import DAY_US


class Infectors(NamedTuple):
    """The clipped stays of infectors.

    Attributes:
        person: int64[k], tokens, ascending.
        stays: int64[s, OWN_COLUMNS], in the order (infector, start).
        begin: int64[k + 1], where those of each infector begin.
        longest_us: none reaches farther from its start.
    """

    person: Int64
    stays: Int64
    begin: Int64
    longest_us: int


class NearBy(NamedTuple):
    """A file of `stays` in the order of persons, and which stays of each infector may meet one of its rows.

    Attributes:
        columns: the file.
        zone: int32[n], of its rows.
        first, last: int64[k], the range of the infector's stays.
        first_day, last_day: all stays of the file lie in these UTC days.
    """

    columns: Sidecar
    zone: Int32
    first: Int64
    last: Int64
    first_day: int
    last_day: int


def provenance(graph: TemporalGraph, sources: Intervals, person: Int64, via: Int64) -> PairTotals:
    """Measure the whole clipped contact of each person with one infector.

    Args:
        graph: the lake under the rule.
        sources: when the infectors are infectious.
        person: int64[n], tokens, ascending.
        via: int64[n], the token of the infector of each.
    """
    intervals = sources.of(np.unique(via))
    with ThreadPoolExecutor(THREADS) as pool:
        return _provenance(graph, intervals, person, via, pool)


def _provenance(
    graph: TemporalGraph, intervals: Intervals, person: Int64, via: Int64, pool: ThreadPoolExecutor
) -> PairTotals:
    # Every `via` is a source and has an interval, so a search by token finds his position below.
    infectors = infectors_of(graph, intervals, pool)
    files = near_by(graph, infectors)
    number = np.searchsorted(infectors.person, via)
    met = _encounter_parts(graph, intervals, person, via)

    def of_slice(first: int, last: int) -> PairTotals:
        # A mask copies, so shifting the pairs leaves `met` as it is.
        inside = met[(met[:, parts.PAIR] >= first) & (met[:, parts.PAIR] < last)]
        inside[:, parts.PAIR] -= first
        of = number[first:last]
        found = [parts_beside(near, infectors, person[first:last], of) for near in files]
        # Parts come file by file; measuring takes them pair by pair.
        together = np.concatenate((inside, *found))
        return measured(together, order_of(np.ascontiguousarray(together[:, parts.PAIR])), last - first)

    # Slices of pairs that follow one another, so their totals can be put one after the other.
    bounds = [person.size * part // THREADS for part in range(THREADS + 1)]
    return _one_after_the_other(list(pool.map(of_slice, bounds[:-1], bounds[1:])))


def parts_of_pair(graph: TemporalGraph, sources: Intervals, person: int, via: int) -> Int64:
    """Return the parts of the contact of a person with an infector, int64[p, PART_COLUMNS], by start."""
    pair, infector = np.array([person], np.int64), np.array([via], np.int64)
    intervals = sources.of(infector)
    with ThreadPoolExecutor(THREADS) as pool:
        infectors = infectors_of(graph, intervals, pool)
    of = np.zeros(1, np.int64)
    found = [parts_beside(near, infectors, pair, of) for near in near_by(graph, infectors)]
    together = np.concatenate((_encounter_parts(graph, intervals, pair, infector), *found))
    return together[np.argsort(together[:, parts.FROM], kind="stable")]


def near_by(graph: TemporalGraph, infectors: Infectors) -> list[NearBy]:
    """Return the files that may hold stays beside those of infectors."""
    starts_us, reach_us = (infectors.stays[:, at] for at in (parts.START, parts.REACH))
    files = []
    # int64[k], where each infector's stays begin that may still meet a row; it only moves on.
    first = infectors.begin[:-1]
    for file in sorted(graph.spanning("person", starts_us, reach_us), key=day_of):
        begin_us = day_of(file) * DAY_US
        # Files ascend by day, so each goes on from where the one before it began; the copies are its own.
        first, last = np.array([first, first])
        end_us = begin_us + DAY_US + file.longest_us
        # Beyond these bounds a stay has ended before the day begins, or begins after the file's last exit.
        _advance(infectors.stays, infectors.begin, begin_us - infectors.longest_us, end_us, first, last)
        zone = graph.zones.of(file) if graph.criteria.zoned else NO_ZONES
        files.append(NearBy(file, zone, first, last, day_of(file), end_us // DAY_US))
    return files


def parts_beside(near: NearBy, infectors: Infectors, person: Int64, number: Int64) -> Int64:
    """Return the parts that the stays of a file make of contacts.

    Args:
        near: the file.
        infectors: all of them.
        person: int64[n], the person of each pair, ascending.
        number: int64[n], the position of the infector of each pair.
    """
    # Most infectors have no stay near most dates: only the others' contacts are looked up.
    pair = np.flatnonzero(near.first[number] < near.last[number])
    # The search checks the rows, so the columns are read after it.
    rows = near.columns.rows_of(person[pair])
    pairs = Pairs(person[pair], *rows, near.first[number[pair]], near.last[number[pair]])
    found = parts_of(columns_of(near.columns, near.zone), pairs, infectors.stays, infectors.longest_us)
    found[:, parts.PAIR] = pair[found[:, parts.PAIR]]  # position in `person` instead of among those looked up
    return found


@helper
def _advance(stays: Int64, begin: Int64, after_us: int, before_us: int, first: Int64, last: Int64) -> None:
    """Move to the stays of each infector that begin after one instant and before another."""
    for infector in range(first.size):
        stay, end = first[infector], begin[infector + 1]
        while stay < end and stays[stay, parts.START] <= after_us:
            stay += 1
        first[infector] = stay
        while stay < end and stays[stay, parts.START] < before_us:
            stay += 1
        last[infector] = stay


def _encounter_parts(graph: TemporalGraph, intervals: Intervals, person: Int64, via: Int64) -> Int64:
    """Return the encounters of each pair, clipped; devices saw all of them, and all of them are direct."""
    owner, row = matching_rows(graph.near.person, intervals.person)
    start_us = np.maximum(graph.near.start_us[row], intervals.start_us[owner])
    end_us = np.minimum(graph.near.end_us[row], intervals.end_us[owner])
    # Each person stands once here, so the search finds the only pair he can be of.
    pair = np.searchsorted(person, graph.near.other[row])
    pair[pair == person.size] = 0  # anybody: the comparison below tells
    kept = np.flatnonzero(
        (start_us < end_us) & (person[pair] == graph.near.other[row]) & (via[pair] == graph.near.person[row])
    )
    # Zeros: no venue, no stays, OF_STAYS 0. All of it ends at one instant, so no part is indirect or imputed.
    made = np.zeros((kept.size, parts.PART_COLUMNS), np.int64)
    made[:, parts.PAIR], made[:, parts.FROM] = pair[kept], start_us[kept]
    for column in (parts.TO, parts.DIRECT_TO, parts.SEEN_TO, parts.TAIL_SEEN_TO):
        made[:, column] = end_us[kept]
    return made


def _one_after_the_other(slices: Sequence[PairTotals]) -> PairTotals:
    """Return all pairs of slices that follow one another."""
    # Copies, so the ends may be moved in place.
    columns = [np.concatenate(column) for column in zip(*slices, strict=True)]
    totals = PairTotals(*columns)
    pair = venues = stays = 0
    for part in slices:
        end = pair + part.direct_us.size
        totals.at_end[pair:end] += venues
        totals.of_end[pair:end] += stays
        pair, venues, stays = end, venues + part.at_venue.size, stays + part.of_stay.size
    return totals


class _InfectorRows(NamedTuple):
    """The rows of a file that reach into intervals.

    Attributes:
        row, owner: int64[r], a row and an interval.
        length: int64[k], how many rows each interval has.
    """

    row: Int64
    owner: Int64
    length: Int64


def infectors_of(graph: TemporalGraph, intervals: Intervals, pool: ThreadPoolExecutor) -> Infectors:
    """Return the clipped stays of everybody who has an interval.

    Args:
        graph: the lake under the rule.
        intervals: when they are infectious.
        pool: of `THREADS`.
    """
    files = sorted(graph.spanning("person", intervals.start_us, intervals.end_us), key=day_of)
    # A person's intervals may fall to two threads: rows are counted and placed by interval.
    owners = [intervals.person.size * part // THREADS for part in range(THREADS + 1)]
    # First pass: the rows that reach into each interval. Their number tells where its stays begin.
    found = list(pool.map(partial(_rows_in, files, intervals), owners[:-1], owners[1:]))
    length = np.concatenate(
        [np.sum([rows.length for rows in some], axis=0, dtype=np.int64) for some in found]
    )
    begin = np.append(0, np.cumsum(length))
    # int64[s, OWN_COLUMNS], filled by both threads: each writes the places of its own intervals only.
    stays = np.empty((begin[-1], parts.OWN_COLUMNS), np.int64)
    # Second pass: the rows clipped, each in its place.
    fill = partial(_fill, graph, files, intervals, stays, begin, begin.copy())
    ordered = list(pool.map(fill, found))  # a list: `all` alone would stop before the other thread is done
    if not all(ordered):  # two files of one day hold stays of one person: merge by start
        stays = stays[np.lexsort((stays[:, parts.START], np.repeat(np.arange(length.size), length)))]
    # A person's intervals are neighbours, disjoint and ascending: the order is (infector, start).
    person, first = np.unique(intervals.person, return_index=True)
    longest_us = int((stays[:, parts.REACH] - stays[:, parts.START]).max(initial=0))
    return Infectors(person, stays, np.append(begin[first], begin[-1]), longest_us)


def day_of(columns: Sidecar) -> int:
    """Return the UTC day on which all stays of a file are entered."""
    return columns.first_enter_us() // DAY_US


def _rows_in(files: Sequence[Sidecar], intervals: Intervals, first: int, last: int) -> list[_InfectorRows]:
    """Return the rows of each file that reach into the intervals in [first, last)."""
    some = Intervals(*(column[first:last] for column in intervals))
    none = np.empty(0, np.int64)
    # An empty entry first: without any file the lengths still have one number an interval.
    found = [_InfectorRows(none, none, np.zeros(last - first, np.int64))]
    for file in files:
        row, owner = clipped_rows(*file.rows_of(some.person), file.enter_us, file.exit_us, *some[1:])
        found.append(_InfectorRows(row, owner + first, np.bincount(owner, minlength=last - first)))
    return found


def _fill(
    graph: TemporalGraph,
    files: Sequence[Sidecar],
    intervals: Intervals,
    stays: Int64,
    begin: Int64,
    free: Int64,
    found: Sequence[_InfectorRows],
) -> bool:
    """Put the rows of each file into `stays`, from `free` on; return whether all intervals' rows ascend."""
    ordered = True
    for file, rows in zip(files, found[1:], strict=True):
        zone = graph.zones.of(file) if graph.criteria.zoned else NO_ZONES
        kind = graph.classes.kinds(file.venue[rows.row])
        columns = (*columns_of(file, zone), file.scanned_both)
        rule = (graph.criteria, graph.until_us)
        ordered &= bool(_put(columns, rows.row, rows.owner, kind, intervals, *rule, stays, begin, free))
    return ordered


@helper
def _put(
    columns: tuple[Int64, Int64, Int64, Int64, Int64, Int64, Int32, UInt8],
    rows: Int64,
    owners: Int64,
    kinds: UInt8,
    intervals: Intervals,
    criteria: Criteria,
    until_us: int,
    stays: Int64,
    begin: Int64,
    free: Int64,
) -> bool:
    """Put rows into the free places of their owners; return whether each owner's ascend by start."""
    _, venue, enter_us, exit_us, imputed_from_us, stay_id, zone, scanned_both = columns
    ordered = True
    for entry in range(rows.size):
        # Files come by day, so an interval's rows ascend by start unless two files share a day.
        row, owner, kind = rows[entry], owners[entry], kinds[entry]
        at = free[owner]
        free[owner] = at + 1
        start_us = max(enter_us[row], intervals.start_us[owner])
        end_us = min(exit_us[row], intervals.end_us[owner])
        stays[at, parts.START], stays[at, parts.END] = start_us, end_us
        stays[at, parts.REACH] = min(end_us + criteria.indirect_us[kind], until_us)
        stays[at, parts.IMPUTED_FROM], stays[at, parts.SCANNED_BOTH] = imputed_from_us[row], scanned_both[row]
        stays[at, parts.AT], stays[at, parts.STAY] = venue[row], stay_id[row]
        stays[at, parts.ZONE] = zone[row] if criteria.same_zone[kind] else NO_ZONE
        # The caller sorts if any interval is out of order.
        if at > begin[owner] and stays[at - 1, parts.START] > start_us:
            ordered = False
    return ordered
