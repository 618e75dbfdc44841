"""For each row of a list the share of draws that keep it, when scans, visits or people are missing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.infectious_intervals import Intervals, Isolation
from pipelines.graph.tracing.stability.drawn_hops import DrawnHops
from pipelines.graph.tracing.stability.draws import DRAWS_AT_ONCE, Terms
from pipelines.graph.tracing.stability.in_play import THREADS, people_in_play
from pipelines.graph.tracing.stability.scans_in_play import lake_scans
from pipelines.graph.tracing.stability.thinned_units import ThinnedUnits
from pipelines.graph.tracing.stability.thinning import KEPT, UNITS
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Int64
from pipelines.lake import Lake
from pipelines.terminal.progress import add_work, work_done
from schemas.rules import Rule

_STEP = "trace draws"
_NO_TIME = np.empty(0, np.int64)
_SAMPLE = 4_096  # stays that tell well enough when all of them were

PARTS: Final = (16, 8, 4, 2)
"""Of all stays, the last 16th is looked at first, then what else is in the last 8th, and so on."""

COLUMNS = tuple(f"stability_{unit}" for unit in UNITS)


def with_stability(
    lake: Lake,
    rows: pa.Table,
    graph: TemporalGraph,
    rule: Rule,
    index: Intervals,
    cases: Int64,
    isolated: Isolation,
    depth: int,
    draws: int,
    share: tuple[int, int] = KEPT,
    parts: tuple[int, ...] = PARTS,
) -> pa.Table:
    """Add to the rows of a trace the share of draws that still list the person, 0 to 1, by unit.

    Infectors are those of the trace: whom a draw alone would find early enough to pass on, since a stay
    without its `out` may end later, passes on to nobody.

    Args:
        lake: where the scans lie.
        rows: of `TRACE`.
        graph: what was traced through.
        rule: the rule pack.
        index: when the cases are infectious.
        cases: int64[c], their tokens, whom no draw leaves out as people.
        isolated: when people who are cases were isolated.
        depth: the last tier.
        draws: how many.
        share: of keys that a draw keeps, numerator and denominator.
        parts: where people are looked for first; no answer depends on them.

    Returns:
        The rows with `stability_scans stability_visits stability_people` at the end.
    """
    # Without rows nobody may be infectious either, and there would be no time to look at.
    if rows.num_rows == 0:
        for name in COLUMNS:
            rows = rows.append_column(name, pa.array([], pa.float64()))
        return rows
    person = rows["person"].to_numpy()
    people = people_in_play(graph, index, cases, isolated, person, rows["tier"].to_numpy())
    terms = Terms(rule, graph.criteria, depth, graph.until_us)
    spans = _spans(graph, people.from_us(), depth, parts)
    scans = lake_scans(lake)
    counts = np.zeros((len(UNITS), people.persons.size), np.int64)
    add_work(_STEP, draws, "draw")
    with ThreadPoolExecutor(THREADS) as pool:
        # As many as a mask has bits at a time.
        for first in range(0, draws, DRAWS_AT_ONCE):
            some = range(first, min(first + DRAWS_AT_ONCE, draws))
            units = ThinnedUnits(scans, graph, people, some, pool, share)
            counts += np.bitwise_count(DrawnHops(graph, people, terms, units, spans).listed())
            work_done(_STEP, len(some))
    # int64[rows], the position of each row's person: draws count by person.
    rank = np.searchsorted(people.persons, person)
    for name, found in zip(COLUMNS, counts / draws, strict=True):
        rows = rows.append_column(name, pa.array(found[rank]))
    return rows


def stability_note(rows: pa.Table, draws: int) -> Iterator[str]:
    """Say what the list can be expected to lose.

    Args:
        rows: with the columns of `with_stability`.
        draws: how many were made.
    """
    if rows.num_rows:
        lost = [1 - float(np.mean(rows[name].to_numpy())) for name in COLUMNS]
        said = ", ".join(
            f"{share:.1%} with a tenth of the {unit} missing" for unit, share in zip(UNITS, lost, strict=True)
        )
        yield f"of {rows.num_rows:,} rows expect to lose {said} ({draws:,} draws)"


def _spans(graph: TemporalGraph, from_us: int, depth: int, parts: tuple[int, ...]) -> list[tuple[int, int]]:
    """From when to when people are looked for, one span after another; the last is all of the time."""
    whole = (from_us, graph.until_us)
    # Cases alone expose the first tier, early or late.
    if depth == 1:
        return [whole]
    files = graph.files("person", Span(*whole))
    step = max(1, sum(columns.enter_us.size for columns in files) // _SAMPLE)
    enter_us = np.sort(np.concatenate([_NO_TIME, *(columns.enter_us[::step] for columns in files)]))
    enter_us = enter_us[(enter_us > from_us) & (enter_us < graph.until_us)]
    # When the last part of all stays begins, and so on.
    cuts = [int(enter_us[-1 - enter_us.size // part]) for part in parts if enter_us.size >= part]
    # Without a cut the whole would be looked at twice.
    spans = pairwise([graph.until_us, *cuts, from_us]) if cuts else ()
    return [*((before, at) for at, before in spans if before < at), whole]
