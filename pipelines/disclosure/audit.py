"""What a reader can derive of hidden cells from those that are shown."""

import numpy as np
import pyarrow as pa

from pipelines.disclosure.linear_program import Floats, LinearProgram, equations_of
from pipelines.disclosure.linked_cells import Counts, LinkedCells, Mask, with_margins
from pipelines.disclosure.releases import Release
from pipelines.disclosure.rounding import greatest_of, least_of

_TOLERANCE = 1e-6


def bounds(cells: LinkedCells, hidden: Mask, low: Counts, high: Counts) -> tuple[Floats, Floats]:
    """Return the least and the greatest count of each hidden cell, NaN for those that are shown.

    Args:
        cells: whose sums hold; their counts are not looked at.
        hidden: which cells are.
        low: what a shown cell is at least.
        high: what a shown cell is at most.

    Returns:
        The least counts, with nothing known of hidden cells but that they are not below 0; and the greatest,
        with none of them 0, since zeros are shown. Infinite where there is no limit.
    """
    least, greatest = np.full(len(hidden), np.nan), np.full(len(hidden), np.nan)
    # A shown cell keeps its range, a hidden one is limited by the sums alone.
    upper = np.where(hidden, np.inf, high)
    # Each cell is a variable of its own here; the sums of the table are the equations.
    equations = equations_of(cells, [[(cell, 1.0)] for cell in range(len(hidden))])
    for sign, ends, floor in ((1.0, least, 0.0), (-1.0, greatest, 1.0)):
        # One program an end: only its cost changes, so each solution starts from the one before.
        program = LinearProgram(np.where(hidden, floor, low), upper, equations)
        for cell in map(int, np.flatnonzero(hidden)):
            # Cost 1 finds the least count, cost -1 the greatest.
            program.set_cost(cell, sign)
            solution = program.minimise()
            # Only the greatest can be without a limit: nothing hidden is below its floor.
            ends[cell] = np.inf if solution is None else solution[cell]
            program.set_cost(cell, 0.0)
    return least, greatest


def check_safe(cells: LinkedCells, hidden: Mask, k: int) -> None:
    """Assert that every hidden cell may be ≤ 1 and ≥ k for who knows the exact counts of the others."""
    least, greatest = bounds(cells, hidden, cells.counts, cells.counts)
    # in proportion: a solver's tolerance holds for tables whose greatest count is about 1
    slack = _TOLERANCE * max(1, int(cells.counts.max(initial=0)) // 1000)
    safe = (least[hidden] <= 1 + slack) & (greatest[hidden] >= k - slack)
    assert safe.all(), "a hidden cell can be derived"


def audit_table(release: Release, dimensions: tuple[str, str]) -> pa.Table:
    """Return what a reader can derive of each hidden cell of a released table, rounding included.

    Args:
        release: the table.
        dimensions: what its rows and columns are.

    Returns:
        Both dimensions, `low` and `high`, row by row; a bound is null where there is none.
    """
    # Row by row with the totals, in the order in which with_margins numbers cells.
    shown = [cell for row in release.rows for cell in row[1:]]
    k, base = release.protection.k, release.protection.base
    hidden = np.array([cell is None for cell in shown], bool)
    # A shown count stands for all counts that round to it and would have been shown.
    low = np.array([0 if cell is None else least_of(int(cell), base, k) for cell in shown], np.int64)
    high = np.array([0 if cell is None else greatest_of(int(cell), base, k) for cell in shown], np.int64)
    # The release has the totals as its last row and column, and the names as its first column.
    shape = (len(release.rows) - 1, len(release.columns) - 2)
    # The sums come from the shape alone; a reader has no true counts either.
    least, greatest = bounds(with_margins(np.zeros(shape, np.int64)), hidden, low, high)
    places = [(row[0], column) for row in release.rows for column in release.columns[1:]]
    found = [places[cell] for cell in np.flatnonzero(hidden)]
    return pa.table(
        {
            dimensions[0]: pa.array([row for row, _ in found], pa.string()),
            dimensions[1]: pa.array([column for _, column in found], pa.string()),
            "low": pa.array([_whole(end, up=True) for end in least[hidden]], pa.int64()),
            "high": pa.array([_whole(end, up=False) for end in greatest[hidden]], pa.int64()),
        }
    )


def _whole(end: float, *, up: bool) -> int | None:
    if np.isinf(end):
        return None
    # An integer lies inside the bounds: the least is rounded up, the greatest down, past solver noise.
    return int(np.ceil(end - _TOLERANCE) if up else np.floor(end + _TOLERANCE))
