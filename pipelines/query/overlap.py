"""Who overlapped with a person, where and for how long."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.errors import DataError, UsageError
from pipelines.graph.cases import cases_by_id, find_case
from pipelines.graph.stays_index import Span, own_stays, rows_beside_stays
from pipelines.lake import Lake, LakeLike, opened
from pipelines.lake.person_tokens import token
from pipelines.query.connection import connect
from pipelines.query.engine import answer
from pipelines.query.statements import statement
from pipelines.times import MINUTE_US, Instant, instant_us
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


@dataclass(frozen=True)
class OverlapRequest:
    """Whose overlaps are wanted, and which.

    Attributes:
        person: token.
        span: overlaps are clipped to it.
        min_us: shorter ones, after clipping, are left out.
    """

    person: int
    span: Span = field(default_factory=Span)
    min_us: int = 0


def overlaps(
    lake: LakeLike,
    person: str | int | None = None,
    case: str | None = None,
    *,
    keys: str | Path | None = None,
    from_: Instant | None = None,
    to: Instant | None = None,
    min_minutes: float = 0.0,
) -> pa.Table:
    """Who overlapped with a person: a row for each of his stays and each other stay that overlaps it.

    Args:
        lake: the lake, or where it lies.
        person: `kind:value`, or a token. One of `person` and `case` is given.
        case: the number of a case; its person's whole time counts.
        keys: the folder of the keys, by default `LAKE.keys`; only an identifier needs it.
        from_: overlaps are clipped to what lies at or after it.
        to: and before it.
        min_minutes: shorter overlaps, after clipping, are left out.

    Returns:
        Columns of `OVERLAPS`, ordered by start, person, venue, end. Touching
        stays do not overlap, and nobody overlaps with himself.
        `seconds_imputed` are those not covered by what was seen of both stays.

    Raises:
        UsageError: the question is malformed.
        DataError: there is no such lake or case, or the case has been withdrawn.
        RefusedError: the lake was made with other keys.
    """
    where = opened(lake)
    asked = question(where, person, case, keys=keys, from_=from_, to=to, min_minutes=min_minutes)
    return find_overlaps(where, asked)


def question(
    lake: Lake,
    person: str | int | None = None,
    case: str | None = None,
    *,
    keys: str | Path | None = None,
    from_: Instant | None = None,
    to: Instant | None = None,
    min_minutes: float = 0.0,
) -> OverlapRequest:
    """What the arguments of `overlaps` ask for; the same errors."""
    if (person is None) == (case is None):
        raise UsageError("one of --person and --case is needed", "name a person or a case, not both")
    if not (math.isfinite(min_minutes) and 0 <= min_minutes < 1e9):
        raise UsageError("--min-minutes is no number from 0", "write --min-minutes 15")
    span = Span(instant_us(from_, "--from"), instant_us(to, "--to"))
    if span.begins_at() > span.ends_at():
        raise UsageError("--from lies after --to", "exchange them")
    if case is not None:
        found = find_case(lake, case).person
    else:
        found = person if isinstance(person, int) else token(str(person), keys=keys, lake=lake)
    return OverlapRequest(found, span, round(min_minutes * MINUTE_US))


def busiest_case(lake: LakeLike) -> str:
    """The number of the case with the most overlaps, the first of equals: something to look at.

    Cases with neither onset nor sample are passed over, since they have no milestones.

    Raises:
        DataError: there is no such lake, or no case in it.
    """
    where = opened(lake)
    counts = {
        number: find_overlaps(where, OverlapRequest(case.person)).num_rows
        for number, case in cases_by_id(where).items()
        if case.times.known
    }
    if not counts:
        raise DataError("the lake holds no case", "bring some in with truyvet run --cases FILE")
    return max(sorted(counts), key=counts.__getitem__)


def find_overlaps(lake: Lake, asked: OverlapRequest) -> pa.Table:
    """The overlaps asked for: few rows out of the sidecars, and DuckDB over those."""
    own = own_stays(lake, asked.person, asked.span)
    beside = rows_beside_stays(lake, own, asked.person)
    return answer("overlaps", {"beside": beside}, **_limits(asked)).cast(OVERLAPS)


def find_overlaps_in_parquet(lake: Lake, asked: OverlapRequest) -> pa.Table:
    """The same rows from the Parquet alone: slower, and what the tests compare with."""
    with connect(lake) as connection:
        rows = connection.sql(statement("overlaps_plain"), params={"person": asked.person, **_limits(asked)})
        return rows.to_arrow_table().cast(OVERLAPS)


def _limits(asked: OverlapRequest) -> dict[str, Any]:
    return {"from_us": asked.span.from_us, "to_us": asked.span.to_us, "min_us": max(1, asked.min_us)}
