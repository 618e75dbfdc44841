"""The DuckDB that answers over a few Arrow rows: one connection a process, one cursor a question."""

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
"""What our connections must never do; DuckDB takes these settings only when a connection is opened."""


_READ_FILES = "read_parquet($files, hive_partitioning = false)"


def answer(
    name: str,
    tables: Mapping[str, pa.Table],
    *,
    files: tuple[str, Sequence[LiveFile]] | None = None,
    **parameters: Any,
) -> pa.Table:
    """Run `sql/<name>.sql` and return its rows; may be called from several threads.

    Args:
        name: the query.
        tables: the tables that the query names.
        files: for a query that reads `$files`: the name of the table and at least one of its files. Arrow
            reads those in an object store, because DuckDB would have to load an extension.
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
    """Escape a path for DuckDB, which would take `[1]` or `*` in a folder's name for a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def use_utc(connection: duckdb.DuckDBPyConnection) -> None:
    """Set the session's time zone, which is otherwise that of `TZ` and moves dates; cursors inherit it."""
    connection.execute("SET GLOBAL TimeZone = 'UTC'")


def _open() -> duckdb.DuckDBPyConnection:
    """Open a connection and answer once: the first query of a process compiles DuckDB's own patterns."""
    connection = duckdb.connect(config=NO_EXTENSIONS)
    use_utc(connection)
    connection.sql("SELECT $ready", params={"ready": True}).to_arrow_table()
    return connection


_CONNECTION = _open()  # at import, so that no question waits for it
