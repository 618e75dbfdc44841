"""What the answer of a trace rests on."""

import numpy as np
import pyarrow.compute as pc

from pipelines.graph.answer_basis import SECOND_US, Basis, versions
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.graph.tracing.clipped_stays import clipped_rows
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.kernels.compile import helper
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, read_table
from pipelines.registry.unregistered_scans import count_unregistered


def trust(lake: Lake, venues: Int64, span: Span) -> Basis:
    """What an answer rests on.

    Args:
        lake: where.
        venues: int64[v], those concerned, ascending, each once.
        span: the time concerned.
    """
    return Basis(
        *versions(lake),
        venues.size,
        *_stays_at(lake, venues, span),
        count_unregistered(lake, span.begins_at(), span.ends_at())[0],
        None,
        _rejected(lake),
    )


def stayed_at(lake: Lake, intervals: Intervals) -> tuple[Int64, Span]:
    """The venues where persons stayed in their intervals, and the time of all of these."""
    if intervals.person.size == 0:
        return intervals.person, Span(0, 0)
    span = Span(int(intervals.start_us.min()), int(intervals.end_us.max()))
    venues = [np.empty(0, np.int64)]
    for columns in sidecars(live_files(lake, "person", span, np.unique(intervals.person))):
        own = columns.rows_of(intervals.person)
        rows, _ = clipped_rows(*own, columns.enter_us, columns.exit_us, *intervals[1:])
        venues.append(np.unique(columns.venue[rows]))
    return np.unique(np.concatenate(venues)), span


def _stays_at(lake: Lake, venues: Int64, span: Span) -> tuple[int, int, int]:
    """Stays at some venues in a span: how many, their seconds, and those imputed."""
    totals = np.zeros(3, np.int64)
    if venues.size:
        for columns in sidecars(live_files(lake, "venue", span, venues)):
            rows = columns.rows_of(venues)
            times = (columns.enter_us, columns.exit_us, columns.imputed_from_us)
            _add_stays(*rows, *times, span.begins_at(), span.ends_at(), totals)
    stays, total_us, unseen_us = totals.tolist()
    return stays, total_us // SECOND_US, unseen_us // SECOND_US


@helper
def _add_stays(
    first: Int64,
    last: Int64,
    enter_us: Int64,
    exit_us: Int64,
    imputed_from_us: Int64,
    from_us: int,
    to_us: int,
    totals: Int64,
) -> None:
    """Add up the stays of a file, microseconds of them, and microseconds that nobody saw."""
    for place in range(first.size):
        for row in range(first[place], last[place]):
            start_us, end_us = max(enter_us[row], from_us), min(exit_us[row], to_us)
            if start_us < end_us:
                totals[0] += 1
                totals[1] += end_us - start_us
                totals[2] += end_us - min(end_us, max(start_us, imputed_from_us[row]))


def _rejected(lake: Lake) -> int:
    sources = read_table(lake, "rejects", ["source"])["source"]
    return int(pc.sum(pc.equal(sources, "scans")).as_py() or 0)
