"""A case's network: persons, venues and times, as a graph of networkx. Tracing itself uses none."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.answer import started
from pipelines.graph.answer_quality import AnswerQuality
from pipelines.graph.cases import cases_by_id, numbers_of
from pipelines.graph.infectious_window import Window
from pipelines.graph.read_stays import read_stays
from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.request import TraceRequest, make_request
from pipelines.graph.tracing.trace import trace_rows
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import Lake, LakeLike, opened, read_table
from pipelines.lake.sidecars.sidecar import Sidecar
from pipelines.linkage.human_lake import HumanLake, human_notes, link_sources, of_humans
from pipelines.registry.venue_names import places
from pipelines.terminal.output import token_text, utc_text
from pipelines.times import EPOCH, Instant
from schemas.rules import DEFAULT_RULE, load_rule
from schemas.tables import STAYS

Row = dict[str, Any]

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # not allowed in XML 1.0
_STAY_COLUMNS = ("person", "venue", "zone", "enter", "exit", "enter_kind", "exit_kind", "stay_id")
_STAY = pa.schema([STAYS.schema.field(name) for name in _STAY_COLUMNS])
_VENUE_COLUMNS = ["venue", "name", "type", "lat", "lon"]


class CaseNetwork(nx.MultiDiGraph):  # type: ignore[misc] # networkx is untyped
    """The graph of `network`, with what must be said beside it.

    Attributes:
        notes: sentences about the question, for people.
        find_quality: computes `quality`.
    """

    notes: tuple[str, ...] = ()
    find_quality: Callable[[], AnswerQuality] | None = None

    @cached_property
    def quality(self) -> AnswerQuality | None:
        """What the trace rests on; computed at first use. A copy or a subgraph has none."""
        return None if self.find_quality is None else self.find_quality()


def network(
    lake: LakeLike,
    case: str,
    rule: str = DEFAULT_RULE,
    *,
    depth: int | None = None,
    until: Instant | None = None,
    humans: bool = False,
    eager_quality: bool = False,
) -> CaseNetwork:
    """Build a case's person–venue–time network under a rule pack, as a networkx graph.

    Nodes are persons, by their token as 16 hexadecimal digits, and venues, by `venue:` and their code.
    Every value is a text, an int or a float, as GraphML and GEXF want it; what is not known is left out;
    times are RFC 3339 in UTC.

    - A person has `kind` person, `label`, `tier` (0 is the case), and if exposed
      `exposed_at`, `via`, `score`; `case_ids` when the person is a case; with `humans`
      `links`, the sources of the links that join several identifiers of the person.
    - A venue has `kind` venue, `label`, `code`, `name`, `venue_type`, `lat`, `lon`, the lowest
      `tier` of the persons there, and `first_at` and `last_at` of their stays.
    - An edge from a person to a venue has `kind` stay, the person's `tier`, `enter`, `exit`,
      `seconds`, `enter_kind`, `exit_kind` and `zone`. There is one for each stay of the case in
      its infectious window, and for each stay that makes a contact of the trace.
    - An edge from a person to a person has `kind` exposure, the `tier` of the one exposed,
      `exposed_at`, `seconds` (together), of these `seconds_indirect` and `seconds_imputed`,
      the `rule`, and `place`, the node of the venue where it began; none for an encounter.

    Example:
        >>> graph = network(lake, "BN-1", "vn-2020-12")
        >>> sorted(kind for _, kind in graph.nodes(data="kind"))
        ['person', 'person', 'venue', 'venue']

    Args:
        lake: the lake, or where it lies.
        case: the number of the case.
        rule: a rule pack, by id or path.
        depth: the last tier; None is the rule's `max_tier`.
        until: how far the question reaches, a date including the whole of that day; None is the lake's last
            instant.
        humans: count the identifiers that links show to be of one person as one.
        eager_quality: compute the quality at once, on a thread beside the graph.

    Returns:
        The graph; of a case that met nobody only its own node and stays. Its attributes repeat the question:
        `case`, `rule`, `depth`, `until`.

    Raises:
        UsageError: the question is malformed, or the rule pack unknown or wrong.
        DataError: there is no such lake or case, it has been withdrawn, or it has neither onset nor sample.
    """
    pack = load_rule(rule)
    where = of_humans(opened(lake), humans)
    request = make_request(where, pack, [case], all_cases=False, depth=depth, until=until)
    quality = started(lambda: request.quality(where), eager_quality)
    graph = _graph(where, numbers_of([case])[0], request)
    graph.notes, graph.find_quality = (*request.notes(), *human_notes(where, _persons(graph))), quality
    return graph


def _persons(graph: CaseNetwork) -> Int64:
    """Return the tokens of the persons of a network."""
    nodes = (node for node, kind in graph.nodes(data="kind") if kind == "person")
    # Sixteen hexadecimal digits are the two's complement of the token.
    return np.array([int.from_bytes(bytes.fromhex(node), "big", signed=True) for node in nodes], np.int64)


def _graph(lake: Lake, number: str, request: TraceRequest) -> CaseNetwork:
    """Build the network of the requested case."""
    (case,) = request.cases
    rows = trace_rows(lake, request)
    (window,) = request.windows()
    stays = _stays(lake, rows, case.person, window, request.until_us)
    graph = CaseNetwork(
        name=f"case {clean(number)}",
        case=clean(number),
        rule=request.rule.id,
        depth=request.depth,
        until=utc_text(EPOCH + dt.timedelta(microseconds=request.until_us)),
    )
    _add_persons(graph, lake, rows, case.person, number)
    _add_venues(graph, lake, stays)
    _add_links(graph, lake)
    _add_stays(graph, stays)
    _add_exposures(graph, rows, stays)
    return graph


def clean(text: str) -> str:
    """Strip the characters that no XML file may hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _stays(lake: Lake, rows: pa.Table, case: int, window: Window, until_us: int) -> list[Row]:
    """Return the stays that make the contacts, and those of the case in its window, by enter."""
    persons = np.unique(np.append(rows["person"].to_numpy(), case))
    wanted = pc.unique(pc.list_flatten(rows["stays"])).to_numpy()

    def keep(columns: Sidecar, row: Int64) -> Bool:
        start_us = np.maximum(columns.enter_us[row], window.start_us)
        own = (columns.person[row] == case) & (start_us < np.minimum(columns.exit_us[row], window.end_us))
        kept: Bool = np.isin(columns.stay_id[row], wanted) | own
        return kept

    # A window that begins after `until` would turn the span around.
    span = Span(min(window.start_us, until_us), until_us)
    found = read_stays(lake, _STAY, persons, span, keep).to_pylist()
    codes = places(lake).codes(np.array([stay["venue"] for stay in found], np.int64)).to_pylist()
    for stay, code in zip(found, codes, strict=True):
        stay["place"] = f"venue:{clean(code)}"
    return sorted(found, key=lambda stay: (stay["enter"], stay["person"], stay["place"]))


def _add_persons(graph: nx.MultiDiGraph, lake: Lake, rows: pa.Table, case: int, number: str) -> None:
    ids: dict[int, list[str]] = {}
    for one, known in sorted(cases_by_id(lake).items()):
        ids.setdefault(known.person, []).append(clean(one))
    _add(graph, token_text(case), kind="person", label=clean(number), tier=0, case_ids=";".join(ids[case]))
    for row in rows.select(["tier", "person", "exposed_at", "via", "score"]).to_pylist():
        token = token_text(row["person"])
        _add(
            graph,
            token,
            kind="person",
            label=token,
            tier=row["tier"],
            exposed_at=utc_text(row["exposed_at"]),
            via=token_text(row["via"]),
            score=row["score"],
            case_ids=";".join(ids.get(row["person"], [])) or None,
        )


def _add_links(graph: CaseNetwork, lake: Lake) -> None:
    """Add to a person of several identifiers which links join them."""
    if isinstance(lake, HumanLake):
        nodes = [node for node, kind in graph.nodes(data="kind") if kind == "person"]
        for node, sources in zip(nodes, link_sources(lake, _persons(graph)).to_pylist(), strict=True):
            _add(graph, node, links=sources)


def _add_venues(graph: nx.MultiDiGraph, lake: Lake, stays: Iterable[Row]) -> None:
    """Add the venues of stays, in the order of the first stay at each."""
    registry = {row["venue"]: row for row in read_table(lake, "venues", _VENUE_COLUMNS).to_pylist()}
    at: dict[str, list[Row]] = {}
    for stay in stays:
        at.setdefault(stay["place"], []).append(stay)
    for place, there in at.items():
        known = registry.get(there[0]["venue"], {})
        code, name = place.removeprefix("venue:"), clean(known.get("name") or "")
        _add(
            graph,
            place,
            kind="venue",
            label=name or code,
            code=code,
            name=name or None,
            venue_type=known.get("type"),
            lat=known.get("lat"),
            lon=known.get("lon"),
            tier=min(graph.nodes[token_text(stay["person"])]["tier"] for stay in there),
            first_at=utc_text(min(stay["enter"] for stay in there)),
            last_at=utc_text(max(stay["exit"] for stay in there)),
        )


def _add_stays(graph: nx.MultiDiGraph, stays: Iterable[Row]) -> None:
    for stay in stays:
        person = token_text(stay["person"])
        values = {
            "kind": "stay",
            "tier": graph.nodes[person]["tier"],
            "enter": utc_text(stay["enter"]),
            "exit": utc_text(stay["exit"]),
            "seconds": int((stay["exit"] - stay["enter"]).total_seconds()),
            "enter_kind": stay["enter_kind"],
            "exit_kind": stay["exit_kind"],
            "zone": None if stay["zone"] is None else clean(stay["zone"]),
        }
        graph.add_edge(person, stay["place"], key=f"stay:{token_text(stay['stay_id'])}", **_known(values))


def _add_exposures(graph: nx.MultiDiGraph, rows: pa.Table, stays: Iterable[Row]) -> None:
    by_person: dict[int, list[Row]] = {}
    for stay in stays:
        by_person.setdefault(stay["person"], []).append(stay)
    for row in rows.to_pylist():
        values = {
            "kind": "exposure",
            "tier": row["tier"],
            "exposed_at": utc_text(row["exposed_at"]),
            "seconds": row["seconds_direct"] + row["seconds_indirect"],
            "seconds_indirect": row["seconds_indirect"],
            "seconds_imputed": row["seconds_imputed"],
            "rule": row["rule"],
            "place": _place(row, by_person),
        }
        person = token_text(row["person"])
        graph.add_edge(token_text(row["via"]), person, key=f"exposure:{person}", **_known(values))


def _place(row: Row, by_person: Mapping[int, list[Row]]) -> str | None:
    """Find the venue at which an exposure began: where the person was, and the infector was or had been."""
    at = row["exposed_at"]
    # An indirect contact begins after the infector has left, so his stay need only have begun.
    before = {stay["place"] for stay in by_person.get(row["via"], []) if stay["enter"] <= at}
    there = [stay for stay in by_person.get(row["person"], []) if stay["enter"] <= at < stay["exit"]]
    return next((stay["place"] for stay in there if stay["place"] in before), None)


def _add(graph: nx.MultiDiGraph, node: str, **values: Any) -> None:
    graph.add_node(node, **_known(values))


def _known(values: Row) -> Row:
    """Drop unknown values: neither GraphML nor GEXF has a null."""
    return {name: value for name, value in values.items() if value is not None}
