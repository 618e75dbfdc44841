"""Read whole rows of stays: the sidecars say which, the data files are read for those alone."""

from collections.abc import Callable

import pyarrow as pa

from pipelines.graph.row_ranges import rows_between
from pipelines.graph.stay_files import ChangedFile
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import Lake, LiveFile, read_live_file
from pipelines.lake.sidecars.sidecar import Sidecar

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
        row = row[keep(columns, row)]
        if row.size:
            parts.append(_read(file, schema, row))
    return pa.concat_tables(parts)


def _read(file: LiveFile, schema: pa.Schema, rows: Int64) -> pa.Table:
    if isinstance(file, ChangedFile):
        return file.read(schema, rows)
    return read_live_file(file, schema).take(column(rows))
