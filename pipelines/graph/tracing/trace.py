"""F1 to Fk of cases under a rule, each row with its provenance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from pipelines.anomalies.doubt import Doubts, doubts_of
from pipelines.answer import Answer, started
from pipelines.errors import UsageError
from pipelines.graph.tracing.infectious_intervals import Intervals, isolation_in
from pipelines.graph.tracing.request import TraceRequest, make_request
from pipelines.graph.tracing.rows import rows_of
from pipelines.graph.tracing.search import Hop, hops
from pipelines.graph.tracing.temporal_graph import TemporalGraph, network
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, LakeLike, opened
from pipelines.linkage.human_lake import HumanLake, human_notes, link_sources, of_humans
from pipelines.times import Instant
from schemas.rules import DEFAULT_RULE, Rule, load_rule

DRAWS_AT_MOST = 1_000


@dataclass(frozen=True)
class Traced:
    """A trace that has been computed, before it becomes rows.

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
    until: Instant | None = None,
    capacity: int | None = None,
    stability: int | None = None,
    humans: bool = False,
    eager_quality: bool = False,
) -> Answer:
    """Find who was exposed by cases, F1 to Fk, under a rule pack.

    Example:
        >>> found = trace(lake, "BN-1", rule="vn-2020-12")
        >>> found.select(["tier", "venues", "seconds_direct"]).to_pylist()
        [{'tier': 1, 'venues': 'cafe', 'seconds_direct': 5400}]
        >>> for line in found.lines():
        ...     print(line.partition(":")[0] if "Bluetooth" in line else line)
        lake version 0, last scan 2021-07-10 20:00:00+07:00
        how many people were exposed is not identifiable from scans
        at the 2 venues concerned 19% of the time in 3 stays is imputed
        0 scans name no registered venue; 0 scan records were rejected

    Args:
        lake: the lake, or where it lies.
        case: the number of a case, or of several.
        rule: a rule pack, by id or path.
        all_cases: every case that has not been withdrawn and has a date.
        depth: the last tier; None is the rule's `max_tier`.
        until: how far the question reaches, a date including the whole of that day; None is the lake's last
            instant.
        capacity: how many calls can be made; None marks none.
        stability: in how many draws to leave out a tenth of the scans, of the visits and of the people;
            None is none.
        humans: count the identifiers that links show to be of one person as one.
        eager_quality: compute the quality at once, on a thread beside the rows.

    Returns:
        Columns of `tracing.rows.TRACE` and `doubt`, ordered by tier, score descending, person; with a
        capacity also `call`; with stability also `stability_scans stability_visits stability_people`,
        the share of draws that keep the row; with `humans` in a lake that holds links also `links`, the
        sources of those that join the identifiers of the person or of `via`. The first trace of a version
        of the lake computes the doubts and keeps them.

    Raises:
        UsageError: the question is malformed, or the rule pack unknown or wrong.
        DataError: there is no such lake or case, it has been withdrawn, or it has neither onset nor sample.
    """
    check_capacity(capacity)
    check_draws(stability)
    where = of_humans(opened(lake), humans)
    # Everything below reads the lake through `where`, so that all of it sees the same tokens.
    request = make_request(where, load_rule(rule), case, all_cases=all_cases, depth=depth, until=until)
    quality = started(lambda: request.list_quality(where), eager_quality)
    traced = run_trace(where, request)
    # Doubts are shown beside a row and never cut the list.
    doubts, said = doubts_of(where)
    rows = rows_of(where, traced.where, request.rule.id, traced.hops, doubts)
    notes = [*request.notes(), *said, *human_notes(where, rows["person"].to_numpy(), request.persons())]
    if capacity is not None:
        rows = with_calls(rows, capacity)
    if stability is not None:
        rows, said = _with_stability(where, traced, rows, request.depth, stability)
        notes.extend(said)
    # The number of rows is known only now; the quality may have been begun before, or never be asked for.
    return Answer(_with_links(where, rows), tuple(notes), lambda: replace(quality(), found=rows.num_rows))


def _with_stability(
    lake: Lake, traced: Traced, rows: pa.Table, depth: int, draws: int
) -> tuple[pa.Table, list[str]]:
    """Add the columns of stability, and say what the list can be expected to lose."""
    # Here and not above: other traces should not wait for the pairing kernels.
    from pipelines.graph.tracing.stability.stability import stability_note, with_stability

    # The same graph, rule and isolation as the trace itself, so that only what is left out differs.
    around = (traced.where, traced.rule, traced.index, traced.cases, isolation_in(lake))
    made = with_stability(lake, rows, *around, depth, draws)
    return made, list(stability_note(made, draws))


def check_draws(draws: int | None) -> None:
    """Refuse a number of draws that cannot be made.

    Raises:
        UsageError: it is not from 1 to `DRAWS_AT_MOST`.
    """
    if draws is not None and not 1 <= draws <= DRAWS_AT_MOST:
        raise UsageError(
            f"--stability must be an integer from 1 to {DRAWS_AT_MOST:,}", "write --stability 20"
        )


def trace_rows(lake: Lake, request: TraceRequest, doubts: Doubts | None = None) -> pa.Table:
    """Compute the rows of `trace` without the statement about them; `doubt` only where doubts are given."""
    return rows_of_traced(lake, run_trace(lake, request), doubts)


def rows_of_traced(lake: Lake, traced: Traced, doubts: Doubts | None = None) -> pa.Table:
    """Make the rows of `trace` of what was found; `doubt` only where doubts are given."""
    return rows_of(lake, traced.where, traced.rule.id, traced.hops, doubts)


def run_trace(lake: Lake, request: TraceRequest) -> Traced:
    """Search the exposed persons of index cases, tier by tier."""
    rule, index, cases = request.rule, request.intervals, request.persons()
    where = network(lake, rule, request.until_us)
    # Isolation is that of all cases in the lake: an F1 may be a case that this trace does not ask for.
    found = hops(where, rule, index, cases, isolation_in(lake), request.depth)
    return Traced(rule, where, cases, index, found)


def _with_links(lake: Lake, rows: pa.Table) -> pa.Table:
    """Add `links`, the sources of the links behind each row, where a lake of humans holds any."""
    if not isinstance(lake, HumanLake) or not lake.links:
        return rows
    # A row rests on the identifiers of both: of the person and of the infector.
    persons = (rows[name].to_numpy() for name in ("person", "via"))
    return rows.append_column("links", link_sources(lake, *persons))


def check_capacity(capacity: int | None) -> None:
    """Refuse a negative number of calls.

    Raises:
        UsageError: it is one.
    """
    if capacity is not None and capacity < 0:
        raise UsageError("--capacity must be an integer ≥ 0", "write how many calls can be made")


def with_calls(rows: pa.Table, capacity: int) -> pa.Table:
    """Add `call`, true for the rows with the highest scores: on whom the calls are best spent.

    Args:
        rows: of `TRACE`; of equal scores the earlier row is called.
        capacity: how many calls can be made, from 0.
    """
    call = np.zeros(rows.num_rows, np.bool_)
    call[np.argsort(-rows["score"].to_numpy(), kind="stable")[:capacity]] = True
    return rows.append_column("call", pa.array(call))
