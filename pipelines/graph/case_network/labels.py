"""Labels beside the dots of a network's picture, where there is room."""

import math
from collections import Counter
from dataclasses import dataclass

from pipelines.graph.case_network.layout import MARGIN, PLOT_WIDTH, Dot, Lane, NetworkLayout

_SIGN_WIDTH = 3.3
_HEIGHT = 6.0
_REACH = 150.0  # points from a dot to the end of its label
_AT_MOST = 60
_EXPOSED_FROM = 3  # persons exposed; known cases are labelled in any case


@dataclass(frozen=True)
class Label:
    """A label and where it is drawn.

    Attributes:
        text: the number of a known case, else the start of the token; then how many the person exposed.
        dot: the centre of the dot, points.
        left: the left end of the text and its vertical centre, points.
    """

    text: str
    dot: tuple[float, float]
    left: tuple[float, float]


def labels_of(layout: NetworkLayout) -> list[Label]:
    """Label known cases and those who exposed most, where there is room to the right of the dot."""
    exposed = Counter(dot.via for lane in layout.lanes for dot in lane.dots)
    wanted = [
        (lane, dot)
        for lane in layout.lanes
        for dot in lane.dots
        if dot.case or exposed[dot.node] >= _EXPOSED_FROM
    ]
    # Each label takes room from those after it. Ties end with the token, so that the bytes are the same.
    wanted.sort(key=lambda at: (-exposed[at[1].node], not at[1].case, at[1].at_us, at[1].node))
    grids = {id(lane): _Grid(layout, lane) for lane in layout.lanes}
    labels = []
    for lane, dot in wanted[:_AT_MOST]:
        text = dot.case.partition(";")[0] or dot.node[:8]
        if exposed[dot.node]:
            text += f" → {exposed[dot.node]:,}"
        left = grids[id(lane)].take(dot, len(text))
        if left:
            labels.append(Label(text, layout.centre(lane, dot), left))
    return labels


class _Grid:
    """The cells of a lane, each as large as a dot, and what occupies them."""

    def __init__(self, layout: NetworkLayout, lane: Lane) -> None:
        self._unit, self._bottom = layout.unit, lane.bottom + MARGIN / 2
        self._columns = int(PLOT_WIDTH / layout.unit)
        self._rows = math.ceil(_HEIGHT / layout.unit)
        self._levels = max(self._rows, int((lane.height - MARGIN) / layout.unit))
        self._dots = {(dot.column, dot.level) for dot in lane.dots}
        self._labels: set[tuple[int, int]] = set()

    def take(self, dot: Dot, signs: int) -> tuple[float, float] | None:
        """Reserve room for a label of `signs` characters; return its left end and centre, or None."""
        width = math.ceil((signs * _SIGN_WIDTH + 2) / self._unit)
        for column, level in self._near(dot, width):
            cells = {(column + right, level + up) for right in range(width) for up in range(self._rows)}
            free = cells.isdisjoint(self._dots) and cells.isdisjoint(self._labels)
            if free and self._line(dot, column, level).isdisjoint(self._labels):
                self._labels |= cells
                return column * self._unit + 1.0, self._bottom + (level + self._rows / 2) * self._unit
        return None

    def _near(self, dot: Dot, width: int) -> list[tuple[int, int]]:
        """Return cells in which a label may start, nearest first; one up or down counts like three right."""
        last = min(dot.column + int(_REACH / self._unit), self._columns) - width
        level = dot.level - (self._rows - 1) // 2
        levels = range(max(level - 5, 0), min(level + 5, self._levels - self._rows) + 1)
        cells = [(column, up) for column in range(dot.column + 1, last + 1) for up in levels]
        return sorted(cells, key=lambda cell: (cell[0] - dot.column + 3 * abs(cell[1] - level), cell))

    def _line(self, dot: Dot, column: int, level: int) -> set[tuple[int, int]]:
        """Return the cells under the line from a dot to its label."""
        right, up = column - dot.column, level + (self._rows - 1) / 2 - dot.level
        # Four points a column.
        parts = (step / (4 * right) for step in range(4 * right))
        return {(round(dot.column + right * part), round(dot.level + up * part)) for part in parts}
