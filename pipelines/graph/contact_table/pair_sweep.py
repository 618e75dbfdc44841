"""Contacts of all pairs at once: who was at a venue together, and when, from its stays.

Pure functions over columns. The contact of a pair at a venue is the union of
the overlaps of their stays, less the windows in which the place was a crowd.
Taken apart: the union of each person's own stays, less the crowds, is made
first, for (A ∩ B) ∖ W = (A ∖ W) ∩ (B ∖ W). What is left of a person does not
touch itself, so two such times that meet are one contact, and no pair is ever
looked up. Ordered by begin, the partners of a row that come after it and
share the minimum with it are one range of rows: they are counted by a binary
search, and nobody is compared in vain.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from pipelines.kernels.hash_table import FREE, slot_of, slots_for
from pipelines.kernels.sort import as_unsigned, dense_rank, order_by, order_of
from pipelines.kernels.types import Int64


class Presences(NamedTuple):
    """When each person was at a venue, a time a row, ascending by (venue, begin).

    The times of one person at one venue neither overlap nor touch.

    Attributes:
        person, venue: int64[n].
        begin_us, end_us: int64[n], microseconds UTC; the time is [begin_us, end_us).
    """

    person: Int64
    venue: Int64
    begin_us: Int64
    end_us: Int64


class Crowds(NamedTuple):
    """Windows in which a venue held more people than are expanded into pairs, by (venue, start).

    Attributes:
        venue: int64[w].
        start_us, end_us: int64[w]; the windows of a venue do not overlap.
    """

    venue: Int64
    start_us: Int64
    end_us: Int64


class Partners(NamedTuple):
    """Whom each presence meets among those after it: the rows [first, last).

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
    """The union of each person's stays at each venue; what touches is joined.

    Args:
        person: int64[n], of stays in any order.
        venue: int64[n].
        enter_us: int64[n].
        exit_us: int64[n], later than `enter_us`.
    """
    order = order_by(venue, enter_us, as_unsigned(person), as_unsigned(exit_us))
    person, venue, enter_us, exit_us = (column[order] for column in (person, venue, enter_us, exit_us))
    row, end_us = _joined(_bounds(venue), person, enter_us, exit_us)
    return Presences(person[row], venue[row], enter_us[row], end_us)


def outside(there: Presences, crowds: Crowds, min_us: int) -> Presences:
    """What is left of presences outside of crowds, in pieces of `min_us` or more."""
    first = np.searchsorted(crowds.venue, there.venue, "left")
    last = np.searchsorted(crowds.venue, there.venue, "right")
    row, begin_us, end_us = _cut(there.begin_us, there.end_us, first, last, *crowds[1:], max(min_us, 1))
    person, venue = there.person[row], there.venue[row]
    if crowds.venue.size:
        order = order_by(venue, begin_us, as_unsigned(person), as_unsigned(end_us))
        person, venue, begin_us, end_us = (column[order] for column in (person, venue, begin_us, end_us))
    return Presences(person, venue, begin_us, end_us)


def partners(there: Presences, min_us: int, from_us: int, to_us: int) -> Partners:
    """Whom each presence meets for `min_us` or more, from an instant of [from_us, to_us) on.

    Args:
        there: pieces of at least `min_us`, as `outside` gives them.
        min_us: the shortest contact; one below 1 is any positive overlap.
        from_us: contacts that begin earlier are left out.
        to_us: so are those that begin then or later.
    """
    bounds = _bounds(there.venue)
    first, last = _partners(bounds, there.begin_us, there.end_us, max(min_us, 1), from_us, to_us)
    return Partners(first, last, *dense_rank(there.person))


def blocks(met: Partners, most: int) -> Iterator[slice]:
    """Ranges of presences in their order, with at most `most` contacts each, or one presence with more."""
    ends = np.cumsum(met.last - met.first)
    start = before = 0
    while start < ends.size and before < ends[-1]:
        stop = max(int(np.searchsorted(ends, before + most, "right")), start + 1)
        if ends[stop - 1] > before:
            yield slice(start, stop)
        start, before = stop, int(ends[stop - 1])


def contacts(there: Presences, met: Partners, rows: slice) -> Contacts:
    """The contacts of some presences with those after them."""
    size, persons = int((met.last[rows] - met.first[rows]).sum()), met.persons
    key, own, other = _pairs(met.rank, met.first, met.last, rows.start, rows.stop, size, persons.size)
    order = order_of(key)  # equal pairs stay in the order of venue and begin
    key, own, other = key[order], own[order], other[order]
    return Contacts(
        persons[key // persons.size],
        persons[key % persons.size],
        there.venue[own],
        there.begin_us[other],
        np.minimum(there.end_us[own], there.end_us[other]),
    )


def _bounds(venue: Int64) -> Int64:
    """The rows where a venue begins, and the number of rows."""
    begins = np.append(True, venue[1:] != venue[:-1])[: venue.size]
    return np.append(np.flatnonzero(begins), venue.size)


@njit(cache=True, nogil=True)
def _joined(bounds: Int64, person: Int64, enter_us: Int64, exit_us: Int64) -> tuple[Int64, Int64]:
    """The first stay of each presence, and the end of the presence.

    Args:
        bounds: int64[venues + 1], the rows where a venue begins.
        person: int64[n].
        enter_us: int64[n], ascending within a venue.
        exit_us: int64[n].
    """
    row, end_us = np.empty(person.size, np.int64), np.empty(person.size, np.int64)
    whose = np.empty(person.size, np.int64)
    slots = np.empty(slots_for(np.max(np.append(np.diff(bounds), 0))), np.int32)
    count = 0
    for position in range(bounds.size - 1):
        newest = slots[: slots_for(bounds[position + 1] - bounds[position])]
        newest[:] = FREE
        for stay in range(bounds[position], bounds[position + 1]):
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
    """The pieces of `min_us` or more that windows leave of times, and the time of each.

    Args:
        begin_us: int64[n].
        end_us: int64[n].
        first: int64[n], where the windows of the time's venue begin.
        last: int64[n], and where they end.
        start_us: int64[w], of windows, ascending within a venue.
        stop_us: int64[w].
        min_us: the shortest piece.
    """
    row = np.empty(begin_us.size, np.int64)
    piece_begin_us, piece_end_us = np.empty(begin_us.size, np.int64), np.empty(begin_us.size, np.int64)
    count = 0
    for time in range(begin_us.size):
        at_us = begin_us[time]
        for window in range(first[time], last[time] + 1):
            open_us = end_us[time]
            if window < last[time]:
                open_us = min(open_us, start_us[window])
            if open_us - at_us >= min_us:
                if count == row.size:
                    row, piece_begin_us, piece_end_us = _room(row, piece_begin_us, piece_end_us)
                row[count], piece_begin_us[count], piece_end_us[count] = time, at_us, open_us
                count += 1
            if window < last[time]:
                at_us = max(at_us, stop_us[window])
    return row[:count], piece_begin_us[:count], piece_end_us[:count]


@njit(cache=True, nogil=True)
def _room(row: Int64, begin_us: Int64, end_us: Int64) -> tuple[Int64, Int64, Int64]:
    """The same columns, with as much room again."""
    more = np.empty(row.size, np.int64)
    return np.concatenate((row, more)), np.concatenate((begin_us, more)), np.concatenate((end_us, more))


@njit(cache=True, nogil=True)
def _partners(
    bounds: Int64, begin_us: Int64, end_us: Int64, min_us: int, from_us: int, to_us: int
) -> tuple[Int64, Int64]:
    first, last = np.empty(begin_us.size, np.int64), np.empty(begin_us.size, np.int64)
    for position in range(bounds.size - 1):
        start, stop = bounds[position], bounds[position + 1]
        begins_us = begin_us[start:stop]
        earliest = start + np.searchsorted(begins_us, from_us)
        latest = start + np.searchsorted(begins_us, to_us)
        for row in range(start, stop):
            first[row] = max(row + 1, earliest)
            reached = start + np.searchsorted(begins_us, end_us[row] - min_us, side="right")
            last[row] = max(first[row], min(reached, latest))
    return first, last


@njit(cache=True, nogil=True)
def _pairs(
    rank: Int64, first: Int64, last: Int64, start: int, stop: int, size: int, persons: int
) -> tuple[Int64, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Each pair of presences: the pair of their persons as one number, and their rows, the earlier first."""
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
