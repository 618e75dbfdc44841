"""The timeline of a report: a lane a person, with stays, time together, indirect and imputed parts.

The axis is broken: hours in which nobody shown was anywhere are left out, or the
minutes that matter would be a hair in a week.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipelines.times import EPOCH, HOUR_US, MINUTE_US

LANE_HEIGHT: Final = 22
LEFT: Final = 170
TOP: Final = 40

_HOUR_WIDTH = 26.0
_LEAST_WIDTH = 64.0
_GAP_WIDTH = 16.0
_MERGE_US = 2 * HOUR_US
_TICKS_HOURS = (1, 2, 3, 6, 12, 24)
_TICK_WIDTH = 44.0


@dataclass(frozen=True)
class LaneStay:
    """A stay of a lane, microseconds UTC.

    Attributes:
        venue: its name.
        enter_us: begin.
        exit_us: end.
        imputed_from_us: from when on nobody saw it; `exit_us` when it was seen to its end.
        together: spans with the infectious person there.
        indirect: spans after that person had left that count by the rule.
    """

    venue: str
    enter_us: int
    exit_us: int
    imputed_from_us: int
    together: Sequence[tuple[int, int]] = ()
    indirect: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True)
class TimelineLane:
    """A person of the timeline."""

    label: str
    is_case: bool
    stays: Sequence[LaneStay]


@dataclass(frozen=True)
class Box:
    """A rectangle of the drawing, with what it is and the spans it stands for."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    venue: str
    start_us: int
    end_us: int


@dataclass(frozen=True)
class Tick:
    """A mark of the axis: its place, its words, and whether a day begins to be shown there."""

    x: float
    text: str
    day: str


@dataclass(frozen=True)
class Timeline:
    """A drawing of lanes, in pixels."""

    width: float
    height: float
    lanes: Sequence[tuple[float, TimelineLane]]
    boxes: Sequence[Box]
    ticks: Sequence[Tick]
    spans: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class _LaneSegment:
    """A stretch of time that is drawn without a break."""

    start_us: int
    end_us: int
    x: float
    width: float

    def place(self, instant_us: int) -> float:
        share = (instant_us - self.start_us) / (self.end_us - self.start_us)
        return self.x + self.width * min(1.0, max(0.0, share))


def draw_timeline(lanes: Sequence[TimelineLane], zone: ZoneInfo, day_form: str = "%d/%m") -> Timeline:
    """Lay out lanes.

    Args:
        lanes: from the top; at least one has a stay.
        zone: of the axis.
        day_form: how a day is written above its first tick, as of `strftime`.
    """
    # Every stay lies within one segment, since segments are merged around stays.
    segments = _segments([stay for lane in lanes for stay in lane.stays])
    rows = [(TOP + LANE_HEIGHT * number, lane) for number, lane in enumerate(lanes)]
    boxes = [box for y, lane in rows for box in _boxes(lane, y, segments)]
    ticks = [tick for segment in segments for tick in _ticks(segment, zone, day_form)]
    spans = [(segment.x, segment.width) for segment in segments]
    width = segments[-1].x + segments[-1].width + 8
    return Timeline(width, TOP + LANE_HEIGHT * len(lanes) + 6, rows, boxes, ticks, spans)


def lane_stays(
    own: Iterable[dict[str, Any]], beside: Iterable[dict[str, Any]], indirect_minutes: float
) -> list[LaneStay]:
    """The stays of a person, with the spans in which the infectious person was or had been there.

    Args:
        own: rows of `STAYS` of the person.
        beside: rows of `STAYS` of the person who exposed this one.
        indirect_minutes: how long after that person had left a stay still counts.
    """
    others = [(row["venue"], _us(row["enter"]), _us(row["exit"])) for row in beside]
    return [_lane_stay(row, others, round(indirect_minutes * MINUTE_US)) for row in own]


def _lane_stay(row: dict[str, Any], others: Sequence[tuple[str, int, int]], indirect_us: int) -> LaneStay:
    enter, leave = _us(row["enter"]), _us(row["exit"])
    there = [(begin, end) for venue, begin, end in others if venue == row["venue"]]
    together = _clipped(there, enter, leave)
    # From the infectious person's exit on, for as long as the rule counts the air.
    after = _clipped([(end, end + indirect_us) for _, end in there], enter, leave) if indirect_us else []
    # Imputed: all of a stay with an imputed enter, else from the last scan to an exit nobody scanned.
    if row["enter_kind"] == "imputed":
        imputed = enter
    else:
        imputed = leave if row["exit_kind"] == "scanned" else max(enter, _us(row["last_seen"]))
    return LaneStay(row["name"] or row["venue"], enter, leave, imputed, together, after)


def _clipped(spans: Iterable[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    # Half-open: spans that only touch are dropped.
    clipped = ((max(begin, first), min(end, last)) for begin, end in spans)
    return sorted((begin, end) for begin, end in clipped if begin < end)


def _segments(stays: Sequence[LaneStay]) -> list[_LaneSegment]:
    """Stretches of time around the stays; those less than two hours apart are one."""
    merged: list[list[int]] = []
    for stay in sorted(stays, key=lambda stay: stay.enter_us):
        # Whole hours outwards, where ticks stand.
        begin = stay.enter_us // HOUR_US * HOUR_US
        end = -(-stay.exit_us // HOUR_US) * HOUR_US
        if merged and begin - merged[-1][1] <= _MERGE_US:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([begin, end])
    found = []
    x = float(LEFT)
    for begin, end in merged:
        # A short stretch gets room for its tick.
        width = max(_LEAST_WIDTH, (end - begin) / HOUR_US * _HOUR_WIDTH)
        found.append(_LaneSegment(begin, end, x, width))
        x += width + _GAP_WIDTH
    return found


def _boxes(lane: TimelineLane, y: float, segments: Sequence[_LaneSegment]) -> Iterable[Box]:
    for stay in lane.stays:
        segment = next(part for part in segments if part.start_us <= stay.enter_us < part.end_us)
        # In the order of drawing: later boxes lie on top.
        yield _box("stay", stay.venue, stay.enter_us, stay.exit_us, y, segment)
        for kind, spans in (("together", stay.together), ("indirect", stay.indirect)):
            for begin, end in spans:
                yield _box(kind, stay.venue, begin, end, y, segment)
        if stay.imputed_from_us < stay.exit_us:
            yield _box("imputed", stay.venue, stay.imputed_from_us, stay.exit_us, y, segment)


def _box(kind: str, venue: str, begin: int, end: int, y: float, segment: _LaneSegment) -> Box:
    x = segment.place(begin)
    # At least two pixels, or a stay of minutes would vanish.
    width = max(2.0, segment.place(end) - x)
    return Box(kind, round(x, 1), y + 4, round(width, 1), LANE_HEIGHT - 8, venue, begin, end)


def _ticks(segment: _LaneSegment, zone: ZoneInfo, day_form: str) -> Iterable[Tick]:
    """Marks at whole local hours, as many as there is room for."""
    hours = (segment.end_us - segment.start_us) / HOUR_US
    # The smallest step whose ticks do not run into each other.
    step = next((step for step in _TICKS_HOURS if segment.width / (hours / step) >= _TICK_WIDTH), 24)
    day = ""
    for number in range(int(hours)):
        instant_us = segment.start_us + number * HOUR_US
        local = (EPOCH + dt.timedelta(microseconds=instant_us)).astimezone(zone)
        if number == 0 or local.hour % step == 0:
            # The first tick is always drawn; one too close behind it would lie on it.
            if number and segment.place(instant_us) - segment.x < _TICK_WIDTH:
                continue
            shown = local.strftime(day_form)
            # The day once, where it begins to be shown.
            yield Tick(round(segment.place(instant_us), 1), f"{local:%H:%M}", shown if shown != day else "")
            day = shown


def _us(moment: dt.datetime) -> int:
    return (moment - EPOCH) // dt.timedelta(microseconds=1)
