"""A locked DuckDB for analysts: the lake's tables as views, and no access to anything else."""

import re
import sys
from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa

from pipelines.errors import DataError
from pipelines.lake import Lake, LakeLike, LiveFile, opened, snapshot, storage
from pipelines.lake.read_rows import check_files, checked_files, dataset
from pipelines.privacy.ledger import Asker, Question, record
from pipelines.query.engine import NO_EXTENSIONS, no_pattern, use_utc
from pipelines.query.statements import statement
from pipelines.times import LOCAL_TIMEZONE
from schemas.tables import TABLES, Table

STAYS_ORDER = "venue"
"""The order of `stays` that analysts see: with both orders every stay would count twice."""

_LOOKS_LIKE_PARTITION = re.compile(r"(?:^|/)(?:by|date)=[^/]*(?=/|$)")


def connect(lake: LakeLike, *, verify: bool = False, asker: Asker | None = None) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory with one view per table, over exactly the files that its log names.

    The views show the versions of this moment: connect again to see a later commit. The connection reads
    the live files and nothing else, makes no file, loads no extension, and its settings are locked. Times
    are UTC. (DuckDB has no way to let a path be read and not written: a COPY that is told to go without a
    temporary file can write over a live one, which `truyvet verify` finds.)

    DuckDB reads a flipped bit as another value and does not notice. Files that this process has not
    compared with their hashes are counted in a line on standard error.

    Example:
        >>> tables = connect(lake, verify=True)
        >>> tables.sql("SELECT venue_code, type, enter, exit FROM visits ORDER BY enter LIMIT 1").fetchall()
        [('cafe', 'restaurant', datetime.datetime(2021, 7, 10, 15, 0), datetime.datetime(2021, 7, 10, 17, 0))]
        >>> tables.sql("SELECT token_text(-1) AS token").fetchall()
        [('ffffffffffffffff',)]

    Args:
        lake: the lake, or where it lies.
        verify: compare every file with its hash first, once a process; about a second a gigabyte.
        asker: who asks and why, for the ledger; None is the account of the operating system.

    Returns:
        Views named and typed as `schemas.tables`, partition columns last; a table that does not exist yet
        is an empty view. `stays` is one of its two orders. Beside them the view `visits`, the same stays
        for people: ids as text, `venue_code name type district_code`, and times of `Asia/Ho_Chi_Minh`; and
        the macro `token_text(id)`, an id as 16 hexadecimal digits.

    Raises:
        DataError: there is no lake, or its log cannot be read, or a file that was verified is damaged.
        RefusedError: the ledger cannot be written.
    """
    where = opened(lake)
    record(where.url, Question("connect", lake_version=snapshot(where, "scans").version), asker)
    _verify([file for table in TABLES.values() for file in _one_order(where, table)], verify)
    if storage.is_url(where.url):
        return _connect_by_arrow(where)
    # DuckDB reads partition values out of the whole path, the folders above the lake included.
    if _LOOKS_LIKE_PARTITION.search(where.url):
        raise DataError(
            "the lake lies below a folder named like a partition", "move it: by=… and date=… are taken"
        )
    connection = duckdb.connect(config=NO_EXTENSIONS)
    use_utc(connection)
    allowed: list[str] = []
    for table in TABLES.values():
        files = [file.path for file in _one_order(where, table)]
        # `read_parquet` takes a path for a pattern, so a folder named `[1]` must be escaped.
        patterns = [no_pattern(path) for path in files]
        connection.execute(_view(table, patterns))
        allowed += {*files, *patterns}
    _add_visits(connection)
    _lock_down(connection, allowed)
    return connection


def _verify(files: Sequence[LiveFile], verify: bool) -> None:
    """Compare files with their hashes, or say how many have not been."""
    if verify:
        check_files(files)
        return
    # A file is checked once a process: its name is its hash, so it never changes.
    unchecked = [file.size for file in files if not checked_files.has(file.path)]
    if unchecked:
        size = f"{len(unchecked):,} of {len(files):,} files ({sum(unchecked) / 1e9:,.1f} GB)"
        line = f"connect: {size} are not checked for damage; connect(lake, verify=True) checks them"
        print(line, file=sys.stderr)


def _connect_by_arrow(lake: Lake) -> duckdb.DuckDBPyConnection:
    """Open the same over an object store: Arrow reads it, because DuckDB would have to load an extension."""
    connection = duckdb.connect(config=NO_EXTENSIONS)
    use_utc(connection)
    for table in TABLES.values():
        connection.register(table.name, dataset(table.name, [*_one_order(lake, table)]))
    _add_visits(connection)
    _lock_down(connection, [])
    return connection


def _add_visits(connection: duckdb.DuckDBPyConnection) -> None:
    """Add what makes `stays` readable for people."""
    connection.execute(statement("token_text"))
    connection.execute(statement("visits").format(timezone=_text(LOCAL_TIMEZONE.key)))


def _one_order(lake: Lake, table: Table) -> Iterable[LiveFile]:
    # Tables that are not partitioned by order have one, which counts as the one wanted.
    files = snapshot(lake, table.name).files
    return (file for file in files if file.partition.get("by", STAYS_ORDER) == STAYS_ORDER)


def _lock_down(connection: duckdb.DuckDBPyConnection, allowed: list[str]) -> None:
    """Forbid everything but reading the files. The order matters: the last setting locks the others."""
    # Allowed paths can be set only while access is still open.
    connection.execute(f"SET allowed_paths = [{_listed(map(_text, allowed))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _view(table: Table, files: list[str]) -> str:
    """Return the statement that creates a view; DuckDB binds no parameters in DDL, so parts are quoted."""
    name = _name(table.name)
    if not files:
        empty = (f"CAST(NULL AS {_type(field.type)}) AS {_name(field.name)}" for field in table.schema)
        return statement("empty_view").format(name=name, columns=_listed(empty))
    return statement("view").format(
        name=name,
        columns=_listed(map(_name, table.schema.names)),
        files=_listed(map(_text, files)),
        partitioning=_partitioning(table),
    )


def _partitioning(table: Table) -> str:
    """Return how partition columns are read out of the names of folders: typed, or not at all."""
    if not table.partition:
        return "hive_partitioning = false"
    fields = (table.schema.field(column) for column in table.partition)
    # Untyped, DuckDB would guess: `05` in a folder's name could come as text.
    types = _listed(f"{_text(field.name)}: {_type(field.type)}" for field in fields)
    return f"hive_partitioning = true, hive_types = {{{types}}}"


_TYPES = {
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.binary(): "BLOB",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMPTZ",
}


def _type(kind: pa.DataType) -> str:
    return _TYPES[kind]


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def _text(text: str) -> str:
    """Quote a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _name(name: str) -> str:
    """Quote a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
