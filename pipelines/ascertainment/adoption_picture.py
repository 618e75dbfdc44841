"""A picture of adoption: points, active points and scans of each area."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipelines.answer import Answer
from pipelines.graph.seen_share import wilson
from pipelines.terminal.pictures import COLOURS, drawable, image_of, kind_of, save_picture, style

_AREAS_AT_MOST = 60
_NAME_AT_MOST = 28
_ROW_INCHES = 0.26
_LIGHT = "#c9d3e0"


def draw_adoption(rows: Answer | pa.Table, path: str | Path, title: str = "") -> Path:
    """Draw a line for each area: points with the active ones in them, and scans in 7 days.

    A whisker is the 95 % interval (Wilson) of the active points, among the inhabitants of an area: where
    two overlap, the order of the areas may be chance.

    Args:
        rows: of `adoption`, or of `publish_adoption`, whose hidden scans have no bar; of more than 60 areas
            those with the most points.
        path: an `.svg` or `.png` file.
        title: above the picture.

    Raises:
        UsageError: another ending, or the file cannot be written.
    """
    kind = kind_of(path)
    shown = sorted(rows.to_pylist(), key=lambda row: -row["points"])[:_AREAS_AT_MOST]
    names = [drawable(row["name"] or row["area"] or "in no area", _NAME_AT_MOST) for row in shown]
    with style():
        # The figure grows with its rows, so that names never overlap.
        figure = Figure(figsize=(8.0, 1.2 + _ROW_INCHES * max(len(shown), 1)), layout="constrained")
        # A canvas of its own instead of pyplot, whose state is global and not safe in threads.
        FigureCanvasAgg(figure)
        points, scans = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        _draw_points(points, shown)
        scans.barh(range(len(shown)), [row["scans_7d"] or 0 for row in shown], color=COLOURS[1], height=0.6)
        scans.set_xlabel("scans in 7 days")
        points.set_yticks(range(len(shown)), names)
        points.invert_yaxis()
        figure.suptitle(drawable(title))
        image = image_of(figure, kind)
    return save_picture(image, path)


def _draw_points(axes: Axes, rows: list[dict[str, Any]]) -> None:
    line = range(len(rows))
    active = [row["active_7d"] for row in rows]
    axes.barh(line, [row["points"] for row in rows], color=_LIGHT, height=0.6, label="points")
    axes.barh(line, active, color=COLOURS[0], height=0.36, label="active in 7 days, with 95 % interval")
    for place, row in enumerate(rows):
        # The interval is that of active points per inhabitant, so it is scaled back to points.
        if row["population"]:
            low, high = (end * row["population"] for end in wilson(row["active_7d"], row["population"]))
            axes.plot([low, high], [place, place], color="black", linewidth=0.9)
    axes.set_xlabel("points")
    axes.legend(loc="lower right", frameon=False)
