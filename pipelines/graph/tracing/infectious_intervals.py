"""When each person can pass infection on: cases in, intervals out."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.graph.cases import Case
from pipelines.graph.infectious_window import infectious_window
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, read_table
from schemas.rules import Rule

_HOUR_US = 3_600_000_000
_HOURS_AT_MOST = 2.4e7  # what a pack may say beyond it means "never" and still fits 64 bits
_NEVER_US = np.iinfo(np.int64).max


class Intervals(NamedTuple):
    """When persons are infectious.

    Ascending by (person, start); a person's intervals neither overlap nor
    touch, and none is empty.

    Attributes:
        person: int64[n], tokens.
        start_us, end_us: int64[n], microseconds UTC; the interval is [start_us, end_us).
    """

    person: Int64
    start_us: Int64
    end_us: Int64

    def of(self, persons: Int64) -> "Intervals":
        """The intervals of some persons; int64[k], ascending."""
        found = np.searchsorted(persons, self.person)
        found[found == persons.size] = 0
        chosen = persons[found] == self.person if persons.size else np.zeros(self.person.size, bool)
        return Intervals(*(column[chosen] for column in self))


class Isolation(NamedTuple):
    """When persons who are cases were isolated.

    Attributes:
        person: int64[n], tokens, ascending.
        isolated_us: int64[n], microseconds UTC.
    """

    person: Int64
    isolated_us: Int64


def infectious_intervals(cases: Iterable[Case], rule: Rule, until_us: int) -> Intervals:
    """The infectious intervals of index cases: of each person the union of the windows of his cases.

    Args:
        cases: those asked for, each with an onset or a sample.
        rule: whose `[infectious]` counts.
        until_us: how far the lake, or the question, reaches; microseconds UTC.

    Raises:
        DataError: a case has neither onset nor sample.
    """
    windows = sorted(
        (case.person, window.start_us, window.end_us)
        for case in cases
        if not (window := infectious_window(case.times, rule.infectious, until_us)).empty
    )
    merged: list[tuple[int, int, int]] = []
    for person, start_us, end_us in windows:
        if merged and merged[-1][0] == person and start_us <= merged[-1][2]:
            merged[-1] = (person, merged[-1][1], max(end_us, merged[-1][2]))
        else:
            merged.append((person, start_us, end_us))
    columns = np.array(merged, np.int64).reshape(-1, 3)
    return Intervals(*(np.ascontiguousarray(column) for column in columns.T))


def isolation(cases: Iterable[Case]) -> Isolation:
    """When the persons of all cases were isolated for good.

    A person with several cases is infectious in the union of their intervals,
    so until the last of their isolations; with one that has none he was never.
    """
    known = [
        (case.person, _NEVER_US if case.times.isolated_us is None else case.times.isolated_us)
        for case in cases
    ]
    columns = np.array(known, np.int64).reshape(-1, 2)
    return _last_isolation(columns[:, 0], columns[:, 1])


def isolation_in(lake: Lake) -> Isolation:
    """The same of all cases of a lake that have not been withdrawn."""
    rows = read_table(lake, "cases", ["person", "isolated_at", "withdrawn_at"])
    rows = rows.filter(pc.is_null(rows["withdrawn_at"]))
    isolated_us = pc.fill_null(rows["isolated_at"].cast(pa.int64()), _NEVER_US)
    return _last_isolation(rows["person"].to_numpy(), isolated_us.to_numpy())


def _last_isolation(person: Int64, isolated_us: Int64) -> Isolation:
    order = np.argsort(person, kind="stable")
    persons, first = np.unique(person[order], return_index=True)
    last_us = np.maximum.reduceat(isolated_us[order], first) if persons.size else np.empty(0, np.int64)
    known = last_us < _NEVER_US
    return Isolation(persons[known], last_us[known])


def passing_on(person: Int64, exposed_us: Int64, rule: Rule, isolated: Isolation, until_us: int) -> Intervals:
    """When exposed persons pass infection on: from `exposed_us` and the latency to isolation, or to the end.

    Args:
        person: int64[n], tokens, each once.
        exposed_us: int64[n], microseconds UTC.
        rule: whose latency counts.
        isolated: of the persons who are cases.
        until_us: how far the lake, or the question, reaches.
    """
    order = np.argsort(person)
    person = person[order]
    start_us = exposed_us[order] + round(min(rule.chain.latency_hours, _HOURS_AT_MOST) * _HOUR_US)
    end_us = np.full(person.size, until_us, np.int64)
    if isolated.person.size:
        found = np.searchsorted(isolated.person, person)
        found[found == isolated.person.size] = 0
        known = isolated.person[found] == person
        end_us[known] = np.minimum(until_us, isolated.isolated_us[found[known]])
    kept = start_us < end_us
    return Intervals(person[kept], start_us[kept], end_us[kept])
