"""Footfall: how many people were at a venue in each window of a day, from its stays.

Pure functions over columns. No stay is spread over the windows it covers: a
stay changes the counts of the window in which it begins and of the one in
which it ends, and the windows between inherit a running sum.
"""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from pipelines.kernels.compile import helper
from pipelines.kernels.hash_table import FREE, slot_of, slots_for
from pipelines.kernels.sort import as_unsigned, few_at_once, order_by
from pipelines.kernels.types import Bool, Int32, Int64
from pipelines.times import SECOND_US

WINDOW_MINUTES = 15
WINDOW_US = WINDOW_MINUTES * 60_000_000

_ROWS_AT_ONCE = 1 << 17  # of venues counted together, to bound the copies


@dataclass(frozen=True)
class Footfall:
    """The windows of venues in which something happened, by venue and start.

    Attributes:
        venue: int64[n].
        window_start_us, window_end_us: int64[n], microseconds UTC.
        entries, exits: int32[n], stays whose enter, or exit, lies in the window.
        people: int32[n], distinct persons present; 0 where somebody only left at its start.
        peak: int32[n], most distinct persons present at one instant.
        person_seconds: int64[n], each person's union of stays, clipped, summed, cut to seconds.
    """

    venue: Int64
    window_start_us: Int64
    window_end_us: Int64
    entries: Int32
    exits: Int32
    people: Int32
    peak: Int32
    person_seconds: Int64


def footfall(
    person: Int64,
    venue: Int64,
    enter_us: Int64,
    exit_us: Int64,
    start_us: int,
    stop_us: int,
    window_us: int = WINDOW_US,
) -> Footfall:
    """Compute the footfall of stays over [start_us, stop_us).

    >>> minute = 60_000_000
    >>> found = footfall(
    ...     np.array([1, 2]), np.array([7, 7]), np.array([0, 5]) * minute, np.array([10, 20]) * minute,
    ...     0, 30 * minute,
    ... )
    >>> [(int(start) // minute, int(people)) for start, people in zip(found.window_start_us, found.people)]
    [(0, 2), (15, 1)]

    Args:
        person: int64[n].
        venue: int64[n]; fastest when rows are sorted by (venue, enter).
        enter_us: int64[n].
        exit_us: int64[n], later than `enter_us`. Stays may reach over either end.
        start_us: a multiple of `window_us`.
        stop_us: another.
        window_us: the length of a window.

    Raises:
        ValueError: the range does not consist of whole windows.
    """
    if start_us % window_us or stop_us % window_us:
        raise ValueError("a range of footfall must consist of whole windows")
    # Files of `stays` by venue are sorted already; what reaches into a day is not.
    if not _is_sorted(venue, enter_us):
        order = order_by(venue, enter_us, as_unsigned(person), as_unsigned(exit_us))
        person, venue, enter_us, exit_us = (column[order] for column in (person, venue, enter_us, exit_us))
    bounds = np.append(np.flatnonzero(np.append(True, venue[1:] != venue[:-1])[: venue.size]), venue.size)
    span = start_us, stop_us, window_us
    parts = []
    # Without stays one empty part gives the columns their types.
    for first, last in few_at_once(bounds, _ROWS_AT_ONCE) or [(0, 0)]:
        rows, own = slice(bounds[first], bounds[last]), bounds[first : last + 1] - bounds[first]
        parts.append(_of_venues(own, person[rows], venue[rows], enter_us[rows], exit_us[rows], span))
    columns: list[Any] = [
        np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Footfall)
    ]
    return Footfall(*columns)


def _of_venues(
    bounds: Int64, person: Int64, venue: Int64, enter_us: Int64, exit_us: Int64, span: tuple[int, int, int]
) -> Footfall:
    """Compute the footfall of some venues from their stays, sorted by (venue, enter).

    Args:
        bounds: int64[venues + 1], the rows where a venue begins.
        person: int64[n].
        venue: int64[n].
        enter_us: int64[n].
        exit_us: int64[n].
        span: start, stop and length of a window.
    """
    start_us, stop_us, window_us = span
    # Times count from the start of the range, so that they are small enough to be packed below.
    enter_us, exit_us, length_us = enter_us - start_us, exit_us - start_us, stop_us - start_us
    visits = _visits(bounds, person, enter_us, exit_us, length_us, window_us)
    bits = length_us.bit_length()
    # The visits of a venue are the same range of rows in `visits` and here, where they ascend by their end.
    # Packed into one int64: one sort by (venue, end) instead of two.
    leaving_us = np.sort((visits.owner << bits) | visits.end_us) & ((1 << bits) - 1)
    counts = _sweep(bounds, enter_us, exit_us, visits, leaving_us, window_us, length_us // window_us)
    window_start_us = start_us + counts.window * window_us
    return Footfall(
        venue=venue[bounds[counts.position]],
        window_start_us=window_start_us,
        window_end_us=window_start_us + window_us,
        entries=counts.entries,
        exits=counts.exits,
        people=counts.people,
        peak=counts.peak,
        person_seconds=counts.present_us // SECOND_US,
    )


class _Visits(NamedTuple):
    """Each person's union of stays at a venue, an interval a row, by venue and then by begin.

    `owner` is the position of the venue; times count from the start of the
    range and are clipped to it; `returns` says whether the person had been
    there earlier in the window of the begin.
    """

    owner: Int64
    begin_us: Int64
    end_us: Int64
    returns: Bool


class _WindowCounts(NamedTuple):
    """Counts of windows, by position of the venue and number of the window."""

    position: Int64
    window: Int64
    entries: Int32
    exits: Int32
    people: Int32
    peak: Int32
    present_us: Int64


@njit(cache=True, nogil=True)
def _is_sorted(venue: Int64, enter_us: Int64) -> bool:
    for row in range(1, venue.size):
        if venue[row] < venue[row - 1] or (
            venue[row] == venue[row - 1] and enter_us[row] < enter_us[row - 1]
        ):
            return False
    return True


@njit(cache=True, nogil=True)
def _visits(
    bounds: Int64, person: Int64, enter_us: Int64, exit_us: Int64, length_us: int, window_us: int
) -> _Visits:
    """Join stays of one person at one venue that overlap or touch.

    Args:
        bounds: int64[venues + 1], the rows where a venue begins.
        person: int64[n].
        enter_us: int64[n], from the start of the range, ascending within a venue.
        exit_us: int64[n], from the start of the range.
        length_us: of the range.
        window_us: of a window.
    """
    owner, begin_us = np.empty(person.size, np.int64), np.empty(person.size, np.int64)
    end_us, returns = np.empty(person.size, np.int64), np.empty(person.size, np.bool_)
    count = 0
    whose = np.empty(person.size, np.int64)
    # One table for the venue with the most stays; each venue clears and uses the front of it.
    slots = np.empty(slots_for(np.max(np.append(np.diff(bounds), 0))), np.int32)
    for position in range(bounds.size - 1):
        newest = slots[: slots_for(bounds[position + 1] - bounds[position])]
        newest[:] = FREE
        for row in range(bounds[position], bounds[position + 1]):
            begin, end = max(enter_us[row], 0), min(exit_us[row], length_us)
            # Outside the range. An exit exactly at its start is counted by `_sweep` all the same.
            if begin >= end:
                continue
            # A slot holds the person's newest visit here: stays ascend by enter, so no other can grow.
            slot = slot_of(newest, whose, person[row])
            visit = newest[slot]
            if visit >= 0 and begin <= end_us[visit]:  # touching intervals are one visit
                end_us[visit] = max(end_us[visit], end)
                continue
            owner[count], begin_us[count], end_us[count] = position, begin, end
            # If the newest one ended in this window, the window has counted this person already.
            returns[count] = visit >= 0 and (end_us[visit] - 1) // window_us == begin // window_us
            whose[count], newest[slot] = person[row], count
            count += 1
    return _Visits(owner[:count], begin_us[:count], end_us[:count], returns[:count])


_ENTRIES, _EXITS, _PEOPLE, _PEAK, _PRESENT_US, _STAYING, _FULL = range(7)
"""Columns of the table of one venue; the last two are changes of running sums."""


@njit(cache=True, nogil=True)
def _sweep(
    bounds: Int64,
    enter_us: Int64,
    exit_us: Int64,
    visits: _Visits,
    leaving_us: Int64,
    window_us: int,
    windows: int,
) -> _WindowCounts:
    """Count venue by venue.

    Args:
        bounds: int64[venues + 1], the rows of the stays where a venue begins.
        enter_us: int64[n], of the stays.
        exit_us: int64[n], of the stays.
        visits: the unions of the stays.
        leaving_us: int64[visits], their ends, ascending within a venue.
        window_us: length of a window.
        windows: how many.
    """
    # Room for every window of every venue, of which few are written.
    counts = _room(windows * (bounds.size - 1))
    # One row more than windows: a visit that lasts to the end of the range takes itself out there.
    table = np.empty((windows + 1, 7), np.int64)
    size = 0
    visit = 0
    for position in range(bounds.size - 1):
        table[:] = 0
        # Entries and exits are of stays, unclipped and unmerged.
        for row in range(bounds[position], bounds[position + 1]):
            if 0 <= enter_us[row] < windows * window_us:
                table[enter_us[row] // window_us, _ENTRIES] += 1
            if 0 <= exit_us[row] < windows * window_us:
                table[exit_us[row] // window_us, _EXITS] += 1
        visit = _count_visits(table, visits, leaving_us, visit, position, window_us)
        size = _write_rows(counts, size, table, position, window_us)
    return _first(counts, size)


@njit(cache=True, nogil=True)
def _room(size: int) -> _WindowCounts:
    """Allocate columns for at most `size` rows; pages that are never written cost no memory."""
    return _WindowCounts(
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int64),
    )


@njit(cache=True, nogil=True)
def _first(counts: _WindowCounts, size: int) -> _WindowCounts:
    """Return the first `size` rows."""
    return _WindowCounts(
        counts.position[:size],
        counts.window[:size],
        counts.entries[:size],
        counts.exits[:size],
        counts.people[:size],
        counts.peak[:size],
        counts.present_us[:size],
    )


@helper
def _count_visits(
    table: Int64, visits: _Visits, leaving_us: Int64, visit: int, position: int, window_us: int
) -> int:
    """Add the visits of a venue, from row `visit` on, to its table; return the row after them."""
    # Visits ascend by begin and `leaving_us` by end: `present` counts those begun less those ended.
    present = 0
    left = visit
    while visit < visits.owner.size and visits.owner[visit] == position:
        begin_us, end_us = visits.begin_us[visit], visits.end_us[visit]
        # Half-open: a visit that ends where a window begins is not in that window.
        first, last = begin_us // window_us, (end_us - 1) // window_us
        # `left` stays within the venue's rows: the end of this very visit lies after its begin.
        while leaving_us[left] <= begin_us:  # touching is not overlapping
            left += 1
            present -= 1
        present += 1
        # Presence grows only at a begin or is carried into a window, where `_write_rows` looks at it.
        table[first, _PEAK] = max(table[first, _PEAK], present)
        table[first, _PEOPLE] += not visits.returns[visit]
        # Person-seconds: whole visits and ends of visits here, full windows by the running sum.
        if first == last:
            table[first, _PRESENT_US] += end_us - begin_us
        else:
            table[first, _PRESENT_US] += (first + 1) * window_us - begin_us
            table[last, _PRESENT_US] += end_us - last * window_us
            # Changes at the ends; `_write_rows` sums them up, whatever the number of windows between.
            table[first + 1, _STAYING] += 1
            table[last + 1, _STAYING] -= 1
            table[first + 1, _FULL] += 1
            table[last, _FULL] -= 1
        visit += 1
    return visit


@helper
def _write_rows(counts: _WindowCounts, size: int, table: Int64, position: int, window_us: int) -> int:
    """Append the windows of a venue in which something happened; return the new number of rows."""
    staying = 0  # visits that began before the window and last at its start
    full = 0  # visits that began before its start and end after its end
    for window in range(table.shape[0] - 1):
        staying += table[window, _STAYING]
        full += table[window, _FULL]
        # Those who came in the window, and those who were there at its start.
        people = table[window, _PEOPLE] + staying
        if people or table[window, _ENTRIES] or table[window, _EXITS]:
            counts.position[size] = position
            counts.window[size] = window
            counts.entries[size] = table[window, _ENTRIES]
            counts.exits[size] = table[window, _EXITS]
            counts.people[size] = people
            counts.peak[size] = max(table[window, _PEAK], staying)
            counts.present_us[size] = table[window, _PRESENT_US] + full * window_us
            size += 1
    return size
