"""What a reader derives of hidden cells, by linear programs that share nothing with ours.

Only hidden cells are variables; shown ones are numbers on the other side of an equation.
"""

import highspy
import numpy as np


def cell_bounds(counts, sums, hidden, least=0):
    """Return the bounds of hidden cells, by cell: (low, high).

    Every hidden cell is at least `least`, and at most a number that no bound of interest reaches.
    """
    cells = [cell for cell, is_hidden in enumerate(hidden) if is_hidden]
    most = 2.0 * int(np.sum(counts)) + 1_000
    program = highspy.Highs()
    program.setOptionValue("output_flag", False)
    program.setOptionValue("presolve", "off")
    program.addVars(len(cells), np.full(len(cells), float(least)), np.full(len(cells), most))
    _add_sums(program, counts, sums, {cell: place for place, cell in enumerate(cells)})
    return {cell: (_end(program, place, 1), _end(program, place, -1)) for place, cell in enumerate(cells)}


def _add_sums(program, counts, sums, place):
    for total, parts in sums:
        signs = {place[cell]: 1.0 for cell in parts if cell in place}
        known = float(sum(int(counts[cell]) for cell in parts if cell not in place))
        if total in place:
            signs[place[total]] = -1.0
        else:
            known -= int(counts[total])
        if signs:
            program.addRow(
                -known, -known, len(signs), np.array([*signs], np.int32), np.array([*signs.values()])
            )


def _end(program, place, sign):
    program.changeColCost(place, float(sign))
    program.run()
    assert program.getModelStatus() == highspy.HighsModelStatus.kOptimal
    program.changeColCost(place, 0.0)
    return program.getSolution().col_value[place]
