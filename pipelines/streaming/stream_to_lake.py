"""A stream that an engine reads itself, all the way to the lake: windows, segments, commits.

`truyvet land` needs no engine and is the default. Dataflow reads Pub/Sub with
every worker: windows name the dates that changed, segments hold the messages,
and one step at a time commits what has landed. Other engines do not serve:
Beam's Python ReadFromPubSub works on Dataflow and on BundleBasedDirectRunner
alone (beam#27443, beam#20143), and the latter acknowledges when it pulls, so a
crash loses every message in an open window.
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
from pipelines.metrics import LATE_SECONDS
from pipelines.streaming.batches import CommitterConfig
from pipelines.streaming.transforms import Pane, StreamScans

PARTS: Final = 16
COMMIT_SECONDS: Final = 30
_LOCKED_WAIT_SECONDS: Final = 0.5


@dataclass
class StreamToLake(beam.PTransform[Any, Any]):
    """Messages -> what each commit brought, as the fields of `Landed`.

    Attributes:
        config: where the workers find the lake and its keys.
        settings: limits that scans are checked against when their days are counted; ingest checks again.
        parts: number of venue parts, a power of two.
        lateness_seconds: how far behind the watermark a scan still belongs to a pane of its day.
        commit_seconds: time between a pane and the commit of its scans.
    """

    config: CommitterConfig
    settings: ParseSettings
    parts: int = PARTS
    lateness_seconds: int = LATE_SECONDS
    commit_seconds: int = COMMIT_SECONDS

    def expand(self, messages: Any) -> Any:
        """Wire the steps; a single key, so that one worker commits at a time."""
        stream = StreamScans(
            self.config.lake, self.config.keys, self.settings, self.parts, self.lateness_seconds
        )
        return (
            messages
            | "Stream scans" >> stream
            # From here on a pane only says that something has landed; commits are paced by the clock.
            | "Name the lake" >> beam.Map(under_one_key)
            | "Gather panes"
            >> beam.WindowInto(
                GlobalWindows(),
                trigger=Repeatedly(AfterProcessingTime(self.commit_seconds)),
                accumulation_mode=AccumulationMode.DISCARDING,
            )
            | "Group panes" >> beam.GroupByKey()
            | "Commit landed" >> beam.ParDo(CommitLanded(self.config))
        )


def under_one_key(pane: Pane) -> tuple[int, Pane]:
    """Return a pane with the key that all panes share."""
    return 0, pane


@dataclass
class CommitLanded(beam.DoFn):
    """(0, panes) -> what each batch of landed segments brought; nothing if another worker has committed."""

    config: CommitterConfig

    def setup(self) -> None:
        """Open the lake and its landing."""
        from pipelines.streaming.committer import Committer  # on the worker: it runs pipelines of its own

        self._committer = Committer(self.config, _warn, shared=True)  # shared: segments of all workers
        self._committer.catch_up()

    def process(self, _panes: tuple[int, Iterable[Any]]) -> Iterator[dict[str, Any]]:
        """Commit until no segment is left that was waiting at the start."""
        # Later segments have panes of their own.
        waiting = {segment.place for segment in self._committer.landing.segments()}
        while waiting & {segment.place for segment in self._committer.landing.segments()}:
            landed = self._committer.land()
            if landed is None:  # another machine is committing them
                time.sleep(_LOCKED_WAIT_SECONDS)
            else:
                yield asdict(landed)


def _warn(line: str) -> None:
    """Print a warning where the engine collects its workers' output."""
    print(line, file=sys.stderr, flush=True)
