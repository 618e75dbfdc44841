"""Scans to stays and footfall: the wiring, no logic."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsList
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue

from pipelines import metrics
from pipelines.lake import CommitConflict
from pipelines.runtime.job_errors import report_errors
from pipelines.runtime.job_metrics import report_counts
from pipelines.runtime.job_result import write_result
from pipelines.runtime.spill import Piece
from pipelines.runtime.threaded_dofn import keep_times_early
from pipelines.times import DAY_SECONDS
from pipelines.windowing.commit import commit_days
from pipelines.windowing.find_changes import TALLY, FindChanges, Tally
from pipelines.windowing.plan import RecomputePlan
from pipelines.windowing.recompute_result import RecomputeResult
from pipelines.windowing.rewrite_days import DayPart, RewriteDays, Rewritten
from pipelines.windowing.scan_files import compared_together
from pipelines.windowing.split_by_person import FindChangedPersons, SplitByPerson


@dataclass
class RecomputeDays(beam.PTransform):  # type: ignore[type-arg]
    """Begin -> the result of the commit, also written for the launcher."""

    plan: RecomputePlan
    scratch: str
    window_us: int

    def expand(self, begin: Any) -> Any:
        """Wire the steps; `Create` reshuffles, so that files spread over the workers."""
        plan = self.plan
        # changes.days: (0, ((by, part), Piece)), stamped with its date; changes.tally: Tally
        changes = (
            begin
            | "List scan files" >> beam.Create(plan.files)
            | "Split by person" >> self._split(begin)
            # Pieces will be stamped with days long past: the groups they come from must not count as later.
            | "Keep times early" >> keep_times_early()
            # (person bucket, [Piece]) from here
            | "Group by person" >> beam.GroupByKey()
            | "Pair scans"
            >> beam.ParDo(
                FindChanges(plan.rules, plan.unread, plan.buckets, plan.parts, self.scratch, plan.pair_finder)
            ).with_outputs(TALLY, main="days")
        )
        rewritten = (
            self._with_recounted(begin, changes.days)
            # One key, so what is grouped are the pieces of a day.
            | "Window by day" >> beam.WindowInto(FixedWindows(DAY_SECONDS))
            | "Group by day" >> beam.GroupByKey()
            # (0, [((by, part), Piece)]) of one day -> (DayPart, [Piece])
            | "List day parts" >> beam.ParDo(ListDayParts(plan.parts), AsList(changes[TALLY]))
            | "Leave the windows" >> beam.WindowInto(GlobalWindows())
            # Breaks the fusion with the step before, which would leave all parts of a day to one worker.
            | "Spread day parts" >> beam.Reshuffle()
            | "Rewrite days"
            >> beam.ParDo(RewriteDays(plan.lake, plan.live, plan.parts, self.window_us, self.scratch))
        )
        return (
            begin
            # One element: the commit runs once, when both side inputs are complete.
            | "Once" >> beam.Create([None], reshuffle=False)
            | "Commit days"
            >> beam.ParDo(CommitDays(plan, self.scratch), AsList(rewritten), AsList(changes[TALLY]))
        )

    def _split(self, begin: Any) -> Any:
        """ScanFile -> (person bucket, Piece)."""
        plan = self.plan
        split = SplitByPerson(plan.registries, plan.buckets, self.scratch, plan.is_rebuild)
        if plan.is_rebuild:
            return beam.ParDo(split)
        # The changed persons are a side input: all of them must be known before any file is split.
        changed = (
            begin
            | "List changed files" >> beam.Create(compared_together(plan.changed))
            | "Find changed persons" >> beam.ParDo(FindChangedPersons(plan.registries, self.scratch))
        )
        return beam.ParDo(split, AsList(changed))

    def _with_recounted(self, begin: Any, days: Any) -> Any:
        """Add the dates whose footfall is recomputed in any case."""
        if not self.plan.recounted:
            return days
        recounted = (
            begin
            | "List recounted" >> beam.Create(self.plan.recounted)
            | "Stamp recounted" >> beam.Map(stamp_recounted)
            | "Keep recounted early" >> keep_times_early()
        )
        return (days, recounted) | "Join recounted" >> beam.Flatten()


def stamp_recounted(date: int) -> Any:
    """Day number -> (0, ((by, part), no piece)), stamped with that day."""
    # Any part will do: the next step lists all parts of a date that is named at all.
    return TimestampedValue((0, (("venue", 0), None)), date * DAY_SECONDS)


@dataclass
class ListDayParts(beam.DoFn):
    """(0, [((by, part), Piece)]) of one window -> (DayPart, [Piece]) for every part to rewrite.

    Nothing if a stay is in doubt: the job is repeated with more dates.
    """

    parts: dict[int, int]

    def process(
        self,
        element: tuple[int, Iterable[tuple[tuple[str, int], Piece | None]]],
        tallies: Sequence[Tally],
        window: Any = beam.DoFn.WindowParam,
    ) -> Iterator[tuple[DayPart, list[Piece]]]:
        """List every part of a date whose stays change, or else the parts for its footfall."""
        if any(tally.doubtful for tally in tallies):
            return
        date = int(window.start) // DAY_SECONDS
        pieces: dict[tuple[str, int], list[Piece]] = {}
        for by_part, piece in element[1]:
            pieces.setdefault(by_part, []).extend([piece] if piece else [])
        # Without one, no stay that begins on the date changed, and only its footfall is counted again.
        own = any(by == "person" for by, _ in pieces)
        for by in ("venue", "person") if own else ("venue",):
            # All parts, also those without changes: the commit replaces all files of a date, and an unchanged
            # part comes out under the same name.
            for part in range(self.parts.get(date, 1)):
                yield DayPart(date, by, part, own), sorted(pieces.get((by, part), []))


@dataclass
class CommitDays(beam.DoFn):
    """The last step: one element, one worker, idempotent."""

    plan: RecomputePlan
    scratch: str

    def process(
        self, _element: None, rewritten: Sequence[Rewritten], tallies: Sequence[Tally]
    ) -> Iterator[RecomputeResult]:
        """Commit unless a stay is in doubt, and report the result to the launcher."""
        tally = Tally.sum(tallies)
        dates = sorted({part.date for part in rewritten})
        result = RecomputeResult(
            persons=tally.persons,
            added=tally.added,
            removed=tally.removed,
            cut_short=tally.cut_short,
            doubtful=tally.doubtful,
            dates=dates,
        )
        if not tally.doubtful:
            try:
                with report_errors(self.scratch):
                    commit_days(self.plan, rewritten, tally.pairs)
                _report(result)
            except CommitConflict:
                # No error for a person to see: the launcher plans again.
                result = replace(result, conflict=True)
                report_counts([(metrics.CONFLICTED_COMMITS, 1)])
        # No runner hands a value back to the launcher, so it is left in a file.
        write_result(self.scratch, result)
        yield result


def _report(result: RecomputeResult) -> None:
    """Count what a commit has made visible."""
    report_counts(
        [
            (metrics.CHANGED_PERSONS, result.persons),
            (metrics.STAYS_ADDED, result.added),
            (metrics.STAYS_REMOVED, result.removed),
            (metrics.STAYS_CUT_SHORT, result.cut_short),
            (metrics.DATES_REWRITTEN, len(result.dates)),
        ]
    )
