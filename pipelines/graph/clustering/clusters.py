"""Clusters: venue-windows that hold more cases than as many people would by chance.

A case counts in a window of `footfall` when one of its stays is there while
it could have been infected or could infect: from some days before its onset
(else its sample) to the end of its infectious window, for where infections
pass on, the one who infects and those who are infected meet. It does not
count on the local day of its sample and after it, else every place that takes
samples would be a cluster.

Against the number of distinct cases stands a Poisson count X whose mean is
`people` times the share of cases among all persons of that day (the UTC day
of `footfall`, as all dates of the lake); p = P(X ≥ cases), and q is its
Benjamini-Hochberg value over all windows, those without cases (p = 1) as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import UsageError
from pipelines.graph.cases import Case, cases_by_id, last_instant_us
from pipelines.graph.clustering.case_stays import stays_of_cases
from pipelines.graph.clustering.case_windows import Meetings, day_of, meetings, people_of_day, windows_of
from pipelines.graph.clustering.significance import log_poisson_tail, q_values
from pipelines.graph.infectious_window import (
    BACK_DAYS,
    Window,
    anchor_us,
    check_back_days,
    infectious_window,
    local_midnight_us,
)
from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.request import doubts
from pipelines.kernels.arrow_columns import column
from pipelines.lake import Lake, LakeLike, LiveFile, opened, snapshot
from pipelines.registry.venue_names import described
from pipelines.terminal.output import counted
from pipelines.times import DAY_US, Instant, instant_us
from schemas.rules import DEFAULT_RULE, Rule, load_rule
from schemas.tables import INSTANT

CLUSTERS = pa.schema(
    [
        ("venue", pa.string()),
        ("name", pa.string()),
        ("type", pa.string()),
        ("window_start", INSTANT),
        ("window_end", INSTANT),
        ("people", pa.int64()),
        ("cases", pa.int64()),
        ("expected", pa.float64()),
        ("p", pa.float64()),
        ("q", pa.float64()),
        ("significant", pa.bool_()),
        ("over_threshold", pa.bool_()),
        ("case_ids", pa.list_(pa.string())),
    ]
)
"""The columns of an answer; `venue` is its code, `people` and `cases` are distinct persons."""


@dataclass(frozen=True)
class ClusterRequest:
    """Which windows are tested, and what is said of them.

    Attributes:
        rule: its `[infectious]` says until when a case counts.
        span: windows that lie in it whole are tested.
        threshold: the number of cases from which a window is marked without any test.
        fdr: the share of false ones that may be among the significant windows.
        back_days: a case counts from so long before its onset or sample on.
    """

    rule: Rule
    span: Span
    threshold: int = 3
    fdr: float = 0.05
    back_days: float = BACK_DAYS


@dataclass(frozen=True)
class Answer:
    """Windows with cases, and how many there were to choose from.

    Attributes:
        rows: columns of `CLUSTERS`, the most surprising first.
        tested: all windows, those without cases as well.
        cases: those that count.
        undated: cases with neither onset nor sample, which cannot count.
    """

    rows: pa.Table
    tested: int
    cases: tuple[Case, ...]
    undated: int

    def lines(self, asked: ClusterRequest) -> Iterator[str]:
        """What was done, for people."""
        significant = counted(pc.sum(self.rows["significant"]).as_py() or 0, "window")
        over = counted(pc.sum(self.rows["over_threshold"]).as_py() or 0, "window")
        tested, cases = counted(self.tested, "window"), counted(len(self.cases), "case")
        yield f"{tested} tested, {self.rows.num_rows:,} of them with any of {cases}"
        if self.undated:
            yield f"left out: {counted(self.undated, 'case')} with neither onset nor sample"
        yield f"significant at a false discovery rate of {asked.fdr:g}: {significant}"
        yield f"with {counted(asked.threshold, 'case')} or more: {over}"
        yield from doubts(self.cases, asked.rule)

    def listed(self, *, everything: bool = False, by_venue: bool = False) -> pa.Table:
        """The rows that are significant or over the threshold, or all; or of each venue only its first."""
        rows = self.rows
        if not everything:
            rows = rows.filter(pc.or_(rows["significant"], rows["over_threshold"]))
        if by_venue:
            venue = rows["venue"].combine_chunks().dictionary_encode().indices.to_numpy()
            rows = rows.take(column(np.sort(np.unique(venue, return_index=True)[1])))
        return rows


def clusters(
    lake: LakeLike,
    *,
    from_: Instant | None = None,
    to: Instant | None = None,
    rule: str = DEFAULT_RULE,
    threshold: int = 3,
    fdr: float = 0.05,
    back_days: float = BACK_DAYS,
    everything: bool = False,
    by_venue: bool = False,
) -> pa.Table:
    """Venue-windows with more cases than chance would bring there; how they are tested stands above.

    Args:
        lake: the lake, or where it lies.
        from_: windows that begin before it are not tested.
        to: nor are those that end after it.
        rule: a rule pack, by id or path.
        threshold: windows with so many cases are marked, whatever their q.
        fdr: windows with q at or under it are significant.
        back_days: how long before onset or sample a case counts.
        everything: every window with a case, not only those marked.
        by_venue: of each venue only its most surprising window.

    Returns:
        Columns of `CLUSTERS`, by p, then most cases, venue, window_start.

    Raises:
        UsageError: a number is out of range, or the rule pack is unknown or wrong.
        DataError: there is no such lake.
    """
    where = opened(lake)
    asked = question(rule, from_, to, threshold=threshold, fdr=fdr, back_days=back_days)
    answer = find_clusters(where, cases_by_id(where), asked)
    return answer.listed(everything=everything, by_venue=by_venue)


def question(
    rule: str = DEFAULT_RULE,
    from_: Instant | None = None,
    to: Instant | None = None,
    *,
    threshold: int = 3,
    fdr: float = 0.05,
    back_days: float = BACK_DAYS,
) -> ClusterRequest:
    """What the arguments of `clusters` ask for; the same errors."""
    if threshold < 1:
        raise UsageError("--threshold is no number of cases", "write --threshold 3")
    if not 0 < fdr < 1:
        raise UsageError("--fdr is no share between 0 and 1", "write --fdr 0.05")
    check_back_days(back_days)
    span = Span(instant_us(from_, "--from"), instant_us(to, "--to"))
    if span.begins_at() > span.ends_at():
        raise UsageError("--from lies after --to", "exchange them")
    return ClusterRequest(load_rule(rule), span, threshold, fdr, back_days)


def find_clusters(lake: Lake, cases: Mapping[str, Case], asked: ClusterRequest) -> Answer:
    """Every window that holds one of these cases, with how surprising that is."""
    dated = {number: case for number, case in cases.items() if case.times.known}
    until_us = last_instant_us(lake)
    intervals = [_interval(case, asked, until_us) for case in dated.values()]
    stays = stays_of_cases(lake, list(dated.values()), intervals)
    files = [file for file in snapshot(lake, "footfall").files if _reaches(file, asked.span)]
    tested, found = 0, list[Meetings]()
    for day_us, of_day in groupby(files, day_of):  # a day may have several files
        today = stays.where((stays.exit_us > day_us) & (stays.enter_us < day_us + DAY_US))
        people = people_of_day(lake, day_us) if today.case.size else 0
        for file in of_day:
            if not today.case.size and _lies_in(file, asked.span):
                tested += file.rows
                continue
            windows = windows_of(file, asked.span)
            tested += windows.venue.size
            found.append(meetings(windows, today, people))
    rows = _rows(lake, found, list(dated), tested, asked)
    return Answer(rows, tested, tuple(dated.values()), len(cases) - len(dated))


def _reaches(file: LiveFile, span: Span) -> bool:
    """Whether a window of the file shares an instant with the span."""
    least, greatest = file.stats.least["window_start"], file.stats.greatest["window_end"]
    return least < span.ends_at() and greatest > span.begins_at()


def _lies_in(file: LiveFile, span: Span) -> bool:
    """Whether all windows of the file lie in the span whole."""
    least, greatest = file.stats.least["window_start"], file.stats.greatest["window_end"]
    return least >= span.begins_at() and greatest <= span.ends_at()


def _interval(case: Case, asked: ClusterRequest, until_us: int) -> Window:
    """When a case counts: from when it may have been infected until it infects no longer, or is sampled."""
    infectious = infectious_window(case.times, asked.rule.infectious, until_us)
    start_us = min(infectious.start_us, anchor_us(case.times) - round(asked.back_days * DAY_US))
    end_us = max(infectious.start_us, infectious.end_us)
    if case.times.sampled_us is not None:
        end_us = min(end_us, local_midnight_us(case.times.sampled_us))
    return Window(start_us, end_us)


def _rows(
    lake: Lake, found: Sequence[Meetings], ids: list[str], tested: int, asked: ClusterRequest
) -> pa.Table:
    """The rows of the windows found, in the order of the answer."""
    if not found:
        return CLUSTERS.empty_table()
    met = Meetings(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    p = np.exp(log_poisson_tail(met.persons, met.expected))
    q = q_values(p, tested)
    ends = pa.array(np.concatenate([[0], np.cumsum(met.listed)]), pa.int32())
    place = described(lake, met.venue)
    columns = [
        *place.columns,
        column(met.start_us).cast(INSTANT),
        column(met.end_us).cast(INSTANT),
        column(met.people),
        column(met.persons),
        pa.array(met.expected),
        pa.array(p),
        pa.array(q),
        pa.array(q <= asked.fdr),
        pa.array(met.persons >= asked.threshold),
        pa.ListArray.from_arrays(ends, pa.array(ids, pa.string()).take(column(met.case))),
    ]
    by = {"p": "ascending", "cases": "descending", "venue": "ascending", "window_start": "ascending"}
    return pa.table(columns, schema=CLUSTERS).sort_by(list(by.items()))
