"""The list of a case for a page: as `export` makes it, with nothing opened, joined or written."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.answer import started
from pipelines.export.behind_rows import milestones_of, names_by_code, stays_behind
from pipelines.export.exposure_list import WITHDRAWN, ExposureList, ListSettings
from pipelines.export.list_columns import COLUMNS
from pipelines.export.list_question import listed_cases
from pipelines.export.list_rows import list_rows
from pipelines.export.pages.quality_words import quality_sentences
from pipelines.export.pages.report import MOST_LANES, best_rows
from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.request import make_request
from pipelines.graph.tracing.trace import Traced, rows_of_traced, run_trace, with_calls
from pipelines.lake import Lake, OfNewest, Snapshot, read_table, snapshot
from pipelines.times import Instant
from schemas.rules import load_rule


def list_to_show(
    lake: Lake,
    case: str,
    rule: str,
    settings: ListSettings,
    *,
    depth: int | None = None,
    until: Instant | None = None,
    found: Callable[[Traced], None] | None = None,
) -> ExposureList:
    """Make the list of a case. The caller has written the question into the ledger.

    Args:
        lake: where.
        case: the number of the case.
        rule: a rule pack, by id or path.
        settings: the language and the zone.
        depth: the last tier; None is the rule's.
        until: how far the question reaches; None is the lake's last instant.
        found: is given what was traced, before it becomes rows.

    Raises:
        UsageError, DataError: as of `trace`.
    """
    request = make_request(lake, load_rule(rule), case, all_cases=False, depth=depth, until=until)
    cases = listed_cases(lake, request, case, all_cases=False)
    # On a thread beside the trace, and waited for in `stated`.
    quality = started(lambda: request.list_quality(lake), eager=True)
    searched = run_trace(lake, request)
    # The page keeps what was traced, to draw and compare from it.
    if found is not None:
        found(searched)
    traced = rows_of_traced(lake, searched)
    # No identifiers and no register: a page shows tokens until it is asked to reveal.
    rows = list_rows(traced, cases, names_by_code(lake), settings, request.until_us, {}, {})
    stated = replace(quality(), found=rows.num_rows)
    # Stays of the drawn lanes only; the rest would be read for nothing.
    drawn = best_rows(traced, MOST_LANES)
    persons = np.concatenate([drawn["person"].to_numpy(), drawn["via"].to_numpy()])
    # A page is not kept, so it neither ages nor expires.
    now = dt.datetime.now(dt.UTC)
    return ExposureList(
        rows=rows,
        phones=[""] * rows.num_rows,
        stays=stays_behind(lake, persons, pc.unique(pc.list_flatten(drawn["stays"])).to_numpy(), Span()),
        known_cases=_known_cases(lake),
        milestones=milestones_of(lake, cases),
        withdrawn=WITHDRAWN.empty_table(),
        cases=cases,
        rule=request.rule,
        depth=request.depth,
        until_us=request.until_us,
        lake_version=snapshot(lake, "scans").version,
        created=now,
        expires=now,
        about=list(quality_sentences(stated, rows.num_rows, settings.words, settings.zone)),
        settings=settings,
    )


def _case_persons(lake: Lake, _newest: Snapshot) -> frozenset[int]:
    rows = read_table(lake, "cases", ["person", "withdrawn_at"])
    return frozenset(rows.filter(rows["withdrawn_at"].is_null())["person"].to_pylist())


_known_cases = OfNewest("cases", _case_persons)
"""Tokens of all persons who are a case; a case object for each would cost more than the trace."""


def with_capacity(made: ExposureList, capacity: int | None) -> ExposureList:
    """The list with the calls marked that are worth most, as `export --capacity` marks them."""
    if capacity is None:
        return made
    # The column is made again; `call` of the list is null until a capacity is given.
    rows: pa.Table = with_calls(made.rows.drop_columns(["call"]), capacity).select(COLUMNS.names)
    return replace(made, rows=rows, settings=replace(made.settings, capacity=capacity))
