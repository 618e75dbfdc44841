"""The peer of `contacts`: plain DuckDB over the same stays.

    python -m benchmarks.peer_contacts --stays FILE… --out FILE [--sorted]

It makes no content-addressed names, no hashes, no fsync and no commit log.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

_SQL = Path(__file__).parent / "peer_contacts"


def connect(spill: Path, stays: Sequence[str]) -> duckdb.DuckDBPyConnection:
    """Return a database in memory with the table `there` of stays."""
    connection = duckdb.connect(
        config={"threads": 2, "memory_limit": "8GB", "temp_directory": str(spill)}  # as much as it uses
    )
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    connection.execute("SET preserve_insertion_order = false").fetchall()
    connection.execute("SET enable_progress_bar = false").fetchall()
    run(connection, "union", files=list(stays))
    return connection


def run(connection: duckdb.DuckDBPyConnection, name: str, **variables: Any) -> list[Any]:
    """Set the variables and run the statement of a file."""
    for variable, value in variables.items():
        connection.execute(f"SET VARIABLE {variable} = $1", [value]).fetchall()
    return connection.execute((_SQL / f"{name}.sql").read_text(encoding="utf-8")).fetchall()


def main() -> None:
    """Write the contacts of stays and print their number as one JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stays", nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sorted", action="store_true")
    args = parser.parse_args()
    connection = connect(args.out.with_suffix(".spill"), args.stays)
    ((contacts,),) = run(connection, "write_sorted" if args.sorted else "write", path=str(args.out))
    print(json.dumps({"contacts": contacts}))


if __name__ == "__main__":
    main()
