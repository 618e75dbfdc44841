"""Delta statistics of a data file: row count, null counts and bounds, written and read.

Bounds are recorded for ids, times and counts, never for text: a log entry
outlives the file it describes, so it must not hold a value that a reader of
the log should not see. For the same reason the bounds of token columns are
widened to their top 12 bits: file pruning by person still works, and no token
stands in a log entry or a checkpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

TOKEN_COLUMNS = frozenset({"person", "person_a", "person_b", "via", "scanner", "stay_id", "human"})
"""Columns that identify a person, a device or one person's stay."""

_HIDDEN = (1 << 52) - 1  # the bits of a token that no statistics show


@dataclass(frozen=True)
class Statistics:
    """Row count, bounds and null counts of one file.

    >>> file = Statistics(2, {"person": 5, "venue": 5}, {"person": 9, "venue": 9}, {"person": 0, "venue": 0})
    >>> file.widened().least, file.widened().greatest["person"] == 2**52 - 1
    ({'person': 0, 'venue': 5}, True)

    Attributes:
        rows: number of rows; -1 when the log does not say.
        least, greatest: bounds by column; times as int64 microseconds UTC. A
            column that holds only nulls has none.
        nulls: number of nulls by column.
    """

    rows: int
    least: Mapping[str, int]
    greatest: Mapping[str, int]
    nulls: Mapping[str, int]

    def widened(self) -> "Statistics":
        """Clear the lower 52 bits of the minimum of each token column, and set those of its maximum."""
        return replace(
            self,
            # Works for negative tokens too: the bounds only ever move outwards.
            least={
                name: value & ~_HIDDEN if name in TOKEN_COLUMNS else value
                for name, value in self.least.items()
            },
            greatest={
                name: value | _HIDDEN if name in TOKEN_COLUMNS else value
                for name, value in self.greatest.items()
            },
        )


def has_statistics(field: pa.Field) -> bool:
    """Return whether bounds are recorded for a column."""
    return bool(pa.types.is_integer(field.type) or pa.types.is_timestamp(field.type))


def statistics_of(rows: pa.Table) -> Statistics:
    """Compute the exact statistics of rows."""
    least: dict[str, int] = {}
    greatest: dict[str, int] = {}
    nulls: dict[str, int] = {}
    for field in filter(has_statistics, rows.schema):
        column = rows[field.name]
        nulls[field.name] = column.null_count
        if column.null_count < len(column):  # a column of nulls has no bounds
            if pa.types.is_timestamp(field.type):
                column = pa.chunked_array([chunk.view(pa.int64()) for chunk in column.chunks], pa.int64())
            bounds = pc.min_max(column)
            least[field.name] = bounds["min"].as_py()
            greatest[field.name] = bounds["max"].as_py()
    return Statistics(rows.num_rows, least, greatest, nulls)


def to_delta(statistics: Statistics, schema: pa.Schema) -> str:
    """Render statistics as the JSON text of an add action, bounds of tokens widened.

    Args:
        statistics: of the file, exact.
        schema: of the file; times are written in ISO 8601 with microseconds and Z.
    """
    shown = {field.name: _shown(field.type) for field in filter(has_statistics, schema)}
    wide = statistics.widened()
    stats: dict[str, Any] = {
        "numRecords": wide.rows,
        "minValues": {name: shown[name](value) for name, value in wide.least.items()},
        "maxValues": {name: shown[name](value) for name, value in wide.greatest.items()},
        "nullCount": dict(wide.nulls),
    }
    if not TOKEN_COLUMNS.isdisjoint(schema.names):
        # Tells readers that a bound need not occur in the file, so that none answers MIN() from the log.
        stats["tightBounds"] = False
    return orjson.dumps(stats).decode()


def from_log(adds: pa.Table) -> list[Statistics]:
    """Read the statistics of all files of a table.

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
    """Return the values of the columns with a prefix as one dictionary per file, without nulls."""
    by_file: list[dict[str, Any]] = [{} for _ in range(adds.num_rows)]
    for field in adds.schema:
        if field.name.startswith(prefix) and has_statistics(field):
            column = adds[field.name]
            if pa.types.is_timestamp(field.type):
                column = column.cast(pa.int64())
            name = field.name.removeprefix(prefix)
            for file, value in enumerate(column.to_pylist()):
                if value is not None:
                    by_file[file][name] = value
    return by_file


def _shown(kind: pa.DataType) -> Any:
    return _instant_text if pa.types.is_timestamp(kind) else int


def _instant_text(instant_us: int) -> str:
    # Arrow's %S includes the fraction, six digits for microseconds.
    return str(pc.strftime(pa.scalar(instant_us, pa.timestamp("us")), "%Y-%m-%dT%H:%M:%S")) + "Z"
