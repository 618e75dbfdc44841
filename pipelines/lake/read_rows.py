"""Read rows of a table: no row is used before its file has been compared with the hash in its name.

Parquet does not protect itself. A flipped bit is read as another value by
every engine, and page checksums cover neither page headers nor the footer,
where a flip can swap two columns. But a data file is named by the SHA-256 of
its bytes, and hashing them takes less time than decoding them.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.errors import DataError
from pipelines.lake import objects, storage
from pipelines.lake.lake_root import Lake
from pipelines.lake.read_errors import unreadable
from pipelines.lake.snapshots import LiveFile, snapshot
from schemas.tables import ALL_TABLES

SMALL_BYTES = 1 << 20
"""A file of up to this size is hashed on every read, a larger one once a process."""

_NAMED_BY_HASH = re.compile(r"part-([0-9a-f]{64})\.parquet")
_DAMAGED = "restore it from a backup; truyvet verify names all that is damaged"
_FETCHED_AT_MOST = 1 << 26  # bytes of an object, above which only the columns asked for are fetched
_THREADS = 4


class CheckedFiles:
    """The data files that this process has compared with their hashes.

    A file that has been replaced since, under the same name, is another one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, FileIdentity] = {}

    def has(self, path: str) -> bool:
        """Return whether a file has been compared and is still the same file."""
        known = self._known.get(path)
        return known is not None and known == _identity(path)

    def add(self, path: str, identity: "FileIdentity | None") -> None:
        """Remember that a file is the one that its name says.

        Args:
            path: of the file.
            identity: as it was before its bytes were read.
        """
        if identity is not None:
            with self._lock:
                self._known[path] = identity


FileIdentity = tuple[int | str, int, int]
"""Tells a file from one that has replaced it."""

checked_files = CheckedFiles()
"""Shared by all that reads data files."""


def _identity(path: str) -> FileIdentity | None:
    found = storage.status(path)
    return None if found is None else (found.identity, found.modified_ns, found.size)


def named_hash(path: str) -> str | None:
    """Return the SHA-256 that a data file is named by, None if another writer has named it.

    >>> named_hash("date=2021-07-01/part-" + 64 * "a" + ".parquet") == 64 * "a"
    True
    """
    match = _NAMED_BY_HASH.fullmatch(path.rpartition("/")[2])
    return match[1] if match else None


def check_file(file: LiveFile) -> None:
    """Compare a data file with its hash, unless this process has done so.

    Raises:
        DataError: it is missing, damaged or may not be read.
    """
    if not checked_files.has(file.path):
        _content(file)


def check_files(files: Sequence[LiveFile], done: Callable[[int], None] = lambda _files: None) -> None:
    """Compare data files with their hashes, those that this process has not compared yet.

    Args:
        files: of any tables.
        done: called with the number of files just checked.

    Raises:
        DataError: one is missing, damaged or may not be read.
    """

    def check(file: LiveFile) -> None:
        check_file(file)
        done(1)

    with ThreadPoolExecutor(_THREADS) as pool:
        # Taking the results raises what a thread has raised.
        for _ in pool.map(check, files):
            pass


def read_table(
    lake: Lake, name: str, columns: Sequence[str] | None = None, version: int | None = None
) -> pa.Table:
    """Read all rows of a table, file by file; for tables that fit into memory.

    Args:
        lake: where.
        name: which table.
        columns: in the order wanted, partition columns among them; None is all.
        version: None is the newest.

    Returns:
        Columns of the table's schema; no rows when there is no table.

    Raises:
        DataError: the log or a file cannot be read, or is damaged.
    """
    table = ALL_TABLES[name]
    schema = (
        table.schema if columns is None else pa.schema([table.schema.field(column) for column in columns])
    )
    files = snapshot(lake, name, version).files
    if len(files) == 1:  # read inline: a worker thread would allocate from a cold arena
        return read_live_file(files[0], schema)
    with ThreadPoolExecutor(min(_THREADS, len(files) or 1)) as pool:  # a pool must have a worker
        parts = list(pool.map(lambda file: read_live_file(file, schema), files))
    return pa.concat_tables(parts) if parts else schema.empty_table()


def read_live_file(file: LiveFile, schema: pa.Schema) -> pa.Table:
    """Read the rows of a file.

    Args:
        file: a live file.
        schema: the columns wanted, which may name partition columns; a text of few values may be a
            dictionary, and is then read as one.

    Raises:
        DataError: the file is missing, damaged or may not be read.
    """
    stored = [name for name in schema.names if name not in file.partition]
    coded = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    try:
        parquet = _parquet(file, coded)
        # Callers read several files on threads already.
        rows = parquet.read(columns=stored, use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise unreadable(file.path, error) from error
    columns = [_column(file, rows, column, parquet.metadata.num_rows) for column in schema]
    return pa.table(columns, schema=schema)


def _column(file: LiveFile, rows: pa.Table, column: pa.Field, count: int) -> pa.Array | pa.ChunkedArray:
    """Return a column of a file's rows: a partition column, or one that the file may be too old to have."""
    if column.name in file.partition:
        return pa.repeat(pa.scalar(file.partition[column.name]).cast(column.type), count)  # text in the log
    if column.nullable and column.name not in rows.column_names:
        return pa.nulls(count, column.type)
    return rows[column.name].cast(column.type)


def _parquet(file: LiveFile, coded: Sequence[str] = ()) -> pq.ParquetFile:
    """Open a file that has been checked; `coded` columns are read as dictionaries."""
    read_dictionary = list(coded)
    if storage.is_url(file.path) and file.size > _FETCHED_AT_MOST:
        # Stores check their objects; page checksums find what happens on the way.
        return storage.parquet(
            file.path, file.size, page_checksum_verification=True, read_dictionary=read_dictionary
        )
    # Compared before: now only the requested columns are read.
    if checked_files.has(file.path) and file.size > SMALL_BYTES:
        return storage.parquet(file.path, file.size, read_dictionary=read_dictionary)
    return pq.ParquetFile(pa.BufferReader(_content(file)), read_dictionary=read_dictionary)


def _content(file: LiveFile) -> pa.Buffer:
    """Return the bytes of a file, compared with its hash.

    Raises:
        DataError: the file is missing, damaged or may not be read.
    """
    try:
        # Taken before the bytes: a file replaced in between has another identity and is hashed again.
        identity = _identity(file.path)
        content = _bytes(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise unreadable(file.path, error) from error
    named = named_hash(file.path)
    if named is not None and hashlib.sha256(content).hexdigest() != named:
        raise DataError(f"{file.path} is damaged", _DAMAGED)
    checked_files.add(file.path, identity)
    return content


def _bytes(file: LiveFile) -> pa.Buffer:
    """Return the bytes of a file; those of a large one are mapped, so that a second reader shares them."""
    if storage.is_url(file.path) or file.size <= SMALL_BYTES:
        return pa.py_buffer(storage.read(file.path))
    # The buffer keeps the pages mapped after the file is closed.
    with pa.memory_map(file.path) as source:
        return source.read_buffer()


def dataset(name: str, files: Sequence[LiveFile]) -> Any:
    """Return files of a table in an object store as an Arrow dataset.

    Queries skip files by their partition and statistics, and read the columns
    needed. (delta-rs makes a dataset as well, which takes a column without
    statistics for one without nulls.)

    Args:
        name: which table.
        files: some of its live files; a file's own path tells where it is.

    Returns:
        A `pyarrow.dataset.Dataset` with the columns of the table's schema.
    """
    from pyarrow.dataset import FileSystemDataset, ParquetFileFormat  # slow to import, and rarely needed

    schema, form = ALL_TABLES[name].schema, ParquetFileFormat()
    bucket = objects.split(files[0].path)[0] if files else ""
    system = objects.arrow_system(bucket, {file.path: file.size for file in files}) if files else None
    # A file that its `partition_expression` rules out is not even opened.
    fragments = [
        form.make_fragment(
            file.path.removeprefix(f"{bucket}/"), filesystem=system, partition_expression=_known(file, schema)
        )
        for file in files
    ]
    return FileSystemDataset(fragments, schema, form, system)


def _known(file: LiveFile, schema: pa.Schema) -> Any:
    """Return what is true of every row of a file: its partition, and bounds of columns without nulls."""
    known = pc.scalar(True)
    for column, value in file.partition.items():
        known = known & (pc.field(column) == pa.scalar(value).cast(schema.field(column).type))
    for column, least in file.stats.least.items():
        # Only without nulls: a bound would exclude rows where the column is null.
        if file.stats.nulls.get(column) == 0:
            kind = schema.field(column).type
            ends = pa.array([least, file.stats.greatest[column]], pa.int64()).cast(kind)
            known = known & (pc.field(column) >= ends[0]) & (pc.field(column) <= ends[1])
    return known
