"""The DuckDB that answers over a few Arrow rows: one a process, a cursor a question."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.lake import LiveFile, storage
from pipelines.lake.read_rows import dataset
from pipelines.query.statements import statement

NO_EXTENSIONS: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,  # no variable of the caller is a table
    "temp_directory": "",  # what DuckDB spills is plain text that anybody may read
}
"""What a connection of ours can never do; can only be said when it is opened."""


_READ_FILES = "read_parquet($files, hive_partitioning = false)"


def answer(
    name: str,
    tables: Mapping[str, pa.Table],
    *,
    files: tuple[str, Sequence[LiveFile]] | None = None,
    **parameters: Any,
) -> pa.Table:
    """The rows of `sql/<name>.sql`; may be called from several threads.

    Args:
        name: the query.
        tables: what the query's tables are.
        files: of a query that reads `$files`: of which table, and at least one of its files. What lies
            in an object store Arrow reads, for DuckDB would have to load an extension for it.
        parameters: bound to the query's `$name`.
    """
    text = statement(name)
    with _CONNECTION.cursor() as cursor:
        for table, rows in tables.items():
            cursor.register(table, rows)
        if files is not None and storage.is_url(files[1][0].path):
            cursor.register("files", dataset(*files))
            text = text.replace(_READ_FILES, "files")
        elif files is not None:
            parameters["files"] = [no_pattern(file.path) for file in files[1]]
        return cursor.sql(text, params=parameters).to_arrow_table()


def no_pattern(path: str) -> str:
    """A path as DuckDB must be told it: else `[1]` or `*` in a folder's name would match other folders."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def use_utc(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the session's zone, which is otherwise that of `TZ`, from moving dates; cursors inherit it."""
    connection.execute("SET GLOBAL TimeZone = 'UTC'")


def _open() -> duckdb.DuckDBPyConnection:
    """A connection that has answered once: the first answer of a process compiles DuckDB's own patterns."""
    connection = duckdb.connect(config=NO_EXTENSIONS)
    use_utc(connection)
    connection.sql("SELECT $ready", params={"ready": True}).to_arrow_table()
    return connection


_CONNECTION = _open()  # opened with the import, so that no question waits for it
