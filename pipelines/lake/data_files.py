"""Write a data file: Parquet, named by the SHA-256 of its bytes.

The name is the checksum, so a flipped bit is found without any other file,
and the same rows written twice are one file.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.lake import storage
from pipelines.lake.durable_files import writing
from pipelines.lake.lake_root import Lake
from pipelines.lake.statistics import statistics_of, to_delta
from schemas.tables import ALL_TABLES, Table

ROW_GROUP_ROWS = 1 << 17


@dataclass(frozen=True)
class DataFile:
    """A data file that has been written; no reader sees it before a commit names it.

    Attributes:
        table: name of the table.
        path: below the table's folder, `by=venue/date=2021-07-01/part-….parquet`.
        size: bytes.
        partition: (column, value) pairs, outermost first.
        rows: number of rows.
        stats: Delta's statistics, JSON, bounds of tokens widened.
    """

    table: str
    path: str
    size: int
    partition: tuple[tuple[str, str], ...]
    rows: int
    stats: str


def write_data_file(lake: Lake, table: Table, partition: Mapping[str, str], rows: pa.Table) -> DataFile:
    """Write rows that are already sorted; the same rows give the same bytes and name.

    Args:
        lake: where.
        table: which table.
        partition: the value of every partition column of the table.
        rows: schema `table.file_schema`, at least one row, in the table's order.

    Raises:
        ValueError: another schema, other partition columns, or no rows.
        ServiceError: the lake cannot be written.
    """
    if tuple(partition) != table.partition or rows.num_rows == 0:
        raise ValueError(f"{table.name}: a data file has rows and the partition {table.partition}")
    if not rows.schema.equals(table.file_schema):
        raise ValueError(f"{table.name}: the rows have another schema than the table")
    # Arrow ends a page at the end of each chunk, so the bytes would depend on how the rows came.
    rows = rows.replace_schema_metadata(None).combine_chunks()
    # Dates and orders only: pyarrow truncates a partition value at NUL, so never use outside text.
    where = "/".join(f"{column}={value}" for column, value in partition.items())
    folder = f"{lake.table_url(table.name)}/{where}".rstrip("/")  # without a partition: the table itself
    with writing(folder), storage.new_file(folder) as new:
        sink = _Hashing(new.file)
        # The name is known only when all bytes are written.
        _write_parquet(rows, table, sink)
        name = f"part-{sink.hexdigest()}.parquet"
        new.keep(name)
    return DataFile(
        table=table.name,
        path=f"{where}/{name}" if where else name,
        size=sink.tell(),
        partition=tuple(partition.items()),
        rows=rows.num_rows,
        stats=to_delta(statistics_of(rows), rows.schema),
    )


class _Hashing:
    """A file that hashes what is written to it; when Arrow closes it, the file below stays open."""

    # `pa.PythonFile` reads this attribute.
    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: Any) -> int:
        """Write all of the data: a single write to a raw file may be a partial one."""
        rest = memoryview(data)
        self._hash.update(rest)
        self._size += rest.nbytes
        while rest.nbytes:
            rest = rest[self._file.write(rest) :]
        return memoryview(data).nbytes

    def tell(self) -> int:
        return self._size

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def hexdigest(self) -> str:
        """Return the SHA-256 of all bytes so far."""
        return self._hash.hexdigest()


@cache
def _encodings(name: str) -> dict[str, Any]:
    """Return how the columns of a table are encoded.

    Measured on 1 M stays (and on 1 M scans) of 400 k persons at 3,000 venues, one thread, hashing included:

        zstd 1, dictionaries everywhere (the default)     0.42 s  34.8 MB  (0.42 s  32.4 MB)
        zstd 1, dictionaries for few values only          0.29 s  32.7 MB  (0.25 s  31.1 MB)
        zstd 3, the same                                  0.36 s  29.7 MB  (0.29 s  28.8 MB)
        zstd 1, the same, times DELTA_BINARY_PACKED       0.24 s  29.8 MB  (0.21 s  30.1 MB)
        zstd 1, the same, times BYTE_STREAM_SPLIT         0.23 s  28.2 MB  (0.20 s  29.6 MB)  few can read it

    And a million stays by venue (scans) of a day of the simulated province, times DELTA_BINARY_PACKED:

        zstd 1                                            0.17 s  29.2 MB  (0.19 s  27.2 MB)
        snappy                                            0.14 s  30.2 MB  (0.15 s  30.9 MB)  this
        not compressed                                    0.12 s  30.4 MB  (0.12 s  34.2 MB)
    """
    table = ALL_TABLES[name]
    dictionary, packed = [], {}
    for field in table.file_schema:
        # A batch has a single `received_at`.
        few_values = field.name in ("venue", "received_at") or pa.types.is_int32(field.type)
        if few_values or pa.types.is_string(field.type):
            dictionary.append(field.name)
        elif pa.types.is_timestamp(field.type) or field.name.endswith("seconds"):
            packed[field.name] = "DELTA_BINARY_PACKED"
    return {"use_dictionary": dictionary, "column_encoding": packed}


def _write_parquet(rows: pa.Table, table: Table, sink: _Hashing) -> None:
    pq.write_table(
        rows,
        pa.PythonFile(sink, "w"),
        row_group_size=ROW_GROUP_ROWS,
        compression="snappy",
        write_statistics=True,
        # For readers that fetch a few columns of a large file; those that read all of it compare the name.
        write_page_checksum=True,
        store_schema=False,
        **_encodings(table.name),
    )
