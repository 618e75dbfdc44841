"""Event time over a stream of scans: windows by day and venue part, early, on-time and late panes.

A pane says which date has changed and how much is known of it so far. Panes
decide when a date is looked at, never what is kept: every message lands in a
segment, and a scan beyond the allowed lateness dirties its date as well.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.metrics.metric import Metrics
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterProcessingTime, AfterWatermark
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue
from apache_beam.utils.windowed_value import PaneInfoTiming

from pipelines import metrics
from pipelines.ingest.formats.blocks import Lines
from pipelines.ingest.validate.scans import ParseSettings, parse
from pipelines.kernels.sort import part_of
from pipelines.lake import open_lake
from pipelines.privacy.keys import Keys
from pipelines.streaming.landing_spool import open_landing
from pipelines.streaming.message_records import lines_of
from pipelines.times import DAY_SECONDS, DAY_US

EARLY, ON_TIME, LATE, BEYOND = "early", "on time", "late", "beyond lateness"
"""When a pane fires: before the watermark passes its day, when it does, after, after the lateness too."""

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
        part: of the venues.
        timing: `EARLY`, `ON_TIME`, `LATE` or `BEYOND`.
        scans: of the date and part so far; of `BEYOND` those of this pane alone.
    """

    date: int
    part: int
    timing: str
    scans: int


@dataclass
class StreamScans(beam.PTransform[Any, Any]):
    """Messages -> Pane; beside it every message lands in a sealed segment.

    The source is ReadFromPubSub on Dataflow, TestStream in the tests, and
    messages that were landed before when it runs locally.

    Attributes:
        lake: its folder.
        keys: of the lake.
        settings: what scans are judged by.
        parts: of venues, a power of two.
        lateness_seconds: how far behind the watermark a scan still belongs to a pane of its day.
        early_seconds: how long after a scan an early pane fires.
    """

    lake: str
    keys: Keys
    settings: ParseSettings
    parts: int
    lateness_seconds: int
    early_seconds: int = 60

    def expand(self, messages: Any) -> Any:
        """Wire the steps."""
        _ = messages | "Land" >> beam.ParDo(LandMessages(self.lake, self.keys))
        # counted: (part, scans), stamped with the earliest of their times
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
                trigger=AfterWatermark(early=AfterProcessingTime(self.early_seconds), late=AfterCount(1)),
                accumulation_mode=AccumulationMode.ACCUMULATING,
                allowed_lateness=self.lateness_seconds,
            )
            | "Group by part" >> beam.GroupByKey()
            | "Name panes" >> beam.Map(name_pane)
        )
        beyond = self._beyond(counted)
        everywhere = [
            panes | "Leave the days" >> beam.WindowInto(GlobalWindows()),
            beyond | "Leave the last moments" >> beam.WindowInto(GlobalWindows()),
        ]
        return everywhere | "Join panes" >> beam.Flatten()

    def _beyond(self, counted: Any) -> Any:
        """(part, scans) -> Pane of those that the windows above drop, for Python counts them nowhere.

        Stamped later by the lateness, a scan is late in its own day exactly when
        the watermark has passed that day and the lateness.
        """
        lateness = self.lateness_seconds
        return (
            counted
            | "Stamp later" >> beam.Map(stamp_later, lateness)
            | "Window by last moment"
            >> beam.WindowInto(
                FixedWindows(DAY_SECONDS, offset=lateness % DAY_SECONDS),
                trigger=AfterWatermark(late=AfterCount(1)),
                accumulation_mode=AccumulationMode.DISCARDING,
                allowed_lateness=_NEVER_SECONDS,
            )
            | "Group what may be too late" >> beam.GroupByKey()
            | "Name what is too late" >> beam.ParDo(NameBeyond(lateness))
        )


def name_pane(
    element: tuple[int, Iterable[int]],
    window: Any = beam.DoFn.WindowParam,
    info: Any = beam.DoFn.PaneInfoParam,
) -> Pane:
    """(part, scans so far) of one pane -> Pane."""
    part, scans = element
    return Pane(int(window.start) // DAY_SECONDS, part, _TIMINGS[info.timing], sum(scans))


def stamp_later(
    element: tuple[int, int], lateness_seconds: int, timestamp: Any = beam.DoFn.TimestampParam
) -> Any:
    """The element, stamped as late as it may come."""
    return TimestampedValue(element, timestamp + lateness_seconds)


@dataclass
class NameBeyond(beam.DoFn):
    """(part, scans) of one pane -> Pane, of late panes alone, which are counted."""

    lateness_seconds: int

    def process(
        self,
        element: tuple[int, Iterable[int]],
        window: Any = beam.DoFn.WindowParam,
        info: Any = beam.DoFn.PaneInfoParam,
    ) -> Iterator[Pane]:
        """Name the date whose scans came too late."""
        if info.timing == PaneInfoTiming.LATE:
            part, scans = element
            count = sum(scans)
            Metrics.counter(metrics.NAMESPACE, metrics.LATE).inc(count)
            yield Pane((int(window.start) - self.lateness_seconds) // DAY_SECONDS, part, BEYOND, count)


@dataclass
class CountByDay(beam.DoFn):
    """Message -> (part, scans) of each day in it, stamped with the earliest of their times."""

    settings: ParseSettings
    parts: int

    def process(self, message: bytes) -> Iterator[Any]:
        """Count the scans that are not refused; the rest is for ingest to say."""
        lines, _ = lines_of(message)
        scans = parse(Lines(0, np.frombuffer(lines, np.uint8)), 0, self.settings).scans
        times = scans["occurred_us"].to_numpy()
        part = part_of(scans["venue"].to_numpy(), self.parts)
        groups, group = np.unique(np.stack((times // DAY_US, part)), axis=1, return_inverse=True)
        for number, (_, venues) in enumerate(groups.T.tolist()):
            own = times[np.ravel(group) == number]
            yield TimestampedValue((venues, int(own.size)), int(own.min()) / 1e6)


@dataclass
class LandMessages(beam.DoFn):
    """Message -> nothing; a bundle's messages are in a segment before the runner acknowledges them."""

    lake: str
    keys: Keys
    _lines: list[bytes] = field(default_factory=list)

    def setup(self) -> None:
        """Open the landing."""
        self._landing = open_landing(open_lake(self.lake, self.keys), self.keys.landing_key, shared=True)

    def process(self, message: bytes) -> None:
        """Keep the message's lines until the bundle ends."""
        self._lines.append(lines_of(message)[0])

    def finish_bundle(self) -> None:
        """Make them durable.

        Raises:
            ServiceError: the disk does not take them; the runner sends them again.
        """
        lines, self._lines = self._lines, []
        if lines:
            self._landing.write(lines)
