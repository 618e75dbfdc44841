"""The layout of a network's picture: a lane for each venue, a dot for each person, time from left to right.

Pure functions over the graph, in points (1/72 inch) and microseconds. Nothing is random: the same graph
gives the same picture.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import networkx as nx

from pipelines.times import EPOCH, HOUR_US

ENCOUNTERS = "encounters"
"""The lane of exposures by Bluetooth, which have no venue."""

OTHERS = "others"
"""The lane that stands for all venues beyond the first `LANES_AT_MOST`."""

PLOT_WIDTH = 760.0
LANES_AT_MOST = 40
MARGIN = 6.0
"""Free space of a lane, half above its dots and half below; points."""

_HEIGHT_AT_MOST = 1_600.0
_UNITS = (6.0, 5.0, 4.0, 3.0, 2.4, 2.0)
"""Sizes of a dot; the largest is used with which the picture is not too high."""

_SHIFT_AT_MOST = 4  # columns to the right of its instant that a crowded dot may be moved
_LEVELS_AT_MOST = 60
_LANE_AT_LEAST = 22.0  # room for a name and a line below it
_PAD = 0.02


@dataclass
class Dot:
    """A person who was exposed.

    Attributes:
        node: the person.
        tier: 1 is F1.
        at_us: when, microseconds UTC.
        via: the node of the infector.
        case: the numbers of the person's own cases, empty without any.
        column, level: its cell in the grid of its lane, from the left and from below.
    """

    node: str
    tier: int
    at_us: int
    via: str
    case: str
    column: int = 0
    level: int = 0


@dataclass
class StayBar:
    """A stay of the case over [start_us, end_us).

    Attributes:
        start_us: microseconds UTC.
        end_us: microseconds UTC.
        seen: whether both of its ends were scanned.
    """

    start_us: int
    end_us: int
    seen: bool


@dataclass
class Lane:
    """A venue.

    Attributes:
        place: its node, or ENCOUNTERS or OTHERS.
        bars: stays of the case.
        dots: persons exposed there.
        venues: how many venues the lane stands for.
        levels: rows of dots.
        bottom: its lower edge, in points from the bottom of the plot.
        height: in points.
    """

    place: str
    bars: list[StayBar] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    venues: int = 1
    levels: int = 1
    bottom: float = 0.0
    height: float = 0.0

    def first_us(self) -> int:
        """Return the first instant at which something happened there."""
        return min([bar.start_us for bar in self.bars] + [dot.at_us for dot in self.dots])

    def tier(self) -> int:
        """Return the lowest tier there; 0 where the case was."""
        return 0 if self.bars else min(dot.tier for dot in self.dots)


@dataclass(frozen=True)
class NetworkLayout:
    """The layout of a whole picture.

    Attributes:
        lanes: from the top down.
        start_us, end_us: the time it shows, microseconds UTC.
        unit: the size of a dot, in points.
        height: of the plot, in points; its width is PLOT_WIDTH.
    """

    lanes: list[Lane]
    start_us: int
    end_us: int
    unit: float
    height: float

    def x_of(self, at_us: int) -> float:
        """Return the position of an instant, in points from the left."""
        return (at_us - self.start_us) / (self.end_us - self.start_us) * PLOT_WIDTH

    def centre(self, lane: Lane, dot: Dot) -> tuple[float, float]:
        """Return the centre of a dot."""
        return (dot.column + 0.5) * self.unit, lane.bottom + MARGIN / 2 + (dot.level + 0.5) * self.unit


def layout_of(graph: nx.MultiDiGraph) -> NetworkLayout:
    """Lay out a graph of `network`; one without stays and exposures has no lanes."""
    lanes = _fewer(_lanes(graph))
    # Where the case was first, then by time; the name last, so that the order never depends on the graph's.
    lanes.sort(key=lambda lane: (lane.place == OTHERS, min(lane.tier(), 1), lane.first_us(), lane.place))
    times = [time for lane in lanes for bar in lane.bars for time in (bar.start_us, bar.end_us)]
    times += [dot.at_us for lane in lanes for dot in lane.dots]
    start_us, end_us = min(times, default=0), max(times, default=0)
    pad = max(round((end_us - start_us) * _PAD), HOUR_US // 2)
    start_us, end_us = start_us - pad, end_us + pad
    # The last size is taken even if the picture is too high with it.
    for unit in _UNITS:
        height = _place(lanes, start_us, end_us, unit)
        if height <= _HEIGHT_AT_MOST:
            break
    return NetworkLayout(lanes, start_us, end_us, unit, height)


def micros(text: str) -> int:
    """Return a time of the graph in microseconds UTC."""
    return (dt.datetime.fromisoformat(text) - EPOCH) // dt.timedelta(microseconds=1)


def _lanes(graph: nx.MultiDiGraph) -> list[Lane]:
    lanes: dict[str, Lane] = {}
    for person, place, stay in graph.edges(data=True):
        # Bars are of the case alone; the exposed are dots.
        if stay["kind"] == "stay" and graph.nodes[person]["tier"] == 0:
            seen = stay["enter_kind"] == stay["exit_kind"] == "scanned"
            bar = StayBar(micros(stay["enter"]), micros(stay["exit"]), seen)
            lanes.setdefault(place, Lane(place)).bars.append(bar)
    for via, person, exposure in graph.edges(data=True):
        if exposure["kind"] == "exposure":
            place = exposure.get("place", ENCOUNTERS)
            case = graph.nodes[person].get("case_ids", "")
            dot = Dot(person, exposure["tier"], micros(exposure["exposed_at"]), via, case)
            lanes.setdefault(place, Lane(place)).dots.append(dot)
    return list(lanes.values())


def _fewer(lanes: list[Lane]) -> list[Lane]:
    """Keep LANES_AT_MOST: where the case was, then where most were exposed; the others become one lane."""
    if len(lanes) <= LANES_AT_MOST:
        return lanes
    lanes.sort(key=lambda lane: (not lane.bars, -len(lane.dots), lane.place))
    kept, rest = lanes[: LANES_AT_MOST - 1], lanes[LANES_AT_MOST - 1 :]
    others = Lane(OTHERS, venues=len(rest))
    for lane in rest:
        others.bars += lane.bars
        others.dots += lane.dots
    return [*kept, others]


def _place(lanes: Sequence[Lane], start_us: int, end_us: int, unit: float) -> float:
    """Give each dot its cell and each lane its edges; return the total height."""
    columns = int(PLOT_WIDTH / unit)
    # The time that one column stands for.
    width_us = (end_us - start_us) * unit / PLOT_WIDTH
    for lane in lanes:
        lane.dots.sort(key=lambda dot: (dot.at_us, dot.tier, dot.node))
        wanted = [round((dot.at_us - start_us) / width_us - 0.5) for dot in lane.dots]
        lane.levels, places = stacked(wanted, columns)
        for dot, (column, level) in zip(lane.dots, places, strict=True):
            dot.column, dot.level = column, level
        lane.height = max(lane.levels * unit + MARGIN, _LANE_AT_LEAST)
    bottom = 0.0
    # Lanes are listed from the top, edges count from the bottom.
    for lane in reversed(lanes):
        lane.bottom = bottom
        bottom += lane.height
    return bottom


def stacked(wanted: Sequence[int], columns: int) -> tuple[int, list[tuple[int, int]]]:
    """Stack dots on the fewest levels that keep each near its wanted column; the levels and the cells.

    A full column passes its dots on to the right, like a queue.

    Example:
        >>> stacked([0, 0, 3], columns=5)
        (1, [(0, 0), (1, 0), (3, 0)])

    Args:
        wanted: the column of each dot, ascending.
        columns: the number of columns.
    """
    # Fewer levels could not hold all dots.
    least = max(1, -(-len(wanted) // columns))
    for levels in range(least, max(least, _LEVELS_AT_MOST) + 1):
        places = _filled(wanted, columns, levels)
        # The fewest levels with which no dot stands too far from its instant.
        if all(column - want <= _SHIFT_AT_MOST for want, (column, _) in zip(wanted, places, strict=True)):
            break
    return levels, places


def _filled(wanted: Iterable[int], columns: int, levels: int) -> list[tuple[int, int]]:
    """Put dots into cells, `levels` a column; what the last column cannot hold goes to its left."""
    filled = [0] * columns
    places = []
    column = 0
    for want in wanted:
        # The column never moves back: wants ascend, and all columns before it are full or unwanted.
        column = max(column, min(want, columns - 1), 0)
        while column < columns and filled[column] >= levels:
            column += 1
        if column == columns:
            column -= 1
            # The queue has run out of the lane: the nearest free cell to the left.
            free = next((back for back in reversed(range(columns)) if filled[back] < levels), column)
            places.append((free, filled[free]))
            filled[free] += 1
            continue
        places.append((column, filled[column]))
        filled[column] += 1
    return places
