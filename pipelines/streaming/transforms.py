"""Event time over a stream of scans: windows by day and venue part, with early, on-time and late panes.

A pane names a date that has changed and how many of its scans are known so far.
Panes decide when a date is committed, never what is kept: every message lands
in a segment, and a scan beyond the allowed lateness changes its date as well.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterProcessingTime, AfterWatermark
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue
from apache_beam.utils.windowed_value import PaneInfoTiming

from pipelines import metrics
from pipelines.ingest.formats.blocks import Lines
from pipelines.ingest.validate.scans import ParseSettings, parse
from pipelines.kernels.sort import part_of
from pipelines.lake import open_lake
from pipelines.privacy.keys import Keys
from pipelines.runtime.job_metrics import report_counts
from pipelines.streaming.landing_spool import open_landing
from pipelines.streaming.message_records import lines_of
from pipelines.times import DAY_SECONDS, DAY_US

EARLY, ON_TIME, LATE, BEYOND = "early", "on time", "late", "beyond lateness"
"""When a pane fires: before the watermark passes its day, as it passes, after it, after the lateness."""

_TIMINGS: Final = {
    PaneInfoTiming.EARLY: EARLY,
    PaneInfoTiming.ON_TIME: ON_TIME,
    PaneInfoTiming.LATE: LATE,
    PaneInfoTiming.UNKNOWN: ON_TIME,
}
_NEVER_SECONDS: Final = 100 * 365 * DAY_SECONDS


class Pane(NamedTuple):
    """A date that has changed.

    Attributes:
        date: day number.
        part: part of the venues.
        timing: `EARLY`, `ON_TIME`, `LATE` or `BEYOND`.
        scans: scans of the date and part so far; in `BEYOND`, of this pane alone.

    >>> Pane(18_800, 0, LATE, 3).timing
    'late'
    """

    date: int
    part: int
    timing: str
    scans: int


@dataclass
class StreamScans(beam.PTransform[Any, Any]):
    """Messages -> Pane; beside that, every message lands in a sealed segment.

    The source is ReadFromPubSub on Dataflow and TestStream in the tests.

    Attributes:
        lake: folder or URL.
        keys: of the lake.
        settings: limits that scans are checked against.
        parts: number of venue parts, a power of two.
        lateness_seconds: how far behind the watermark a scan still belongs to a pane of its day.
        early_seconds: time from a scan to an early pane.
    """

    lake: str
    keys: Keys
    settings: ParseSettings
    parts: int
    lateness_seconds: int
    early_seconds: int = 60

    def expand(self, messages: Any) -> Any:
        """Wire the steps."""
        # No output: windows never decide what is kept.
        _ = messages | "Land" >> beam.ParDo(LandMessages(self.lake, self.keys))
        # counted: (part, scans), stamped with the earliest time of those scans
        counted = messages | "Count by day" >> beam.ParDo(CountByDay(self.settings, self.parts))
        return counted | "Window" >> WindowScans(self.lateness_seconds, self.early_seconds)


@dataclass
class WindowScans(beam.PTransform[Any, Any]):
    """(part, scans), stamped with event time -> Pane."""

    lateness_seconds: int
    early_seconds: int = 60

    def expand(self, counted: Any) -> Any:
        """Wire the steps."""
        panes = (
            counted
            | "Window by day"
            >> beam.WindowInto(
                FixedWindows(DAY_SECONDS),
                # Early panes by the clock, one as the watermark passes midnight, one for each late element.
                trigger=AfterWatermark(early=AfterProcessingTime(self.early_seconds), late=AfterCount(1)),
                # Each pane counts the whole day so far, so that a lost pane costs nothing.
                accumulation_mode=AccumulationMode.ACCUMULATING,
                allowed_lateness=self.lateness_seconds,
            )
            | "Group by part" >> beam.GroupByKey()
            | "Name panes" >> beam.Map(name_pane)
        )
        beyond = self._beyond(counted)
        # Flatten takes collections of one windowing only.
        everywhere = [
            panes | "Leave the days" >> beam.WindowInto(GlobalWindows()),
            beyond | "Leave the last moments" >> beam.WindowInto(GlobalWindows()),
        ]
        return everywhere | "Join panes" >> beam.Flatten()

    def _beyond(self, counted: Any) -> Any:
        """(part, scans) -> Pane of scans that the windows above drop.

        The Python SDK has no counter for dropped elements, unlike Java's droppedDueToLateness. Stamped
        later by the lateness, a scan is late in its window exactly when the watermark has passed the
        scan's own day plus the lateness.
        """
        lateness = self.lateness_seconds
        return (
            counted
            | "Stamp later" >> beam.Map(stamp_later, lateness)
            | "Window by last moment"
            >> beam.WindowInto(
                FixedWindows(DAY_SECONDS, offset=lateness % DAY_SECONDS),  # the days, moved by the lateness
                trigger=AfterWatermark(late=AfterCount(1)),
                accumulation_mode=AccumulationMode.DISCARDING,
                allowed_lateness=_NEVER_SECONDS,  # nothing is ever dropped here
            )
            | "Group what may be too late" >> beam.GroupByKey()
            | "Name what is too late" >> beam.ParDo(NameBeyond(lateness))
        )


def name_pane(
    element: tuple[int, Iterable[int]],
    window: Any = beam.DoFn.WindowParam,
    info: Any = beam.DoFn.PaneInfoParam,
) -> Pane:
    """Name a pane: (part, scans so far) -> Pane."""
    part, scans = element
    return Pane(int(window.start) // DAY_SECONDS, part, _TIMINGS[info.timing], sum(scans))


def stamp_later(
    element: tuple[int, int], lateness_seconds: int, timestamp: Any = beam.DoFn.TimestampParam
) -> Any:
    """Return the element, stamped with the last moment at which it may come."""
    return TimestampedValue(element, timestamp + lateness_seconds)


@dataclass
class NameBeyond(beam.DoFn):
    """(part, scans) of one pane -> Pane, for late panes alone, whose scans are counted."""

    lateness_seconds: int

    def process(
        self,
        element: tuple[int, Iterable[int]],
        window: Any = beam.DoFn.WindowParam,
        info: Any = beam.DoFn.PaneInfoParam,
    ) -> Iterator[Pane]:
        """Name the date of scans that came too late."""
        # On-time panes hold scans within the lateness, which the daily windows have counted.
        if info.timing == PaneInfoTiming.LATE:
            part, scans = element
            count = sum(scans)
            report_counts([(metrics.LATE, count)])
            # The window is the day shifted by the lateness; shift it back.
            yield Pane((int(window.start) - self.lateness_seconds) // DAY_SECONDS, part, BEYOND, count)


@dataclass
class CountByDay(beam.DoFn):
    """Message -> (part, scans) of each day in it, stamped with the earliest time of those scans."""

    settings: ParseSettings
    parts: int

    def process(self, message: bytes) -> Iterator[Any]:
        """Count the scans that are not refused; ingest reports the others."""
        lines, _ = lines_of(message)
        # An element is a message of up to 500 scans: Beam's cost per element exceeds that of parsing one.
        scans = parse(Lines(0, np.frombuffer(lines, np.uint8)), 0, self.settings).scans
        times = scans["occurred_us"].to_numpy()
        part = part_of(scans["venue"].to_numpy(), self.parts)
        # groups: int64[2, g] of (day, part); the shape of `group` depends on numpy's version.
        groups, group = np.unique(np.stack((times // DAY_US, part)), axis=1, return_inverse=True)
        for number, (_, venues) in enumerate(groups.T.tolist()):
            own = times[np.ravel(group) == number]
            # Beam takes seconds.
            yield TimestampedValue((venues, int(own.size)), int(own.min()) / 1e6)


@dataclass
class LandMessages(beam.DoFn):
    """Message -> nothing; a bundle's messages are durable before the runner acknowledges them."""

    lake: str
    keys: Keys
    _lines: list[bytes] = field(default_factory=list)

    def setup(self) -> None:
        """Open the landing."""
        self._landing = open_landing(open_lake(self.lake, self.keys), self.keys.landing_key, shared=True)

    def process(self, message: bytes) -> None:
        """Hold the message's lines until the bundle ends."""
        self._lines.append(lines_of(message)[0])

    def finish_bundle(self) -> None:
        """Write the held lines as one segment.

        Raises:
            ServiceError: the disk does not take them; the runner retries the bundle.
        """
        # Clear first: a failed bundle is delivered again as a whole.
        lines, self._lines = self._lines, []
        if lines:
            self._landing.write(lines)
