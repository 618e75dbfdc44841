"""The kernels of `provenance`: the parts of the contacts of given pairs, found and measured.

A part is the overlap of one clipped stay of the infector, lengthened by what
counts as indirect, with one stay of the infectee. Stays and parts are rows of
a matrix, so that one of them lies in one or two cache lines.
"""

from typing import NamedTuple

import numpy as np

from pipelines.graph.tracing.clipped_stays import NO_ZONE
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import Int32, Int64
from pipelines.lake.sidecars.sidecar import Sidecar

OWN_COLUMNS = 8
START, END, REACH, IMPUTED_FROM, SCANNED_BOTH, AT, ZONE, STAY = range(OWN_COLUMNS)
"""The columns of an infector's clipped stay, as `ClippedStays` has them; AT is the venue.

ZONE is NO_ZONE where no zone is asked for.
"""

PART_COLUMNS = 10
PAIR, FROM, TO, DIRECT_TO, SEEN_TO, TAIL_SEEN_TO, VENUE, OTHER_STAY, OWN_STAY, OF_STAYS = range(PART_COLUMNS)
"""The columns of a part: [FROM, TO), direct up to DIRECT_TO and indirect from there on.

Not imputed are [FROM, SEEN_TO) and [DIRECT_TO, TAIL_SEEN_TO). The rest tells
the venue and the stays; OF_STAYS is 0 for an encounter, which has neither.
"""


class StayColumns(NamedTuple):
    """A file of `stays` in the order of persons.

    Attributes:
        person, venue, enter_us, exit_us, imputed_from_us, stay_id: int64[n].
        zone: int32[n]; not read when no zone is asked for.
    """

    person: Int64
    venue: Int64
    enter_us: Int64
    exit_us: Int64
    imputed_from_us: Int64
    stay_id: Int64
    zone: Int32


class Pairs(NamedTuple):
    """Infectees and their infectors.

    Attributes:
        person: int64[n], tokens, ascending; one with several infectors stands several times.
        first_row, last_row: int64[n], the rows of the person in the file.
        first, last: int64[n], the range of the infector's stays that may meet a stay of the file.
    """

    person: Int64
    first_row: Int64
    last_row: Int64
    first: Int64
    last: Int64


class PairTotals(NamedTuple):
    """Totals per pair: direct, indirect and imputed time, venues, stay ids.

    Example:
        >>> times, ids = np.zeros((3, 2), np.int64), np.array([7, 8, 9])
        >>> PairTotals(*times, ids, np.array([1, 3]), ids, np.array([1, 3])).at_pair.tolist()
        [0, 1, 1]

    Attributes:
        direct_us, indirect_us, imputed_us: int64[n], of the union of the parts.
        at_venue: int64[v], the venues of each pair, ascending, once each.
        at_end: int64[n], where those of a pair end.
        of_stay: int64[s], the ids of the stays of both people, likewise.
        of_end: int64[n].
    """

    direct_us: Int64
    indirect_us: Int64
    imputed_us: Int64
    at_venue: Int64
    at_end: Int64
    of_stay: Int64
    of_end: Int64

    @property
    def at_pair(self) -> Int64:
        """Return the pair of each entry of `at_venue`, ascending."""
        return np.repeat(np.arange(self.at_end.size), np.diff(self.at_end, prepend=0))


def columns_of(columns: Sidecar, zone: Int32) -> StayColumns:
    """Return the columns of a sidecar that the kernels read."""
    stays = (columns.person, columns.venue, columns.enter_us, columns.exit_us)
    return StayColumns(*stays, columns.imputed_from_us, columns.stay_id, zone)


def parts_of(columns: StayColumns, pairs: Pairs, own: Int64, longest_us: int) -> Int64:
    """Find the parts that the stays of one file make, in the order of pairs.

    Args:
        columns: the file.
        pairs: whose contacts are wanted.
        own: int64[s, OWN_COLUMNS], stays of infectors, those of one infector ascending by start.
        longest_us: none of them reaches farther from its start.

    Returns:
        int64[p, PART_COLUMNS].
    """
    # A guess: one part a pair, and some. The array grows threefold when `_find` runs out of room.
    parts = np.empty((256 + pairs.person.size, PART_COLUMNS), np.int64)
    pair = found = 0
    while True:
        pair, found = _find(columns, pairs, own, longest_us, pair, parts, found)
        if pair == pairs.person.size:
            return parts[:found]
        parts = np.concatenate((parts[:found], np.empty_like(parts), np.empty_like(parts)))


def measured(parts: Int64, order: Int64, pairs: int) -> PairTotals:
    """Measure the union of each pair's parts.

    Args:
        parts: int64[p, PART_COLUMNS].
        order: int64[p], the permutation that sorts them by pair.
        pairs: how many pairs there are.
    """
    count = parts.shape[0]
    # Filled by the kernel, for it allocates nothing; what is left over is cut off below.
    us, ends = np.zeros((3, pairs), np.int64), np.zeros((2, pairs), np.int64)
    # A part adds at most one venue and two stays, and two intervals to the scratch of its pair.
    venue, stay = np.empty(count, np.int64), np.empty(2 * count, np.int64)
    totals = PairTotals(us[0], us[1], us[2], venue, ends[0], stay, ends[1])
    _measure(parts, order, totals, np.empty((2, 2 * count), np.int64))
    venues, stays = int(ends[0].max(initial=0)), int(ends[1].max(initial=0))
    return totals._replace(at_venue=venue[:venues], of_stay=stay[:stays])


@helper
def _find(
    columns: StayColumns,
    pairs: Pairs,
    own: Int64,
    longest_us: int,
    pair: int,
    parts: Int64,
    found: int,
) -> tuple[int, int]:
    """Find parts from a pair on while there is room; return the next pair and the count."""
    while pair < pairs.person.size:
        # If there is no room for all parts of a pair, none counts: the next call begins with it.
        row, begin_found = pairs.first_row[pair], found
        first, last = pairs.first[pair], pairs.last[pair]
        # Rows ascend by enter: a stay of the infector that is over for one is over for all later ones.
        while first < last and row < pairs.last_row[pair]:
            enter_us, exit_us = columns.enter_us[row], columns.exit_us[row]
            while first < last and own[first, START] <= enter_us - longest_us:
                first += 1
            # Those left, up to the exit, may overlap; they are of all venues.
            one = first
            while one < last and own[one, START] < exit_us:
                if own[one, AT] == columns.venue[row] and own[one, REACH] > enter_us:
                    zone = own[one, ZONE]
                    # An unknown zone matches any. `zone` is read only in classes that ask for one.
                    if zone == NO_ZONE or columns.zone[row] == NO_ZONE or columns.zone[row] == zone:
                        if found == parts.shape[0]:
                            return pair, begin_found
                        _write(parts, found, pair, own, one, columns, row)
                        found += 1
                one += 1
            row += 1
        pair += 1
    return pair, found


@inlined
def _write(parts: Int64, part: int, pair: int, own: Int64, one: int, columns: StayColumns, row: int) -> None:
    # Never empty: the caller has tested that the two overlap.
    start_us, end_us = max(own[one, START], columns.enter_us[row]), min(own[one, REACH], columns.exit_us[row])
    # Direct until the infector leaves; one who enters after that has no direct part.
    direct_end_us = max(start_us, min(own[one, END], end_us))
    seen_us = columns.imputed_from_us[row]
    parts[part, PAIR], parts[part, FROM], parts[part, TO] = pair, start_us, end_us
    parts[part, DIRECT_TO] = direct_end_us
    # Seen while neither stay is imputed; before FROM, if nothing was seen, which `_length` takes as empty.
    parts[part, SEEN_TO] = min(direct_end_us, min(own[one, IMPUTED_FROM], seen_us))
    # A tail hangs on the exit of the infector, so it is seen only where both his ends were scanned.
    parts[part, TAIL_SEEN_TO] = min(end_us, seen_us) if own[one, SCANNED_BOTH] else direct_end_us
    parts[part, VENUE], parts[part, OTHER_STAY] = columns.venue[row], columns.stay_id[row]
    parts[part, OWN_STAY], parts[part, OF_STAYS] = own[one, STAY], 1


@helper
def _measure(parts: Int64, order: Int64, totals: PairTotals, room: Int64) -> None:
    """Measure pair after pair; `room` holds the intervals of one pair."""
    begin = venues = stays = 0
    for pair in range(totals.direct_us.size):
        end = begin
        while end < order.size and parts[order[end], PAIR] == pair:
            end += 1
        totals.direct_us[pair] = _union(parts, order, begin, end, FROM, DIRECT_TO, room)
        all_us = _union(parts, order, begin, end, FROM, TO, room)
        # An instant that one part has as direct and another as indirect is direct.
        totals.indirect_us[pair] = all_us - totals.direct_us[pair]
        # Imputed is what no part has seen, so a scan anywhere covers its instant.
        totals.imputed_us[pair] = all_us - _seen(parts, order, begin, end, room)
        # Ids of a pair follow those of the pair before; each is inserted into the run of its own pair.
        first_venue, first_stay = venues, stays
        for entry in range(begin, end):
            part = order[entry]
            if parts[part, OF_STAYS]:  # encounters have no ids; 0 would be taken for one
                venues = _insert(totals.at_venue, first_venue, venues, parts[part, VENUE])
                stays = _insert(totals.of_stay, first_stay, stays, parts[part, OTHER_STAY])
                stays = _insert(totals.of_stay, first_stay, stays, parts[part, OWN_STAY])
        totals.at_end[pair], totals.of_end[pair] = venues, stays
        begin = end


@inlined
def _union(parts: Int64, order: Int64, begin: int, end: int, start: int, stop: int, room: Int64) -> int:
    """Compute the length of the union of [start, stop) of some parts, where both name columns."""
    count = 0
    for entry in range(begin, end):
        room[0, count], room[1, count] = parts[order[entry], start], parts[order[entry], stop]
        count += 1
    return _length(room, count)


@inlined
def _seen(parts: Int64, order: Int64, begin: int, end: int, room: Int64) -> int:
    """Compute the length of what is not imputed: both people were seen."""
    count = 0
    for entry in range(begin, end):
        part = order[entry]
        room[0, count], room[1, count] = parts[part, FROM], parts[part, SEEN_TO]
        room[0, count + 1], room[1, count + 1] = parts[part, DIRECT_TO], parts[part, TAIL_SEEN_TO]
        count += 2
    return _length(room, count)


@inlined
def _length(room: Int64, count: int) -> int:
    """Compute the length of the union of sorted intervals; one that ends before it begins is empty."""
    gap = 1
    # A Shell sort in place, for a helper may allocate nothing.
    while gap < count // 9:
        gap = 3 * gap + 1
    while gap > 0:
        for at in range(gap, count):
            start, stop = room[0, at], room[1, at]
            to = at
            while to >= gap and room[0, to - gap] > start:
                room[0, to], room[1, to] = room[0, to - gap], room[1, to - gap]
                to -= gap
            room[0, to], room[1, to] = start, stop
        gap //= 3
    # Ascending by start: what lies before `reached` has been counted.
    total = 0
    reached = np.iinfo(np.int64).min
    for entry in range(count):
        start = max(room[0, entry], reached)
        if room[1, entry] > start:
            total += room[1, entry] - start
            reached = room[1, entry]
    return total


@inlined
def _insert(values: Int64, first: int, count: int, value: int) -> int:
    """Insert into the sorted run starting at `first` unless present; return its new end."""
    to = count
    # Linear, for a pair has few venues and stays.
    while to > first and values[to - 1] > value:
        to -= 1
    if to > first and values[to - 1] == value:
        return count
    for at in range(count, to, -1):
        values[at] = values[at - 1]
    values[to] = value
    return count + 1
