"""Stays to contacts and crowds: the wiring of the job, without logic."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsList

from pipelines import metrics
from pipelines.graph.contact_table.plan import ContactPlan, Written, commit_dates
from pipelines.graph.contact_table.write_dates import DatePart, WriteContacts, WriteCrowds
from pipelines.kernels.sort import parts_for
from pipelines.lake import CommitConflict
from pipelines.runtime.job_errors import report_errors
from pipelines.runtime.job_metrics import report_counts
from pipelines.runtime.job_result import JobResult, write_result
from pipelines.windowing.plan import date_of


@dataclass(frozen=True, kw_only=True)
class ContactsResult(JobResult):
    """What the commit of contacts reports.

    Attributes:
        contacts: rows of `contacts` written.
        crowds: rows of `crowds` written.
    """

    contacts: int = 0
    crowds: int = 0


@dataclass
class WriteDates(beam.PTransform):  # type: ignore[type-arg]
    """Begin -> the result of the commit, also written for the launcher."""

    plan: ContactPlan
    scratch: str

    def expand(self, begin: Any) -> Any:
        """Wire the steps; nothing is shuffled, since files of stays are sorted by venue."""
        plan, scratch = self.plan, self.scratch
        # DatePart -> Written, each part on its own: pairs never cross venues.
        contacts = (
            begin
            | "List date parts" >> beam.Create(date_parts(plan))
            | "Write contacts"
            >> beam.ParDo(
                WriteContacts(plan.lake, plan.stays, plan.footfall, plan.limits, plan.sizes.rows, scratch)
            )
        )
        crowds = (
            begin
            | "List dates" >> beam.Create(plan.dates)
            | "Write crowds" >> beam.ParDo(WriteCrowds(plan.lake, plan.footfall, plan.limits.cap, scratch))
        )
        return (
            begin
            # One element: the commit runs once, when both side inputs are complete.
            | "Once" >> beam.Create([None], reshuffle=False)
            | "Commit dates" >> beam.ParDo(CommitDates(plan, scratch), AsList(contacts), AsList(crowds))
        )


def date_parts(plan: ContactPlan) -> list[DatePart]:
    """Cut the dates of a plan into parts of few stays."""
    cut = []
    for date in plan.dates:
        # Earlier stays that reach into the date are few, and not counted.
        parts = parts_for(sum(file.rows for file in plan.stays if date_of(file) == date), plan.sizes.stays)
        cut += [DatePart(date, part, parts) for part in range(parts)]
    return cut


@dataclass
class CommitDates(beam.DoFn):
    """The last step: one element on one worker."""

    plan: ContactPlan
    scratch: str

    def process(
        self, _element: None, contacts: Sequence[Written], crowds: Sequence[Written]
    ) -> Iterator[ContactsResult]:
        """Commit, and report the result to the launcher."""
        result = ContactsResult(contacts=_rows(contacts), crowds=_rows(crowds))
        with report_errors(self.scratch):
            try:
                commit_dates(self.plan, [*contacts, *crowds])
            except CommitConflict:
                result = replace(result, conflict=True)
                report_counts([(metrics.CONFLICTED_COMMITS, 1)])
            write_result(self.scratch, result)
        yield result


def _rows(written: Sequence[Written]) -> int:
    return sum(part.file.rows for part in written)
