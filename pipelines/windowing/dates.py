"""Which dates a stay touches, and which dates must be read to compute it."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from pipelines.kernels.types import Int64
from pipelines.times import DAY_US


def dates_touched(enter_us: Int64, exit_us: Int64) -> tuple[Int64, Int64]:
    """List every (row, date) such that the stay of that row touches the date.

    A stay touches each date from that of its enter to that of its exit: if it ends
    exactly at midnight, its exit still lies in the first window of the new day.

    >>> dates_touched(np.array([0, DAY_US - 1]), np.array([1, 2 * DAY_US]))
    (array([0, 1, 1, 1]), array([0, 0, 1, 2]))

    Returns:
        rows int64[m] and dates int64[m], by row and then by date.
    """
    first = enter_us // DAY_US
    # Floor division: days before 1970 come out right too.
    count = exit_us // DAY_US - first + 1
    rows = np.repeat(np.arange(enter_us.size), count)
    # 0, 1, 2 … within each row: the running position less the position at which the row begins.
    offset = np.arange(rows.size) - np.repeat(np.cumsum(count) - count, count)
    return rows, first[rows] + offset


def within(dates: Iterable[int], centres: Sequence[int], margin: int) -> frozenset[int]:
    """Select the dates that lie at most `margin` days from one of the centres.

    >>> sorted(within([1, 2, 3, 9], [4], margin=2))
    [2, 3]
    """
    around = sorted(centres)
    if not around:
        return frozenset()
    found = np.fromiter(dates, np.int64)
    after = np.searchsorted(around, found)
    # The centre at or after a date, and the one before it; `clip` takes the end ones where there is none.
    nearest = np.minimum(
        np.abs(np.take(around, after, mode="clip") - found),
        np.abs(np.take(around, after - 1, mode="clip") - found),
    )
    return frozenset(found[nearest <= margin].tolist())


def reaches_unread(
    first_us: Int64, last_us: Int64, reach_before_us: Int64, reach_after_us: Int64, unread: Int64
) -> npt.NDArray[np.bool_]:
    """Find stays that a scan of an unread date could change.

    Args:
        first_us: int64[n], the first scan, on a date that was read.
        last_us: int64[n], the last scan, likewise.
        reach_before_us: int64[n], a scan before this instant does not matter.
        reach_after_us: int64[n], nor does a scan after this one.
        unread: int64[d], the dates that hold scans and were not read, ascending.
    """
    if not unread.size:
        return np.zeros(first_us.size, np.bool_)
    # Positions among the unread dates; a date that was read is none of them.
    begins, ends = np.searchsorted(unread, first_us // DAY_US), np.searchsorted(unread, last_us // DAY_US)
    before = begins - 1
    # The last unread date before the stay ends too late to be out of reach, or the first one after it
    # begins soon enough.
    older = (before >= 0) & ((unread[np.maximum(before, 0)] + 1) * DAY_US > reach_before_us)
    after = np.searchsorted(unread, last_us // DAY_US, side="right")
    newer = (after < unread.size) & (unread[np.minimum(after, unread.size - 1)] * DAY_US <= reach_after_us)
    return older | newer | (begins < ends)  # an unread date lies between two of its scans
