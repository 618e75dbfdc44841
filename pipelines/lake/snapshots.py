"""What a table holds at one version, read from its log and from nothing else.

A snapshot is cheap: the newest one of each table is kept, and valid as long
as the log has no next entry.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from pipelines.errors import DataError
from pipelines.lake import objects, storage
from pipelines.lake.lake_root import Lake
from pipelines.lake.log import LOG_FOLDER, log_entry
from pipelines.lake.statistics import Statistics, from_log
from schemas.tables import ALL_TABLES

NO_TABLE = -1
"""The version of a table that has never been committed to."""

MARKS = ("scans_version", "venues_version", "stay_rules", "stays_version", "long_pairs_version")
"""The marks that a snapshot holds; `mark` reads any."""


@dataclass(frozen=True)
class LiveFile:
    """A data file that a version of a table consists of.

    Attributes:
        path: absolute, or a URL.
        relative: below the table's folder, as the log has it.
        partition: partition column to value.
        size: bytes.
        rows: how many.
        stats: least and greatest of every id and time (int64 microseconds UTC).
    """

    path: str
    relative: str
    partition: Mapping[str, str]
    size: int
    rows: int
    stats: Statistics


@dataclass(frozen=True)
class Snapshot:
    """A version of a table.

    Attributes:
        version: NO_TABLE when there is none.
        files: ordered by path.
        marks: those of `MARKS` that the version carries.
    """

    version: int
    files: tuple[LiveFile, ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Newest:
    """A snapshot and how to see that it is still the newest."""

    snapshot: Snapshot
    table: DeltaTable
    entry: tuple[int | str, int]


_T = TypeVar("_T")

_newest: dict[str, _Newest] = {}
_refreshing = threading.Lock()


def snapshot(lake: Lake, name: str, version: int | None = None) -> Snapshot:
    """A table at a version, or at its newest.

    Raises:
        DataError: the log is damaged, or has no such version any more.
    """
    if version == NO_TABLE:
        return Snapshot(NO_TABLE)
    url = lake.table_url(name)
    if version is None:
        newest = _find_newest(url)
        return newest.snapshot if newest else Snapshot(NO_TABLE)
    known = _newest.get(url)
    if known and known.snapshot.version == version and _is_unchanged(url, known):
        return known.snapshot
    table = _open(url, version)
    if table is None:
        raise DataError(f"{url} has no version {version}", "ask for a later one")
    return _snapshot_of(url, table)


class OfNewest(Generic[_T]):
    """What is made of the newest version of a table, kept for each lake until there is another."""

    def __init__(self, name: str, make: Callable[[Lake, Snapshot], _T]) -> None:
        """Make nothing yet.

        Args:
            name: which table.
            make: of a lake and the snapshot of that table.
        """
        self._name, self._make = name, make
        self._kept: dict[str, tuple[Snapshot, _T]] = {}

    def __call__(self, lake: Lake) -> _T:
        """What the lake's newest version makes it."""
        newest = snapshot(lake, self._name)
        kept = self._kept.get(lake.url)
        if kept is None or kept[0] is not newest:
            kept = self._kept[lake.url] = newest, self._make(lake, newest)
        return kept[1]


def mark(lake: Lake, name: str, mark_id: str) -> int | None:
    """What a mark of a table's newest version says, or None when it was never set."""
    newest = _find_newest(lake.table_url(name))
    if newest is None:
        return None
    if mark_id in MARKS:
        return newest.snapshot.marks.get(mark_id)
    return newest.table.transaction_version(mark_id)


def read_table(
    lake: Lake, name: str, columns: Sequence[str] | None = None, version: int | None = None
) -> pa.Table:
    """All rows of a table, file by file; for tables that fit into memory.

    Args:
        lake: where.
        name: which table.
        columns: in the order wanted, partition columns among them; None is all.
        version: None is the newest.

    Returns:
        Columns of the table's schema; no rows when there is no table.

    Raises:
        DataError: the log or a file cannot be read.
    """
    table = ALL_TABLES[name]
    schema = (
        table.schema if columns is None else pa.schema([table.schema.field(column) for column in columns])
    )
    files = snapshot(lake, name, version).files
    if len(files) == 1:  # what another thread reads goes to memory that the system must find anew
        return read_live_file(files[0], schema)
    with ThreadPoolExecutor(min(4, len(files) or 1)) as pool:
        parts = list(pool.map(lambda file: read_live_file(file, schema), files))
    return pa.concat_tables(parts) if parts else schema.empty_table()


def dataset(name: str, files: Sequence[LiveFile]) -> Any:
    """Files of a table in an object store as an Arrow dataset.

    What is asked of it skips files by their partition and statistics, and
    reads the columns needed. (The dataset that delta-rs makes takes a column
    without statistics for one without nulls.)

    Args:
        name: which table.
        files: some of its live files; a file's own path tells where it is.

    Returns:
        A `pyarrow.dataset.Dataset` with the columns of the table's schema.
    """
    from pyarrow.dataset import FileSystemDataset, ParquetFileFormat  # takes long to load, and few ask

    schema, form = ALL_TABLES[name].schema, ParquetFileFormat()
    bucket = objects.split(files[0].path)[0] if files else ""
    system = objects.arrow_system(bucket, {file.path: file.size for file in files}) if files else None
    fragments = [
        form.make_fragment(
            file.path.removeprefix(f"{bucket}/"), filesystem=system, partition_expression=_known(file, schema)
        )
        for file in files
    ]
    return FileSystemDataset(fragments, schema, form, system)


def _known(file: LiveFile, schema: pa.Schema) -> Any:
    """What is true of every row of a file: its partition, and extremes of columns without nulls."""
    known = pc.scalar(True)
    for column, value in file.partition.items():
        known = known & (pc.field(column) == pa.scalar(value).cast(schema.field(column).type))
    for column, least in file.stats.least.items():
        if file.stats.nulls.get(column) == 0:
            kind = schema.field(column).type
            ends = pa.array([least, file.stats.greatest[column]], pa.int64()).cast(kind)
            known = known & (pc.field(column) >= ends[0]) & (pc.field(column) <= ends[1])
    return known


def read_live_file(file: LiveFile, schema: pa.Schema) -> pa.Table:
    """The rows of a file with the columns of `schema`, which may name partition columns.

    Raises:
        DataError: the file is missing or damaged.
    """
    stored = [name for name in schema.names if name not in file.partition]
    try:
        parquet = storage.parquet(file.path, file.size)
        rows = parquet.read(columns=stored, use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{file.path} cannot be read", "run truyvet verify") from error
    columns = [
        rows[column.name].cast(column.type)
        if column.name not in file.partition
        else pa.repeat(pa.scalar(file.partition[column.name]).cast(column.type), parquet.metadata.num_rows)
        for column in schema
    ]
    return pa.table(columns, schema=schema)


def _find_newest(url: str) -> _Newest | None:
    known = _newest.get(url)
    if known and _is_unchanged(url, known):
        return known
    with _refreshing:
        known = _newest.get(url)
        if known and _is_unchanged(url, known):  # another thread has just looked
            return known
        table = _brought_up_to_date(url, known) or _open(url)
        if table is None:
            _newest.pop(url, None)
            return None
        found = _Newest(_snapshot_of(url, table), table, _identity(url, table.version()))
        _newest[url] = found
        return found


def _brought_up_to_date(url: str, known: _Newest | None) -> DeltaTable | None:
    """The open table with the entries that came since, ten times faster than opening it again."""
    if known is None or _identity(url, known.snapshot.version) != known.entry:
        return None
    try:
        known.table.update_incremental()
    except (DeltaError, OSError):
        return None  # opening it says what is wrong
    return known.table


def _is_unchanged(url: str, known: _Newest) -> bool:
    """Whether the newest entry is the same file as before and has no successor."""
    version = known.snapshot.version
    return not storage.exists(log_entry(url, version + 1)) and _identity(url, version) == known.entry


def _identity(url: str, version: int) -> tuple[int | str, int]:
    """Tells a log entry from one of the same name in a lake that was made anew."""
    status = storage.status(log_entry(url, version))
    return (0, 0) if status is None else (status.identity, status.modified_ns)


def _open(url: str, version: int | None = None) -> DeltaTable | None:
    """The table, or None when there is none.

    Raises:
        DataError: its log is damaged.
    """
    if not storage.is_folder(f"{url}/{LOG_FOLDER}"):
        return None
    try:
        return DeltaTable(url, version=version, storage_options=storage.delta_options(url))
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        storage.exists(log_entry(url, 0))  # a store that cannot be asked says so itself
        what = "log" if version is None else f"log up to version {version}"
        raise DataError(f"the {what} of {url} cannot be read", "run truyvet verify") from error


def _snapshot_of(url: str, table: DeltaTable) -> Snapshot:
    adds = pa.table(table.get_add_actions(flatten=True)).sort_by("path")
    partitions = {
        name.removeprefix("partition."): adds[name].cast(pa.string()).to_pylist()
        for name in adds.column_names
        if name.startswith("partition.")
    }
    paths, sizes, statistics = adds["path"].to_pylist(), adds["size_bytes"].to_pylist(), from_log(adds)
    files = tuple(
        LiveFile(
            path=f"{url}/{path}",
            relative=path,
            partition={name: values[row] for name, values in partitions.items()},
            size=sizes[row],
            rows=statistics[row].rows,
            stats=statistics[row],
        )
        for row, path in enumerate(paths)
    )
    marks = {name: table.transaction_version(name) for name in MARKS}
    return Snapshot(
        table.version(), files, {name: value for name, value in marks.items() if value is not None}
    )
