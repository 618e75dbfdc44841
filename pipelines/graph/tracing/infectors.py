"""The clipped stays of infectors, a row of numbers each, as `parts` meets them with the stays of others."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from pipelines.graph.tracing import provenance_kernel as parts
from pipelines.graph.tracing.clipped_stays import NO_ZONE, clipped_rows
from pipelines.graph.tracing.contact_criteria import Criteria
from pipelines.graph.tracing.everybody import THREADS
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.graph.tracing.overlap_join import NO_ZONES
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.compile import helper
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.lake.sidecar import Sidecar
from pipelines.times import DAY_US


class Infectors(NamedTuple):
    """The clipped stays of infectors.

    Attributes:
        person: int64[k], tokens, ascending.
        stays: int64[s, OWN_COLUMNS], in the order (infector, start).
        begin: int64[k + 1], where those of each infector begin.
        longest_us: none reaches farther from its start.
    """

    person: Int64
    stays: Int64
    begin: Int64
    longest_us: int


class _InfectorRows(NamedTuple):
    """The rows of a file that reach into intervals.

    Attributes:
        row, owner: int64[r], a row and an interval.
        length: int64[k], how many rows each interval has.
    """

    row: Int64
    owner: Int64
    length: Int64


def infectors_of(where: TemporalGraph, intervals: Intervals, pool: ThreadPoolExecutor) -> Infectors:
    """The clipped stays of whoever has an interval.

    Args:
        where: the lake under the rule.
        intervals: when they are infectious.
        pool: of `THREADS`.
    """
    files = sorted(where.spanning("person", intervals.start_us, intervals.end_us), key=day_of)
    owners = [intervals.person.size * part // THREADS for part in range(THREADS + 1)]
    found = list(pool.map(partial(_rows_of, files, intervals), owners[:-1], owners[1:]))
    length = np.concatenate(
        [np.sum([rows.length for rows in some], axis=0, dtype=np.int64) for some in found]
    )
    begin = np.append(0, np.cumsum(length))
    stays = np.empty((begin[-1], parts.OWN_COLUMNS), np.int64)
    fill = partial(_fill, where, files, intervals, stays, begin, begin.copy())
    if not all(pool.map(fill, found)):  # files of one day hold stays of one person
        stays = stays[np.lexsort((stays[:, parts.START], np.repeat(np.arange(length.size), length)))]
    person, first = np.unique(intervals.person, return_index=True)
    longest_us = int((stays[:, parts.REACH] - stays[:, parts.START]).max(initial=0))
    return Infectors(person, stays, np.append(begin[first], begin[-1]), longest_us)


def day_of(columns: Sidecar) -> int:
    """The UTC day on which all stays of a file are entered."""
    return columns.first_enter_us() // DAY_US


def _rows_of(files: Sequence[Sidecar], intervals: Intervals, first: int, last: int) -> list[_InfectorRows]:
    """The rows of each file that reach into some of the intervals."""
    some = Intervals(*(column[first:last] for column in intervals))
    none = np.empty(0, np.int64)
    found = [_InfectorRows(none, none, np.zeros(last - first, np.int64))]
    for file in files:
        own = file.rows_of(some.person)
        row, owner = clipped_rows(*own, file.enter_us, file.exit_us, *some[1:])
        found.append(_InfectorRows(row, owner + first, np.bincount(owner, minlength=last - first)))
    return found


def _fill(
    where: TemporalGraph,
    files: Sequence[Sidecar],
    intervals: Intervals,
    stays: Int64,
    begin: Int64,
    free: Int64,
    found: Sequence[_InfectorRows],
) -> bool:
    """Put the rows of each file into `stays`, from `free` on; whether each interval's ascend by start."""
    ordered = True
    for file, rows in zip(files, found[1:], strict=True):
        zone = where.zones.of(file) if where.criteria.zoned else NO_ZONES
        kind = where.classes.kinds(file.venue[rows.row])
        columns = (*parts.columns_of(file, zone), file.scanned_both)
        asked = (where.criteria, where.until_us)
        ordered &= bool(_put(columns, rows.row, rows.owner, kind, intervals, *asked, stays, begin, free))
    return ordered


@helper
def _put(
    columns: tuple[Int64, Int64, Int64, Int64, Int64, Int64, Int32, UInt8],
    rows: Int64,
    owners: Int64,
    kinds: UInt8,
    intervals: Intervals,
    criteria: Criteria,
    until_us: int,
    stays: Int64,
    begin: Int64,
    free: Int64,
) -> bool:
    """Put rows into the free places of their owners; whether each owner's ascend by start."""
    _, venue, enter_us, exit_us, imputed_from_us, stay_id, zone, scanned_both = columns
    ordered = True
    for entry in range(rows.size):
        row, owner, kind = rows[entry], owners[entry], kinds[entry]
        at = free[owner]
        free[owner] = at + 1
        start_us = max(enter_us[row], intervals.start_us[owner])
        end_us = min(exit_us[row], intervals.end_us[owner])
        stays[at, parts.START], stays[at, parts.END] = start_us, end_us
        stays[at, parts.REACH] = min(end_us + criteria.indirect_us[kind], until_us)
        stays[at, parts.IMPUTED_FROM], stays[at, parts.SCANNED_BOTH] = imputed_from_us[row], scanned_both[row]
        stays[at, parts.AT], stays[at, parts.STAY] = venue[row], stay_id[row]
        stays[at, parts.ZONE] = zone[row] if criteria.same_zone[kind] else NO_ZONE
        if at > begin[owner] and stays[at - 1, parts.START] > start_us:
            ordered = False
    return ordered
