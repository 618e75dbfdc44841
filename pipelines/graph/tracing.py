"""F1 to Fk of cases under a rule, each row with its provenance."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import Int64
from pipelines.columns import column
from pipelines.errors import UsageError
from pipelines.graph.asked import ask
from pipelines.graph.cases import Case, cases_by_id
from pipelines.graph.groups import lists_of
from pipelines.graph.infectious import infectious_intervals, isolation
from pipelines.graph.places import places
from pipelines.graph.provenance import Provenance, provenance
from pipelines.graph.score import WEIGHTS, scores
from pipelines.graph.tiers import Hop, hops
from pipelines.graph.under_rule import Network, network
from pipelines.lake import Lake, LakeLike, opened, read_table
from schemas.rules import DEFAULT_RULE, Rule, load_rule
from schemas.tables import INSTANT

TRACE = pa.schema(
    [
        ("tier", pa.int64()),
        pa.field("person", pa.int64(), metadata={"token": "1"}),
        ("exposed_at", INSTANT),
        pa.field("via", pa.int64(), metadata={"token": "1"}),
        ("seconds_direct", pa.int64()),
        ("seconds_indirect", pa.int64()),
        ("seconds_imputed", pa.int64()),
        ("venues", pa.string()),
        ("rule", pa.string()),
        ("score", pa.float64()),
        ("stays", pa.list_(pa.int64())),
    ]
)
"""The columns of an answer: `stays` are the ids of both persons' stays that make the contact."""

_SECOND_US = 1_000_000


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
        Columns of `TRACE`, ordered by tier, score descending, person; with a
        capacity also `call`.

    Raises:
        UsageError: the question is malformed, or the rule pack unknown or wrong.
        DataError: there is no such lake or case, it has been withdrawn, or it
            has neither onset nor sample.
    """
    where = opened(lake)
    named = [case] if isinstance(case, str) else list(case)
    asked = ask(where, load_rule(rule), named, all_cases=all_cases, depth=depth, until=until)
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
        Columns of `TRACE`, ordered by tier, score descending, person.
    """
    where = network(lake, rule, until_us)
    index = infectious_intervals(cases, rule, until_us)
    isolated = isolation(cases_by_id(lake).values())
    persons = np.array([case.person for case in cases], np.int64)
    found = hops(where, rule, index, persons, isolated, depth)
    return rows_of(lake, where, rule, found)


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


def rows_of(lake: Lake, where: Network, rule: Rule, found: Sequence[Hop]) -> pa.Table:
    """The rows of what hops have found."""
    parts = [_rows_of_hop(lake, where, rule, tier, hop) for tier, hop in enumerate(found, 1)]
    return pa.concat_tables([TRACE.empty_table(), *parts])


def _rows_of_hop(lake: Lake, where: Network, rule: Rule, tier: int, hop: Hop) -> pa.Table:
    person, exposed_us, via = hop.person[hop.new], hop.exposed_us[hop.new], hop.via[hop.new]
    came = provenance(where, hop.sources, person, via)
    venues, weight = _venues(lake, came, person.size)
    tiers = np.full(person.size, tier, np.int64)
    times_us = (came.direct_us, came.indirect_us, came.imputed_us)
    score = scores(tiers, *times_us, weight, exposed_us, where.until_us)
    order = np.lexsort((person, -score))
    rows = {
        "tier": column(tiers),
        "person": column(person),
        "exposed_at": column(exposed_us).cast(INSTANT),
        "via": column(via),
        "seconds_direct": column(came.direct_us // _SECOND_US),
        "seconds_indirect": column(came.indirect_us // _SECOND_US),
        "seconds_imputed": column(came.imputed_us // _SECOND_US),
        "venues": venues,
        "rule": pa.repeat(rule.id, person.size),
        "score": pa.array(score),
        "stays": lists_of(came.of_pair, column(came.of_stay), person.size),
    }
    return pa.table(rows, schema=TRACE).take(column(order))


def _venues(lake: Lake, came: Provenance, rows: int) -> tuple[pa.Array, npt.NDArray[np.float64]]:
    """The codes of each row's venues, sorted and joined, and the mean of the venues' weights."""
    distinct, number = np.unique(came.at_venue, return_inverse=True)
    codes = places(lake).codes(distinct)
    rank = np.empty(distinct.size, np.int64)
    by_code = pc.sort_indices(codes).to_numpy()
    rank[by_code] = np.arange(distinct.size)
    order = np.lexsort((rank[number], came.at_pair))
    lists = lists_of(came.at_pair, codes.take(column(number[order])), rows)
    weights = _weights(lake, distinct)[number]
    count = np.bincount(came.at_pair, minlength=rows)
    total = np.bincount(came.at_pair, weights, rows)
    return pc.binary_join(lists, ";"), np.where(count == 0, 1.0, total / np.maximum(count, 1))


def _weights(lake: Lake, venue: Int64) -> npt.NDArray[np.float64]:
    rows = read_table(lake, "venues", ["venue", "type"])
    weights = dict(zip(rows["venue"].to_pylist(), map(WEIGHTS.get, rows["type"].to_pylist()), strict=True))
    return np.array([weights.get(one) or 1.0 for one in venue.tolist()], np.float64)
