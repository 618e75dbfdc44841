"""Who overlapped with a person, where and for how long."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.answer import Answer, started
from pipelines.errors import DataError, UsageError
from pipelines.graph.answer_quality import AnswerQuality, answer_quality
from pipelines.graph.cases import cases_by_id, find_case
from pipelines.graph.from_to import span_between
from pipelines.graph.stays_index import Span, own_stays, rows_beside_stays
from pipelines.lake import Lake, LakeLike, opened
from pipelines.lake.person_tokens import token
from pipelines.linkage.human_lake import human_notes, human_of_one, of_humans
from pipelines.query.connection import connect
from pipelines.query.engine import answer
from pipelines.query.statements import statement
from pipelines.times import MINUTE_US, Instant
from schemas.tables import INSTANT

OVERLAPS = pa.schema(
    [
        pa.field("person", pa.int64(), metadata={"token": "1"}),
        ("venue", pa.string()),
        ("zone", pa.string()),
        ("start", INSTANT),
        ("end", INSTANT),
        ("seconds", pa.int64()),
        ("seconds_imputed", pa.int64()),
    ]
)
"""The columns of an answer: the other's token, the venue's code, the other's zone, and the overlap."""

_MINUTES_AT_MOST = 1e9


@dataclass(frozen=True)
class OverlapRequest:
    """A validated question about overlaps.

    Example:
        >>> OverlapRequest(person=-81985529216486896, min_us=15 * MINUTE_US).span.to_us is None
        True

    Attributes:
        person: token.
        span: overlaps are clipped to it.
        min_us: shorter ones, after clipping, are left out.
        is_case: whether the person was named by a case.
    """

    person: int
    span: Span = field(default_factory=Span)
    min_us: int = 0
    is_case: bool = False


def overlaps(
    lake: LakeLike,
    person: str | int | None = None,
    case: str | None = None,
    *,
    keys: str | Path | None = None,
    from_: Instant | None = None,
    to: Instant | None = None,
    min_minutes: float = 0.0,
    humans: bool = False,
    eager_quality: bool = False,
) -> Answer:
    """Find who overlapped with a person: a row for each of his stays and each other stay that overlaps it.

    Example:
        >>> found = overlaps(lake, "device:an", min_minutes=15)
        >>> found.select(["venue", "seconds", "seconds_imputed"]).to_pylist()
        [{'venue': 'cafe', 'seconds': 5400, 'seconds_imputed': 900}]
        >>> found.quality.share_imputed < 0.2
        True

    Args:
        lake: the lake, or where it lies.
        person: `kind:value`, or a token. Give either `person` or `case`.
        case: the number of a case; its person's whole time counts.
        keys: the folder of the keys, by default `LAKE.keys`; only an identifier needs it.
        from_: overlaps are clipped to what lies at or after it.
        to: and before it; a date alone includes the whole of that local day.
        min_minutes: shorter overlaps, after clipping, are left out.
        humans: count the identifiers that links show to be of one person as one.
        eager_quality: compute the quality at once, on a thread beside the rows.

    Returns:
        Columns of `OVERLAPS`, ordered by start, person, venue, end. Touching stays do not overlap, and nobody
        overlaps with himself. `seconds_imputed` are those that the scans of both stays do not cover.

    Raises:
        UsageError: the question is malformed.
        DataError: there is no such lake or case, or the case has been withdrawn.
        RefusedError: the lake was made with other keys.
    """
    where = of_humans(opened(lake, keys), humans)
    request = overlap_request(where, person, case, keys=keys, from_=from_, to=to, min_minutes=min_minutes)
    quality = started(lambda: _quality(where, request), eager_quality)
    rows = overlap_rows(where, request)
    notes = human_notes(where, rows["person"].to_numpy(), np.array([request.person], np.int64))
    return Answer(rows, tuple(notes), quality)


def overlap_request(
    lake: Lake,
    person: str | int | None = None,
    case: str | None = None,
    *,
    keys: str | Path | None = None,
    from_: Instant | None = None,
    to: Instant | None = None,
    min_minutes: float = 0.0,
) -> OverlapRequest:
    """Validate the arguments of `overlaps`; the same errors."""
    if (person is None) == (case is None):
        raise UsageError("one of --person and --case is needed", "name a person or a case, not both")
    if not (math.isfinite(min_minutes) and 0 <= min_minutes < _MINUTES_AT_MOST):
        raise UsageError("--min-minutes must be a number ≥ 0", "write --min-minutes 15")
    span = span_between(from_, to)
    if case is not None:
        who = find_case(lake, case).person
    else:
        named = person if isinstance(person, int) else token(str(person), keys=keys, lake=lake)
        who = human_of_one(lake, named)
    return OverlapRequest(who, span, round(min_minutes * MINUTE_US), case is not None)


def busiest_case(lake: LakeLike) -> str:
    """Return the number of the case with the most overlaps, the first of equals, as something to look at.

    Cases with neither onset nor sample are passed over, since they have no milestones.

    Example:
        >>> busiest_case(lake)
        'BN-1'

    Args:
        lake: the lake, or where it lies.

    Raises:
        DataError: there is no such lake, or no case in it.
    """
    where = opened(lake)
    counts = {
        number: overlap_rows(where, OverlapRequest(case.person)).num_rows
        for number, case in cases_by_id(where).items()
        if case.times.known
    }
    if not counts:
        raise DataError("the lake holds no case", "bring some in with truyvet run --cases FILE")
    # `max` keeps the first of equals.
    return max(sorted(counts), key=counts.__getitem__)


def overlap_rows(lake: Lake, request: OverlapRequest) -> pa.Table:
    """Compute the rows of `overlaps`: candidates come from the sidecars, DuckDB clips and orders them."""
    own = own_stays(lake, request.person, request.span)
    beside = rows_beside_stays(lake, own, request.person)
    # DuckDB gives plain numbers; the cast makes them times.
    return answer("overlaps", {"beside": beside}, **_limits(request)).cast(OVERLAPS)


def overlap_rows_of_views(lake: Lake, request: OverlapRequest) -> pa.Table:
    """Compute the same rows from the Parquet alone: slower, and what the tests compare with."""
    with connect(lake) as connection:
        limits = {"person": request.person, **_limits(request)}
        rows = connection.sql(statement("overlaps_plain"), params=limits)
        return rows.to_arrow_table().cast(OVERLAPS)


def _quality(lake: Lake, request: OverlapRequest) -> AnswerQuality:
    own = own_stays(lake, request.person, request.span)
    case = np.array([request.person], np.int64) if request.is_case else None
    return answer_quality(lake, np.unique(own.venue), request.span, person=request.person, cases=case)


def _limits(request: OverlapRequest) -> dict[str, Any]:
    span = request.span
    # At least a microsecond: touching is no overlap.
    return {"from_us": span.from_us, "to_us": span.to_us, "min_us": max(1, request.min_us)}
