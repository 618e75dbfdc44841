"""Distinct visitors over ranges of days, at some venues and in all."""

from collections.abc import Sequence

import numpy as np

from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.kernels.group_by import changes
from pipelines.kernels.types import Int64
from pipelines.lake import Lake
from pipelines.times import DAY_US

Days = tuple[int, int]
"""[first, last) as UTC days since 1970."""

_LONG_AGO = np.iinfo(np.int64).min


def days_of(start_us: int, end_us: int) -> Days:
    """Return the UTC days that [start_us, end_us) overlaps."""
    return start_us // DAY_US, -(-end_us // DAY_US)


def visitors(lake: Lake, venue: Int64, stretches: Sequence[Days]) -> tuple[Int64, Int64]:
    """Count the distinct persons who entered each venue, or any venue, on the days of each range.

    Args:
        lake: where.
        venue: int64[v], ascending, each once.
        stretches: s ranges of days.

    Returns:
        int64[s, v] persons at each venue, and int64[s] persons at any venue.
    """
    parts = [np.empty((3, 0), np.int64)]
    begin = min((first for first, _ in stretches), default=0)
    end = max((last for _, last in stretches), default=0)
    for columns in sidecars(live_files(lake, "person", Span(begin * DAY_US, end * DAY_US))):
        columns.check("person", "venue", "enter_us")
        day = columns.enter_us // DAY_US
        # The position among the venues asked for; the zero appended is compared where there is none.
        group = np.searchsorted(venue, columns.venue)
        known = np.flatnonzero(np.append(venue, 0)[group] == columns.venue if venue.size else [])
        parts.append(np.stack((group[known], columns.person[known], day[known])))
        once = np.flatnonzero(changes(columns.person, day))  # rows of a person are neighbours
        # Group number `venue.size` stands for all venues together.
        parts.append(np.stack((np.full(once.size, venue.size), columns.person[once], day[once])))
    group, person, day = np.concatenate(parts, axis=1)
    counts = distinct_persons(group, person, day, venue.size + 1, stretches)
    return counts[:, :-1], counts[:, -1]


def distinct_persons(
    group: Int64, person: Int64, day: Int64, groups: int, stretches: Sequence[Days]
) -> Int64:
    """Count the distinct persons of each group in each range of days.

    A person is counted at his first row in the range, the one whose predecessor of the same group and
    person lies before the range. So the rows are sorted once, whatever the number of ranges.

    Example:
        >>> person, day = np.array([7, 7, 8]), np.array([1, 2, 2])
        >>> distinct_persons(np.zeros(3, np.int64), person, day, 1, [(1, 2), (1, 3)]).tolist()
        [[1], [2]]

    Args:
        group: int64[n], from 0.
        person: int64[n].
        day: int64[n].
        groups: how many.
        stretches: s ranges of days.

    Returns:
        int64[s, groups].
    """
    order = np.lexsort((day, person, group))
    group, person, day = group[order], person[order], day[order]
    before = np.append(_LONG_AGO, day[:-1])[: day.size]
    # The first row of each group and person has no predecessor.
    before[changes(group, person)] = _LONG_AGO
    counts = [
        np.bincount(group[(day >= first) & (day < last) & (before < first)], minlength=groups)
        for first, last in stretches
    ]
    return np.array(counts, np.int64).reshape(-1, groups)
