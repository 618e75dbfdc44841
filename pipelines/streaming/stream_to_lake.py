"""A stream that an engine reads itself, all the way to the lake: windows, segments, commits.

`truyvet land` needs no engine and is the default. On Dataflow, which reads
Pub/Sub with every worker, the same windows name the dates that changed, the
same segments hold the messages, and one step at a time commits what has landed.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import apache_beam as beam
from apache_beam.transforms.trigger import AccumulationMode, AfterProcessingTime, Repeatedly
from apache_beam.transforms.window import GlobalWindows

from pipelines.ingest.validate.scans import ParseSettings
from pipelines.streaming.batches import Work
from pipelines.streaming.transforms import Pane, StreamScans

LATENESS_SECONDS: Final = 3 * 86_400
PARTS: Final = 16
COMMIT_SECONDS: Final = 30
_OTHERS_TURN_SECONDS: Final = 0.5


@dataclass
class StreamToLake(beam.PTransform[Any, Any]):
    """Messages -> what each commit brought, as `child.Landed` has it.

    Attributes:
        work: where the lake and its keys lie, for the workers.
        settings: what scans are judged by when their days are counted; ingest judges again.
        parts: of venues, a power of two.
        lateness_seconds: how far behind the watermark a scan still belongs to a pane of its day.
        commit_seconds: how long after a pane its scans are committed.
    """

    work: Work
    settings: ParseSettings
    parts: int = PARTS
    lateness_seconds: int = LATENESS_SECONDS
    commit_seconds: int = COMMIT_SECONDS

    def expand(self, messages: Any) -> Any:
        """Wire the steps; one key, so that one worker commits at a time."""
        stream = StreamScans(self.work.lake, self.work.keys, self.settings, self.parts, self.lateness_seconds)
        return (
            messages
            | "Stream scans" >> stream
            | "Name the lake" >> beam.Map(of_the_lake)
            | "Gather panes"
            >> beam.WindowInto(
                GlobalWindows(),
                trigger=Repeatedly(AfterProcessingTime(self.commit_seconds)),
                accumulation_mode=AccumulationMode.DISCARDING,
            )
            | "Group panes" >> beam.GroupByKey()
            | "Commit landed" >> beam.ParDo(CommitLanded(self.work))
        )


def of_the_lake(pane: Pane) -> tuple[int, Pane]:
    """A pane under the one key that all panes of the lake have."""
    return 0, pane


@dataclass
class CommitLanded(beam.DoFn):
    """(0, panes) -> what each batch of what has landed brought; nothing when another has committed it."""

    work: Work

    def setup(self) -> None:
        """Open the lake and its landing."""
        from pipelines.streaming.committer import Lander

        self._lander = Lander(self.work, _say, shared=True)
        self._lander.catch_up()

    def process(self, _panes: tuple[int, Iterable[Any]]) -> Iterator[dict[str, Any]]:
        """Commit until nothing waits that was there when it began."""
        waiting = {segment.place for segment in self._lander.landing.segments()}
        while waiting & {segment.place for segment in self._lander.landing.segments()}:
            landed = self._lander.land()
            if landed is None:
                time.sleep(_OTHERS_TURN_SECONDS)
            else:
                yield asdict(landed)


def _say(line: str) -> None:
    """A line about trouble, where the engine gathers what its workers tell."""
    print(line, file=sys.stderr, flush=True)
