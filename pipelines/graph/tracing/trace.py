"""F1 to Fk of cases under a rule, each row with its provenance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.errors import UsageError
from pipelines.graph.cases import Case
from pipelines.graph.tracing.infectious_intervals import Intervals, infectious_intervals, isolation_in
from pipelines.graph.tracing.request import make_request
from pipelines.graph.tracing.rows import rows_of
from pipelines.graph.tracing.search import Hop, hops
from pipelines.graph.tracing.temporal_graph import TemporalGraph, network
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, LakeLike, opened
from schemas.rules import DEFAULT_RULE, Rule, load_rule


@dataclass(frozen=True)
class Traced:
    """A trace that has been made.

    Attributes:
        rule: the rule pack.
        where: the lake under it.
        cases: int64[c], the tokens of the index cases.
        index: when they are infectious.
        hops: a hop a tier.
    """

    rule: Rule
    where: TemporalGraph
    cases: Int64
    index: Intervals
    hops: Sequence[Hop]


def trace(
    lake: LakeLike,
    case: str | Sequence[str] = (),
    rule: str = DEFAULT_RULE,
    *,
    all_cases: bool = False,
    depth: int | None = None,
    until: str | None = None,
    capacity: int | None = None,
) -> pa.Table:
    """Who was exposed by cases, F1 to Fk, under a rule pack.

    Args:
        lake: the lake, or where it lies.
        case: the number of a case, or of several.
        rule: a rule pack, by id or path.
        all_cases: every case that has not been withdrawn and has a date.
        depth: the last tier; None is the rule's `max_tier`.
        until: how far the question reaches; None is the lake's last instant.
        capacity: how many calls can be made; None marks none.

    Returns:
        Columns of `exposure_rows.TRACE`, ordered by tier, score descending, person; with a
        capacity also `call`.

    Raises:
        UsageError: the question is malformed, or the rule pack unknown or wrong.
        DataError: there is no such lake or case, it has been withdrawn, or it
            has neither onset nor sample.
    """
    where = opened(lake)
    named = [case] if isinstance(case, str) else list(case)
    asked = make_request(where, load_rule(rule), named, all_cases=all_cases, depth=depth, until=until)
    rows = trace_rows(where, asked.cases, asked.rule, asked.depth, asked.until_us)
    return rows if capacity is None else with_calls(rows, capacity)


def trace_rows(lake: Lake, cases: Sequence[Case], rule: Rule, depth: int, until_us: int) -> pa.Table:
    """Who was exposed by index cases, tier by tier.

    Args:
        lake: where.
        cases: the index cases, each with an onset or a sample.
        rule: the rule pack.
        depth: the last tier.
        until_us: how far the question reaches; microseconds UTC.

    Returns:
        Columns of `exposure_rows.TRACE`, ordered by tier, score descending, person.
    """
    traced = traced_in(lake, cases, rule, depth, until_us)
    return rows_of(lake, traced.where, rule.id, traced.hops)


def traced_in(lake: Lake, cases: Sequence[Case], rule: Rule, depth: int, until_us: int) -> Traced:
    """The trace that `trace_rows` makes rows of; the same arguments."""
    where = network(lake, rule, until_us)
    index = infectious_intervals(cases, rule, until_us)
    persons = np.array([case.person for case in cases], np.int64)
    isolated = isolation_in(lake)
    return Traced(rule, where, persons, index, hops(where, rule, index, persons, isolated, depth))


def with_calls(rows: pa.Table, capacity: int) -> pa.Table:
    """The rows with `call`, true for those with the highest scores: whom so many calls are best spent on.

    Args:
        rows: of `TRACE`; of equal scores the earlier row is called.
        capacity: how many calls can be made.

    Raises:
        UsageError: fewer than none.
    """
    if capacity < 0:
        raise UsageError("--capacity is no number of calls", "write a whole number from 0")
    call = np.zeros(rows.num_rows, np.bool_)
    call[np.argsort(-rows["score"].to_numpy(), kind="stable")[:capacity]] = True
    return rows.append_column("call", pa.array(call))
