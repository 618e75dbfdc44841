"""Contacts of all pairs at once: who was at a venue together, and when, from its stays.

Pure functions over columns. The contact of a pair at a venue is the union of
the overlaps of their stays, less the windows in which the venue was crowded.
Since (A ∩ B) ∖ W = (A ∖ W) ∩ (B ∖ W), each person's own stays are merged and
the crowds cut out of them first. What is left of a person does not touch
itself, so every two such presences that overlap are one contact, and no pair
is ever looked up. Sorted by begin, the later partners of a presence that share
the minimum with it are one range of rows: a binary search counts them, and no
two people are compared in vain.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import njit

from pipelines.kernels.hash_table import FREE, slot_of, slots_for
from pipelines.kernels.sort import as_unsigned, dense_rank, order_by, order_of
from pipelines.kernels.types import Int32, Int64


class Presences(NamedTuple):
    """When each person was at a venue, an interval a row, ascending by (venue, begin).

    The intervals of one person at one venue neither overlap nor touch.

    Attributes:
        person, venue: int64[n].
        begin_us, end_us: int64[n], microseconds UTC; the interval is [begin_us, end_us).
    """

    person: Int64
    venue: Int64
    begin_us: Int64
    end_us: Int64


class Crowds(NamedTuple):
    """Windows over the crowd cap, which are not expanded into pairs, ascending by (venue, start).

    Attributes:
        venue: int64[w].
        start_us, end_us: int64[w]; the windows of a venue do not overlap.
    """

    venue: Int64
    start_us: Int64
    end_us: Int64


class Partners(NamedTuple):
    """The partners of each presence among the later ones: the rows [first, last).

    Example:
        >>> there = presences(*np.array([[1, 2], [7, 7], [0, 5], [10, 15]]))
        >>> partners(there, 1, 0, 100).contacts
        1

    Attributes:
        first, last: int64[n].
        rank: int64[n], of the presence's own person among `persons`.
        persons: int64[p], ascending.
    """

    first: Int64
    last: Int64
    rank: Int64
    persons: Int64

    @property
    def contacts(self) -> int:
        """How many contacts there are."""
        return int((self.last - self.first).sum())


class Contacts(NamedTuple):
    """Contacts, ascending by (person_a, person_b, venue, start).

    Attributes:
        person_a, person_b: int64[n], the smaller token first.
        venue: int64[n].
        start_us, end_us: int64[n], microseconds UTC; the contact is [start_us, end_us).
    """

    person_a: Int64
    person_b: Int64
    venue: Int64
    start_us: Int64
    end_us: Int64


def presences(person: Int64, venue: Int64, enter_us: Int64, exit_us: Int64) -> Presences:
    """Merge each person's stays at each venue where they overlap or touch.

    Args:
        person: int64[n], of stays in any order.
        venue: int64[n].
        enter_us: int64[n].
        exit_us: int64[n], later than `enter_us`.
    """
    # Ties are broken too, so that the order of presences never depends on that of the stays.
    order = order_by(venue, enter_us, as_unsigned(person), as_unsigned(exit_us))
    person, venue, enter_us, exit_us = (column[order] for column in (person, venue, enter_us, exit_us))
    row, end_us = _merge(_bounds(venue), person, enter_us, exit_us)
    return Presences(person[row], venue[row], enter_us[row], end_us)


def outside(there: Presences, crowds: Crowds, min_us: int) -> Presences:
    """Cut crowds out of presences and return what is left, in pieces of `min_us` or more."""
    first = np.searchsorted(crowds.venue, there.venue, "left")
    last = np.searchsorted(crowds.venue, there.venue, "right")
    row, begin_us, end_us = _cut(there.begin_us, there.end_us, first, last, *crowds[1:], max(min_us, 1))
    person, venue = there.person[row], there.venue[row]
    # Without crowds nothing was cut off at the front, and the order by begin still stands.
    if crowds.venue.size:
        order = order_by(venue, begin_us, as_unsigned(person), as_unsigned(end_us))
        person, venue, begin_us, end_us = (column[order] for column in (person, venue, begin_us, end_us))
    return Presences(person, venue, begin_us, end_us)


def partners(there: Presences, min_us: int, from_us: int, to_us: int) -> Partners:
    """Find whom each presence meets for `min_us` or more, in contacts that begin in [from_us, to_us).

    Args:
        there: pieces of at least `min_us`, as `outside` returns them.
        min_us: the shortest contact; below 1 it is any positive overlap.
        from_us: contacts that begin earlier are left out.
        to_us: contacts that begin then or later are left out.
    """
    bounds = _bounds(there.venue)
    first, last = _partners(bounds, there.begin_us, there.end_us, max(min_us, 1), from_us, to_us)
    return Partners(first, last, *dense_rank(there.person))


def blocks(met: Partners, most: int) -> Iterator[slice]:
    """Yield ranges of presences with at most `most` contacts each, or of one presence with more."""
    # How many contacts there are up to each presence.
    ends = np.cumsum(met.last - met.first)
    start = before = 0
    while start < ends.size and before < ends[-1]:
        stop = max(int(np.searchsorted(ends, before + most, "right")), start + 1)
        # Presences that meet nobody make no block.
        if ends[stop - 1] > before:
            yield slice(start, stop)
        start, before = stop, int(ends[stop - 1])


def contacts(there: Presences, met: Partners, rows: slice) -> Contacts:
    """Return the contacts of some presences with later ones."""
    size, persons = int((met.last[rows] - met.first[rows]).sum()), met.persons
    # `own` and `other` are rows of `there`, the one that begins earlier first.
    key, own, other = _pairs(met.rank, met.first, met.last, rows.start, rows.stop, size, persons.size)
    order = order_of(key)  # equal pairs stay in the order of venue and begin
    key, own, other = key[order], own[order], other[order]
    return Contacts(
        persons[key // persons.size],
        persons[key % persons.size],
        there.venue[own],
        # A contact begins with the later of the two.
        there.begin_us[other],
        np.minimum(there.end_us[own], there.end_us[other]),
    )


def _bounds(venue: Int64) -> Int64:
    """Return the rows where a venue begins, and the number of rows."""
    begins = np.append(True, venue[1:] != venue[:-1])[: venue.size]
    return np.append(np.flatnonzero(begins), venue.size)


@njit(cache=True, nogil=True)
def _merge(bounds: Int64, person: Int64, enter_us: Int64, exit_us: Int64) -> tuple[Int64, Int64]:
    """Return the first stay of each presence, and the end of the presence.

    Args:
        bounds: int64[venues + 1], the rows where a venue begins.
        person: int64[n].
        enter_us: int64[n], ascending within a venue.
        exit_us: int64[n].
    """
    row, end_us = np.empty(person.size, np.int64), np.empty(person.size, np.int64)
    whose = np.empty(person.size, np.int64)
    # One table for the venue with the most stays; each venue clears and uses the front of it.
    slots = np.empty(slots_for(np.max(np.append(np.diff(bounds), 0))), np.int32)
    count = 0
    for position in range(bounds.size - 1):
        newest = slots[: slots_for(bounds[position + 1] - bounds[position])]
        newest[:] = FREE
        for stay in range(bounds[position], bounds[position + 1]):
            # A slot holds the person's newest presence here: stays ascend by enter, so no other can grow.
            slot = slot_of(newest, whose, person[stay])
            known = newest[slot]
            if known >= 0 and enter_us[stay] <= end_us[known]:
                end_us[known] = max(end_us[known], exit_us[stay])
                continue
            row[count], end_us[count] = stay, exit_us[stay]
            whose[count], newest[slot] = person[stay], count
            count += 1
    return row[:count], end_us[:count]


@njit(cache=True, nogil=True)
def _cut(
    begin_us: Int64, end_us: Int64, first: Int64, last: Int64, start_us: Int64, stop_us: Int64, min_us: int
) -> tuple[Int64, Int64, Int64]:
    """Return the pieces of `min_us` or more that windows leave of intervals, and the interval of each.

    Args:
        begin_us: int64[n].
        end_us: int64[n].
        first: int64[n], where the windows of the interval's venue begin.
        last: int64[n], where they end.
        start_us: int64[w], of windows, ascending within a venue.
        stop_us: int64[w].
        min_us: the shortest piece.
    """
    row = np.empty(begin_us.size, np.int64)
    piece_begin_us, piece_end_us = np.empty(begin_us.size, np.int64), np.empty(begin_us.size, np.int64)
    count = 0
    for interval in range(begin_us.size):
        at_us = begin_us[interval]
        # One step more than windows, for what lies behind the last. `at_us` is where the uncut rest begins; a
        # window beyond the interval moves it past the end, so that nothing more comes.
        for window in range(first[interval], last[interval] + 1):
            open_us = end_us[interval]
            if window < last[interval]:
                open_us = min(open_us, start_us[window])
            if open_us - at_us >= min_us:
                # One interval may be cut into many pieces, so the number of rows is not known beforehand.
                if count == row.size:
                    row, piece_begin_us, piece_end_us = _doubled(row, piece_begin_us, piece_end_us)
                row[count], piece_begin_us[count], piece_end_us[count] = interval, at_us, open_us
                count += 1
            if window < last[interval]:
                at_us = max(at_us, stop_us[window])
    return row[:count], piece_begin_us[:count], piece_end_us[:count]


@njit(cache=True, nogil=True)
def _doubled(row: Int64, begin_us: Int64, end_us: Int64) -> tuple[Int64, Int64, Int64]:
    """Return the same columns with twice the room."""
    more = np.empty(row.size, np.int64)
    return np.concatenate((row, more)), np.concatenate((begin_us, more)), np.concatenate((end_us, more))


@njit(cache=True, nogil=True)
def _partners(
    bounds: Int64, begin_us: Int64, end_us: Int64, min_us: int, from_us: int, to_us: int
) -> tuple[Int64, Int64]:
    # A binary search for each presence, no walk over pairs: counts are known before memory is taken.
    first, last = np.empty(begin_us.size, np.int64), np.empty(begin_us.size, np.int64)
    for position in range(bounds.size - 1):
        start, stop = bounds[position], bounds[position + 1]
        # Ascending, so the partners of a presence are one range of the rows after it.
        begins_us = begin_us[start:stop]
        earliest = start + np.searchsorted(begins_us, from_us)
        latest = start + np.searchsorted(begins_us, to_us)
        for row in range(start, stop):
            # The later of two pieces is the partner: its begin is that of the contact, and decides the date.
            first[row] = max(row + 1, earliest)
            # A partner lasts `min_us` at least: begun that long before this one ends, it shares as much.
            reached = start + np.searchsorted(begins_us, end_us[row] - min_us, side="right")
            last[row] = max(first[row], min(reached, latest))
    return first, last


@njit(cache=True, nogil=True)
def _pairs(
    rank: Int64, first: Int64, last: Int64, start: int, stop: int, size: int, persons: int
) -> tuple[Int64, Int32, Int32]:
    """Return each pair of presences: its two people as one number, and its rows, the earlier one first."""
    # Two ranks in one int64: it holds the pairs of up to 3 × 10^9 people. int32 rows halve the memory.
    key = np.empty(size, np.int64)
    own, other = np.empty(size, np.int32), np.empty(size, np.int32)
    count = 0
    for row in range(start, stop):
        for partner in range(first[row], last[row]):
            low, high = min(rank[row], rank[partner]), max(rank[row], rank[partner])
            key[count] = low * persons + high
            own[count], other[count] = row, partner
            count += 1
    return key, own, other
