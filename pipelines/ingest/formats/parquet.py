"""Parquet as columns; a column that the contract does not name is never read."""

import io
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ingest.formats.arrow_blocks import columns_of, refuse_local_time
from pipelines.ingest.formats.blocks import ColumnNames, Columns
from pipelines.ingest.formats.column_names import check_columns, unknown_among
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.discovery.streams import open_seekable, reading, unreadable
from pipelines.ingest.formats.field_types import INFORMATIONAL, kinds_of
from pipelines.kernels.types import Int64

BLOCK_ROWS: Final = 1 << 17


def read_parquet(chunk: Chunk, contract: str, block_rows: int = BLOCK_ROWS) -> Iterator[Columns]:
    """Read the records of the row groups that begin in a chunk.

    Text may be plain, large or a dictionary; instants are text, timestamps
    with a time zone in any unit, or whole microseconds.

    Raises:
        DataError: the file cannot be read, lacks a column, or has local times.
    """
    kinds = kinds_of(contract)
    with reading(chunk.path, "Parquet"), open_seekable(chunk.path, chunk.compression) as source:
        size = source.seek(0, io.SEEK_END)
        if size == 0:
            raise unreadable(chunk.path, "is empty", "a Parquet file has a footer; send it again")
        # Not memory-mapped: a file that is cut off while it is read would end the process (SIGBUS).
        file = pq.ParquetFile(pa.PythonFile(source, mode="r"), page_checksum_verification=True)
        names = file.schema_arrow.names
        check_columns(chunk.path, contract, names)
        wanted = [name for name in kinds if name in names]
        informational = INFORMATIONAL.get(contract, frozenset())
        # By the schema, before any row is read and whichever row groups are in the chunk.
        for name in set(wanted) - informational:
            refuse_local_time(chunk.path, name, kinds[name], file.schema_arrow.field(name).type)
        said = ColumnNames(unknown_among(names, contract))
        first_row = 0
        groups = _groups(chunk, file.metadata, size)
        numbers = _numbers(file.metadata, groups)
        # Without Arrow's threads: several chunks are read at once on threads of the step.
        for batch in file.iter_batches(block_rows, row_groups=groups, columns=wanted, use_threads=False):
            if batch.num_rows:
                own = numbers[first_row : first_row + batch.num_rows]
                fields, broken = columns_of(chunk.path, kinds, batch, informational)
                yield Columns(
                    first_row,
                    fields,
                    batch.num_rows,
                    broken,
                    numbers=own,
                    names=said,
                    path=chunk.path,
                    format=chunk.format,
                )
            first_row += batch.num_rows


def _groups(chunk: Chunk, metadata: Any, size: int) -> list[int]:
    """Return the row groups that begin in the chunk; of a compressed file all."""
    if chunk.compression:
        return list(range(metadata.num_row_groups))
    groups = []
    for number in range(metadata.num_row_groups):
        # Offsets come from the footer: wherever they point, each row group must fall into one chunk.
        begin = min(max(0, _group_begin(metadata.row_group(number))), size - 1)
        if chunk.start <= begin < chunk.stop:
            groups.append(number)
    return groups


def _numbers(metadata: Any, groups: list[int]) -> Int64:
    """Return the numbers in the file, from 1, of the records of some row groups."""
    rows = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    begins = np.cumsum([1, *rows])
    return np.concatenate(
        [np.empty(0, np.int64), *(np.arange(begins[group], begins[group + 1]) for group in groups)]
    )


def _group_begin(group: Any) -> int:
    """Return the offset of a row group's first page."""
    begins: list[int] = []
    for number in range(group.num_columns):
        column = group.column(number)
        begins.append(column.data_page_offset)
        if column.dictionary_page_offset is not None:
            begins.append(column.dictionary_page_offset)
    return min(begins)
