"""The stays and encounters of all draws at once, clipped to when people are infectious.

A stay, an encounter and a time at which somebody is infectious hold in some draws, a bit each of a mask. Two
of them meet in the draws whose bits both have, so that an overlap is looked at once for all draws.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from pipelines.graph.tracing.stability.drawn_exposures import DrawnOverlaps
from pipelines.kernels.compile import inlined
from pipelines.kernels.types import Int32, Int64, UInt8, UInt64

_NONE = np.uint64(0)


class DrawnStays(NamedTuple):
    """The stays of all draws, ascending by (venue, enter).

    Attributes:
        person: int64[n], ranks.
        venue: int64[n], ranks.
        enter_us, exit_us: int64[n], microseconds UTC.
        zone: int32[n], -1 for none.
        mask: uint64[n], the draws that have it.
        latest_us: int64[n], the latest exit of the rows at the venue up to this one.
        end: int64[n], where the rows of the venue end.
    """

    person: Int64
    venue: Int64
    enter_us: Int64
    exit_us: Int64
    zone: Int32
    mask: UInt64
    latest_us: Int64
    end: Int64


class Sources(NamedTuple):
    """When people are infectious; those of person r are in [`first[r]`, `first[r + 1]`).

    Attributes:
        first: int64[p + 1].
        start_us, end_us: int64[k], microseconds UTC.
        mask: uint64[k], the draws in which it is so.
    """

    first: Int64
    start_us: Int64
    end_us: Int64
    mask: UInt64

    def person(self) -> Int64:
        """Return the person of each, int64[k]."""
        return np.repeat(np.arange(self.first.size - 1), np.diff(self.first))

    def draws(self) -> UInt64:
        """Return the draws in which each person is infectious at some time, uint64[p]."""
        found = np.zeros(self.first.size - 1, np.uint64)
        np.bitwise_or.at(found, self.person(), self.mask)
        return found


class ClippedRows(NamedTuple):
    """The stays of infectious people, clipped to when they are infectious.

    Attributes:
        row: int64[c], of `DrawnStays`.
        start_us: int64[c], where it begins.
        reach_us: int64[c], how far contact reaches.
        mask: uint64[c].
        low, high: int64[c], the rows that may overlap.
    """

    row: Int64
    start_us: Int64
    reach_us: Int64
    mask: UInt64
    low: Int64
    high: Int64


@njit(cache=True, nogil=True)
def latest_exits(venue: Int64, exit_us: Int64) -> Int64:
    """Return the latest exit of the rows at a venue up to each row; venues ascending."""
    latest_us = exit_us.copy()
    for row in range(1, venue.size):
        if venue[row] == venue[row - 1]:
            latest_us[row] = max(latest_us[row - 1], exit_us[row])
    return latest_us


@njit(cache=True, nogil=True)
def clip_stays(
    stays: DrawnStays, kind: UInt8, indirect_us: Int64, until_us: int, sources: Sources
) -> ClippedRows:
    """Clip the stays of infectious people; one that is the same under several sources stands once.

    Args:
        stays: of all draws.
        kind: uint8[v], the class of each venue.
        indirect_us: int64[c], how long contact goes on at the venues of each class.
        until_us: nothing reaches beyond it.
        sources: who is infectious.
    """
    # At most each stay under each source of its person: two passes, so that nothing has to grow.
    size = 0
    for row in range(stays.person.size):
        size += sources.first[stays.person[row] + 1] - sources.first[stays.person[row]]
    room = ClippedRows(
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.uint64),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
    )
    count = 0
    for row in range(stays.person.size):
        # Entries [begin, count) are those of this row.
        begin = count
        for source in range(sources.first[stays.person[row]], sources.first[stays.person[row] + 1]):
            # A stay is infectious in the draws that have both the stay and the source.
            mask = stays.mask[row] & sources.mask[source]
            start_us = max(stays.enter_us[row], sources.start_us[source])
            end_us = min(stays.exit_us[row], sources.end_us[source])
            if mask != _NONE and start_us < end_us:
                reach_us = min(end_us + indirect_us[kind[stays.venue[row]]], until_us)
                count = _put(room, begin, count, row, start_us, reach_us, mask)
        # Once for all sources of the row that clip it to the same time.
        for at in range(begin, count):
            room.low[at], room.high[at] = _beside(stays, row, room.start_us[at], room.reach_us[at])
    return ClippedRows(
        room.row[:count],
        room.start_us[:count],
        room.reach_us[:count],
        room.mask[:count],
        room.low[:count],
        room.high[:count],
    )


@inlined
def _put(room: ClippedRows, begin: int, count: int, row: int, start_us: int, reach_us: int, mask: int) -> int:
    """Add a clipped stay to those of its row, which begin at `begin`; return how many there are then."""
    # Many draws clip a stay alike; a row has few different times, so a walk finds the same one.
    at = begin
    while at < count and (room.start_us[at] != start_us or room.reach_us[at] != reach_us):
        at += 1
    if at == count:
        room.row[at], room.start_us[at], room.reach_us[at], room.mask[at] = row, start_us, reach_us, _NONE
        count += 1
    room.mask[at] |= mask
    return count


@inlined
def _beside(stays: DrawnStays, row: int, start_us: int, reach_us: int) -> tuple[int, int]:
    """Find the rows at the venue of a row that may overlap a time around its beginning, [first, last)."""
    # Rows before may enter earlier and still be there: as far back as the latest exit reaches.
    first = row
    # The same `end` is the same venue.
    while first > 0 and stays.end[first - 1] == stays.end[row] and stays.latest_us[first - 1] > start_us:
        first -= 1
    last = row
    while last < stays.end[row] and stays.enter_us[last] < reach_us:
        last += 1
    return first, last


@njit(cache=True, nogil=True)
def clip_encounters(
    source: Int64, pair: Int64, start_us: Int64, end_us: Int64, mask: UInt64, sources: Sources
) -> DrawnOverlaps:
    """Clip encounters to when the person is infectious.

    Args:
        source: int64[e], the rank of the person.
        pair: int64[e], as of `DrawnOverlaps`.
        start_us: int64[e], microseconds UTC.
        end_us: int64[e].
        mask: uint64[e], the draws that have it.
        sources: who is infectious.
    """
    # At most each encounter under each source of its person.
    size = 0
    for row in range(source.size):
        size += sources.first[source[row] + 1] - sources.first[source[row]]
    numbers, masks = np.empty((3, size), np.int64), np.empty(size, np.uint64)
    count = 0
    for row in range(source.size):
        for one in range(sources.first[source[row]], sources.first[source[row] + 1]):
            from_us = max(start_us[row], sources.start_us[one])
            to_us = min(end_us[row], sources.end_us[one])
            masks[count] = mask[row] & sources.mask[one]  # overwritten by the next one unless it counts
            if masks[count] != _NONE and from_us < to_us:
                numbers[0, count], numbers[1, count], numbers[2, count] = pair[row], from_us, to_us
                count += 1
    return DrawnOverlaps(numbers[0, :count], numbers[1, :count], numbers[2, :count], masks[:count])
