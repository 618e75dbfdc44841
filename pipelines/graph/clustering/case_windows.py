"""Venue-windows of footfall that hold cases, and the number of cases expected there by chance."""

import datetime as dt
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.graph.clustering.case_stays import CaseStays
from pipelines.graph.row_ranges import rows_between
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.kernels.group_by import changes, distinct_pairs
from pipelines.kernels.types import Float64, Int64
from pipelines.lake import Lake, LiveFile, read_live_file
from pipelines.times import DAY_US, day_number
from schemas.tables import FOOTFALL

_READ = pa.schema([FOOTFALL.schema.field(name) for name in ("venue", "window_start", "window_end", "people")])


class Windows(NamedTuple):
    """The windows of one UTC day, ascending by (venue, start).

    Attributes:
        venue: int64[w].
        start_us, end_us: int64[w], microseconds UTC.
        people: int64[w], distinct persons present.
    """

    venue: Int64
    start_us: Int64
    end_us: Int64
    people: Int64


class Meetings(NamedTuple):
    """Windows in which there are cases.

    Attributes:
        venue, start_us, end_us, people: int64[m], of the window.
        persons: int64[m], distinct persons who are cases.
        expected: float64[m], how many would be there by chance.
        listed: int64[m], how many cases; more than persons where two cases are one person.
        case: int64[sum of listed], the positions of these cases, window by window.
    """

    venue: Int64
    start_us: Int64
    end_us: Int64
    people: Int64
    persons: Int64
    expected: Float64
    listed: Int64
    case: Int64


def day_of(file: LiveFile) -> int:
    """Return the start of the UTC day of a file of `footfall`, microseconds."""
    return day_number(dt.date.fromisoformat(file.partition["date"])) * DAY_US


def windows_of(file: LiveFile, span: Span) -> Windows:
    """Return the windows of a `footfall` file that lie wholly in a span."""
    rows = read_live_file(file, _READ)
    venue, start_us, end_us, people = (rows[name].cast(pa.int64()).to_numpy() for name in _READ.names)
    inside = (start_us >= span.begins_at()) & (end_us <= span.ends_at())
    return Windows(venue[inside], start_us[inside], end_us[inside], people[inside])


def meetings(windows: Windows, stays: CaseStays, people_of_day: int) -> Meetings:
    """Find the windows that hold cases, and the number expected by chance among the people of that day.

    Args:
        windows: of one day.
        stays: of cases, on that day.
        people_of_day: distinct persons with a stay on it.
    """
    stay, window = windows_of_stays(stays, windows.venue, windows.start_us, windows.end_us)
    # Distinct persons decide, distinct cases are listed: two cases may be one person.
    hit, persons = np.unique(distinct_pairs(window, stays.person[stay])[0], return_counts=True)
    in_window, case = distinct_pairs(window, stays.case[stay])
    people = windows.people[hit]
    # All by window, ascending: `hit` and `in_window` name the same windows in the same order.
    return Meetings(
        windows.venue[hit],
        windows.start_us[hit],
        windows.end_us[hit],
        people,
        persons,
        people * np.float64(np.unique(stays.person).size / max(people_of_day, 1)),
        np.unique(in_window, return_counts=True)[1],
        case,
    )


def windows_of_stays(stays: CaseStays, venue: Int64, start_us: Int64, end_us: Int64) -> tuple[Int64, Int64]:
    """Find the windows that each stay overlaps; touching does not count.

    Example:
        >>> stays = CaseStays(*map(np.array, ([0], [7], [5], [10], [20])))
        >>> stay, window = windows_of_stays(stays, np.array([5, 5]), np.array([0, 20]), np.array([20, 40]))
        >>> stay.tolist(), window.tolist()
        ([0], [0])

    Args:
        stays: in any order.
        venue: int64[w]; windows ascend by (venue, start) and those of a venue do not overlap.
        start_us: int64[w], microseconds UTC.
        end_us: int64[w].

    Returns:
        The positions of stays and of windows, one entry a pair.
    """
    # Ranks instead of ids leave room for the time in one int64.
    distinct = np.unique(venue)
    known = np.flatnonzero(np.isin(stays.venue, distinct))
    rank, own = np.searchsorted(distinct, venue), np.searchsorted(distinct, stays.venue[known])
    # Times are counted from the earliest, so that (rank, time) packs into one ascending int64.
    times = (start_us, end_us, stays.enter_us[known], stays.exit_us[known])
    least = min((int(time.min()) for time in times if time.size), default=0)
    bits = max((int(time.max()) - least for time in times if time.size), default=0).bit_length()
    start, end, enter, leave = (time - least for time in times)
    # Windows of a venue do not overlap, so their ends ascend like their starts. Those from the first that
    # ends after the enter to the last that starts before the exit overlap the stay.
    first = np.searchsorted((rank << bits) + end, (own << bits) + enter, "right")
    last = np.searchsorted((rank << bits) + start, (own << bits) + leave, "left")
    return np.repeat(known, last - first), rows_between(first, last)


def people_of_day(lake: Lake, day_us: int) -> int:
    """Count the distinct persons with a stay on the UTC day that begins at `day_us`."""
    present = [np.empty(0, np.int64)]
    for columns in sidecars(live_files(lake, "person", Span(day_us, day_us + DAY_US))):
        columns.check("person", "enter_us", "exit_us")
        # Sorted by person, so one comparison with the neighbour makes them distinct within a file.
        there = columns.person[(columns.enter_us < day_us + DAY_US) & (columns.exit_us > day_us)]
        present.append(there[changes(there)])
    return np.unique(np.concatenate(present)).size
