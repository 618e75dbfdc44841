"""Where one person's stays lie in sorted columns, and which rows may overlap them.

Pure functions over columns that are sorted as `stays` is: binary searches, so
that an answer touches a few pages of a file of any size.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.kernels.types import Int64


@dataclass(frozen=True)
class OwnStays:
    """One person's stays, a column an attribute, all of one length.

    Attributes:
        venue: int64[s].
        enter_us, exit_us, imputed_from_us: int64[s], microseconds UTC.
    """

    venue: Int64
    enter_us: Int64
    exit_us: Int64
    imputed_from_us: Int64

    def where(self, chosen: npt.NDArray[np.bool_] | Int64) -> "OwnStays":
        """Some of the stays, by a mask or by their positions."""
        return OwnStays(
            self.venue[chosen], self.enter_us[chosen], self.exit_us[chosen], self.imputed_from_us[chosen]
        )


def rows_between(first: Int64, last: Int64) -> Int64:
    """All rows of the ranges [first, last), one range after the other."""
    length = last - first
    before = np.cumsum(length) - length
    rows: Int64 = np.arange(int(length.sum())) + np.repeat(first - before, length)
    return rows


def rows_beside(own: OwnStays, first: Int64, last: Int64, exit_us: Int64) -> tuple[Int64, Int64]:
    """The rows that overlap a stay of `own`, touching ones left out.

    Args:
        own: stays whose rows are looked for.
        first: int64[s], where the rows begin that enter the venue of each stay soon enough to reach it.
        last: int64[s], and where they end.
        exit_us: int64[n].

    Returns:
        The stay's position in `own` and the row, a pair an entry. A stay
        that is itself among the rows is its own pair.
    """
    rows = rows_between(first, last)
    stays = np.repeat(np.arange(first.size), last - first)
    beside = exit_us[rows] > own.enter_us[stays]
    return stays[beside], rows[beside]
