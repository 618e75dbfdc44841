"""Compare two rules: who is traced under the one, who under the other, and why not under both."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.answer import Answer, started
from pipelines.graph.tracing.infectious_intervals import Intervals, isolation_in, passing_on
from pipelines.graph.tracing.provenance import provenance
from pipelines.graph.tracing.request import TraceRequest, make_request
from pipelines.graph.tracing.trace import Traced, run_trace
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, LakeLike, opened
from pipelines.linkage.human_lake import human_notes, of_humans
from pipelines.times import MINUTE_US, Instant
from schemas.rules import DEFAULT_RULE, load_rule
from schemas.tables import INSTANT

COMPARED = pa.schema(
    [
        ("in", pa.string()),
        pa.field("person", pa.int64(), metadata={"token": "1"}),
        ("tier", pa.int64()),
        ("exposed_at", INSTANT),
        pa.field("via", pa.int64(), metadata={"token": "1"}),
        ("other_tier", pa.int64()),
        ("other_exposed_at", INSTANT),
        pa.field("other_via", pa.int64(), metadata={"token": "1"}),
        ("why", pa.string()),
    ]
)
"""The columns of a comparison: `in` is a rule or `both`; `why` says why the other rule misses the person."""


class ComparedPersons(NamedTuple):
    """The persons of a trace.

    Attributes:
        person: int64[n], tokens, ascending.
        tier: int64[n].
        exposed_us: int64[n], microseconds UTC.
        via: int64[n], tokens.
    """

    person: Int64
    tier: Int64
    exposed_us: Int64
    via: Int64


def compare(
    lake: LakeLike,
    other: str,
    case: str | Sequence[str] = (),
    rule: str = DEFAULT_RULE,
    *,
    all_cases: bool = False,
    depth: int | None = None,
    until: Instant | None = None,
    humans: bool = False,
    eager_quality: bool = False,
) -> Answer:
    """Compare who is traced under two rules, and say why the other rule misses them.

    Example:
        >>> found = compare(lake, "cdc-2020-10", "BN-1", "vn-2020-12")
        >>> found.select(["in", "tier", "other_tier", "why"]).to_pylist()
        [{'in': 'both', 'tier': 1, 'other_tier': 1, 'why': None}]

    Args:
        lake: the lake, or where it lies.
        other: the rule pack to compare with, by id or path.
        case: the number of a case, or of several.
        rule: a rule pack.
        all_cases: every case that has not been withdrawn and has a date.
        depth: the last tier of both; None is that of each.
        until: how far the question reaches, a date including the whole of that day; None is the lake's last
            instant.
        humans: count the identifiers that links show to be of one person as one.
        eager_quality: compute the quality at once, on a thread beside the rows.

    Returns:
        Columns of `COMPARED`: first those who are in under `rule` alone, then those under the other, then
        those under both; by tier, person.

    Raises:
        UsageError, DataError: as of `trace`.
    """
    where = of_humans(opened(lake), humans)
    ours, theirs = (
        make_request(where, load_rule(one), case, all_cases=all_cases, depth=depth, until=until)
        for one in (rule, other)
    )
    quality = started(lambda: ours.quality(where), eager_quality)
    rows = compared_rows(where, ours, theirs)
    notes = (*ours.notes(), *human_notes(where, rows["person"].to_numpy(), ours.persons()))
    return Answer(rows, notes, quality)


def compared_rows(
    lake: Lake, request: TraceRequest, other: TraceRequest, traced: Traced | None = None
) -> pa.Table:
    """Return the rows of `compare` for two requests about the same cases.

    Args:
        lake: where.
        request: under the one rule.
        other: under the other one.
        traced: of `request`, where it has been computed already.
    """
    traces = [traced or run_trace(lake, request), run_trace(lake, other)]
    ours, theirs = map(persons_of, traces)
    depths = request.depth, other.depth
    # Nobody is in both: each side gives the reasons for the people whom it alone has.
    why = {
        **dict(_missing(lake, ours, theirs, traces[0], traces[1], depths[1])),
        **dict(_missing(lake, theirs, ours, traces[1], traces[0], depths[0])),
    }
    return _table(ours, theirs, (request.rule.id, other.rule.id), why)


def persons_of(traced: Traced) -> ComparedPersons:
    """Return everybody in a trace, once, ascending by token."""
    found = [ComparedPersons(*[np.empty(0, np.int64)] * 4)]
    for tier, hop in enumerate(traced.hops, 1):
        person = hop.person[hop.new]
        found.append(
            ComparedPersons(person, np.full(person.size, tier), hop.exposed_us[hop.new], hop.via[hop.new])
        )
    joined = ComparedPersons(*map(np.concatenate, zip(*found, strict=True)))
    return ComparedPersons(*(values[np.argsort(joined.person)] for values in joined))


def _missing(
    lake: Lake, ours: ComparedPersons, theirs: ComparedPersons, mine: Traced, other: Traced, depth: int
) -> Iterator[tuple[int, str]]:
    """Return why the other rule misses the persons that only ours has: (token, reason)."""
    alone = np.flatnonzero(~np.isin(ours.person, theirs.person))
    person, via, tier = (values[alone] for values in (ours.person, ours.via, ours.tier))
    # Under the other rule: when the infectors are infectious, and how much of each contact counts then.
    # In our graph, at the same times, it is as our rule counts it: zones, distances and tails may differ.
    intervals = _infectious(lake, other, theirs)
    together_us = _together_us(other, intervals, person, via)
    as_here_us = _together_us(mine, intervals, person, via)
    # The infector is a case, or traced under the other rule.
    known = np.isin(via, np.concatenate((other.cases, theirs.person)))
    name = other.rule.id
    for row in range(person.size):
        if tier[row] > depth:
            reason = f"tier {tier[row]} is beyond the last one of {name}, {depth}"
        elif not known[row]:
            reason = f"the infector is not in under {name}"
        elif together_us[row]:
            reason = f"{_minutes(together_us[row])} minutes together do not meet {name}"
        elif as_here_us[row]:
            reason = f"the zone, the distance or the time after the infector left does not count under {name}"
        else:
            reason = f"not together while the infector was infectious under {name}"
        yield int(person[row]), reason


def _infectious(lake: Lake, traced: Traced, persons: ComparedPersons) -> Intervals:
    """Compute when the cases and everybody in the trace are infectious under a rule."""
    isolated = isolation_in(lake)
    later = passing_on(persons.person, persons.exposed_us, traced.rule, isolated, traced.where.until_us)
    # Nobody is in both: the people of a trace are no cases. Stable, so intervals stay in order of time.
    joined = [np.concatenate(columns) for columns in zip(traced.index, later, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return Intervals(*(values[order] for values in joined))


def _together_us(traced: Traced, intervals: Intervals, person: Int64, via: Int64) -> Int64:
    """Return how long each person was with his infector as a rule counts it; 0 if that one never infects."""
    together_us = np.zeros(person.size, np.int64)
    known = np.isin(via, intervals.person)
    contacts = provenance(traced.where, intervals, person[known], via[known])
    together_us[known] = contacts.direct_us + contacts.indirect_us
    return together_us


def _table(
    ours: ComparedPersons, theirs: ComparedPersons, rules: tuple[str, str], why: dict[int, str]
) -> pa.Table:
    person = np.union1d(ours.person, theirs.person)
    columns = [_aligned(person, side) for side in (ours, theirs)]
    here, there = (np.isin(person, side.person) for side in (ours, theirs))
    # 0 in ours alone, 1 in theirs alone, 2 in both.
    place = np.where(here & there, 2, np.where(here, 0, 1))
    # The earlier tier of the two; a side that does not have the person has no say.
    tier = np.minimum(
        *(
            np.where(known, table[0], np.iinfo(np.int64).max)
            for known, table in ((here, columns[0]), (there, columns[1]))
        )
    )
    order = np.lexsort((person, tier, place))  # the last key comes first
    names = pa.array([*rules, "both"]).take(column(place))
    values = [names, column(person)]
    for known, (of_tier, exposed_us, via) in ((here, columns[0]), (there, columns[1])):
        mask = ~known
        values += [
            pa.array(of_tier, mask=mask),
            pa.array(exposed_us, mask=mask).cast(INSTANT),
            pa.array(via, mask=mask),
        ]
    values.append(pa.array([why.get(one) for one in person.tolist()], pa.string()))
    return pa.table(values, schema=COMPARED).take(column(order))


def _aligned(person: Int64, side: ComparedPersons) -> tuple[Int64, Int64, Int64]:
    """Return tier, exposure and infector of each person; arbitrary values where he is not in the trace."""
    at = np.minimum(np.searchsorted(side.person, person), max(side.person.size - 1, 0))
    if side.person.size == 0:
        nothing = np.zeros(person.size, np.int64)
        return nothing, nothing, nothing
    return side.tier[at], side.exposed_us[at], side.via[at]


def _minutes(length_us: int) -> str:
    """Minutes to a tenth, cut, for what falls short of a rule must not be rounded up to it.

    >>> _minutes(899_900_000)
    '14.9'
    """
    return f"{length_us // (MINUTE_US // 10) / 10:.1f}"
