"""Counts that are published together, and the sums that link them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LinkedCells:
    """Cells of one or more tables, with every sum that a reader can form of them.

    A table with margins, days within weeks and communes within districts are all of this form.

    Example:
        >>> cells = LinkedCells(np.array([3, 20, 23]), ((2, (0, 1)),))
        >>> cells.is_total.tolist()
        [False, False, True]

    Attributes:
        counts: the true count of each cell, ≥ 0.
        sums: pairs of a cell that is a total, and the cells that add up to it.
    """

    counts: Counts
    sums: tuple[tuple[int, tuple[int, ...]], ...] = ()

    @cached_property
    def is_total(self) -> Mask:
        """Which cells are the sum of others."""
        found = np.zeros(len(self.counts), bool)
        found[[total for total, _ in self.sums]] = True
        return found


def with_margins(counts: Counts) -> LinkedCells:
    """Add a total to each row and column of a table, and the total of all.

    Example:
        >>> with_margins(np.array([[3, 20], [0, 5]])).counts.reshape(3, 3).tolist()
        [[3, 20, 23], [0, 5, 5], [3, 25, 28]]

    Args:
        counts: of shape (rows, columns); either may be 0.

    Returns:
        Cells in the order of a table of (rows + 1, columns + 1).
    """
    rows, columns = counts.shape
    full = np.zeros((rows + 1, columns + 1), np.int64)
    full[:rows, :columns] = counts
    full[:rows, columns] = counts.sum(axis=1)
    # The last row adds up the column of totals too, which gives the total of all.
    full[rows] = full[:rows].sum(axis=0)
    # A cell's number is its place in the table, row by row.
    place = np.arange(full.size).reshape(full.shape)
    # Rows and columns alike, the lines of totals among them; a line without parts has no sum.
    lines = [(line[-1], line[:-1]) for line in (*place, *place.T) if len(line) > 1]
    return LinkedCells(full.ravel(), tuple((int(total), _numbers(parts)) for total, parts in lines))


def _numbers(places: Sequence[int] | Counts) -> tuple[int, ...]:
    return tuple(int(place) for place in places)
