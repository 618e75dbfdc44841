"""Footfall: how many people were at a venue in each window of a day, from its stays.

Pure functions over columns. No stay is spread over the windows it covers: a
stay changes the counts of the window in which it begins and of the one in
which it ends, and the windows between inherit a running sum.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from pipelines.arrays import Int64, as_unsigned, order_by

Int32 = npt.NDArray[np.int32]

WINDOW_MINUTES = 15
WINDOW_US = WINDOW_MINUTES * 60_000_000

_SECOND_US = 1_000_000


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
    """The footfall of all stays over [start_us, stop_us).

    Args:
        person: int64[n].
        venue: int64[n]; fastest when rows are sorted by (venue, enter).
        enter_us: int64[n].
        exit_us: int64[n], later than `enter_us`. Stays may reach over either end.
        start_us: a multiple of `window_us`.
        stop_us: another.
        window_us: the length of a window.

    Raises:
        ValueError: the range is not made of whole windows.
    """
    if start_us % window_us or stop_us % window_us:
        raise ValueError("a range of footfall is made of whole windows")
    if not _is_sorted(venue, enter_us):
        order = order_by(venue, enter_us, as_unsigned(person), as_unsigned(exit_us))
        person, venue, enter_us, exit_us = (column[order] for column in (person, venue, enter_us, exit_us))
    bounds = np.flatnonzero(np.append(True, venue[1:] != venue[:-1])) if venue.size else np.empty(0, np.int64)
    bounds = np.append(bounds, venue.size)
    owner, begin_us, end_us, returns = _visits(bounds, person, enter_us, exit_us, start_us, stop_us, window_us)
    bits = (stop_us - start_us).bit_length()
    leaving = np.sort((owner << bits) | (end_us - start_us))
    leaving_us = (leaving & ((1 << bits) - 1)) + start_us
    windows = (stop_us - start_us) // window_us
    rows, counts = _sweep(
        bounds, enter_us, exit_us, owner, begin_us, end_us, returns, leaving_us, start_us, window_us, windows
    )
    window_start_us = start_us + rows[:, 1] * window_us
    return Footfall(
        venue=venue[bounds[rows[:, 0]]],
        window_start_us=window_start_us,
        window_end_us=window_start_us + window_us,
        entries=counts[:, _ENTRIES].astype(np.int32),
        exits=counts[:, _EXITS].astype(np.int32),
        people=counts[:, _PEOPLE].astype(np.int32),
        peak=counts[:, _PEAK].astype(np.int32),
        person_seconds=counts[:, _PRESENT_US] // _SECOND_US,
    )


_ENTRIES, _EXITS, _PEOPLE, _PEAK, _PRESENT_US, _STAYING, _FULL = range(7)


@njit(cache=True, nogil=True)
def _is_sorted(venue: Int64, enter_us: Int64) -> bool:
    for row in range(1, venue.size):
        if venue[row] < venue[row - 1] or (venue[row] == venue[row - 1] and enter_us[row] < enter_us[row - 1]):
            return False
    return True


@njit(cache=True, nogil=True)
def _visits(
    bounds: Int64,
    person: Int64,
    enter_us: Int64,
    exit_us: Int64,
    start_us: int,
    stop_us: int,
    window_us: int,
) -> tuple[Int64, Int64, Int64, npt.NDArray[np.bool_]]:
    """Each person's union of stays at a venue, clipped to [start_us, stop_us).

    Returns:
        For each interval of a union: position of its venue, begin, end, and
        whether the person had been there earlier in the window of its begin.
        By venue and then by begin.
    """
    owner, begin_us = np.empty(person.size, np.int64), np.empty(person.size, np.int64)
    end_us, returns = np.empty(person.size, np.int64), np.zeros(person.size, np.bool_)
    count = 0
    largest = 0
    for position in range(bounds.size - 1):
        largest = max(largest, bounds[position + 1] - bounds[position])
    bits = 4
    while (1 << bits) < 2 * largest:
        bits += 1
    slots = np.empty(1 << bits, np.int64)
    newest = np.empty(1 << bits, np.int64)
    for position in range(bounds.size - 1):
        bits = 4
        while (1 << bits) < 2 * (bounds[position + 1] - bounds[position]):
            bits += 1
        mask = np.int64((1 << bits) - 1)
        newest[: mask + 1] = -1
        for row in range(bounds[position], bounds[position + 1]):
            begin = max(enter_us[row], start_us)
            end = min(exit_us[row], stop_us)
            if begin >= end:
                continue
            slot = np.int64(np.uint64(person[row]) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(20)) & mask
            while newest[slot] >= 0 and slots[slot] != person[row]:
                slot = (slot + 1) & mask
            visit = newest[slot]
            if visit >= 0 and begin <= end_us[visit]:
                end_us[visit] = max(end_us[visit], end)
                continue
            owner[count], begin_us[count], end_us[count] = position, begin, end
            returns[count] = visit >= 0 and (end_us[visit] - 1) // window_us == begin // window_us
            slots[slot], newest[slot] = person[row], count
            count += 1
    return owner[:count], begin_us[:count], end_us[:count], returns[:count]


@njit(cache=True, nogil=True)
def _sweep(
    bounds: Int64,
    enter_us: Int64,
    exit_us: Int64,
    owner: Int64,
    begin_us: Int64,
    end_us: Int64,
    returns: npt.NDArray[np.bool_],
    leaving_us: Int64,
    start_us: int,
    window_us: int,
    windows: int,
) -> tuple[Int64, Int64]:
    """Count venue by venue.

    Args:
        bounds: rows of the stays where a venue begins.
        enter_us, exit_us: of the stays.
        owner, begin_us, end_us, returns: the visits.
        leaving_us: their ends, ascending within a venue.
        start_us: begin of the first window.
        window_us: length of a window.
        windows: how many.

    Returns:
        rows int64[n, 2], position of the venue and number of the window, and
        counts int64[n, 5], from `_ENTRIES` to `_PRESENT_US`.
    """
    capacity = 1024
    rows, counts = np.empty((capacity, 2), np.int64), np.empty((capacity, 5), np.int64)
    size = 0
    visit = 0
    table = np.zeros((windows + 2, 7), np.int64)
    for position in range(bounds.size - 1):
        table[:] = 0
        for row in range(bounds[position], bounds[position + 1]):
            window = (enter_us[row] - start_us) // window_us
            if 0 <= window < windows:
                table[window, _ENTRIES] += 1
            window = (exit_us[row] - start_us) // window_us
            if 0 <= window < windows:
                table[window, _EXITS] += 1
        first = visit
        left = visit
        while visit < owner.size and owner[visit] == position:
            while leaving_us[left] <= begin_us[visit]:
                left += 1
            _count_visit(table, begin_us[visit] - start_us, end_us[visit] - start_us, returns[visit], window_us)
            window = (begin_us[visit] - start_us) // window_us
            table[window, _PEAK] = max(table[window, _PEAK], visit - first + 1 - (left - first))
            visit += 1
        staying = 0
        full = 0
        for window in range(windows):
            staying += table[window, _STAYING]
            full += table[window, _FULL]
            people = table[window, _PEOPLE] + staying
            if people == 0 and table[window, _ENTRIES] == 0 and table[window, _EXITS] == 0:
                continue
            if size == capacity:
                capacity *= 2
                rows, counts = _grown(rows, capacity), _grown(counts, capacity)
            rows[size, 0], rows[size, 1] = position, window
            counts[size, _ENTRIES] = table[window, _ENTRIES]
            counts[size, _EXITS] = table[window, _EXITS]
            counts[size, _PEOPLE] = people
            counts[size, _PEAK] = max(table[window, _PEAK], staying)
            counts[size, _PRESENT_US] = table[window, _PRESENT_US] + full * window_us
            size += 1
    return rows[:size], counts[:size]


@njit(cache=True, nogil=True)
def _count_visit(table: Int64, begin_us: int, end_us: int, returns: bool, window_us: int) -> None:
    """Add a visit to the windows it begins and ends in, and to the running sums between."""
    first, last = begin_us // window_us, (end_us - 1) // window_us
    if not returns:
        table[first, _PEOPLE] += 1
    if first == last:
        table[first, _PRESENT_US] += end_us - begin_us
        return
    table[first, _PRESENT_US] += (first + 1) * window_us - begin_us
    table[last, _PRESENT_US] += end_us - last * window_us
    table[first + 1, _STAYING] += 1
    table[last + 1, _STAYING] -= 1
    table[first + 1, _FULL] += 1
    table[last, _FULL] -= 1


@njit(cache=True, nogil=True)
def _grown(rows: Int64, capacity: int) -> Int64:
    grown = np.empty((capacity, rows.shape[1]), np.int64)
    grown[: rows.shape[0]] = rows
    return grown
