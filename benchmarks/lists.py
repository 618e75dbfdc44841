"""Exposure lists: 1,000 F1 in all formats, 100,000 as tables, beside the trace; and the sheet by pandas."""

import resource
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import report, say
from pipelines.drivers.run import run
from pipelines.export import ListOptions, SormasSettings, export
from pipelines.export.format_names import FORMATS
from pipelines.export.reveal import revealed
from pipelines.graph.tracing.trace import trace
from pipelines.lake import open_lake
from pipelines.times import parse_instant

_SIZES = (1_000, 100_000)
_TABLES = ("csv", "xlsx", "json", "parquet")
_CASE, _RULE = "BN-1", "vn-2020-12"
_DAY = "2021-08-05"
_SORMAS = SormasSettings("CORONAVIRUS", "Quang Ngai", "Binh Son", "", "dmy")


def measure(work: Path, _scans: int) -> None:
    """Measure in one warm process: each number is the better of two."""
    rows: list[dict[str, Any]] = []
    for people in _SIZES:
        lake = _lake(work / f"lists-{people}", people)
        authority = f"{lake}.keys/authority.key"
        traced, trace_seconds = _timed(lambda lake=lake: trace(lake, _CASE, _RULE, depth=1).rows)
        assert traced.num_rows == people
        persons = traced["person"].to_numpy()
        _, reveal_seconds = _timed(
            lambda lake=lake, persons=persons, key=authority: revealed(open_lake(lake), persons, key)
        )
        # A report or a graph of 100,000 people is read by nobody.
        kinds = {"CSV, XLSX, JSON, Parquet": _TABLES}
        if people == _SIZES[0]:
            kinds["all formats"] = FORMATS
        for what, formats in kinds.items():
            options = ListOptions(
                formats=formats, reveal=True, authority_key=authority, follow_up_days=14, sormas=_SORMAS
            )
            output = work / f"list-{people}-{len(formats)}"
            _, seconds = _timed(
                lambda lake=lake, output=output, options=options: _export(lake, output, options)
            )
            rows.append(
                {"what": f"list of {people:,}: {what}", "seconds beyond the trace": seconds - trace_seconds}
            )
        rows.append({"what": f"reveal of {people:,}", "seconds beyond the trace": reveal_seconds})
        listed = pq.read_table(work / f"list-{people}-4" / "list.parquet")
        _, ours = _timed(lambda lake=lake, work=work, people=people: _sheet(lake, work / f"sheet-{people}"))
        _, theirs = _timed(lambda listed=listed, work=work: _by_pandas(listed, work / "pandas.xlsx"))
        rows.append(
            {
                "what": f"sheet of {people:,} by pandas + openpyxl",
                "seconds beyond the trace": theirs,
                "ratio to our whole list with a sheet": theirs / (ours - trace_seconds),
            }
        )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report("lists", [*rows, {"what": "peak memory of the process, MB", "seconds beyond the trace": peak_mb}])


def _lake(folder: Path, people: int) -> str:
    """Make a lake of a case who shares an hour of one venue with all others, unless it is there."""
    lake = folder / "lake"
    if lake.exists():
        return str(lake)
    say(f"a lake of {people:,} contacts")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with (folder / "scans.ndjson").open("wb") as file:
        file.writelines(orjson.dumps(scan) + b"\n" for scan in _scans(people))
    (folder / "venues.csv").write_text("venue,name,type\nV1,Chợ Thu Lộ,market\n", encoding="utf-8")
    (folder / "cases.csv").write_text(f"case_id,person,onset_at\n{_CASE},phone:0900000000,{_DAY}\n")
    run(
        str(lake),
        [str(folder / "scans.ndjson")],
        venues=[str(folder / "venues.csv")],
        cases=[str(folder / "cases.csv")],
        now_us=parse_instant("2021-08-08"),
    )
    return str(lake)


def _scans(people: int) -> Iterator[dict[str, str]]:
    for number in range(people + 1):
        second = number % 600
        for direction, hour in (("in", 8), ("out", 9)):
            yield {
                "person": f"phone:09{number:08}",
                "venue": "V1",
                "direction": direction,
                "occurred_at": f"{_DAY}T{hour:02}:{second // 60:02}:{second % 60:02}+07:00",
            }


def _export(lake: str, output: Path, options: ListOptions) -> None:
    shutil.rmtree(output, ignore_errors=True)
    export(lake, _CASE, _RULE, output=output, depth=1, options=options)


def _sheet(lake: str, output: Path) -> None:
    _export(lake, output, ListOptions(formats=["xlsx"]))


def _by_pandas(listed: pa.Table, path: Path) -> None:
    """Write the same rows as pandas does by itself, which takes no zones: the times are UTC."""
    import pandas as pd

    frame = listed.to_pandas()
    for name in ("exposed_at", "last_contact", "declared_at"):
        frame[name] = pd.to_datetime(frame[name]).dt.tz_localize(None)
    with pd.ExcelWriter(path, engine="openpyxl") as writer:
        frame.to_excel(writer, sheet_name="list", index=False)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result, and the better of two times."""
    seconds, found = [], None
    for _ in range(2):
        begun = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - begun)
    return found, min(seconds)
