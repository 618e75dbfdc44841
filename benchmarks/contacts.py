"""All contacts of one dense day, counted and written, compared with joins in DuckDB."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
from deltalake import DeltaTable

from benchmarks.dense_day import DATE, dense_day
from benchmarks.measure import Cost, module, report, run, say
from benchmarks.peer_contacts import connect
from benchmarks.peer_contacts import run as run_sql
from pipelines.graph.contact_table.pair_sweep import Crowds, outside, partners, presences
from pipelines.lake import open_lake, snapshot
from pipelines.lake.sidecars.sidecar import open_sidecar
from pipelines.times import day_text

_SCANS_A_STAY = 14  # with the default of ten million scans, 714,000 stays
_NOWHERE = Crowds(*(np.empty(0, np.int64) for _ in Crowds._fields))


def measure(work: Path, scans: int) -> None:
    """Compare the rows before printing a ratio."""
    lake = dense_day(work, max(1_000, scans // _SCANS_A_STAY))
    stays = [
        uri
        for uri in DeltaTable(str(lake / "stays")).file_uris()
        if f"by=venue/date={day_text(DATE)}/" in uri
    ]
    report("contacts_counted", _counted(lake, work, stays))
    report("contacts_written", _written(lake, work, stays))


def _counted(lake: Path, work: Path, stays: list[str]) -> list[dict[str, object]]:
    """Count in memory, warm; the peers start from the union of the stays, which favours them."""
    say("counting")
    (file,) = [file for file in snapshot(open_lake(str(lake)), "stays").files if file.path in stays]
    columns = open_sidecar(file)
    columns.check("person", "venue", "enter_us", "exit_us")
    arrays = [columns.person, columns.venue, columns.enter_us, columns.exit_us]
    peer = connect(work / "spill", stays)
    run_sql(peer, "end_to_end")
    ways = {
        "truyvet": lambda: _count([np.array(array) for array in arrays]),
        "DuckDB, inequality join": lambda: run_sql(peer, "count_inequality")[0][0],
        "DuckDB, join of venues": lambda: run_sql(peer, "count_equality")[0][0],
    }
    found = {way: _timed(count) for way, count in ways.items()}
    if len({contacts for contacts, _ in found.values()}) != 1:
        raise AssertionError("the peer counts other contacts")
    ours = found["truyvet"][1]
    return [
        {"how": way, "contacts": contacts, "seconds": seconds, "ratio to ours": seconds / ours}
        for way, (contacts, seconds) in found.items()
    ]


def _count(stays: list[np.ndarray]) -> int:
    there = outside(presences(*stays), _NOWHERE, 1)
    return partners(there, 1, -(2**62), 2**62).contacts


def _timed(count: Callable[[], int]) -> tuple[int, float]:
    """Return the result and the fastest of three calls."""
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        contacts = count()
        seconds.append(time.perf_counter() - begun)
    return contacts, min(seconds)


def _written(lake: Path, work: Path, stays: list[str]) -> list[dict[str, object]]:
    """Whole processes, Parquet to Parquet; only ours sorts each file by pair, hashes it and commits."""
    for table in ("contacts", "crowds"):
        shutil.rmtree(lake / table, ignore_errors=True)
    say("writing")
    costs = {"truyvet": run(module("write_contacts", "--lake", lake))}
    sums = {_sum(DeltaTable(str(lake / "contacts")).file_uris())}
    for name, flags in {"DuckDB, in no order": (), "DuckDB, ordered by the pair": ("--sorted",)}.items():
        say(name)
        path = work / "peer-contacts.parquet"
        costs[name] = run(module("peer_contacts", "--stays", *stays, "--out", path, *flags))
        sums.add(_sum([str(path)]))
        path.unlink()
    if len(sums) != 1:
        raise AssertionError("the peer writes other contacts")
    return [_row(name, cost, costs["truyvet"]) for name, cost in costs.items()]


def _row(name: str, cost: Cost, ours: Cost) -> dict[str, object]:
    return {
        "how": name,
        "contacts": cost.last_line()["contacts"],
        "seconds": cost.wall_seconds,
        "ratio to ours": cost.wall_seconds / ours.wall_seconds,
        "processor seconds": cost.user_seconds,
        "peak MB": cost.peak_mb,
    }


def _sum(files: list[str]) -> tuple[object, ...]:
    return tuple(run_sql(duckdb.connect(), "sum", files=files)[0])
