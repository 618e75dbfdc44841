"""A picture of a case: its stays day by day, and how many people were there at the same time."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pipelines.answer import Answer
from pipelines.kernels.types import Int64
from pipelines.terminal.pictures import (
    COLOURS,
    checked_kind,
    drawable,
    image_of,
    kind_of,
    save_picture,
    style,
)
from pipelines.times import DAY_US, HOUR_US, LOCAL_TIMEZONE

Rows: TypeAlias = Answer | pa.Table
"""An answer, or its rows alone."""

_DAYS_AT_MOST = 31
_NAMED_AT_MOST = 9
_NAME_AT_MOST = 40  # signs
_OTHER = "#9a9a9a"


@dataclass(frozen=True)
class DayBar:
    """The part of a stay, or of an overlap, that lies within one local day.

    Attributes:
        day: local days since 1970.
        start_hour, end_hour: 0 to 24.
        row: the row that it is a part of.
    """

    day: int
    start_hour: float
    end_hour: float
    row: int


def draw_timeline(stays: Rows, overlaps: Rows, path: str | Path, title: str = "") -> Path:
    """Draw the stays of one person and the overlaps beside them, a line for each local day.

    A stay is a bar in the colour of its venue, hatched where a scan was forgotten; the filled steps above
    it count the people who were there at the same time.

    Args:
        stays: the answer of `milestones`.
        overlaps: the answer of `overlaps` for the same person; those of other stays are not drawn.
        path: the picture, `.svg` or `.png`; only its owner may read it.
        title: the text above it.

    Returns:
        The path.

    Raises:
        UsageError: the path has another ending, or cannot be written.
    """
    return save_picture(timeline_image(stays, overlaps, title, kind_of(path)), path)


def timeline_image(stays: Rows, overlaps: Rows, title: str = "", kind: str = "png") -> bytes:
    """Render the same picture as bytes, for a notebook; the same rows give the same bytes.

    Raises:
        UsageError: the kind is unknown.
    """
    checked_kind(kind)
    with style():
        return image_of(timeline(stays, overlaps, title), kind)


def timeline(stays: Rows, overlaps: Rows, title: str = "") -> Figure:
    """Draw the same picture as a figure."""
    bars = list(day_bars(stays["enter"], stays["exit"]))
    days = sorted({bar.day for bar in bars})[:_DAYS_AT_MOST]
    # No pyplot: it keeps every figure, and is not made for threads.
    figure = Figure(figsize=(11, 1.4 + 0.62 * max(1, len(days))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(max(1, len(days)), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    steps = _steps_by_day(_beside(stays, overlaps), days)
    colours = venue_colours(stays)
    for day, axis in zip(days, axes, strict=False):
        _draw_steps(axis, *steps[day])
        for bar in (bar for bar in bars if bar.day == day):
            _draw_stay(axis, stays, bar, colours)
        _label_day(axis, day)
    most = max((int(count.max(initial=0)) for _, count in steps.values()), default=0)
    _finish(figure, axes, most, title)
    _legend(figure, stays, colours, most)
    return figure


def day_bars(enter: pa.ChunkedArray, leave: pa.ChunkedArray) -> Iterator[DayBar]:
    """Cut intervals at local midnights, in the order of their rows."""
    for row, (start, end) in enumerate(zip(_local_us(enter), _local_us(leave), strict=True)):
        # Half-open: a stay that ends at midnight has no bar on the new day.
        for day in range(start // DAY_US, (end - 1) // DAY_US + 1):
            first, last = max(start, day * DAY_US), min(end, (day + 1) * DAY_US)
            yield DayBar(day, (first - day * DAY_US) / HOUR_US, (last - day * DAY_US) / HOUR_US, row)


def people_steps(bars: list[DayBar], person: list[int]) -> tuple[npt.NDArray[np.float64], Int64]:
    """Count distinct people over a day, as steps.

    Example:
        >>> hours, people = people_steps([DayBar(0, 8.0, 10.0, row=0), DayBar(0, 9.0, 10.0, row=1)], [7, 8])
        >>> hours.tolist(), people.tolist()
        ([0.0, 8.0, 9.0, 10.0, 24.0], [0, 1, 2, 0, 0])

    Args:
        bars: one day's overlaps.
        person: the token of each row of overlaps.

    Returns:
        hours float64[s], ascending, and the people from each of them to the next, int64[s].
    """
    edges = sorted(
        [(bar.start_hour, 1, person[bar.row]) for bar in bars]
        + [(bar.end_hour, -1, person[bar.row]) for bar in bars]
    )
    # By person the overlaps that are open: one person beside two stays counts once.
    hours, counts, present = [0.0], [0], dict[int, int]()
    for hour, change, who in edges:
        present[who] = present.get(who, 0) + change
        if present[who] == 0:
            del present[who]
        # All changes of one instant make one step.
        if hour == hours[-1]:
            counts[-1] = len(present)
        else:
            hours.append(hour)
            counts.append(len(present))
    # The last count once more: a step ends where the next begins.
    return np.array([*hours, 24.0]), np.array([*counts, counts[-1]], np.int64)


def venue_colours(stays: pa.Table) -> dict[str, str]:
    """Give each of the venues with the most time a colour, and all others grey."""
    spent: dict[str, int] = {}
    for venue, enter, leave in _located(stays, "enter", "exit"):
        spent[venue] = spent.get(venue, 0) + leave - enter
    ranked = sorted(spent, key=lambda venue: (-spent[venue], venue))
    return {venue: COLOURS[rank] if rank < _NAMED_AT_MOST else _OTHER for rank, venue in enumerate(ranked)}


def _local_us(times: pa.ChunkedArray) -> list[int]:
    """Return the wall clock of `LOCAL_TIMEZONE` in microseconds; Vietnam has no summer time."""
    offset = LOCAL_TIMEZONE.utcoffset(dt.datetime(2021, 1, 1))
    assert offset is not None
    shift = offset // dt.timedelta(microseconds=1)
    return [value + shift for value in times.cast(pa.int64()).to_pylist()]


def _beside(stays: pa.Table, overlaps: pa.Table) -> pa.Table:
    """Select the overlaps that lie within one of the stays, at its venue."""
    reach: dict[str, list[tuple[int, int]]] = {}
    for venue, enter, leave in _located(stays, "enter", "exit"):
        reach.setdefault(venue, []).append((enter, leave))
    inside = [
        any(enter <= start and end <= leave for enter, leave in reach.get(venue, []))
        for venue, start, end in _located(overlaps, "start", "end")
    ]
    return overlaps.filter(pa.array(inside, pa.bool_()))


def _located(rows: pa.Table, start: str, end: str) -> Iterator[tuple[str, int, int]]:
    """Return the venue, start and end of each row."""
    return zip(rows["venue"].to_pylist(), _local_us(rows[start]), _local_us(rows[end]), strict=True)


def _steps_by_day(overlaps: pa.Table, days: list[int]) -> dict[int, tuple[npt.NDArray[np.float64], Int64]]:
    by_day: dict[int, list[DayBar]] = {day: [] for day in days}
    for bar in day_bars(overlaps["start"], overlaps["end"]):
        if bar.day in by_day:
            by_day[bar.day].append(bar)
    person = overlaps["person"].to_pylist()
    return {day: people_steps(bars, person) for day, bars in by_day.items()}


def _draw_steps(axis: Axes, hours: npt.NDArray[np.float64], people: Int64) -> None:
    axis.fill_between(hours, people, step="post", color="#444444", alpha=0.28, linewidth=0)
    axis.step(hours, people, where="post", color="#444444", linewidth=0.6)


def _draw_stay(axis: Axes, stays: pa.Table, bar: DayBar, colours: dict[str, str]) -> None:
    """Draw a bar under the zero line, hatched where one of its scans was forgotten."""
    kinds = (stays["enter_kind"][bar.row].as_py(), stays["exit_kind"][bar.row].as_py())
    axis.axvspan(
        bar.start_hour,
        bar.end_hour,
        # Of the axis: zero lies at a quarter of its height, see `_finish`.
        ymax=0.24,
        facecolor=colours[stays["venue"][bar.row].as_py()],
        edgecolor="white",
        linewidth=0.5,
        hatch=None if kinds == ("scanned", "scanned") else "////",
    )


def _label_day(axis: Axes, day: int) -> None:
    date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
    axis.set_ylabel(f"{date:%d/%m}", rotation=0, ha="right", va="center")
    axis.set_xlim(0, 24)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color("#cccccc")
    axis.tick_params(length=0)


def _finish(figure: Figure, axes: Any, most: int, title: str) -> None:
    """Scale all days alike: a quarter below zero for the bars, people above."""
    top = max(most, 1) * 1.08
    for axis in axes:
        axis.set_ylim(-top / 3, top)
        axis.set_yticks([])
    axes[-1].set_xticks(range(0, 25, 3), [f"{hour}:00" for hour in range(0, 25, 3)])
    axes[-1].set_xlabel("local time")
    if title:
        figure.suptitle(drawable(title), x=0.01, ha="left", fontsize=10)


def _legend(figure: Figure, stays: pa.Table, colours: dict[str, str], most: int) -> None:
    names = dict(zip(stays["venue"].to_pylist(), stays["name"].to_pylist(), strict=True))
    handles: list[Patch | Line2D] = [
        Patch(color=colour, label=drawable(names[venue] or venue, _NAME_AT_MOST))
        for venue, colour in colours.items()
        if colour != _OTHER
    ]
    if _OTHER in colours.values():
        handles.append(Patch(color=_OTHER, label="other venues"))
    handles.append(
        Patch(facecolor="white", edgecolor="#888888", hatch="////", label="enter or exit not scanned")
    )
    handles.append(Patch(color="#444444", alpha=0.28, label=f"people there at the same time, at most {most}"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
