"""Linear programs over the cells of a table, solved by HiGHS one after another."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import highspy
import numpy as np
from numpy.typing import NDArray

from pipelines.disclosure.linked_cells import LinkedCells

Floats = NDArray[np.float64]
Equations = list[tuple[list[int], list[float]]]
"""Variables with their coefficients, which add up to 0."""

_INFINITE = highspy.kHighsInf
_OPTIMAL = highspy.HighsModelStatus.kOptimal
_UNBOUNDED = (
    highspy.HighsModelStatus.kUnbounded,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,  # the true table is feasible
)


class LinearProgram:
    """Variables with bounds and costs under equations; each solution starts from the one before.

    Args:
        lower: of each variable.
        upper: of each variable; `np.inf` is none.
        equations: that hold.
    """

    def __init__(self, lower: Floats, upper: Floats, equations: Equations) -> None:
        self._solver = _new_solver()
        self._count = len(lower)
        self._all = np.arange(self._count, dtype=np.int32)
        # The model stays in the solver; later calls change bounds and costs and keep the last basis.
        self._solver.passModel(_model(lower, upper, equations))

    def set_bounds(self, variable: int, lower: float, upper: float) -> None:
        """Set the bounds of a variable."""
        self._solver.changeColBounds(variable, lower, upper)

    def set_cost(self, variable: int, cost: float) -> None:
        """Set the cost of a unit of a variable."""
        self._solver.changeColCost(variable, cost)

    def set_costs(self, costs: Floats) -> None:
        """Set the costs of all variables."""
        self._solver.changeColsCost(self._count, self._all, costs)

    def minimise(self) -> Floats | None:
        """Return the variables of least cost; None where the cost has no lower end.

        Raises:
            ArithmeticError: there is no solution; the true counts are one, so this is a bug or HiGHS's.
        """
        status = self._run()
        if status not in (_OPTIMAL, *_UNBOUNDED):
            self._solver.clearSolver()  # a start from an unbounded program can end as kUnknown
            status = self._run()
        if status in _UNBOUNDED:
            return None
        # Every status is checked: HiGHS reports a program that it did not solve by its status only.
        if status != _OPTIMAL:
            raise ArithmeticError(f"HiGHS ended with {status}")
        return np.array(self._solver.getSolution().col_value)

    def _run(self) -> highspy.HighsModelStatus:
        self._solver.run()
        return self._solver.getModelStatus()


def equations_of(cells: LinkedCells, variables: list[list[tuple[int, float]]]) -> Equations:
    """Return the sums of cells as equations.

    Args:
        cells: the sums.
        variables: those whose sum is a cell, with their signs, cell by cell.
    """
    found = []
    for total, parts in cells.sums:
        # total - parts = 0, each cell written out as its variables.
        terms = [*variables[total], *((name, -sign) for part in parts for name, sign in variables[part])]
        if terms:
            found.append(([name for name, _ in terms], [sign for _, sign in terms]))
    return found


def _model(lower: Floats, upper: Floats, equations: Equations) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_ = len(lower)
    model.num_row_ = len(equations)
    model.col_cost_ = np.zeros(len(lower))
    model.col_lower_ = np.asarray(lower, np.float64)
    # HiGHS has a number of its own for no bound.
    model.col_upper_ = np.where(np.isinf(upper), _INFINITE, upper)
    model.row_lower_ = model.row_upper_ = np.zeros(len(equations))
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    # Row-wise: start_ holds where the entries of each equation begin, and the end.
    model.a_matrix_.start_ = np.cumsum([0, *(len(names) for names, _ in equations)])
    model.a_matrix_.index_ = np.array([name for names, _ in equations for name in names], np.int32)
    model.a_matrix_.value_ = np.array([sign for _, signs in equations for sign in signs], np.float64)
    return model


def _new_solver() -> highspy.Highs:
    with _quiet():
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
    # `threads` is not set: in a second solver of a process that makes run() end as kNotset.
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("presolve", "off")  # else each program would start from nothing
    return solver


@contextmanager
def _quiet() -> Iterator[None]:
    """Send what C prints to nowhere: HiGHS has no option before it is made, when it prints its banner."""
    # Python's buffer and C's first: what they hold belongs on the real stdout.
    sys.stdout.flush()
    library = ctypes.CDLL(None)
    library.fflush(None)
    # Descriptor 1 and not sys.stdout, since HiGHS writes from C; other threads' output is lost meanwhile.
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
        library.fflush(None)  # C's buffer would else go where 1 leads later
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
