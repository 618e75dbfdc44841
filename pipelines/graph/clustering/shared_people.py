"""Backward: whom two or more cases had met, under a rule, before they could infect others."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.graph.cases import Case, cases_by_id
from pipelines.graph.infectious_window import Window
from pipelines.graph.tracing.infectious_intervals import Intervals, isolation
from pipelines.graph.tracing.provenance import provenance
from pipelines.graph.tracing.search import hops
from pipelines.graph.tracing.temporal_graph import TemporalGraph, network
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.group_by import changes, distinct_pairs, distinct_per_group, lists_of
from pipelines.kernels.types import Int64
from pipelines.lake import Lake
from pipelines.registry.venue_names import places
from pipelines.times import SECOND_US
from schemas.rules import Rule
from schemas.tables import INSTANT

SHARED_PEOPLE = pa.schema(
    [
        pa.field("person", pa.int64(), metadata={"token": "1"}),
        ("own_case_ids", pa.list_(pa.string())),
        ("cases", pa.int64()),
        ("case_ids", pa.list_(pa.string())),
        ("seconds", pa.int64()),
        ("first_met", INSTANT),
        ("venues", pa.list_(pa.string())),
    ]
)
"""The columns of an answer about people.

`cases` counts distinct persons, and nobody meets himself. `own_case_ids` are the numbers of the cases that
the person himself is: a known case, and perhaps the source. `seconds` is the time with each of the cases,
summed; `first_met` the earliest instant at which a contact met the rule; `venues` the codes of the venues,
sorted.
"""


class _Met(NamedTuple):
    """Contacts of cases that meet the rule: int64[m] each, `case` a position."""

    case: Int64
    person: Int64
    met_us: Int64


def shared_people(
    lake: Lake, cases: Mapping[str, Case], intervals: Sequence[Window], rule: Rule, until_us: int
) -> pa.Table:
    """Find the people whom two or more cases met, each in its interval; cases of one person count as one.

    It is the first tier of a trace in which the intervals stand in for the infectious windows, a case at a
    time.

    Args:
        lake: where.
        cases: by number.
        intervals: one a case.
        rule: what makes a contact.
        until_us: how far the lake reaches; microseconds UTC.

    Returns:
        Columns of `SHARED_PEOPLE`, by most cases, most seconds, person.
    """
    where = network(lake, rule, until_us)
    of_case = np.array([case.person for case in cases.values()], np.int64)
    case_intervals = [
        Intervals(*(np.array([value]) for value in (case.person, interval.start_us, interval.end_us)))
        for case, interval in zip(cases.values(), intervals, strict=True)
    ]
    # Shared people first: seconds and venues cost much more to find than contacts.
    met = _shared(_met(where, rule, case_intervals), of_case)
    if met.person.size == 0:
        return SHARED_PEOPLE.empty_table()
    return _rows(lake, met, list(cases), of_case, *_together(where, case_intervals, met))


def _rows(
    lake: Lake, met: _Met, numbers: list[str], of_case: Int64, seconds: Int64, at: Int64, venue: Int64
) -> pa.Table:
    """Return the rows of the persons met, in the order of the answer."""
    person, row = np.unique(met.person, return_inverse=True)
    by_row, case = distinct_pairs(row, met.case)
    codes = places(lake).codes(venue)
    first_met = np.full(person.size, np.iinfo(np.int64).max)
    # `at`, because a person stands once for each case that he met.
    np.minimum.at(first_met, row, met.met_us)
    columns = [
        column(person),
        _own_case_ids(lake, person),
        column(distinct_per_group(row, of_case[met.case], person.size)),
        lists_of(by_row, pa.array(numbers, pa.string()).take(column(case)), person.size),
        column(seconds),
        column(first_met).cast(INSTANT),
        pa.array([sorted(of_row) for of_row in lists_of(at, codes, person.size).to_pylist()]),
    ]
    by = [("cases", "descending"), ("seconds", "descending"), ("person", "ascending")]
    return pa.table(columns, schema=SHARED_PEOPLE).sort_by(by)


def _met(where: TemporalGraph, rule: Rule, intervals: Sequence[Intervals]) -> _Met:
    """Find all contacts with a case that meet the rule, case by case."""
    parts = [_Met(*(np.empty(0, np.int64) for _ in _Met._fields))]
    for number, interval in enumerate(intervals):
        # A hop of each case by itself: in one trace only the earliest infector of a person would remain.
        if interval.start_us[0] < interval.end_us[0]:
            for hop in hops(where, rule, interval, interval.person, isolation(()), 1):
                parts.append(_Met(np.full(hop.person.size, number), hop.person, hop.exposed_us))
    return _Met(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _shared(met: _Met, of_case: Int64) -> _Met:
    """Keep the contacts of people whom at least two distinct persons with a case met."""
    person, row = np.unique(met.person, return_inverse=True)
    kept = distinct_per_group(row, of_case[met.case], person.size)[row] > 1
    return _Met(*(values[kept] for values in met))


def _together(where: TemporalGraph, intervals: Sequence[Intervals], met: _Met) -> tuple[Int64, Int64, Int64]:
    """Sum the seconds of each person met, by token; also return pairs of a person's position and a venue."""
    person, row = np.unique(met.person, return_inverse=True)
    spent_us = np.zeros(person.size, np.int64)
    at, venue = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    # `met` comes case by case: each case is one run of rows.
    for start in np.flatnonzero(changes(met.case)).tolist():
        of_case = np.flatnonzero(met.case == met.case[start])  # ascending by person, as a hop found them
        interval = intervals[int(met.case[start])]
        via = np.full(of_case.size, interval.person[0])
        came = provenance(where, interval, met.person[of_case], via)
        spent_us[row[of_case]] += came.direct_us + came.indirect_us
        at.append(row[of_case][came.at_pair])
        venue.append(came.at_venue)
    return spent_us // SECOND_US, *distinct_pairs(np.concatenate(at), np.concatenate(venue))


def _own_case_ids(lake: Lake, person: Int64) -> pa.Array:
    """Return the numbers of the cases that each person is."""
    ids: dict[int, list[str]] = {}
    for number, case in sorted(cases_by_id(lake).items()):
        ids.setdefault(case.person, []).append(number)
    return pa.array([ids.get(one, []) for one in person.tolist()], pa.list_(pa.string()))
