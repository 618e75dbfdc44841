"""Scans to the counts of local days: the wiring of the job, and its steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import apache_beam as beam
from apache_beam.pvalue import AsList

from pipelines import metrics
from pipelines.ascertainment.point_days.count_day import count_day
from pipelines.ascertainment.point_days.plan import LocalDay, PointDaysPlan, commit_days
from pipelines.lake import CommitConflict, DataFile, Lake, write_data_file
from pipelines.runtime.job_errors import report_errors
from pipelines.runtime.job_metrics import report_counts
from pipelines.runtime.job_result import JobResult, write_result
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.times import day_text
from schemas.tables import POINT_DAYS


@dataclass(frozen=True, kw_only=True)
class PointDaysResult(JobResult):
    """What the commit reports.

    Attributes:
        rows: written.
    """

    rows: int = 0


@dataclass
class CountDays(beam.PTransform):  # type: ignore[type-arg]
    """Begin -> the result of the commit, also written for the launcher."""

    plan: PointDaysPlan
    scratch: str

    def expand(self, begin: Any) -> Any:
        """Wire the steps; a day is counted whole by one worker, so that nothing is shuffled."""
        # LocalDay -> DataFile, a file already written
        counted = (
            begin
            | "List local days" >> beam.Create(self.plan.days)
            | "Count points" >> beam.ParDo(CountPoints(self.plan.lake, self.scratch))
        )
        return (
            begin
            | "Once" >> beam.Create([None], reshuffle=False)
            # As a side input the files are complete before the one element is processed.
            | "Commit point days" >> beam.ParDo(CommitPointDays(self.plan, self.scratch), AsList(counted))
        )


@dataclass
class CountPoints(ThreadedDoFn):
    """LocalDay -> its new file, if a scan is left of it."""

    lake: Lake
    scratch: str
    STEP: ClassVar[str] = "count points"

    def work(self, local: LocalDay, *_: Any) -> Iterator[DataFile]:
        """Count one day and write it."""
        # Named by its content, so that a bundle that is run again writes the same file.
        rows = count_day(local)
        if rows.num_rows:
            file = write_data_file(self.lake, POINT_DAYS, {"day": day_text(local.day)}, rows)
            self.count_file(file)
            yield file


@dataclass
class CommitPointDays(beam.DoFn):
    """The last step: one element on one worker."""

    plan: PointDaysPlan
    scratch: str

    def process(self, _element: None, written: Sequence[DataFile]) -> Iterator[PointDaysResult]:
        """Commit, and report the result to the launcher."""
        result = PointDaysResult(rows=sum(file.rows for file in written))
        with report_errors(self.scratch):
            # A conflict is a result and no failure: the launcher plans again.
            try:
                commit_days(self.plan, written)
            except CommitConflict:
                result = replace(result, conflict=True)
                report_counts([(metrics.CONFLICTED_COMMITS, 1)])
            write_result(self.scratch, result)
        yield result
