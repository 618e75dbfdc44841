"""What the answer of a trace rests on."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import Int64
from pipelines.basis import SECOND_US, Basis, versions
from pipelines.graph.adjacency import Span, live_files, sidecars
from pipelines.graph.infectious import Intervals
from pipelines.graph.sources import clipped_rows, first_after, first_from
from pipelines.kernels import helper
from pipelines.lake import Lake, LiveFile, read_live_file, read_table, snapshot
from schemas.tables import SCANS

_THREADS = 2
_SCANS = pa.schema([SCANS.schema.field("venue"), SCANS.schema.field("occurred_at")])


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
        _unregistered(lake, span),
        None,
        _rejected(lake),
    )


def stayed_at(lake: Lake, intervals: Intervals) -> tuple[Int64, Span]:
    """The venues where persons stayed in their intervals, and the time of all of these."""
    if intervals.person.size == 0:
        return intervals.person, Span(0, 0)
    span = Span(int(intervals.start_us.min()), int(intervals.end_us.max()))
    venues = [np.empty(0, np.int64)]
    for columns in sidecars(live_files(lake, "person", span)):
        rows, _ = clipped_rows(columns.person, columns.enter_us, columns.exit_us, *intervals)
        venues.append(np.unique(columns.venue[rows]))
    return np.unique(np.concatenate(venues)), span


def _stays_at(lake: Lake, venues: Int64, span: Span) -> tuple[int, int, int]:
    """Stays at some venues in a span: how many, their seconds, and those imputed."""
    totals = np.zeros(3, np.int64)
    if venues.size:
        for columns in sidecars(live_files(lake, "venue", span)):
            times = (columns.enter_us, columns.exit_us, columns.imputed_from_us)
            _add_stays(columns.venue, *times, venues, span.begins_at(), span.ends_at(), totals)
    stays, total_us, unseen_us = totals.tolist()
    return stays, total_us // SECOND_US, unseen_us // SECOND_US


@helper
def _add_stays(
    venue: Int64,
    enter_us: Int64,
    exit_us: Int64,
    imputed_from_us: Int64,
    wanted: Int64,
    from_us: int,
    to_us: int,
    totals: Int64,
) -> None:
    """Add up the stays of a file, microseconds of them, and microseconds that nobody saw."""
    row = 0
    for place in range(wanted.size):
        row = first_from(venue, wanted[place], row)
        end = first_after(venue, wanted[place], row)
        while row < end:
            start_us, end_us = max(enter_us[row], from_us), min(exit_us[row], to_us)
            if start_us < end_us:
                totals[0] += 1
                totals[1] += end_us - start_us
                totals[2] += end_us - min(end_us, max(start_us, imputed_from_us[row]))
            row += 1


def _unregistered(lake: Lake, span: Span) -> int:
    """Scans of a span whose venue is not registered, or was closed by then."""
    registry = read_table(lake, "venues", ["venue", "closed_at"]).sort_by("venue")
    venue = registry["venue"].to_numpy()
    closed_us = pc.fill_null(registry["closed_at"].cast(pa.int64()), span.ends_at()).to_numpy()

    def of_file(file: LiveFile) -> int:
        rows = read_live_file(file, _SCANS)
        at_us = rows["occurred_at"].cast(pa.int64()).to_numpy()
        places = rows["venue"].to_numpy()
        return int(_count_unregistered(places, at_us, venue, closed_us, span.begins_at(), span.ends_at()))

    files = [
        file
        for file in snapshot(lake, "scans").files
        if file.stats.least["occurred_at"] < span.ends_at()
        and file.stats.greatest["occurred_at"] >= span.begins_at()
    ]
    with ThreadPoolExecutor(_THREADS) as pool:
        return sum(pool.map(of_file, files))


@helper
def _count_unregistered(
    venue: Int64, at_us: Int64, registered: Int64, closed_us: Int64, from_us: int, to_us: int
) -> int:
    """Count the scans of a file, which ascend by venue, in [from_us, to_us) at no registered venue."""
    count = 0
    place = 0
    for row in range(venue.size):
        if at_us[row] < from_us or at_us[row] >= to_us:
            continue
        place = first_from(registered, venue[row], place)
        known = place < registered.size and registered[place] == venue[row]
        if not known or at_us[row] >= closed_us[place]:
            count += 1
    return count


def _rejected(lake: Lake) -> int:
    sources = read_table(lake, "rejects", ["source"])["source"]
    return int(pc.sum(pc.equal(sources, "scans")).as_py() or 0)
