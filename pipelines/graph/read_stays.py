"""Read whole rows of stays: sidecars say which and hold most columns; data files are read for the rest."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from pipelines.graph.row_ranges import rows_between
from pipelines.graph.stay_files import ChangedFile
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import Lake, LiveFile, read_live_file
from pipelines.lake.sidecars.sidecar import Sidecar

_MAPPED = {"person": "person", "venue": "venue", "stay_id": "stay_id", "enter": "enter_us", "exit": "exit_us"}

Keep = Callable[[Sidecar, Int64], Bool]
"""Which rows of a file are wanted: its columns and rows int64[r] to bool[r]."""


def read_stays(lake: Lake, schema: pa.Schema, persons: Int64, span: Span, keep: Keep) -> pa.Table:
    """Rows of `stays` of some persons.

    Args:
        lake: where.
        schema: the columns wanted.
        persons: int64[p], tokens, each once, ascending.
        span: the time that the stays reach into; a stay outside may be asked about and left out by `keep`.
        keep: which of these persons' rows are wanted.

    Returns:
        The rows in the order of the lake's files.
    """
    files = live_files(lake, "person", span, persons) if persons.size else []
    parts = [schema.empty_table()]
    for file, columns in zip(files, sidecars(files), strict=True):
        row = rows_between(*columns.rows_of(persons))
        # The mapped columns decide, so a file without a wanted row is not decoded.
        row = row[keep(columns, row)]
        if row.size:
            parts.append(_read(file, columns, schema, row))
    return pa.concat_tables(parts)


def _read(file: LiveFile, columns: Sidecar, schema: pa.Schema, rows: Int64) -> pa.Table:
    """Rows of one file: decoding a column of it costs more than all that is done with a few rows."""
    # As humans have it a row may differ from the data file in every column.
    if isinstance(file, ChangedFile):
        return file.read(schema, rows)
    mapped = _mapped(columns, rows)
    rest = [field for field in schema if field.name not in mapped]
    read = read_live_file(file, pa.schema(rest)).take(column(rows)) if rest else None
    values = [
        mapped[field.name].cast(field.type) if read is None or field.name in mapped else read[field.name]
        for field in schema
    ]
    return pa.table(values, schema=schema)


def _mapped(columns: Sidecar, rows: Int64) -> dict[str, pa.Array]:
    """The columns that a sidecar holds; `rows` have been checked."""
    found = {name: column(np.ascontiguousarray(getattr(columns, own)[rows])) for name, own in _MAPPED.items()}
    return found | {"enter_kind": columns.enter_kind(rows), "exit_kind": columns.exit_kind(rows)}
