"""Peers of `trace`: plain DuckDB over the same stays, from the same intervals of the index cases.

    python -m benchmarks.peer_trace WAY --stays FILE… --question DIR --out FILE

WAY is one of `asof`, `pairs`, `recursive` (any contact counts) and `day` (a
number of minutes within 24 hours). A peer finds tier, person and exposure, but
neither infector nor venue, and ignores encounters, zones, overrides and latency.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

_SQL = Path(__file__).parent / "peer_trace"
_WAYS = ("asof", "pairs", "recursive", "day")


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return the flags of every peer of `trace`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stays", nargs="+", required=True, help="Parquet files of one order")
    parser.add_argument("--question", type=Path, required=True, help="a folder, see trace_question.py")
    parser.add_argument("--out", type=Path, required=True, help="for the rows, Parquet")
    return parser


def timed(search: Callable[[], int]) -> dict[str, float]:
    """Time a search over loaded stays and count the rows it finds."""
    begun, processor = time.perf_counter(), time.process_time()
    rows = search()
    return {
        "rows": rows,
        "seconds": time.perf_counter() - begun,
        "processor": time.process_time() - processor,
    }


def main() -> None:
    """Load, search, write the rows, and print the cost of the search as one JSON line."""
    parser = arguments(__doc__)
    parser.add_argument("way", choices=_WAYS)
    args = parser.parse_args()
    connection = _loaded(args.out.with_suffix(".spill"), args.stays, slots=args.way != "asof")
    question = json.loads((args.question / "question.json").read_text())
    files = {name: str(args.question / f"{name}.parquet") for name in ("sources", "cases", "isolated")}
    cost = timed(lambda: _search(connection, args.way, question, files))
    connection.execute("COPY rows TO $1 (FORMAT parquet)", [str(args.out)]).fetchall()
    print(json.dumps(cost))


def _loaded(spill: Path, stays: Sequence[str], *, slots: bool) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        config={"threads": 2, "memory_limit": "8GB", "temp_directory": str(spill)}  # as much as it uses
    )
    connection.execute("SET TimeZone = 'UTC'").fetchall()
    connection.execute("SET preserve_insertion_order = false").fetchall()
    connection.execute("SET enable_progress_bar = false").fetchall()
    _run(connection, "load", stays=list(stays))
    if slots:
        _run(connection, "slots")
    return connection


def _search(
    connection: duckdb.DuckDBPyConnection, way: str, question: dict[str, int], files: dict[str, str]
) -> int:
    _run(connection, "begin", **question, **files)
    if way == "recursive":
        _run(connection, "recursive")
    else:
        for tier in range(1, question["depth"] + 1):
            if tier == question["depth"]:
                _run(connection, "close")
            _run(connection, "clip")
            _run(connection, way)
            _run(connection, "note", tier=tier)
    ((rows,),) = connection.execute("SELECT count(*) FROM rows").fetchall()
    return int(rows)


def _run(connection: duckdb.DuckDBPyConnection, name: str, **variables: Any) -> None:
    """Set variables and run the statements of a file."""
    for variable, value in variables.items():
        connection.execute(f"SET VARIABLE {variable} = $1", [value]).fetchall()
    connection.execute((_SQL / f"{name}.sql").read_text(encoding="utf-8")).fetchall()


if __name__ == "__main__":
    main()
