"""The stays of cases, each clipped to the interval of its case."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from pipelines.graph.cases import Case
from pipelines.graph.infectious_window import Window
from pipelines.graph.row_ranges import rows_between
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.kernels.types import Int64
from pipelines.lake import Lake


@dataclass(frozen=True)
class CaseStays:
    """Stays of cases, one attribute a column; none is empty.

    Example:
        >>> stays = CaseStays(*map(np.array, ([0, 1], [7, 8], [5, 6], [0, 12], [10, 20])))
        >>> stays.where(stays.venue == 6).person.tolist()
        [8]

    Attributes:
        case: int64[s], the position of the case among those that were asked for.
        person: int64[s], tokens; two cases may be one person.
        venue: int64[s].
        enter_us, exit_us: int64[s], microseconds UTC, within the case's interval.
    """

    case: Int64
    person: Int64
    venue: Int64
    enter_us: Int64
    exit_us: Int64

    def where(self, chosen: npt.NDArray[np.bool_] | Int64) -> Self:
        """Select some of the stays, by a mask or by their positions."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))


def stays_of_cases(lake: Lake, cases: Sequence[Case], intervals: Sequence[Window]) -> CaseStays:
    """Find the stays of cases, each clipped to the interval of its case.

    Args:
        lake: where.
        cases: any number; they are looked up together.
        intervals: one a case; an empty one holds no stay.

    Returns:
        Stays in the order of the lake's files.
    """
    who = np.array([case.person for case in cases], np.int64)
    start = np.array([interval.start_us for interval in intervals], np.int64)
    end = np.array([interval.end_us for interval in intervals], np.int64)
    parts = [CaseStays(*(np.empty(0, np.int64) for _ in fields(CaseStays)))]
    if who.size:
        # One pass over the files for all cases; each row is then clipped to the interval of its own case.
        span = Span(int(start.min()), int(end.max()))
        for columns in sidecars(live_files(lake, "person", span, np.unique(who))):
            first, last = columns.rows_of(who)
            case, rows = np.repeat(np.arange(who.size), last - first), rows_between(first, last)
            enter_us = np.maximum(columns.enter_us[rows], start[case])
            exit_us = np.minimum(columns.exit_us[rows], end[case])
            found = CaseStays(case, who[case], columns.venue[rows], enter_us, exit_us)
            parts.append(found.where(enter_us < exit_us))
    names = [field.name for field in fields(CaseStays)]
    return CaseStays(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
