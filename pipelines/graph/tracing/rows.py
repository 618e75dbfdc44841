"""The rows of a trace: exposed people, each with the contact that exposed them, and a score."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.anomalies.doubt import Doubts, doubt_texts
from pipelines.anomalies.flag_definitions import PERSON, STAY, VENUE
from pipelines.graph.tracing.provenance import provenance
from pipelines.graph.tracing.provenance_kernel import PairTotals
from pipelines.graph.tracing.score import WEIGHTS, scores
from pipelines.graph.tracing.search import Hop
from pipelines.graph.tracing.symptoms import (
    FirstDeclarations,
    Symptomatic,
    first_declarations,
    symptomatic_declarations,
)
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.group_by import lists_until
from pipelines.kernels.sort import dense_rank, order_of
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import Lake, read_table
from pipelines.registry.venue_names import places
from pipelines.times import SECOND_US
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
        ("last_contact", INSTANT),
        ("stays", pa.list_(pa.int64())),
        ("symptoms", pa.string()),
        ("declared_at", INSTANT),
    ]
)
"""The columns of an answer.

`last_contact` is the end of the latest contact with anybody who could pass
infection on at that hop. The other measures are of the contact with `via`
alone; `stays` are the ids of both people's stays that make it. `symptoms` and
`declared_at` are those of a symptomatic contact's first symptomatic declaration.
"""

DOUBT_FIELD = pa.field("doubt", pa.string())
"""The flags of the venues, persons and devices of a row's stays, sorted, joined by `;`; empty without one."""

_SECONDS = ("seconds_direct", "seconds_indirect", "seconds_imputed")


def rows_of(
    lake: Lake, graph: TemporalGraph, rule: str, found: Sequence[Hop], doubts: Doubts | None = None
) -> pa.Table:
    """Return the rows of what hops have found.

    Args:
        lake: where the registry lies.
        graph: what was traced through.
        rule: what the rows call the rule.
        found: a hop a tier.
        doubts: the flags of the lake; without them the rows have no `doubt`.

    Returns:
        columns of `TRACE`, and `doubt`, ordered by tier, score descending, person.
    """
    declared = symptomatic_declarations(lake)
    schema = TRACE if doubts is None else TRACE.append(DOUBT_FIELD)
    parts = [
        _rows_of_hop(lake, graph, rule, tier, hop, declared, doubts) for tier, hop in enumerate(found, 1)
    ]
    return pa.concat_tables([schema.empty_table(), *parts])


def _rows_of_hop(
    lake: Lake,
    graph: TemporalGraph,
    rule: str,
    tier: int,
    hop: Hop,
    declared: Symptomatic,
    doubts: Doubts | None,
) -> pa.Table:
    # Who was found again keeps the row of the earlier hop.
    new = np.flatnonzero(hop.new)
    person, exposed_us, via = hop.person[new], hop.exposed_us[new], hop.via[new]
    # Of new people only, and with `via` alone: nobody else's contact is measured.
    contact = provenance(graph, hop.sources, person, via)
    venues = _venues(lake, contact)
    lengths_us = (contact.direct_us, contact.indirect_us, contact.imputed_us)
    # `person` ascends here; the rows are put into the order of the answer at the end.
    ill = first_declarations(declared, person, exposed_us, graph.until_us)
    score = scores(tier, *lengths_us, venues.weight, exposed_us, graph.until_us, _is_symptomatic(ill))
    # Stable: ties keep ascending token order. Floats that are not negative sort as their bits do.
    order = order_of(-score.view(np.int64))
    rows = {
        "tier": column(np.full(new.size, tier, np.int64)),
        "person": column(person[order]),
        "exposed_at": column(exposed_us[order]).cast(INSTANT),
        "via": column(via[order]),
        # Cut to whole seconds one by one, so their sum may fall short of the whole.
        **{name: column(us[order] // SECOND_US) for name, us in zip(_SECONDS, lengths_us, strict=True)},
        "venues": pc.binary_join(venues.codes.take(column(order)), ";"),
        "rule": pa.repeat(rule, new.size),
        "score": pa.array(score[order]),
        "last_contact": column(hop.last_us[new][order]).cast(INSTANT),
        "stays": lists_until(contact.of_end, column(contact.of_stay)).take(column(order)),
        "symptoms": ill.symptoms.take(column(order)),
        "declared_at": ill.declared_at.take(column(order)),
    }
    if doubts is None:
        return pa.table(rows, schema=TRACE)
    rows["doubt"] = doubt_texts(_doubt(doubts, person, via, contact)[order])
    return pa.table(rows, schema=TRACE.append(DOUBT_FIELD))


def _doubt(doubts: Doubts, person: Int64, via: Int64, contact: PairTotals) -> Int64:
    """Return the flags behind each row; an encounter alone has no stay that could be doubted."""
    stays = np.diff(contact.of_end, prepend=0)
    # int64[n], a bit a flag.
    bits = np.where(stays > 0, doubts.of(PERSON, person) | doubts.of(PERSON, via), 0)
    # `at` sets the bits of all entries of a row; assignment by index would keep those of the last one.
    np.bitwise_or.at(bits, contact.at_pair, doubts.of(VENUE, contact.at_venue))
    np.bitwise_or.at(bits, np.repeat(np.arange(stays.size), stays), doubts.of(STAY, contact.of_stay))
    return bits


def _is_symptomatic(ill: FirstDeclarations) -> Bool | None:
    """Return who declared a symptom; None where nobody did, so that no score needs to be doubled."""
    if ill.symptoms.null_count == len(ill.symptoms):
        return None
    found: Bool = ill.symptoms.is_valid().to_numpy(zero_copy_only=False)
    return found


class _Venues(NamedTuple):
    """The venues of each row.

    Attributes:
        codes: list of string, sorted.
        weight: float64[n], the mean of the venues' weights.
    """

    codes: pa.Array
    weight: npt.NDArray[np.float64]


def _venues(lake: Lake, contact: PairTotals) -> _Venues:
    number, distinct = dense_rank(contact.at_venue)
    codes = places(lake).codes(distinct)
    # Venues come by id and the text wants them by code: `rank` is the place of each among the codes.
    by_code = pc.sort_indices(codes).to_numpy()
    rank = np.empty(distinct.size, np.int64)
    rank[by_code] = np.arange(distinct.size)
    count = np.diff(contact.at_end, prepend=0)
    row = np.repeat(np.arange(count.size), count)
    # Sorted by (row, rank) as one number; the rows ascend already.
    in_row = np.sort(row * distinct.size + rank[number]) - row * distinct.size
    lists = lists_until(contact.at_end, codes.take(column(by_code[in_row])))
    total = np.bincount(row, _weights(lake, distinct)[number], count.size)
    # Encounters alone have no venue, and weigh 1.
    return _Venues(lists, np.where(count == 0, 1.0, total / np.maximum(count, 1)))


def _weights(lake: Lake, venue: Int64) -> npt.NDArray[np.float64]:
    """Return the weight of each venue; 1 for one that has left the registry."""
    rows = read_table(lake, "venues", ["venue", "type"])
    weights = dict(zip(rows["venue"].to_pylist(), map(WEIGHTS.get, rows["type"].to_pylist()), strict=True))
    # `get` gives None for a type without a weight, and for a venue that is not registered.
    return np.array([weights.get(one) or 1.0 for one in venue.tolist()], np.float64)
