"""Clusters: venue-windows that hold more cases than chance would bring there.

A case counts in a window of `footfall` when one of its stays is there while it could have been infected or
could infect: from some days before its onset (else its sample) to the end of its infectious window, for
where infections pass on, infector and infectees meet. It does not count from the local day of its sample
on, else every place that takes samples would be a cluster.

The number of distinct cases is tested against a Poisson count X whose mean is `people` times the share of
cases among all persons of that day (the UTC day of `footfall`, as all dates of the lake): p = P(X ≥ cases),
and q is its Benjamini-Hochberg value over all windows, those without cases (p = 1) included.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.answer import Answer, started
from pipelines.errors import UsageError
from pipelines.graph.answer_quality import AnswerQuality, quality_of_cases
from pipelines.graph.cases import Case, cases_by_id, last_instant_us
from pipelines.graph.clustering.case_stays import stays_of_cases
from pipelines.graph.clustering.case_windows import Meetings, day_of, meetings, people_of_day, windows_of
from pipelines.graph.from_to import span_between
from pipelines.graph.infectious_window import (
    BACK_DAYS,
    Window,
    anchor_us,
    check_back_days,
    infectious_window,
    local_midnight_us,
)
from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.request import validity_notes
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.significance import FALSE_DISCOVERY_RATE, log_poisson_tail, q_values
from pipelines.lake import Lake, LakeLike, LiveFile, opened, snapshot
from pipelines.registry.venue_names import described
from pipelines.terminal.output import counted
from pipelines.times import DAY_US, Instant
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


THRESHOLD = 3
"""A window with at least this many cases is marked, whatever its chance."""


@dataclass(frozen=True)
class ClusterRequest:
    """Which windows are tested, and which of them are marked.

    Attributes:
        rule: its `[infectious]` says until when a case counts.
        span: only windows that lie wholly in it are tested.
        threshold: windows with this many cases are marked without any test.
        fdr: the false discovery rate of the windows called significant.
        back_days: a case counts from this long before its onset or sample on.
    """

    rule: Rule
    span: Span
    threshold: int = THRESHOLD
    fdr: float = FALSE_DISCOVERY_RATE
    back_days: float = BACK_DAYS

    def interval(self, case: Case, until_us: int) -> Window:
        """Return when a case counts: from its possible infection to the end of its window, or its sample."""
        infectious = infectious_window(case.times, self.rule.infectious, until_us)
        # A pack may look further back than `back_days`.
        start_us = min(infectious.start_us, anchor_us(case.times) - round(self.back_days * DAY_US))
        # A case isolated before it could infect counts until then: it may have been infected there.
        end_us = max(infectious.start_us, infectious.end_us)
        if case.times.sampled_us is not None:
            end_us = min(end_us, local_midnight_us(case.times.sampled_us))
        return Window(start_us, end_us)


@dataclass(frozen=True)
class WindowsWithCases:
    """Every window that holds a case, and how many windows there were to choose from.

    Attributes:
        rows: columns of `CLUSTERS`, the most surprising first.
        tested: the number of all windows, those without cases included.
        cases: the cases that count.
        undated: how many cases have neither onset nor sample, and so cannot count.
    """

    rows: pa.Table
    tested: int
    cases: tuple[Case, ...]
    undated: int

    def notes(self, request: ClusterRequest) -> Iterator[str]:
        """Return what was tested and found, as sentences for people."""
        significant = counted(pc.sum(self.rows["significant"]).as_py() or 0, "window")
        over = counted(pc.sum(self.rows["over_threshold"]).as_py() or 0, "window")
        tested, cases = counted(self.tested, "window"), counted(len(self.cases), "case")
        yield f"{tested} tested, {self.rows.num_rows:,} of them with any of {cases}"
        if self.undated:
            yield f"left out: {counted(self.undated, 'case')} with neither onset nor sample"
        yield f"significant at a false discovery rate of {request.fdr:g}: {significant}"
        yield f"with {counted(request.threshold, 'case')} or more: {over}"
        yield from validity_notes(self.cases, request.rule)

    def listed(self, *, everything: bool = False, by_venue: bool = False) -> pa.Table:
        """Return rows that are significant or over the threshold, or all; or the first of each venue."""
        rows = self.rows
        if not everything:
            rows = rows.filter(pc.or_(rows["significant"], rows["over_threshold"]))
        if by_venue:
            venue = rows["venue"].combine_chunks().dictionary_encode().indices.to_numpy()
            # Rows are the most surprising first, so the first of a venue is the one to keep.
            rows = rows.take(column(np.sort(np.unique(venue, return_index=True)[1])))
        return rows


def clusters(
    lake: LakeLike,
    *,
    from_: Instant | None = None,
    to: Instant | None = None,
    rule: str = DEFAULT_RULE,
    threshold: int = THRESHOLD,
    fdr: float = FALSE_DISCOVERY_RATE,
    back_days: float = BACK_DAYS,
    everything: bool = False,
    by_venue: bool = False,
    eager_quality: bool = False,
) -> Answer:
    """Find venue-windows with more cases than chance would bring there; the module says how they are tested.

    Example:
        >>> found = clusters(lake, from_="2021-07-10", to="2021-07-10", everything=True, by_venue=True)
        >>> found.select(["venue", "people", "cases"]).to_pylist()
        [{'venue': 'cafe', 'people': 1, 'cases': 1}, {'venue': 'house', 'people': 1, 'cases': 1}]

    Args:
        lake: the lake, or where it lies.
        from_: only windows that begin at or after it are tested.
        to: and end by then; a date alone includes the whole of that local day.
        rule: a rule pack, by id or path.
        threshold: windows with this many cases are marked, whatever their q.
        fdr: windows with q at or under it are significant.
        back_days: how long before onset or sample a case counts.
        everything: every window with a case, not only those marked.
        by_venue: of each venue only its most surprising window.
        eager_quality: compute the quality at once, on a thread beside the rows.

    Returns:
        Columns of `CLUSTERS`, by p, then most cases, venue, window_start.

    Raises:
        UsageError: a number is out of range, or the rule pack is unknown or wrong.
        DataError: there is no such lake.
    """
    request = cluster_request(rule, from_, to, threshold=threshold, fdr=fdr, back_days=back_days)
    where = opened(lake)
    cases = cases_by_id(where)
    quality = started(lambda: _quality(where, cases, request), eager_quality)
    found = windows_with_cases(where, cases, request)
    rows = found.listed(everything=everything, by_venue=by_venue)
    return Answer(rows, tuple(found.notes(request)), quality)


def cluster_request(
    rule: str = DEFAULT_RULE,
    from_: Instant | None = None,
    to: Instant | None = None,
    *,
    threshold: int = THRESHOLD,
    fdr: float = FALSE_DISCOVERY_RATE,
    back_days: float = BACK_DAYS,
) -> ClusterRequest:
    """Validate the arguments of `clusters`; the same errors."""
    if threshold < 1:
        raise UsageError("--threshold must be an integer ≥ 1", "write --threshold 3")
    if not 0 < fdr < 1:
        raise UsageError("--fdr must be a share between 0 and 1", "write --fdr 0.05")
    check_back_days(back_days)
    return ClusterRequest(load_rule(rule), span_between(from_, to), threshold, fdr, back_days)


def windows_with_cases(lake: Lake, cases: Mapping[str, Case], request: ClusterRequest) -> WindowsWithCases:
    """Return every window that holds one of these cases, with how surprising that is."""
    timed = {number: case for number, case in cases.items() if case.times.known}
    until_us = last_instant_us(lake)
    intervals = [request.interval(case, until_us) for case in timed.values()]
    stays = stays_of_cases(lake, list(timed.values()), intervals)
    files = [file for file in snapshot(lake, "footfall").files if _reaches(file, request.span)]
    tested, found = 0, list[Meetings]()
    # Files ascend by path and so by date, which `groupby` needs.
    for day_us, of_day in groupby(files, day_of):  # a day may have several files
        # A stay over midnight counts on both days.
        today = stays.where((stays.exit_us > day_us) & (stays.enter_us < day_us + DAY_US))
        people = people_of_day(lake, day_us) if today.case.size else 0
        for file in of_day:
            # Nothing to find, and all windows of the file are tested: their number stands in the log.
            if not today.case.size and _lies_in(file, request.span):
                tested += file.rows
                continue
            windows = windows_of(file, request.span)
            tested += windows.venue.size
            found.append(meetings(windows, today, people))
    rows = _rows(lake, found, list(timed), tested, request)
    return WindowsWithCases(rows, tested, tuple(timed.values()), len(cases) - len(timed))


def _quality(lake: Lake, cases: Mapping[str, Case], request: ClusterRequest) -> AnswerQuality:
    """State what an answer rests on at the venues of the cases while they count, within the span."""
    until_us, span = last_instant_us(lake), request.span
    windows = []
    for case in cases.values():
        # A case without dates counts among those asked for, at no venue.
        interval = request.interval(case, until_us) if case.times.known else Window(0, 0)
        windows.append(Window(max(interval.start_us, span.begins_at()), min(interval.end_us, span.ends_at())))
    return quality_of_cases(lake, list(cases.values()), windows)


def _reaches(file: LiveFile, span: Span) -> bool:
    """Tell whether a window of the file shares an instant with the span."""
    least, greatest = file.stats.least["window_start"], file.stats.greatest["window_end"]
    return least < span.ends_at() and greatest > span.begins_at()


def _lies_in(file: LiveFile, span: Span) -> bool:
    """Tell whether all windows of the file lie wholly in the span."""
    least, greatest = file.stats.least["window_start"], file.stats.greatest["window_end"]
    return least >= span.begins_at() and greatest <= span.ends_at()


def _rows(
    lake: Lake, found: Sequence[Meetings], ids: list[str], tested: int, request: ClusterRequest
) -> pa.Table:
    """Return the rows of the windows found, in the order of the answer."""
    if not found:
        return CLUSTERS.empty_table()
    met = Meetings(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    p = np.exp(log_poisson_tail(met.persons, met.expected))
    # Windows without a case have p = 1, and only raise the number of tests.
    q = q_values(p, tested)
    # Offsets of the lists: `met.case` holds the cases window by window.
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
        pa.array(q <= request.fdr),
        pa.array(met.persons >= request.threshold),
        pa.ListArray.from_arrays(ends, pa.array(ids, pa.string()).take(column(met.case))),
    ]
    by = {"p": "ascending", "cases": "descending", "venue": "ascending", "window_start": "ascending"}
    return pa.table(columns, schema=CLUSTERS).sort_by(list(by.items()))
