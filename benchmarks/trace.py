"""F1 to Fk of cases, after loading and from a cold process, compared with DuckDB and networkx."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import inputs
from benchmarks.dense_world import case_ids, crowd, dense_world
from benchmarks.files_to_lake import DAYS, our_lake
from benchmarks.measure import Cost, module, report, run, say, truyvet
from benchmarks.trace_question import Question
from pipelines.graph.stays_index import Span, live_files
from pipelines.lake import open_lake, read_table

_CASES = (1, 100, 10_000)
_ANY_CONTACT = "vn-2020-12"
MINUTES = "cdc-2020-10"
_DEPTH = 3
_PAIRED_AT_MOST = 10_000_000
"""More stays than this are too slow for the join of pairs."""
_WALKED_AT_MOST = 1_000_000
"""More stays than this are too slow for recursion and networkx."""
_ADDED_AT_MOST = 500_000
"""More scans than this are too slow for the join of pairs that sums minutes."""
_VISITORS = 100_000


def measure(work: Path, scans: int) -> None:
    """Compare the rows before printing a ratio; the dense world has as many stays as `scans`."""
    for stays in sorted({min(scans, _WALKED_AT_MOST), scans}):
        report("trace_dense", _dense(work, stays))
    report("trace_crowd", _crowd(work, min(scans, _VISITORS)))
    report("trace_province", _province(work, scans))


def _dense(work: Path, stays: int) -> list[dict[str, object]]:
    lake = dense_world(work, stays)
    rows: list[dict[str, object]] = []
    for count in _CASES:
        question = Question(lake, tuple(case_ids(count)), _ANY_CONTACT, _DEPTH)
        peers = {"DuckDB, joins to the nearest": ("peer_trace", "asof")}
        if stays <= _PAIRED_AT_MOST:
            peers["DuckDB, join of pairs"] = ("peer_trace", "pairs")
        if stays <= _WALKED_AT_MOST and count == 1:
            peers["DuckDB, recursive statement"] = ("peer_trace", "recursive")
            peers["networkx"] = ("peer_networkx",)
        rows += beside(work, question, peers, {"stays": stays})
    return rows


def _crowd(work: Path, visitors: int) -> list[dict[str, object]]:
    """Trace one venue and day: F1 with a minimum of minutes, F1 to F3 with any contact."""
    lake = crowd(work, visitors)
    asof = {"DuckDB, joins to the nearest": ("peer_trace", "asof")}
    return [
        *beside(work, Question(lake, ("C00000",), _ANY_CONTACT, _DEPTH), asof, {"visitors": visitors}),
        *beside(work, Question(lake, ("C00000",), MINUTES, 1), _DAY, {"visitors": visitors}),
    ]


def _province(work: Path, scans: int) -> list[dict[str, object]]:
    """Trace one case and a hundred; the peer traces the hundred only in a small province."""
    small = min(scans, _ADDED_AT_MOST)
    rows: list[dict[str, object]] = []
    for size, folder in sorted({small: work / "small", scans: work}.items()):
        folder.mkdir(exist_ok=True)
        lake = our_lake(inputs.province(work, size, DAYS), folder)
        cases = countable_cases(lake)
        about = {"stays": sum(file.rows for file in live_files(open_lake(str(lake)), "venue", Span()))}
        rows += beside(work, Question(lake, cases[:1], MINUTES, 2), _DAY, about)
        peers = _DAY if size == small else {}
        rows += beside(work, Question(lake, cases[:100], MINUTES, 3), peers, about)
    return rows


_DAY = {"DuckDB, join of pairs": ("peer_trace", "day")}


def countable_cases(lake: Path) -> tuple[str, ...]:
    """Return the ids of cases that have an onset and were not withdrawn."""
    rows = read_table(open_lake(str(lake)), "cases", ["case_id", "withdrawn_at", "onset_at"])
    return tuple(
        row["case_id"] for row in rows.to_pylist() if row["withdrawn_at"] is None and row["onset_at"]
    )


def beside(
    work: Path, question: Question, peers: Mapping[str, tuple[str, ...]], about: dict[str, object]
) -> list[dict[str, object]]:
    """Measure ours and the peers, each after loading and from a cold process."""
    about = {**about, "rule": question.rule, "tiers": question.depth, "cases": len(question.cases)}
    say(f"tracing: {' '.join(map(str, about.values()))}")
    out = work / "trace.parquet"
    words = ("--lake", question.lake, "--rule", question.rule, "--depth", question.depth)
    warm = run(module("warm_trace", *words, "--out", out, "--case", *question.cases)).last_line()
    found = _rows(pq.read_table(out))
    shell = ("--format", "parquet", "--output", out, "--case", *question.cases)
    rows = [_row("truyvet", warm, run(truyvet("trace", *words, *shell)), warm)]
    _check(found, out)
    files = ("--stays", *question.stays(), "--question", question.write(work / "question"))
    for name, (peer, *way) in peers.items():
        say(name)
        cost = run(module(peer, *way, *files, "--out", out))
        _check(found, out)
        rows.append(_row(name, cost.last_line(), cost, warm))
    return [{**about, **row} for row in rows]


def _row(how: str, warm: Mapping[str, float], cold: Cost, ours: Mapping[str, float]) -> dict[str, object]:
    return {
        "how": how,
        "rows": warm["rows"],
        "seconds": warm["seconds"],
        "processor": warm["processor"],
        "ratio to ours": warm["seconds"] / ours["seconds"],
        "cold seconds": cold.wall_seconds,
        "cold processor": cold.user_seconds,
        "cold peak MB": cold.peak_mb,
        "load": os.getloadavg()[0],
    }


def _check(ours: pa.Table, path: Path) -> None:
    if ours != _rows(pq.read_table(path)):
        raise AssertionError(f"the rows in {path} differ from ours")


def _rows(table: pa.Table) -> pa.Table:
    """Tier, person and exposure, by person."""
    exposed: Iterable[str] = {"exposed_at", "exposed_us"} & set(table.column_names)
    columns = [table[name].cast(pa.int64()).combine_chunks() for name in ("tier", "person", *exposed)]
    return pa.table(columns, names=["tier", "person", "exposed"]).sort_by("person").combine_chunks()
