"""What a data file holds, in numbers: Delta's statistics, written and read.

Readers skip files by them, so they are exact. Only ids, times and counts have
them: of text a reader might see a value that it should not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Statistics:
    """Rows and extremes of a file.

    Attributes:
        rows: how many.
        least, greatest: by column; times as int64 microseconds UTC. A column
            that holds nulls only has none.
        nulls: by column.
    """

    rows: int
    least: Mapping[str, int]
    greatest: Mapping[str, int]
    nulls: Mapping[str, int]


def has_statistics(field: pa.Field) -> bool:
    """Whether a column's extremes are recorded."""
    return bool(pa.types.is_integer(field.type) or pa.types.is_timestamp(field.type))


def statistics_of(rows: pa.Table) -> Statistics:
    """The true statistics of rows."""
    least: dict[str, int] = {}
    greatest: dict[str, int] = {}
    nulls: dict[str, int] = {}
    for field in filter(has_statistics, rows.schema):
        column = rows[field.name]
        nulls[field.name] = column.null_count
        if column.null_count < len(column):
            if pa.types.is_timestamp(field.type):
                column = pa.chunked_array([chunk.view(pa.int64()) for chunk in column.chunks], pa.int64())
            extremes = pc.min_max(column)
            least[field.name] = extremes["min"].as_py()
            greatest[field.name] = extremes["max"].as_py()
    return Statistics(rows.num_rows, least, greatest, nulls)


def to_delta(statistics: Statistics, schema: pa.Schema) -> str:
    """The JSON text of an add action; times in ISO 8601 with microseconds and Z."""
    shown = {field.name: _shown(field.type) for field in filter(has_statistics, schema)}
    return orjson.dumps(
        {
            "numRecords": statistics.rows,
            "minValues": {name: shown[name](value) for name, value in statistics.least.items()},
            "maxValues": {name: shown[name](value) for name, value in statistics.greatest.items()},
            "nullCount": dict(statistics.nulls),
        }
    ).decode()


def from_log(adds: pa.Table) -> list[Statistics]:
    """The statistics of all files of a table.

    Args:
        adds: `DeltaTable.get_add_actions(flatten=True)` as an Arrow table.
    """
    rows = adds["num_records"].to_pylist()
    least, greatest, nulls = (_by_file(adds, prefix) for prefix in ("min.", "max.", "null_count."))
    return [
        Statistics(-1 if count is None else count, least[file], greatest[file], nulls[file])
        for file, count in enumerate(rows)
    ]


def _by_file(adds: pa.Table, prefix: str) -> list[dict[str, Any]]:
    """The values of the columns with a prefix, a dictionary a file; nulls are left out."""
    found: list[dict[str, Any]] = [{} for _ in range(adds.num_rows)]
    for field in adds.schema:
        if field.name.startswith(prefix) and has_statistics(field):
            column = adds[field.name]
            if pa.types.is_timestamp(field.type):
                column = column.cast(pa.int64())
            name = field.name.removeprefix(prefix)
            for file, value in enumerate(column.to_pylist()):
                if value is not None:
                    found[file][name] = value
    return found


def _shown(kind: pa.DataType) -> Any:
    return _instant_text if pa.types.is_timestamp(kind) else int


def _instant_text(instant_us: int) -> str:
    return str(pc.strftime(pa.scalar(instant_us, pa.timestamp("us")), "%Y-%m-%dT%H:%M:%S")) + "Z"
