"""A Beam step that works on several elements at once.

An element is a chunk of columns, and the work on it releases the interpreter's
lock (numba, numpy, Arrow). Threads inside one worker then use all cores, where
a second worker process would cost memory and start-up time.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow, GlobalWindows, TimestampCombiner, TimestampedValue
from apache_beam.utils.timestamp import MIN_TIMESTAMP, Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from pipelines import metrics
from pipelines.lake import DataFile
from pipelines.runtime.engine_logs import redact_errors
from pipelines.runtime.job_errors import report_errors
from pipelines.runtime.job_metrics import report_counts, report_values
from pipelines.runtime.malloc import release_freed_memory
from pipelines.terminal.progress import add_work, work_done


def thread_count() -> int:
    """Return the number of cores this process may use, at most four."""
    # Not os.cpu_count(): a container or taskset may allow fewer. Beyond four, memory grows faster than speed.
    return min(4, len(os.sched_getaffinity(0)))


class ThreadedDoFn(beam.DoFn):
    """Runs `work` on threads and emits all results when the bundle ends.

    Results are references to rows, never rows, so holding a bundle's results
    is cheap. They leave in the global window, with the timestamp of a
    `TimestampedValue`, else the earliest one.

    Attributes:
        scratch: folder of the run, where a user's error is reported.
        STEP: the step as the progress bar calls it; empty shows none.
        UNIT: what the bar counts.
    """

    scratch: str
    STEP: ClassVar[str] = ""
    UNIT: ClassVar[str] = "part"

    def setup(self) -> None:
        # A pool cannot be pickled with the step, so it is made here, once per worker.
        release_freed_memory()
        self._pool = ThreadPoolExecutor(thread_count())

    def teardown(self) -> None:
        self._pool.shutdown()

    def start_bundle(self) -> None:
        self._pending: list[Future[list[Any]]] = []
        self._counts: list[tuple[str, int]] = []
        self._values: list[tuple[str, int]] = []

    def process(self, element: Any, *sides: Any) -> None:
        """Start the work on one element, with the step's side inputs."""
        if self.STEP:
            add_work(self.STEP, self.units(element), self.UNIT)
        self._pending.append(self._pool.submit(self._results, element, *sides))

    def finish_bundle(self) -> Iterator[Any]:
        """Emit the results of the bundle's elements, in their order, and report what was counted."""
        # In the order of the elements, not of completion: the same input gives the same output.
        for future in self._pending:
            for result in future.result():
                yield _in_global_window(result)
        report_counts(self._counts)
        report_values(self._values)

    def count(self, name: str, number: int) -> None:
        """Add to a counter of `pipelines.metrics` when the bundle ends.

        Beam ignores a counter on a thread of our own (beam#21217), so the numbers wait for the bundle's.
        """
        self._counts.append((name, number))

    def observe(self, name: str, value: int) -> None:
        """Add to a distribution of `pipelines.metrics` when the bundle ends."""
        self._values.append((name, value))

    def count_file(self, file: DataFile) -> None:
        """Count a data file that the step has written."""
        self.count(metrics.FILES_WRITTEN, 1)
        self.count(metrics.BYTES_WRITTEN, file.size)
        self.observe(metrics.FILE_BYTES, file.size)
        self.observe(metrics.FILE_ROWS, file.rows)

    def _results(self, element: Any, *sides: Any) -> list[Any]:
        # On a pool thread: `finish_bundle` gets what is raised here from the future.
        with redact_errors(), report_errors(self.scratch):
            results = list(self.work(element, *sides))
        if self.STEP:
            work_done(self.STEP, self.units(element))
        return results

    def units(self, _element: Any) -> int:
        """Return how many units of the progress bar an element is."""
        return 1

    def work(self, element: Any, *sides: Any) -> Iterable[Any]:
        """Return one element's results; called on a thread of the pool."""
        raise NotImplementedError


def keep_times_early() -> beam.WindowInto:
    """Return windows for elements that are grouped and then stamped with the days they concern.

    By default a group is as late as the end of its window, and Beam forbids
    output earlier than its input: a runner that keeps watermarks would drop the
    days as late.
    """
    return beam.WindowInto(GlobalWindows(), timestamp_combiner=TimestampCombiner.OUTPUT_AT_EARLIEST)


def _in_global_window(result: Any) -> Any:
    # finish_bundle belongs to no element: Beam demands a WindowedValue there.
    if isinstance(result, beam.pvalue.TaggedOutput):
        return beam.pvalue.TaggedOutput(result.tag, _in_global_window(result.value))
    if isinstance(result, TimestampedValue):
        return WindowedValue(result.value, Timestamp.of(result.timestamp), (GlobalWindow(),))
    return WindowedValue(result, MIN_TIMESTAMP, (GlobalWindow(),))
