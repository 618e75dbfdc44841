"""The picture of a case's network: who was exposed, where and when, and by whom."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from pipelines.graph.case_network.labels import labels_of
from pipelines.graph.case_network.layout import (
    ENCOUNTERS,
    OTHERS,
    PLOT_WIDTH,
    Dot,
    Lane,
    NetworkLayout,
    layout_of,
)
from pipelines.graph.case_network.picture_words import ENGLISH, PictureWords
from pipelines.terminal.pictures import (
    COLOURS,
    checked_kind,
    drawable,
    image_of,
    kind_of,
    save_picture,
    style,
)
from pipelines.times import DAY_US, EPOCH, HOUR_US, LOCAL_TIMEZONE

_POINTS = 72.0
_LEFT, _RIGHT, _ABOVE, _BELOW = 240.0, 16.0, 44.0, 66.0
_PLOT_AT_LEAST = 60.0
_TIERS = tuple(COLOURS[number] for number in (3, 1, 0, 2, 4, 5, 6))
"""The colour of each tier, the case first; from the last on all have one."""

_VENUE = "#333333"
_NAME_AT_MOST = 44  # signs
_TITLE_AT_MOST = 80
_ABOVE_PLOT: Any = {
    "xycoords": ("data", "axes fraction"),
    "textcoords": "offset points",
    "annotation_clip": False,
}
_UNSEEN = (0, (2, 1.5))
_STEPS_US = tuple(HOUR_US * hours for hours in (1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672))
_TICKS_AT_MOST = 16
_CURVE = np.linspace(0.0, 1.0, 25)[:, None]


def draw_network(graph: nx.MultiDiGraph, path: str | Path) -> Path:
    """Draw a graph of `network`: a lane for each venue, a dot for each person, local time from left to right.

    A person stands in the lane of the venue where the exposure began, at that instant (in a crowd slightly
    to the right of it), in the colour of the tier; a ring marks known cases. The case's own stays are bars
    over the height of their lane. From F2 on a line leads from the infector to the person exposed; F1 were
    all exposed by the case itself.

    Args:
        graph: of any size; at 500 persons each can be told apart.
        path: the picture, `.svg` or `.png`; only its owner may read it.

    Returns:
        The path.

    Raises:
        UsageError: the path has another ending, or cannot be written.
    """
    return save_picture(network_image(graph, kind_of(path)), path)


def network_image(graph: nx.MultiDiGraph, kind: str = "png", words: PictureWords = ENGLISH) -> bytes:
    """Render the same picture as bytes, for a notebook; the same graph gives the same bytes.

    Raises:
        UsageError: the kind is unknown.
    """
    checked_kind(kind)
    with style():
        return image_of(network_figure(graph, words), kind)


def network_figure(graph: nx.MultiDiGraph, words: PictureWords = ENGLISH) -> Figure:
    """Draw the same picture as a figure."""
    layout = layout_of(graph)
    plot_height = max(layout.height, _PLOT_AT_LEAST)
    width, height = _LEFT + PLOT_WIDTH + _RIGHT, _ABOVE + plot_height + _BELOW
    figure = Figure(figsize=(width / _POINTS, height / _POINTS))
    FigureCanvasAgg(figure)
    box = (_LEFT / width, _BELOW / height, PLOT_WIDTH / width, plot_height / height)
    axes = figure.add_axes(box)  # a unit of the axes is a point of the page
    axes.set_xlim(0, PLOT_WIDTH)
    axes.set_ylim(0, plot_height)
    # zorder: lanes 0, hours 0.5, stays 1, links 2, lines of labels 2.5, dots 3, cases 4, texts 5.
    _draw_time(axes, layout)
    for number, lane in enumerate(layout.lanes):
        _draw_lane(axes, layout, lane, number, _title(graph, lane, words))
    _draw_links(axes, layout)
    _draw_dots(axes, layout)
    _draw_labels(axes, layout)
    _finish(figure, axes, graph, layout, words)
    return figure


def _draw_time(axes: Axes, layout: NetworkLayout) -> None:
    """Draw the axis of local time: a line every few hours or days, darker at midnight."""
    step_us = next(
        (step for step in _STEPS_US if (layout.end_us - layout.start_us) / step <= _TICKS_AT_MOST),
        _STEPS_US[-1],
    )
    shift_us = _shift_us()
    # The first whole step of local time at or after the start.
    first_us = -(-(layout.start_us + shift_us) // step_us) * step_us - shift_us
    times = range(first_us, layout.end_us, step_us)
    labels = []
    for time_us in times:
        midnight = (time_us + shift_us) % DAY_US == 0
        axes.axvline(
            layout.x_of(time_us), color="#c9c9c9" if midnight else "#e8e8e8", linewidth=0.6, zorder=0.5
        )
        labels.append(f"{_local(time_us):%d/%m}" if midnight else f"{_local(time_us):%H:%M}")
    axes.set_xticks([layout.x_of(time_us) for time_us in times], labels)
    axes.tick_params(length=0, labelsize=7)


def _shift_us() -> int:
    """Return how far local time is ahead of UTC, which never changes: Vietnam has no summer time."""
    offset = LOCAL_TIMEZONE.utcoffset(dt.datetime(2021, 1, 1))
    assert offset is not None
    return offset // dt.timedelta(microseconds=1)


def _draw_lane(axes: Axes, layout: NetworkLayout, lane: Lane, number: int, title: tuple[str, str]) -> None:
    if number % 2 == 0:
        axes.axhspan(lane.bottom, lane.bottom + lane.height, color="#f6f6f6", linewidth=0, zorder=0)
    for bar in lane.bars:
        left, right = layout.x_of(bar.start_us), layout.x_of(bar.end_us)
        axes.add_patch(
            Rectangle(
                (left, lane.bottom + 1),
                # A short stay must still show.
                max(right - left, 1.0),
                lane.height - 2,
                facecolor=f"{_TIERS[0]}38",
                edgecolor=_TIERS[0],
                linewidth=0.5,
                linestyle="solid" if bar.seen else _UNSEEN,
                zorder=1,
            )
        )
    name, below = title
    middle = lane.bottom + lane.height / 2
    axes.plot(-8, middle, "s", markersize=6, color=_VENUE, clip_on=False)
    axes.text(-18, middle + 1, drawable(name, _NAME_AT_MOST), ha="right", va="bottom", fontsize=7.5)
    axes.text(-18, middle - 1, drawable(below, 60), ha="right", va="top", fontsize=5.8, color="#666666")


def _title(graph: nx.MultiDiGraph, lane: Lane, words: PictureWords) -> tuple[str, str]:
    """Return the name of a lane, and the line below it."""
    counts = words.counts(Counter(dot.tier for dot in lane.dots))
    if lane.place == ENCOUNTERS:
        return words.encounters, f"{words.no_venue} · {counts}"
    if lane.place == OTHERS:
        return words.others.format(count=words.number(lane.venues)), counts
    venue = graph.nodes[lane.place]
    kind = venue.get("venue_type")
    known = [
        words.venue_types.get(kind, kind),
        venue["code"] if venue["label"] != venue["code"] else None,
        counts,
    ]
    return venue["label"], " · ".join(part for part in known if part)


def _draw_links(axes: Axes, layout: NetworkLayout) -> None:
    """Draw curves from infectors to the persons exposed, from F2 on, under the dots."""
    place = {dot.node: layout.centre(lane, dot) for lane, dot in _dots(layout)}
    later = [dot for _, dot in _dots(layout) if dot.tier > 1 and dot.via in place]
    curves = []
    for dot in later:
        (x0, y0), (x1, y1) = place[dot.via], place[dot.node]
        # Smoothstep: the curve leaves and arrives horizontally.
        ease = _CURVE * _CURVE * (3 - 2 * _CURVE)
        curves.append(np.hstack([x0 + (x1 - x0) * _CURVE, y0 + (y1 - y0) * ease]))
    # Many curves must stay transparent, or they hide the dots.
    strength = min(0.55, max(0.06, 60 / max(len(later), 1)))
    colours = [tier_colour(dot.tier) for dot in later]
    axes.add_collection(LineCollection(curves, colors=colours, linewidths=0.6, alpha=strength, zorder=2))


def _draw_dots(axes: Axes, layout: NetworkLayout) -> None:
    size = (layout.unit * 0.82) ** 2
    groups: dict[tuple[int, bool], list[tuple[float, float]]] = {}
    for lane, dot in _dots(layout):
        groups.setdefault((dot.tier, bool(dot.case)), []).append(layout.centre(lane, dot))
    for (tier, known), centres in sorted(groups.items()):
        x, y = zip(*centres, strict=True)
        edge, width = ("black", 0.9) if known else ("white", 0.25)
        axes.scatter(
            x, y, s=size, color=tier_colour(tier), edgecolors=edge, linewidths=width, zorder=3 + known
        )


def _draw_labels(axes: Axes, layout: NetworkLayout) -> None:
    """Draw the labels, each with a thin line to its dot that runs behind other dots."""
    for label in labels_of(layout):
        (x0, y0), (x1, y1) = label.dot, label.left
        axes.plot([x0, x1], [y0, y1], color="#555555", linewidth=0.4, zorder=2.5)
        box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.4}
        axes.text(x1, y1, drawable(label.text), fontsize=5.4, va="center", zorder=5, bbox=box)


def _finish(
    figure: Figure, axes: Axes, graph: nx.MultiDiGraph, layout: NetworkLayout, words: PictureWords
) -> None:
    """Add the title and the legend, and take the frame away."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_yticks([])
    axes.set_xlabel(words.time, fontsize=7, labelpad=3)
    tiers = Counter(values["tier"] for _, values in graph.nodes(data=True) if values["kind"] == "person")
    parts = [words.rule.format(rule=graph.graph["rule"]), words.counts(tiers)]
    if layout.lanes:
        dates = [f"{_local(time_us):%d/%m/%Y}" for time_us in (layout.start_us, layout.end_us)]
        parts.append(" – ".join(dict.fromkeys(dates)))
    axes.annotate(
        drawable(words.title.format(case=graph.graph["case"]), _TITLE_AT_MOST),
        (-_LEFT + 12, 1),
        (0, 25),
        fontsize=11,
        weight="bold",
        **_ABOVE_PLOT,
    )
    axes.annotate(
        drawable(" · ".join(parts)), (-_LEFT + 12, 1), (0, 11), fontsize=8, color="#444444", **_ABOVE_PLOT
    )
    handles = list(_legend(sorted(tiers), words))
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=7)


def _legend(tiers: list[int], words: PictureWords) -> Iterator[Patch | Line2D]:
    """Build the entries of the legend."""
    there: Any = {"facecolor": f"{_TIERS[0]}38", "edgecolor": _TIERS[0]}
    yield Patch(label=words.there, **there)
    yield Patch(label=words.unscanned, linestyle=_UNSEEN, **there)
    for tier in tiers[1:]:
        yield _sign("o", f"F{tier}", color=tier_colour(tier))
    yield _sign("o", words.known_case, color="white", markeredgecolor="black")
    yield _sign("s", words.venue, color=_VENUE)
    if len(tiers) > 2:
        yield Line2D([], [], color=tier_colour(2), linewidth=0.8, label=words.exposed_by)


def _sign(marker: str, label: str, **colours: Any) -> Line2D:
    return Line2D([], [], marker=marker, linestyle="", markersize=5, label=label, **colours)


def _local(at_us: int) -> dt.datetime:
    return (EPOCH + dt.timedelta(microseconds=at_us)).astimezone(LOCAL_TIMEZONE)


def _dots(layout: NetworkLayout) -> Iterator[tuple[Lane, Dot]]:
    for lane in layout.lanes:
        for dot in lane.dots:
            yield lane, dot


def tier_colour(tier: int) -> str:
    """Return the colour of a tier, `#rrggbb`."""
    return _TIERS[min(tier, len(_TIERS) - 1)]
