"""The DuckDB that answers over a few Arrow rows: one connection a process, one cursor a question."""

import re
from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa

from pipelines.query.statements import statement

NO_EXTENSIONS: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,  # no variable of the caller is a table
    "temp_directory": "",  # what DuckDB spills is plain text that anybody may read
}
"""What our connections must never do; DuckDB takes these settings only when a connection is opened."""


def answer(name: str, tables: Mapping[str, pa.Table], **parameters: Any) -> pa.Table:
    """Run `sql/<name>.sql` and return its rows; may be called from several threads.

    Args:
        name: the query.
        tables: the tables that the query names.
        parameters: bound to the query's `$name`.
    """
    # What a cursor registers is its own and goes with it, so threads do not see each other's tables.
    with _CONNECTION.cursor() as cursor:
        for table, rows in tables.items():
            cursor.register(table, rows)
        return cursor.sql(statement(name), params=parameters).to_arrow_table()


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
