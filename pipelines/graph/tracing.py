"""F1 to Fk of cases under a rule, each row with its provenance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.arrays import Int64, dense_rank
from pipelines.columns import column
from pipelines.errors import UsageError
from pipelines.graph.asked import ask
from pipelines.graph.cases import Case, cases_by_id
from pipelines.graph.groups import lists_until
from pipelines.graph.infectious import infectious_intervals, isolation
from pipelines.graph.parts import Contacts
from pipelines.graph.places import places
from pipelines.graph.provenance import provenance
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

_SECONDS = ("seconds_direct", "seconds_indirect", "seconds_imputed")
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
    new = np.flatnonzero(hop.new)
    person, exposed_us, via = hop.person[new], hop.exposed_us[new], hop.via[new]
    came = provenance(where, hop.sources, person, via)
    venues = _venues(lake, came)
    lengths_us = (came.direct_us, came.indirect_us, came.imputed_us)
    score = scores(tier, *lengths_us, venues.weight, exposed_us, where.until_us)
    order = np.argsort(-score, kind="stable")  # of equal scores the smaller person, as they came
    rows = {
        "tier": column(np.full(new.size, tier, np.int64)),
        "person": column(person[order]),
        "exposed_at": column(exposed_us[order]).cast(INSTANT),
        "via": column(via[order]),
        **{name: column(us[order] // _SECOND_US) for name, us in zip(_SECONDS, lengths_us, strict=True)},
        "venues": pc.binary_join(venues.codes.take(column(order)), ";"),
        "rule": pa.repeat(rule.id, new.size),
        "score": pa.array(score[order]),
        "stays": lists_until(came.of_end, column(came.of_stay)).take(column(order)),
    }
    return pa.table(rows, schema=TRACE)


class _Venues(NamedTuple):
    """The venues of each row.

    Attributes:
        codes: list of string, sorted.
        weight: float64, the mean of their weights.
    """

    codes: pa.Array
    weight: npt.NDArray[np.float64]


def _venues(lake: Lake, came: Contacts) -> _Venues:
    number, distinct = dense_rank(came.at_venue)
    codes = places(lake).codes(distinct)
    by_code = pc.sort_indices(codes).to_numpy()
    rank = np.empty(distinct.size, np.int64)
    rank[by_code] = np.arange(distinct.size)
    count = np.diff(came.at_end, prepend=0)
    row = np.repeat(np.arange(count.size), count)
    in_row = np.sort(row * distinct.size + rank[number]) - row * distinct.size
    lists = lists_until(came.at_end, codes.take(column(by_code[in_row])))
    total = np.bincount(row, _weights(lake, distinct)[number], count.size)
    return _Venues(lists, np.where(count == 0, 1.0, total / np.maximum(count, 1)))


def _weights(lake: Lake, venue: Int64) -> npt.NDArray[np.float64]:
    """What each venue weighs; of one that is not registered any more 1."""
    rows = read_table(lake, "venues", ["venue", "type"])
    weights = dict(zip(rows["venue"].to_pylist(), map(WEIGHTS.get, rows["type"].to_pylist()), strict=True))
    return np.array([weights.get(one) or 1.0 for one in venue.tolist()], np.float64)
