"""The parts of contacts of given pairs, found and measured: the kernels of `provenance`.

A part is the overlap of one clipped stay of the infectious one, lengthened by
what counts as indirect, with one stay of the other. Stays and parts are rows
of numbers, so that all of one is in a line or two of the processor's cache.
"""

from typing import NamedTuple

import numpy as np

from pipelines.graph.tracing.clipped_stays import NO_ZONE
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import Int32, Int64
from pipelines.lake.sidecar import Sidecar

OWN_COLUMNS = 8
START, END, REACH, IMPUTED_FROM, SCANNED_BOTH, AT, ZONE, STAY = range(OWN_COLUMNS)
"""The columns of an infectious one's clipped stay, as `ClippedStays` has them.

ZONE is NO_ZONE where none is asked for.
"""

PART_COLUMNS = 10
PAIR, FROM, TO, DIRECT_TO, SEEN_TO, TAIL_SEEN_TO, VENUE, OTHER_STAY, OWN_STAY, OF_STAYS = range(PART_COLUMNS)
"""The columns of a part: [FROM, TO), direct up to DIRECT_TO.

What was seen of both is [FROM, SEEN_TO) and [DIRECT_TO, TAIL_SEEN_TO). The
rest says where; OF_STAYS is 0 for an encounter, which is nowhere.
"""


class StayColumns(NamedTuple):
    """A file of `stays` in the order of persons.

    Attributes:
        person, venue, enter_us, exit_us, imputed_from_us, stay_id: int64[n].
        zone: int32[n], or anything when no zone is asked for.
    """

    person: Int64
    venue: Int64
    enter_us: Int64
    exit_us: Int64
    imputed_from_us: Int64
    stay_id: Int64
    zone: Int32


class Pairs(NamedTuple):
    """Exposed persons and their infectors.

    Attributes:
        person: int64[n], tokens, ascending; with several infectors a person stands several times.
        first_row, last_row: int64[n], the rows of the person in the file.
        first, last: int64[n], which stays of the infector may meet a stay of the file.
    """

    person: Int64
    first_row: Int64
    last_row: Int64
    first: Int64
    last: Int64


class PairTotals(NamedTuple):
    """What the contacts of pairs come to.

    Attributes:
        direct_us, indirect_us, imputed_us: int64[n], of the union of the parts.
        at_venue: int64[v], the venues of each pair, ascending, once each.
        at_end: int64[n], where those of a pair end.
        of_stay: int64[s], the ids of the stays of both, likewise.
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
        """The pair of each of `at_venue`, ascending."""
        return np.repeat(np.arange(self.at_end.size), np.diff(self.at_end, prepend=0))


def columns_of(columns: Sidecar, zone: Int32) -> StayColumns:
    """What of a sidecar the kernels read."""
    of_rows = (columns.person, columns.venue, columns.enter_us, columns.exit_us)
    return StayColumns(*of_rows, columns.imputed_from_us, columns.stay_id, zone)


def parts_of(columns: StayColumns, pairs: Pairs, own: Int64, longest_us: int) -> Int64:
    """The parts that the stays of one file make, in the order of pairs.

    Args:
        columns: the file.
        pairs: whose contacts are wanted.
        own: int64[s, OWN_COLUMNS], those of one infector ascending by start.
        longest_us: none of them reaches farther from its start.

    Returns:
        int64[p, PART_COLUMNS].
    """
    parts = np.empty((256 + pairs.person.size, PART_COLUMNS), np.int64)
    pair = found = row = 0
    while True:
        pair, found, row = _find(columns, pairs, own, longest_us, pair, row, parts, found)
        if pair == pairs.person.size:
            return parts[:found]
        parts = np.concatenate((parts[:found], np.empty_like(parts), np.empty_like(parts)))


def measured(parts: Int64, order: Int64, pairs: int) -> PairTotals:
    """The union of each pair's parts, measured.

    Args:
        parts: int64[p, PART_COLUMNS].
        order: int64[p], the permutation that sorts them by pair.
        pairs: how many pairs there are.
    """
    count = parts.shape[0]
    us, ends = np.zeros((3, pairs), np.int64), np.zeros((2, pairs), np.int64)
    venue, stay = np.empty(count, np.int64), np.empty(2 * count, np.int64)
    contacts = PairTotals(us[0], us[1], us[2], venue, ends[0], stay, ends[1])
    _measure(parts, order, contacts, np.empty((2, 2 * count), np.int64))
    venues, stays = int(ends[0].max(initial=0)), int(ends[1].max(initial=0))
    return contacts._replace(at_venue=venue[:venues], of_stay=stay[:stays])


@helper
def _find(
    columns: StayColumns,
    pairs: Pairs,
    own: Int64,
    longest_us: int,
    pair: int,
    row: int,
    parts: Int64,
    found: int,
) -> tuple[int, int, int]:
    """Find parts from a pair on, as long as there is room; the next pair, how many were found, its row."""
    while pair < pairs.person.size:
        row = pairs.first_row[pair]
        begin_row, begin_found = row, found
        first, last = pairs.first[pair], pairs.last[pair]
        while first < last and row < pairs.last_row[pair]:
            enter_us, exit_us = columns.enter_us[row], columns.exit_us[row]
            while first < last and own[first, START] <= enter_us - longest_us:
                first += 1
            one = first
            while one < last and own[one, START] < exit_us:
                if own[one, AT] == columns.venue[row] and own[one, REACH] > enter_us:
                    zone = own[one, ZONE]
                    if zone == NO_ZONE or columns.zone[row] == NO_ZONE or columns.zone[row] == zone:
                        if found == parts.shape[0]:
                            return pair, begin_found, begin_row
                        _write(parts, found, pair, own, one, columns, row)
                        found += 1
                one += 1
            row += 1
        pair += 1
        if pair < pairs.person.size and pairs.person[pair] == pairs.person[pair - 1]:
            row = begin_row
    return pair, found, row


@inlined
def _write(parts: Int64, part: int, pair: int, own: Int64, one: int, columns: StayColumns, row: int) -> None:
    start_us, end_us = max(own[one, START], columns.enter_us[row]), min(own[one, REACH], columns.exit_us[row])
    direct_end_us = max(start_us, min(own[one, END], end_us))
    seen_us = columns.imputed_from_us[row]
    parts[part, PAIR], parts[part, FROM], parts[part, TO] = pair, start_us, end_us
    parts[part, DIRECT_TO] = direct_end_us
    parts[part, SEEN_TO] = min(direct_end_us, min(own[one, IMPUTED_FROM], seen_us))
    parts[part, TAIL_SEEN_TO] = min(end_us, seen_us) if own[one, SCANNED_BOTH] else direct_end_us
    parts[part, VENUE], parts[part, OTHER_STAY] = columns.venue[row], columns.stay_id[row]
    parts[part, OWN_STAY], parts[part, OF_STAYS] = own[one, STAY], 1


@helper
def _measure(parts: Int64, order: Int64, contacts: PairTotals, room: Int64) -> None:
    """Measure pair after pair; `room` holds the intervals of one."""
    begin = venues = stays = 0
    for pair in range(contacts.direct_us.size):
        end = begin
        while end < order.size and parts[order[end], PAIR] == pair:
            end += 1
        contacts.direct_us[pair] = _union(parts, order, begin, end, FROM, DIRECT_TO, room)
        all_us = _union(parts, order, begin, end, FROM, TO, room)
        contacts.indirect_us[pair] = all_us - contacts.direct_us[pair]
        contacts.imputed_us[pair] = all_us - _seen(parts, order, begin, end, room)
        first_venue, first_stay = venues, stays
        for entry in range(begin, end):
            part = order[entry]
            if parts[part, OF_STAYS]:
                venues = _put(contacts.at_venue, first_venue, venues, parts[part, VENUE])
                stays = _put(contacts.of_stay, first_stay, stays, parts[part, OTHER_STAY])
                stays = _put(contacts.of_stay, first_stay, stays, parts[part, OWN_STAY])
        contacts.at_end[pair], contacts.of_end[pair] = venues, stays
        begin = end


@inlined
def _union(parts: Int64, order: Int64, begin: int, end: int, start: int, stop: int, room: Int64) -> int:
    """The length of the union of [start, stop) of some parts."""
    count = 0
    for entry in range(begin, end):
        room[0, count], room[1, count] = parts[order[entry], start], parts[order[entry], stop]
        count += 1
    return _length(room, count)


@inlined
def _seen(parts: Int64, order: Int64, begin: int, end: int, room: Int64) -> int:
    """The length of what was seen of both."""
    count = 0
    for entry in range(begin, end):
        part = order[entry]
        room[0, count], room[1, count] = parts[part, FROM], parts[part, SEEN_TO]
        room[0, count + 1], room[1, count + 1] = parts[part, DIRECT_TO], parts[part, TAIL_SEEN_TO]
        count += 2
    return _length(room, count)


@inlined
def _length(room: Int64, count: int) -> int:
    """The length of the union of intervals, put in order; one that ends before it begins is empty."""
    gap = 1
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
    total = 0
    reached = np.iinfo(np.int64).min
    for entry in range(count):
        start = max(room[0, entry], reached)
        if room[1, entry] > start:
            total += room[1, entry] - start
            reached = room[1, entry]
    return total


@inlined
def _put(values: Int64, first: int, count: int, value: int) -> int:
    """Put a value in its place among the ascending ones from `first` on, once; where they end then."""
    to = count
    while to > first and values[to - 1] > value:
        to -= 1
    if to > first and values[to - 1] == value:
        return count
    for at in range(count, to, -1):
        values[at] = values[at - 1]
    values[to] = value
    return count + 1
