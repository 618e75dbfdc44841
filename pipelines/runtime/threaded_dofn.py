"""A Beam step that works on several elements at once.

An element is a chunk of columns and the work on it runs outside the
interpreter's lock (numba, numpy, Arrow), so threads inside one worker use all
cores where a second worker process would cost memory and start-up.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow, GlobalWindows, TimestampCombiner, TimestampedValue
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from pipelines.runtime.job_errors import noted, without_values
from pipelines.runtime.malloc import give_back_freed_memory
from pipelines.terminal.progress import add_work, work_done


def thread_count() -> int:
    """The cores this process may use, at most four."""
    return min(4, len(os.sched_getaffinity(0)))


class ThreadedDoFn(beam.DoFn):
    """Runs `work` on threads and emits all results when the bundle ends.

    Results are references to rows, never rows, so holding a bundle's results
    is cheap. They leave in the global window, with the timestamp they were given
    as a `TimestampedValue`, else the earliest.

    Attributes:
        scratch: the folder of the run, where errors of the user are noted.
        STEP: the step as the progress bar calls it; empty shows none.
        UNIT: what the bar counts.
    """

    scratch: str
    STEP: ClassVar[str] = ""
    UNIT: ClassVar[str] = "part"

    def setup(self) -> None:
        give_back_freed_memory()
        self._pool = ThreadPoolExecutor(thread_count())

    def teardown(self) -> None:
        self._pool.shutdown()

    def start_bundle(self) -> None:
        self._pending: list[Future[list[Any]]] = []

    def process(self, element: Any, *sides: Any) -> None:
        """Start the work on one element, with the step's side inputs."""
        if self.STEP:
            add_work(self.STEP, self.units(element), self.UNIT)
        self._pending.append(self._pool.submit(self._listed, element, *sides))

    def finish_bundle(self) -> Iterator[Any]:
        """Emit what the bundle's elements became, in their order."""
        for future in self._pending:
            for result in future.result():
                yield _in_global_window(result)

    def _listed(self, element: Any, *sides: Any) -> list[Any]:
        with without_values(), noted(self.scratch):
            results = list(self.work(element, *sides))
        if self.STEP:
            work_done(self.STEP, self.units(element))
        return results

    def units(self, _element: Any) -> int:
        """How many units of the progress bar an element is."""
        return 1

    def work(self, element: Any, *sides: Any) -> Iterable[Any]:
        """One element's results; called on a thread of the pool."""
        raise NotImplementedError


def keep_times_early() -> beam.WindowInto:
    """Windows for elements that are grouped and then stamped with the days they concern.

    A group is by default as late as its window ends, and what a step makes of
    it may not be earlier: a runner that keeps watermarks would drop the days as late.
    """
    return beam.WindowInto(GlobalWindows(), timestamp_combiner=TimestampCombiner.OUTPUT_AT_EARLIEST)


def _in_global_window(result: Any) -> Any:
    if isinstance(result, beam.pvalue.TaggedOutput):
        return beam.pvalue.TaggedOutput(result.tag, _in_global_window(result.value))
    if isinstance(result, TimestampedValue):
        return WindowedValue(result.value, Timestamp.of(result.timestamp), (GlobalWindow(),))
    return WindowedValue(result, MIN_TIMESTAMP, (GlobalWindow(),))
