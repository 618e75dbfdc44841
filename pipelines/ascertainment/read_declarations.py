"""Read health declarations of a span of time."""

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.graph.stays_index import Span
from pipelines.lake import Lake, read_live_file, snapshot
from pipelines.times import DAY_US, day_number
from schemas.tables import DECLARATIONS


def read_declarations(lake: Lake, columns: Sequence[str], span: Span) -> pa.Table:
    """Return the declarations made in a span.

    Args:
        lake: where.
        columns: those wanted.
        span: the time of `declared_at`; only the files of its UTC days are read.

    Returns:
        The columns wanted, then `declared_us`, microseconds UTC.
    """
    names = list(dict.fromkeys([*columns, "declared_at"]))
    schema = pa.schema([DECLARATIONS.schema.field(name) for name in names])
    parts = [
        read_live_file(file, schema)
        for file in snapshot(lake, "declarations").files
        if _may_hold(file.partition["date"], span)
    ]
    rows = pa.concat_tables([schema.empty_table(), *parts])
    declared_us = rows["declared_at"].cast(pa.int64())
    inside = pc.and_(pc.greater_equal(declared_us, span.begins_at()), pc.less(declared_us, span.ends_at()))
    # `declared_at` may be read for the filter alone and is then left out.
    return rows.select(columns).append_column("declared_us", declared_us).filter(inside)


def _may_hold(date: str, span: Span) -> bool:
    """Return whether a UTC day reaches into a span."""
    day = day_number(dt.date.fromisoformat(date))
    return span.begins_at() < (day + 1) * DAY_US and span.ends_at() > day * DAY_US
