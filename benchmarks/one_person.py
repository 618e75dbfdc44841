"""Overlaps of one person: warm, first call and from the shell, compared with DuckDB on plain Parquet."""

import subprocess
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from deltalake import DeltaTable

from benchmarks import inputs
from benchmarks.files_to_lake import DAYS, our_lake
from benchmarks.measure import ROOT, Timings, module, report, run, say, timed_calls, truyvet
from pipelines.lake import open_lake, read_table
from pipelines.query import overlaps
from pipelines.query.statements import statement

_PERSONS = 60
_SEED = 3
_SHELL_RUNS = 5


def measure(work: Path, scans: int) -> None:
    """Ask both sides about the same persons and compare the rows before printing a ratio."""
    province = inputs.province(work, scans, DAYS)
    lake = our_lake(province, work)
    persons = some_persons(lake)
    say("asking")
    shapes = {
        "unsorted Parquet, DuckDB": _peer(lake, work, ordered=False),
        "plain Parquet by date, DuckDB": _peer(lake, work, ordered=True),
    }
    for connection in shapes.values():
        for person in persons[:5]:
            _check(lake, connection, person)
    warm, *others = from_the_library_and_the_shell(lake, persons)
    rows: list[dict[str, object]] = [warm]
    for name, connection in shapes.items():
        timings = timed_calls(lambda person, on=connection: _ask(on, person), persons[:20])
        rows.append({"how": name, **_figures(timings), "ratio to ours": timings.median / warm["median ms"]})
    rows += others
    report("one_person", rows)


def from_the_library_and_the_shell(lake: Path, persons: list[int]) -> list[dict[str, Any]]:
    """Our timings: warm, first call of a process, and the whole command."""
    timed_calls(lambda person: overlaps(str(lake), person), persons)
    warm = timed_calls(lambda person: overlaps(str(lake), person), persons)
    first = run(module("first_query", "--lake", lake, "--person", persons[0])).last_line()
    cases = read_table(open_lake(str(lake)), "cases", ["case_id"])["case_id"].to_pylist()
    shell = timed_calls(lambda case: _shell(lake, case), cases[:_SHELL_RUNS])
    return [
        {"how": "overlaps(), warm", **_figures(warm)},
        {"how": "overlaps(), first of a process", "median ms": first["milliseconds"]},
        {"how": "truyvet overlaps, from the shell", **_figures(shell)},
    ]


def _figures(timings: Timings) -> dict[str, object]:
    return {"median ms": timings.median, "95th ms": timings.p95}


def some_persons(lake: Path) -> list[int]:
    """Return a random choice of persons with more than five stays."""
    connection = duckdb.connect()
    files = _files(lake, "person")
    query = "SELECT person FROM read_parquet($1) GROUP BY person HAVING count(*) > 5 ORDER BY hash(person)"
    found = connection.execute(query, [files]).fetchnumpy()["person"]
    return np.random.default_rng(_SEED).choice(found, _PERSONS, replace=False).tolist()


def _files(lake: Path, by: str) -> list[str]:
    return [uri for uri in DeltaTable(str(lake / "stays")).file_uris() if f"by={by}/" in uri]


def _peer(lake: Path, work: Path, *, ordered: bool) -> duckdb.DuckDBPyConnection:
    """Return a warm DuckDB over the stays: one file per date sorted by venue as in the lake, or unsorted."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET parquet_metadata_cache = true")
    files = _files(lake, "venue")
    if not ordered:
        path = work / "unsorted.parquet"
        if not path.exists():
            connection.execute(
                f"COPY (SELECT * FROM read_parquet({files!r}) ORDER BY hash(stay_id)) TO '{path}'"  # noqa: S608
            )
        files = [str(path)]
    venues = DeltaTable(str(lake / "venues")).file_uris()
    connection.execute(f"CREATE VIEW stays AS SELECT * FROM read_parquet({files!r})")  # noqa: S608
    connection.execute(f"CREATE VIEW venues AS SELECT * FROM read_parquet({venues!r})")  # noqa: S608
    return connection


def _ask(connection: duckdb.DuckDBPyConnection, person: int) -> object:
    parameters = {"person": person, "from_us": None, "to_us": None, "min_us": 1}
    return connection.execute(statement("overlaps_plain"), parameters).to_arrow_table()


def _check(lake: Path, connection: duckdb.DuckDBPyConnection, person: int) -> None:
    ours, theirs = overlaps(str(lake), person), _ask(connection, person)
    if ours.to_pylist() != theirs.cast(ours.schema).to_pylist():  # type: ignore[attr-defined]
        raise AssertionError("the peer answers other rows")


def _shell(lake: Path, case: str) -> None:
    command = truyvet("overlaps", "--lake", lake, "--case", case, "--format", "csv")
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
