"""What an answer of `overlaps` rests on."""

from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from pipelines.graph.answer_basis import SECOND_US, Basis, versions
from pipelines.graph.row_ranges import rows_between
from pipelines.graph.stays_index import Span, live_files, own_stays, sidecars
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, LakeLike, opened, read_table
from pipelines.query.overlap import OverlapRequest, question
from pipelines.registry.unregistered_scans import count_unregistered
from pipelines.times import Instant


def basis_of(
    lake: LakeLike,
    person: str | int | None = None,
    case: str | None = None,
    *,
    keys: str | Path | None = None,
    from_: Instant | None = None,
    to: Instant | None = None,
) -> Basis:
    """What the answer of `overlaps` to the same arguments rests on; the same errors."""
    where = opened(lake, keys)
    return find_basis(where, question(where, person, case, keys=keys, from_=from_, to=to))


def find_basis(lake: Lake, asked: OverlapRequest) -> Basis:
    """What the answer to a question rests on."""
    own = own_stays(lake, asked.person, asked.span)
    venues = np.unique(own.venue)
    span = asked.span
    unregistered, own_unregistered = count_unregistered(lake, span.begins_at(), span.ends_at(), asked.person)
    return Basis(
        *versions(lake),
        venues.size,
        *_stays_at(lake, venues, span),
        unregistered,
        own_unregistered,
        _rejected(lake),
    )


def _stays_at(lake: Lake, venues: Int64, span: Span) -> tuple[int, int, int]:
    """Stays at some venues in a span: how many, their seconds, and those imputed."""
    count = total_us = unseen_us = 0
    if venues.size == 0:
        return 0, 0, 0
    for columns in sidecars(live_files(lake, "venue", span, venues)):
        rows = rows_between(*columns.rows_of(venues))
        start = np.maximum(columns.enter_us[rows], span.begins_at())
        end = np.minimum(columns.exit_us[rows], span.ends_at())
        unseen_from = np.clip(columns.imputed_from_us[rows], start, np.maximum(start, end))
        inside = end > start
        count += int(inside.sum())
        total_us += int((end - start)[inside].sum())
        unseen_us += int((end - unseen_from)[inside].sum())
    return count, total_us // SECOND_US, unseen_us // SECOND_US


def _rejected(lake: Lake) -> int:
    sources = read_table(lake, "rejects", ["source"])["source"]
    return int(pc.sum(pc.equal(sources, "scans")).as_py() or 0)
