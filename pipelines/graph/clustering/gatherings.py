"""Gatherings: stays of cases at a venue that overlap, or follow one another within some hours."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.graph.clustering.case_stays import CaseStays
from pipelines.kernels.group_by import changes, distinct_per_group
from pipelines.kernels.types import Int64


class Gatherings(NamedTuple):
    """Periods at a venue with stays of two or more cases, by venue and start.

    Attributes:
        venue: int64[g].
        start_us, end_us: int64[g], from the first enter to the last exit; microseconds UTC.
        persons: int64[g], distinct persons.
    """

    venue: Int64
    start_us: Int64
    end_us: Int64
    persons: Int64


def gatherings(stays: CaseStays, within_us: int) -> Gatherings:
    """Find the gatherings of cases.

    A stay belongs to the gathering before it at the same venue when it begins at most `within_us` after all
    earlier stays have ended.

    Example:
        >>> stays = CaseStays(*map(np.array, ([0, 1], [7, 8], [5, 5], [0, 12], [10, 20])))
        >>> gatherings(stays, within_us=2).persons.tolist(), gatherings(stays, within_us=1).persons.tolist()
        ([2], [])

    Args:
        stays: of cases, in any order.
        within_us: the longest gap without any case; microseconds.
    """
    order = np.lexsort((stays.enter_us, stays.venue))
    stays = stays.where(order)
    begins = changes(stays.venue)
    # Until when somebody was there so far: the gap counts from that, not from the exit of the row before.
    reached_us = _running_most(stays.exit_us, begins)
    begins[1:] |= stays.enter_us[1:] - reached_us[:-1] > within_us
    first = np.flatnonzero(begins)
    number = np.repeat(np.arange(first.size), np.diff(first, append=order.size))
    # Two cases of one person are no gathering.
    persons = distinct_per_group(number, stays.person, first.size)
    met = persons > 1
    ends = np.append(first[1:], order.size) - 1
    return Gatherings(
        stays.venue[first][met], stays.enter_us[first][met], reached_us[ends[met]], persons[met]
    )


def _running_most(values: Int64, starts: npt.NDArray[np.bool_]) -> Int64:
    """Return the largest value so far, restarted at each start."""
    if values.size == 0:
        return values
    # Ranks lifted by the number of their group: one running maximum then never crosses into the next group.
    distinct, ranks = np.unique(values, return_inverse=True)
    lift = (np.cumsum(starts) - 1) * distinct.size
    most: Int64 = distinct[np.maximum.accumulate(lift + ranks) - lift]
    return most
