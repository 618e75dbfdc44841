"""Why a person is in a trace: the chain of stays that leads there from a case."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.answer import Answer, started
from pipelines.graph.tracing import provenance_kernel as parts
from pipelines.graph.tracing.provenance import parts_of_pair
from pipelines.graph.tracing.request import TraceRequest, make_request
from pipelines.graph.tracing.trace import Traced, run_trace
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, LakeLike, opened
from pipelines.lake.person_tokens import token
from pipelines.linkage.human_lake import HumanLake, human_notes, human_of_one, joins_of, of_humans
from pipelines.registry.venue_names import places
from pipelines.times import SECOND_US, Instant
from schemas.rules import DEFAULT_RULE, load_rule
from schemas.tables import INSTANT

EXPLAINED = pa.schema(
    [
        ("tier", pa.int64()),
        pa.field("via", pa.int64(), metadata={"token": "1"}),
        pa.field("person", pa.int64(), metadata={"token": "1"}),
        ("exposed_at", INSTANT),
        ("contact", pa.string()),
        ("venue", pa.string()),
        ("start", INSTANT),
        ("end", INSTANT),
        ("seconds", pa.int64()),
        ("seconds_imputed", pa.int64()),
        ("via_stay", pa.int64()),
        ("stay", pa.int64()),
    ]
)
"""The columns of an explanation, a row a pair of stays or an encounter.

`contact` is direct, indirect or encounter. Behind these may stand the links by which people of the chain have
several identifiers: `contact` is then the source of the link, `via` and `person` the two identifiers, `start`
and `end` when they were first and last seen together, and `tier` that of the person, 0 for a case.
"""

_TOKEN = re.compile(r"[0-9a-f]{16}")


class Link(NamedTuple):
    """One person of a chain.

    Attributes:
        tier: at which hop he was exposed.
        via: token of his infector.
        person: his token.
        exposed_us: when, microseconds UTC.
    """

    tier: int
    via: int
    person: int
    exposed_us: int


def explain(
    lake: LakeLike,
    person: str | int,
    case: str | Sequence[str] = (),
    rule: str = DEFAULT_RULE,
    *,
    keys: str | Path | None = None,
    all_cases: bool = False,
    depth: int | None = None,
    until: Instant | None = None,
    humans: bool = False,
    eager_quality: bool = False,
) -> Answer:
    """Find the chain of stays that puts a person into a trace.

    Example:
        >>> found = explain(lake, "device:binh", "BN-1", "vn-2020-12")
        >>> found.select(["tier", "venue", "contact", "seconds"]).to_pylist()
        [{'tier': 1, 'venue': 'cafe', 'contact': 'direct', 'seconds': 5400}]

    Args:
        lake: the lake, or where it lies.
        person: `kind:value`, or a token, as a number or as its 16 digits.
        case: the number of a case, or of several.
        rule: a rule pack, by id or path.
        keys: the folder of the keys, by default `LAKE.keys`; only an identifier needs it.
        all_cases: every case that has not been withdrawn and has a date.
        depth: the last tier; None is the rule's `max_tier`.
        until: how far the question reaches, a date including the whole of that day; None is the lake's last
            instant.
        humans: count the identifiers that links show to be of one person as one.
        eager_quality: compute the quality at once, on a thread beside the rows.

    Returns:
        Columns of `EXPLAINED`, ordered by tier, start; links that join identifiers of the chain last; no
        rows for a person who is not in the trace.

    Raises:
        UsageError, DataError, RefusedError: as of `trace` and `token`.
    """
    where = of_humans(opened(lake, keys), humans)
    request = make_request(where, load_rule(rule), case, all_cases=all_cases, depth=depth, until=until)
    who = human_of_one(where, _token_of(where, person, keys))
    quality = started(lambda: request.quality(where), eager_quality)
    traced = run_trace(where, request)
    links = chain(traced, who)
    rows = [_rows(where, traced, link) for link in links]
    table = pa.concat_tables([EXPLAINED.empty_table(), *rows, _joins(where, links)])
    chained = np.array([who, *(link.via for link in links)], np.int64)
    notes = (*_notes(request, who, table), *request.notes(), *human_notes(where, chained))
    return Answer(table, notes, quality)


def _token_of(lake: Lake, person: str | int, keys: str | Path | None) -> int:
    """Resolve a person to a token: a number, 16 hexadecimal digits as rows show it, or an identifier."""
    if isinstance(person, int):
        return person
    if _TOKEN.fullmatch(person):
        # A token is a signed number, and its digits those of the eight bytes.
        return int.from_bytes(bytes.fromhex(person), "big", signed=True)
    return token(person, keys=keys, lake=lake)


def _notes(request: TraceRequest, person: int, rows: pa.Table) -> Iterator[str]:
    """Say why there is no chain."""
    if person in (case.person for case in request.cases):
        yield "this person is one of the cases, not a contact"
    elif not rows.num_rows:
        yield "this person is in no tier of this trace"


def chain(traced: Traced, person: int) -> list[Link]:
    """Return the links from a case to the person, one a hop; none if he is not in the trace.

    A person who is found again at a later hop with an earlier exposure passes infection on from that one:
    so his link is that of the hop just before his contact's.
    """
    links: list[Link] = []
    # Backwards. The first link is of the hop that gave the person his row. The sources of a hop are among
    # those whom the hop before found, new or found again, so from there on every hop has a link.
    for tier in range(len(traced.hops), 0, -1):
        hop = traced.hops[tier - 1]
        wanted = links[-1].via if links else person
        at = int(np.searchsorted(hop.person, wanted))
        found = at < hop.person.size and hop.person[at] == wanted
        if found and (links or hop.new[at]):
            links.append(Link(tier, int(hop.via[at]), wanted, int(hop.exposed_us[at])))
    return links[::-1]


def _rows(lake: Lake, traced: Traced, link: Link) -> pa.Table:
    sources = traced.hops[link.tier - 1].sources
    found = parts_of_pair(traced.where, sources, link.person, link.via)
    # Each part twice: as direct up to DIRECT_TO, and as what comes after. Columns: from, to, seen up to.
    direct = found[:, [parts.FROM, parts.DIRECT_TO, parts.SEEN_TO]]
    added = found[:, [parts.DIRECT_TO, parts.TO, parts.TAIL_SEEN_TO]]
    times, part = np.concatenate((direct, added)), np.tile(np.arange(found.shape[0]), 2)
    met = np.where(found[:, parts.OF_STAYS] == 1, "direct", "encounter")
    kinds = np.concatenate((met, np.full(found.shape[0], "indirect")))
    # Encounters have no tail, and one who came late no direct part: those are empty.
    kept = np.flatnonzero(times[:, 0] < times[:, 1])
    kept = kept[np.argsort(times[kept, 0], kind="stable")]
    return _table(lake, link, times[kept], kinds[kept], found[part[kept]])


def _joins(lake: Lake, links: Sequence[Link]) -> pa.Table:
    """Return a row for each two identifiers that links join, of the people of a chain."""
    tiers = {link.person: link.tier for link in links}
    if not isinstance(lake, HumanLake) or not links:
        return EXPLAINED.empty_table()
    # The first infector is a case and has no link of his own.
    chained = {links[0].via: 0, **tiers}
    joins = joins_of(lake, np.array(list(chained), np.int64))
    rows = joins.num_rows
    values = {
        "tier": pa.array([chained[human] for human in joins["human"].to_pylist()], pa.int64()),
        "via": joins["person_a"],
        "person": joins["person_b"],
        "contact": joins["source"],
        "start": joins["first"],
        "end": joins["last"],
    }
    columns = [values.get(field.name, pa.nulls(rows, field.type)) for field in EXPLAINED]
    return pa.table(columns, schema=EXPLAINED).sort_by([("tier", "ascending"), ("start", "ascending")])


def _table(lake: Lake, link: Link, times: Int64, kinds: np.ndarray, found: Int64) -> pa.Table:
    rows = found.shape[0]
    start_us, end_us, seen_us = (np.ascontiguousarray(times[:, at]) for at in range(3))
    encounter = pa.array(found[:, parts.OF_STAYS] == 0)
    venue, via_stay, stay = (
        np.ascontiguousarray(found[:, at]) for at in (parts.VENUE, parts.OWN_STAY, parts.OTHER_STAY)
    )
    values = [
        column(np.full(rows, link.tier)),
        column(np.full(rows, link.via)),
        column(np.full(rows, link.person)),
        column(np.full(rows, link.exposed_us)).cast(INSTANT),
        pa.array(kinds.tolist(), pa.string()),
        # An encounter has no venue and no stays: the zeros that stand for them become null.
        _null_where(encounter, places(lake).codes(venue)),
        column(start_us).cast(INSTANT),
        column(end_us).cast(INSTANT),
        column((end_us - start_us) // SECOND_US),
        # Where nothing was seen `seen_us` lies before the start.
        column((end_us - np.clip(seen_us, start_us, end_us)) // SECOND_US),
        _null_where(encounter, column(via_stay)),
        _null_where(encounter, column(stay)),
    ]
    return pa.table(values, schema=EXPLAINED)


def _null_where(mask: pa.Array, values: pa.Array) -> pa.Array:
    return pa.compute.if_else(mask, pa.scalar(None, values.type), values)
