"""Backward: venues that cases share, weighed against how many people go there anyway."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from pipelines.graph.cases import Case
from pipelines.graph.clustering.case_stays import stays_of_cases
from pipelines.graph.clustering.gatherings import Gatherings, gatherings
from pipelines.graph.clustering.visitors import days_of, visitors
from pipelines.graph.infectious_window import Window
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.group_by import changes, distinct_pairs, distinct_per_group, lists_of
from pipelines.kernels.significance import log_poisson_tail
from pipelines.kernels.types import Float64, Int64
from pipelines.lake import Lake
from pipelines.registry.venue_names import described
from schemas.tables import INSTANT

SHARED_VENUES = pa.schema(
    [
        ("venue", pa.string()),
        ("name", pa.string()),
        ("type", pa.string()),
        ("cases", pa.int64()),
        ("case_ids", pa.list_(pa.string())),
        ("people", pa.int64()),
        ("expected", pa.float64()),
        ("score", pa.float64()),
        ("together", pa.int64()),
        ("start", INSTANT),
        ("end", INSTANT),
        ("gatherings", pa.list_(pa.string())),
    ]
)
"""The columns of an answer about venues.

`venue` is its code; `cases` and `people` are distinct persons, `people` those who entered on a day of any
of the intervals. `expected` is the number of cases there by chance: the sum, over the cases, of the share
of all persons on the days of the case's interval who entered the venue on those days. `score` is -log10 P(X
≥ cases), where X is Poisson with that mean: 3 is once in a thousand. `gatherings` are the periods [start,
end) in which two or more cases were there together or within some hours, as ISO 8601 intervals; `together`,
`start` and `end` are those of the largest, null where there is none.
"""


def shared_venues(
    lake: Lake, cases: Mapping[str, Case], intervals: Sequence[Window], within_us: int
) -> pa.Table:
    """Find the venues where two or more cases were, each in its interval; cases of one person count as one.

    Args:
        lake: where.
        cases: by number.
        intervals: one a case.
        within_us: stays that follow one another by no more than this gather.

    Returns:
        Columns of `SHARED_VENUES`, by score descending, most cases, venue.
    """
    stays = stays_of_cases(lake, list(cases.values()), intervals)
    venue = np.unique(stays.venue)
    number = np.searchsorted(venue, stays.venue)
    persons = distinct_per_group(number, stays.person, venue.size)
    shared = persons > 1
    stays, venue, persons = stays.where(shared[number]), venue[shared], persons[shared]
    if venue.size == 0:
        return SHARED_VENUES.empty_table()
    at, case = distinct_pairs(np.searchsorted(venue, stays.venue), stays.case)
    people, expected = _footfall(lake, venue, cases, intervals)
    columns = [
        *described(lake, venue).columns,
        column(persons),
        lists_of(at, pa.array(list(cases), pa.string()).take(column(case)), venue.size),
        column(people),
        pa.array(expected),
        pa.array(log_poisson_tail(persons, expected) / -np.log(10.0)),
        *_together(venue, gatherings(stays, within_us)),
    ]
    by = [("score", "descending"), ("cases", "descending"), ("venue", "ascending")]
    return pa.table(columns, schema=SHARED_VENUES).sort_by(by)


def _footfall(
    lake: Lake, venue: Int64, cases: Mapping[str, Case], intervals: Sequence[Window]
) -> tuple[Int64, Float64]:
    """Count the people who went to each venue, and the cases expected there by chance."""
    person = np.array([case.person for case in cases.values()], np.int64)
    # Cases of one person share one vote: each weighs 1 / n of his n cases.
    _, who, cases_of_person = np.unique(person, return_inverse=True, return_counts=True)
    days = [days_of(interval.start_us, interval.end_us) for interval in intervals]
    stretches = sorted(set(days))
    position = {stretch: row for row, stretch in enumerate(stretches)}
    weight = np.bincount([position[one] for one in days], 1.0 / cases_of_person[who], len(stretches))
    # A last stretch over all of them counts the people to be shown.
    whole = (min(first for first, _ in days), max(last for _, last in days))
    there, anywhere = visitors(lake, venue, [*stretches, whole])
    # [stretches, venues]: nobody anywhere means nobody there, and no division by zero.
    share = there[:-1] / np.maximum(anywhere[:-1], 1)[:, None]
    return there[-1], weight @ share


def _together(venue: Int64, found: Gatherings) -> list[pa.Array]:
    """Compute the columns `together`, `start`, `end` and `gatherings` of each venue."""
    at = np.searchsorted(venue, found.venue)
    # Of each venue the largest gathering first, the earliest of equals.
    order = np.lexsort((found.start_us, -found.persons, at))
    largest = order[changes(at[order])]
    row = np.full(venue.size, -1)
    row[at[largest]] = largest
    rows = pa.array(row, mask=row < 0)
    stretches = [
        f"{start}/{end}" for start, end in zip(_iso(found.start_us), _iso(found.end_us), strict=True)
    ]
    return [
        column(found.persons).take(rows),
        column(found.start_us).cast(INSTANT).take(rows),
        column(found.end_us).cast(INSTANT).take(rows),
        lists_of(at, pa.array(stretches, pa.string()), venue.size),
    ]


def _iso(times_us: Int64) -> list[str]:
    """Format times as RFC 3339 in UTC, to the second."""
    return [f"{text}Z" for text in np.datetime_as_string(times_us.astype("datetime64[us]"), unit="s")]
