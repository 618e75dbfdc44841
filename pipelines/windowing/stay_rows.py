"""Rows of `stays` while they are worked on: times as int64, texts of few values as codes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.arrays import Int64, as_unsigned, order_by
from pipelines.columns import codes_of, texts_of
from pipelines.errors import DataError
from pipelines.windowing.pairing import twins
from schemas.codes import ENTER_KINDS, EXIT_KINDS
from schemas.tables import INSTANT, STAYS

TAKE_OUT, PUT_IN = -1, 1

_KINDS = {"enter_kind": ENTER_KINDS, "exit_kind": EXIT_KINDS}
_ZONE = pa.dictionary(pa.int32(), pa.string())


def _coded_type(field: pa.Field) -> pa.DataType:
    if field.name in _KINDS:
        return pa.uint8()
    if field.name == "zone":
        return _ZONE
    return pa.int64() if field.type == INSTANT else field.type


CODED = pa.schema([(field.name, _coded_type(field)) for field in STAYS.file_schema])
"""The columns of a file of `stays` as numbers."""

CHANGES = CODED.append(pa.field("change", pa.int8()))
"""Rows to take out and to put in."""


def read_coded(path: str, columns: Sequence[str] = tuple(CODED.names)) -> pa.Table:
    """A data file of `stays` as columns of `CODED`, those that are named.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        file = pq.ParquetFile(path, memory_map=True, read_dictionary=["zone", *_KINDS])
        rows = file.read(columns=list(columns), use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read", "run truyvet verify") from error
    return pa.table(
        [_coded(rows[name], name) for name in columns], schema=pa.schema([CODED.field(n) for n in columns])
    )


def _coded(column: pa.ChunkedArray, name: str) -> Any:
    if name in _KINDS:
        return pa.array(codes_of(column.cast(pa.string()), _KINDS[name]))
    if pa.types.is_timestamp(column.type):
        return pa.chunked_array([chunk.view(pa.int64()) for chunk in column.chunks], pa.int64())
    return column.cast(CODED.field(name).type)


def uncoded(rows: pa.Table) -> pa.Table:
    """Rows of `CODED` as `STAYS.file_schema` has them."""
    columns = []
    for field in STAYS.file_schema:
        column = rows[field.name].combine_chunks()
        if field.name in _KINDS:
            column = texts_of(column.to_numpy(), _KINDS[field.name])
        elif field.type == INSTANT:
            column = column.view(INSTANT)
        columns.append(column.cast(field.type))
    return pa.table(columns, schema=STAYS.file_schema)


def merged(base: pa.Table, changes: pa.Table) -> pa.Table:
    """`base` without the stays that changes name, and with those that they put in.

    Merging twice is merging once: a row put in replaces a row of the same person and stay id.

    Args:
        base: columns of `CODED`, some or all.
        changes: rows of `CHANGES`.

    Returns:
        The columns of `base`, in one chunk each.
    """
    if base.num_rows and changes.num_rows:
        twin = twins(
            changes["person"].to_numpy(),
            changes["stay_id"].to_numpy(),
            base["person"].to_numpy(),
            base["stay_id"].to_numpy(),
        )
        base = base.filter(pa.array(twin < 0))
    arriving = changes.filter(pc.equal(changes["change"], PUT_IN)).select(base.column_names)
    return one_chunk(pa.concat_tables([base, arriving]))


def one_chunk(rows: pa.Table) -> pa.Table:
    """The same rows in one chunk a column, over one dictionary of zones."""
    return rows.unify_dictionaries().combine_chunks()


def in_order(rows: pa.Table, by: str) -> pa.Table:
    """Rows of `CODED`, in one chunk, in the order `by`; ties by the other id and the stay id."""
    other = "person" if by == "venue" else "venue"
    order: Int64 = order_by(
        rows[by].to_numpy(),
        rows["enter"].to_numpy(),
        as_unsigned(rows[other].to_numpy()),
        as_unsigned(rows["stay_id"].to_numpy()),
    )
    return rows.take(pa.array(order)) if (np.diff(order) != 1).any() else rows
