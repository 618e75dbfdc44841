"""Which cells to hide: the small ones, and as many others as it takes that none of them can be derived.

A hidden cell is safe when what is shown leaves open that it holds one person
or nobody, and that it holds `k` or more. For each hidden cell two linear
programs find another table that fits what is shown, in which the cell is that
small, or that large; the cells in which it differs from the true table are
hidden too, cheap ones first, and must be safe themselves. (A heuristic for the
integer program of Fischetti and Salazar, 2001, one flow at a time.) It ends,
since a table that shows nothing but zeros is safe.

The reader is taken to know that a hidden cell is not 0, because zeros are shown.
"""

import numpy as np

from pipelines.disclosure.linear_program import Floats, LinearProgram, equations_of
from pipelines.disclosure.linked_cells import LinkedCells, Mask

_TOLERANCE = 1e-6
_TOTAL_COST = 1e4
"""A total is hidden only where nothing else helps, for all of its parts are hidden then."""


def hidden_cells(cells: LinkedCells, k: int, hidden: Mask | None = None) -> Mask:
    """Return which cells are hidden.

    Args:
        cells: with their true counts.
        k: counts from 1 to k - 1 are small.
        hidden: cells that an earlier release has hidden, so that this one must as well.
    """
    found = (cells.counts > 0) & (cells.counts < k)
    if hidden is not None:
        # Zeros are never hidden, not even where an earlier release hid the cell.
        found |= hidden & (cells.counts > 0)
    if found.any():
        _Suppression(cells, k, found).run()
    return found


class _Flows:
    """The other tables that have the same sums: what is added to some cells is taken from others."""

    def __init__(self, cells: LinkedCells, least: int) -> None:
        """`least` is what a cell that is no total keeps at least."""
        self._cells = np.flatnonzero(cells.counts > 0)  # a zero is shown, and stays
        self._place = {int(cell): place for place, cell in enumerate(self._cells)}

        # Two variables a cell, both from 0: 2i is what is added, 2i + 1 what is taken away.
        self._upper = np.full(2 * len(self._cells), np.inf)
        # No more can be taken away than leaves `least`, or 0 of a total.
        self._upper[1::2] = (cells.counts - np.where(cells.is_total, 0, least))[self._cells]
        names: list[list[tuple[int, float]]] = [[] for _ in cells.counts]
        for cell, place in self._place.items():
            names[cell] = [(2 * place, 1.0), (2 * place + 1, -1.0)]  # more, fewer
        self._program = LinearProgram(np.zeros(len(self._upper)), self._upper, equations_of(cells, names))
        self._size = len(cells.counts)

    def cheapest(self, cell: int, change: int, costs: Floats) -> Floats:
        """Return what is added to each cell when `change` is added to one of them."""
        self._program.set_costs(np.repeat(costs[self._cells], 2))

        # The wanted change is forced and its opposite shut, or the two would cancel out.
        more = 2 * self._place[cell]
        wanted, other = (more, more + 1) if change > 0 else (more + 1, more)
        self._program.set_bounds(wanted, abs(change), float(self._upper[wanted]))
        self._program.set_bounds(other, 0.0, 0.0)
        solution = self._program.minimise()
        assert solution is not None, "no cost is below 0"
        for name in (wanted, other):
            # Bounds as before: the program serves all cells.
            self._program.set_bounds(name, 0.0, float(self._upper[name]))
        # float64[cells], 0 where a cell is not touched or shown as 0.
        flows = np.zeros(self._size)
        flows[self._cells] = solution[::2] - solution[1::2]
        return flows


class _Suppression:
    """Hides cells until every hidden one is safe."""

    def __init__(self, cells: LinkedCells, k: int, hidden: Mask) -> None:
        self._counts = cells.counts
        self._is_total = cells.is_total
        self._k = k
        self._hidden = hidden
        # What has been shown possible; the true table is one that fits, and needs no witness.
        self._may_be_large = cells.counts >= k
        self._may_be_small = cells.counts <= 1
        self._strict = _Flows(cells, 1)
        self._loose = _Flows(cells, 0)
        # Of a cell's count, its root: with log or nothing large cells are hidden, with more too many of them.
        shown = np.sqrt(cells.counts) * np.where(self._is_total, _TOTAL_COST, 1.0)
        # A hidden cell costs nothing, so later witnesses run through cells that are hidden already.
        self._costs: Floats = np.where(hidden, 0.0, shown)

    def run(self) -> None:
        todo = self._ordered(self._hidden)
        while todo:
            before = self._hidden.copy()
            for cell in todo:
                # A witness that the cell may be large: another table with at least k in it.
                if not self._may_be_large[cell]:
                    self._hide(self._strict.cheapest(cell, self._k - int(self._counts[cell]), self._costs), 1)
                if not self._may_be_small[cell]:
                    self._make_small(cell)
            # Those that were hidden along the way must be safe too.
            todo = self._ordered(self._hidden & ~before)

    def _ordered(self, found: Mask) -> list[int]:
        """The small ones first: what is hidden for them may do for the others."""
        return sorted(map(int, np.flatnonzero(found)), key=lambda cell: (self._counts[cell], cell))

    def _make_small(self, cell: int) -> None:
        # A total of several hidden cells is at least as many: the reader knows, and learns no count by it.
        least = 0 if self._is_total[cell] else 1
        flows = self._strict if least else self._loose
        self._hide(flows.cheapest(cell, 1 - int(self._counts[cell]), self._costs), least)

    def _hide(self, flows: Floats, least: int) -> None:
        """Hide the cells in which another table differs; it also shows that some of them are safe."""
        # In a table of two dimensions flows are whole numbers; the tolerance is the solver's.
        used = np.abs(flows) > _TOLERANCE
        self._hidden |= used
        self._costs[used] = 0.0
        other = self._counts + flows
        # One other table is a witness for every cell in which it differs.
        self._may_be_small |= used & (other <= 1 + _TOLERANCE) & (self._is_total | (least == 1))
        # It holds only where no hidden cell is taken for 0, as the reader knows.
        if least == 1:
            self._may_be_large |= used & (other >= self._k - _TOLERANCE)
