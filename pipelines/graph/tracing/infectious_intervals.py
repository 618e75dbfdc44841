"""When each person can pass infection on: cases in, intervals out."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.graph.cases import Case
from pipelines.graph.infectious_window import infectious_window
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, OfNewest, Snapshot, read_table
from pipelines.linkage.human_lake import HumanLake, human_of
from pipelines.times import HOUR_US
from schemas.rules import Rule

_MOST_HOURS = 2.4e7  # a longer latency means "never"; this many hours still fit 64 bits as microseconds


class Intervals(NamedTuple):
    """When persons are infectious.

    Ascending by (person, start); the intervals of one person neither overlap
    nor touch, and none is empty.

    Example:
        >>> intervals = Intervals(np.array([4, 9]), np.array([0, 5]), np.array([10, 15]))
        >>> intervals.of(np.array([9])).end_us.tolist()
        [15]

    Attributes:
        person: int64[n], tokens.
        start_us, end_us: int64[n], microseconds UTC; the interval is [start_us, end_us).
    """

    person: Int64
    start_us: Int64
    end_us: Int64

    def of(self, persons: Int64) -> "Intervals":
        """Return the intervals of some persons; int64[k], ascending."""
        found = np.searchsorted(persons, self.person)
        # Beyond the last one: any position will do, the comparison below rejects it.
        found[found == persons.size] = 0
        chosen = persons[found] == self.person if persons.size else np.zeros(self.person.size, bool)
        return Intervals(*(column[chosen] for column in self))


class Isolation(NamedTuple):
    """The earliest isolation of each person who is a case and was isolated.

    Attributes:
        person: int64[n], tokens, ascending.
        isolated_us: int64[n], microseconds UTC.
    """

    person: Int64
    isolated_us: Int64


def infectious_intervals(cases: Iterable[Case], rule: Rule, until_us: int) -> Intervals:
    """Return the infectious intervals of index cases.

    A person with several cases is infectious in the union of their windows,
    none of which reaches past the earliest of his isolations: an isolation holds
    even if another case of the same person does not mention it.

    Args:
        cases: those asked for, each with an onset or a sample.
        rule: whose `[infectious]` counts.
        until_us: how far the lake, or the question, reaches; microseconds UTC.

    Raises:
        DataError: a case has neither onset nor sample.
    """
    cases = list(cases)
    isolated = isolation(cases)
    isolated_us = dict(zip(isolated.person.tolist(), isolated.isolated_us.tolist(), strict=True))
    windows = sorted(
        (case.person, window.start_us, window.end_us)
        for case in cases
        if not (
            window := infectious_window(
                case.times, rule.infectious, min(until_us, isolated_us.get(case.person, until_us))
            )
        ).empty
    )
    merged: list[tuple[int, int, int]] = []
    for person, start_us, end_us in windows:
        # Touching windows merge too: the intervals of a person must have a gap between them.
        if merged and merged[-1][0] == person and start_us <= merged[-1][2]:
            merged[-1] = (person, merged[-1][1], max(end_us, merged[-1][2]))
        else:
            merged.append((person, start_us, end_us))
    # The shape is for no windows at all. A column of a matrix is strided, and for such arrays
    # kernels would be compiled a second time.
    columns = np.array(merged, np.int64).reshape(-1, 3)
    return Intervals(*(np.ascontiguousarray(column) for column in columns.T))


def isolation(cases: Iterable[Case]) -> Isolation:
    """Return when the persons of cases were isolated: of several isolations of one person the earliest."""
    isolated = [(case.person, case.times.isolated_us) for case in cases if case.times.isolated_us is not None]
    columns = np.array(isolated, np.int64).reshape(-1, 2)
    return _earliest(columns[:, 0], columns[:, 1])


def isolation_in(lake: Lake) -> Isolation:
    """Return the same of all cases of a lake that have not been withdrawn."""
    known = _isolation_of_persons(lake)
    if not isinstance(lake, HumanLake):
        return known
    return _earliest(human_of(lake, known.person), known.isolated_us)


def _isolations(lake: Lake, _newest: Snapshot) -> Isolation:
    rows = read_table(lake, "cases", ["person", "isolated_at", "withdrawn_at"])
    rows = rows.filter(pc.and_(pc.is_null(rows["withdrawn_at"]), pc.is_valid(rows["isolated_at"])))
    return _earliest(rows["person"].to_numpy(), rows["isolated_at"].cast(pa.int64()).to_numpy())


_isolation_of_persons = OfNewest("cases", _isolations)


def _earliest(person: Int64, isolated_us: Int64) -> Isolation:
    order = np.lexsort((isolated_us, person))
    # Of each person the first row, which is the earliest isolation.
    persons, first = np.unique(person[order], return_index=True)
    return Isolation(persons, isolated_us[order][first])


def passing_on(person: Int64, exposed_us: Int64, rule: Rule, isolated: Isolation, until_us: int) -> Intervals:
    """Return when exposed persons are infectious: from exposure and latency to isolation, or to the end.

    Args:
        person: int64[n], tokens, each once.
        exposed_us: int64[n], microseconds UTC.
        rule: whose latency counts.
        isolated: of the persons who are cases.
        until_us: how far the lake, or the question, reaches.
    """
    order = np.argsort(person)
    person = person[order]
    start_us = exposed_us[order] + latency_us(rule)
    end_us = until_isolation(person, isolated, until_us)
    # One who is isolated before the latency is over passes nothing on.
    kept = start_us < end_us
    return Intervals(person[kept], start_us[kept], end_us[kept])


def latency_us(rule: Rule) -> int:
    """Return how long after an exposure somebody begins to be infectious, microseconds."""
    return round(min(rule.chain.latency_hours, _MOST_HOURS) * HOUR_US)


def until_isolation(person: Int64, isolated: Isolation, until_us: int) -> Int64:
    """Return the instant from which each person is isolated, `until_us` at the latest, int64[n]."""
    end_us = np.full(person.size, until_us, np.int64)
    if isolated.person.size:
        found = np.searchsorted(isolated.person, person)
        found[found == isolated.person.size] = 0
        known = isolated.person[found] == person
        end_us[known] = np.minimum(until_us, isolated.isolated_us[found[known]])
    return end_us
