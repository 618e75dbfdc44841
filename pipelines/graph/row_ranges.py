"""Binary searches in sorted columns: the rows of one person, and the rows that overlap his stays.

Pure functions over columns that are sorted as `stays` is, so that an answer
touches a few pages of a file of any size.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.kernels.types import Int64


@dataclass(frozen=True)
class OwnStays:
    """One person's stays, a column an attribute, all of one length.

    Example:
        >>> times = np.array([0, 50]), np.array([10, 60])
        >>> stays = OwnStays(np.array([7, 8]), *times, imputed_from_us=times[1])
        >>> stays.where(stays.enter_us > 5).venue.tolist()
        [8]

    Attributes:
        venue: int64[s].
        enter_us, exit_us, imputed_from_us: int64[s], microseconds UTC.
    """

    venue: Int64
    enter_us: Int64
    exit_us: Int64
    imputed_from_us: Int64

    def where(self, chosen: npt.NDArray[np.bool_] | Int64) -> "OwnStays":
        """Return some of the stays, by mask or by position."""
        return OwnStays(
            self.venue[chosen], self.enter_us[chosen], self.exit_us[chosen], self.imputed_from_us[chosen]
        )


def rows_between(first: Int64, last: Int64) -> Int64:
    """Return all rows of the ranges [first, last), one range after the other."""
    length = last - first
    # The rows put out before each range: what the running position must be shifted by.
    before = np.cumsum(length) - length
    rows: Int64 = np.arange(int(length.sum())) + np.repeat(first - before, length)
    return rows


def rows_beside(own: OwnStays, first: Int64, last: Int64, exit_us: Int64) -> tuple[Int64, Int64]:
    """Find the rows that overlap a stay of `own`; touching does not count.

    Args:
        own: the stays.
        first: int64[s], where the rows begin that enter the venue of each stay soon enough to reach it.
        last: int64[s], and where they end.
        exit_us: int64[n].

    Returns:
        the stay's position in `own`, and the row, int64[p] both. A stay that
        is itself among the rows is paired with itself.
    """
    rows = rows_between(first, last)
    stays = np.repeat(np.arange(first.size), last - first)
    # `last` has already left out the rows that enter at or after the own exit.
    beside = exit_us[rows] > own.enter_us[stays]
    return stays[beside], rows[beside]
