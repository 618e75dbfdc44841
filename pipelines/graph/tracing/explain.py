"""Why a person is in a trace: the chain of stays that leads there from a case."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.graph.tracing import provenance_kernel as parts
from pipelines.graph.tracing.provenance import parts_of_pair
from pipelines.graph.tracing.request import make_request
from pipelines.graph.tracing.trace import Traced, traced_in
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, LakeLike, opened
from pipelines.lake.person_tokens import token
from pipelines.registry.venue_names import places
from pipelines.times import SECOND_US
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

`contact` is direct, indirect or encounter.
"""

_TOKEN = re.compile(r"[0-9a-f]{16}")


class Link(NamedTuple):
    """A person of a chain: at which hop, by whom and when he was exposed."""

    tier: int
    via: int
    person: int
    exposed_us: int


def explain(
    lake: LakeLike,
    person: str | int,
    case: str | list[str],
    rule: str = DEFAULT_RULE,
    *,
    keys: str | Path | None = None,
    depth: int | None = None,
    until: str | None = None,
) -> pa.Table:
    """The chain of stays that puts a person into a trace.

    Args:
        lake: the lake, or where it lies.
        person: `kind:value`, or a token, as a number or as its 16 digits.
        case: the number of a case, or of several.
        rule: a rule pack, by id or path.
        keys: the folder of the keys, by default `LAKE.keys`; only an identifier needs it.
        depth: the last tier; None is the rule's `max_tier`.
        until: how far the question reaches; None is the lake's last instant.

    Returns:
        Columns of `EXPLAINED`, ordered by tier, start; no rows for a person who is not in.

    Raises:
        UsageError, DataError, RefusedError: as of `trace` and `token`.
    """
    where = opened(lake, keys)
    named = [case] if isinstance(case, str) else list(case)
    asked = make_request(where, load_rule(rule), named, all_cases=False, depth=depth, until=until)
    traced = traced_in(where, asked.cases, asked.rule, asked.depth, asked.until_us)
    return explained(where, traced, token_of(where, person, keys))


def token_of(lake: Lake, person: str | int, keys: str | Path | None) -> int:
    """The token that is meant: a number, 16 hexadecimal digits as rows show it, or an identifier's."""
    if isinstance(person, int):
        return person
    if _TOKEN.fullmatch(person):
        return int.from_bytes(bytes.fromhex(person), "big", signed=True)
    return token(person, keys=keys, lake=lake)


def explained(lake: Lake, traced: Traced, person: int) -> pa.Table:
    """The rows of `explain` for a trace that has been made."""
    rows = [_rows(lake, traced, link) for link in chain(traced, person)]
    return pa.concat_tables([EXPLAINED.empty_table(), *rows])


def chain(traced: Traced, person: int) -> list[Link]:
    """From a case to the person, a link a hop; none if he is not in.

    A person found again at a later hop with an earlier exposure passes
    infection on from that: his link is the one of the hop before the next.
    """
    links: list[Link] = []
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
    direct = found[:, [parts.FROM, parts.DIRECT_TO, parts.SEEN_TO]]
    added = found[:, [parts.DIRECT_TO, parts.TO, parts.TAIL_SEEN_TO]]
    times, part = np.concatenate((direct, added)), np.tile(np.arange(found.shape[0]), 2)
    met = np.where(found[:, parts.OF_STAYS] == 1, "direct", "encounter")
    kinds = np.concatenate((met, np.full(found.shape[0], "indirect")))
    kept = np.flatnonzero(times[:, 0] < times[:, 1])
    kept = kept[np.argsort(times[kept, 0], kind="stable")]
    return _table(lake, link, times[kept], kinds[kept], found[part[kept]])


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
        _null_where(encounter, places(lake).codes(venue)),
        column(start_us).cast(INSTANT),
        column(end_us).cast(INSTANT),
        column((end_us - start_us) // SECOND_US),
        column((end_us - np.clip(seen_us, start_us, end_us)) // SECOND_US),
        _null_where(encounter, column(via_stay)),
        _null_where(encounter, column(stay)),
    ]
    return pa.table(values, schema=EXPLAINED)


def _null_where(mask: pa.Array, values: pa.Array) -> pa.Array:
    return pa.compute.if_else(mask, pa.scalar(None, values.type), values)
