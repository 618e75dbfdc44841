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


def rows_of(person: Int64, wanted: int) -> slice:
    """Return the rows of one person in a sorted column."""
    key = np.int64(wanted)
    return slice(int(person.searchsorted(key, "left")), int(person.searchsorted(key, "right")))


def rows_between(first: Int64, last: Int64) -> Int64:
    """Return all rows of the ranges [first, last), one range after the other."""
    length = last - first
    before = np.cumsum(length) - length
    rows: Int64 = np.arange(int(length.sum())) + np.repeat(first - before, length)
    return rows


def rows_beside(
    own: OwnStays, venue: Int64, enter_us: Int64, exit_us: Int64, longest_us: int
) -> tuple[Int64, Int64]:
    """Find the rows that overlap a stay of `own`; touching is no overlap.

    Args:
        own: the stays.
        venue: int64[n]; the rows are in the order (venue, enter).
        enter_us: int64[n].
        exit_us: int64[n].
        longest_us: no row is longer than this.

    Returns:
        the stay's position in `own`, and the row, int64[p] both. A stay that
        is itself among the rows is paired with itself.
    """
    first = venue.searchsorted(own.venue, "left")
    last = venue.searchsorted(own.venue, "right")
    stays = (last > first).nonzero()[0]
    found: list[Int64] = [np.empty(0, np.int64)]
    ranges = (first[stays].tolist(), last[stays].tolist(), own.enter_us[stays], own.exit_us[stays])
    for start, end, own_enter_us, own_exit_us in zip(*ranges, strict=True):
        enters = enter_us[start:end]
        end = start + enters.searchsorted(own_exit_us, "left")  # before `start` moves: both count from it
        start += enters.searchsorted(own_enter_us - longest_us, "right")
        found.append((exit_us[start:end] > own_enter_us).nonzero()[0] + start)
    return np.repeat(stays, [rows.size for rows in found[1:]]), np.concatenate(found)
