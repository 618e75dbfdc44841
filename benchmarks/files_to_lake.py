"""Files to a lake, compared with DuckDB SQL for the same tables and with Beam with one element per row."""

import shutil
from pathlib import Path

from benchmarks import inputs
from benchmarks.compare import FOOTFALL, SCANS, STAYS, Comparison, check_counts
from benchmarks.measure import Cost, module, report, run, say, truyvet

DAYS = 14
_ROWWISE_SCANS = 200_000


def measure(work: Path, scans: int) -> None:
    """Run both on the same province and compare their rows before printing a ratio."""
    province = inputs.province(work, scans, DAYS)
    ours = files_to_lake(province, work / "lake")
    peer = _peer(province, work / "peer")
    check_counts(ours.last_line(), peer.last_line()["counts"])
    _compare(province, work)
    rowwise = _rowwise(work)
    rate = province.lines / peer.wall_seconds
    report(
        "files_to_lake",
        [
            _row("truyvet run", province.lines, ours, rate),
            _row("DuckDB SQL", province.lines, peer, rate),
            _row("Beam, an element a row", *rowwise, rate),
        ],
    )


def _row(name: str, lines: int, cost: Cost, peer_rate: float) -> dict[str, object]:
    rate = lines / cost.wall_seconds
    return {
        "shape": name,
        "scans": lines,
        "seconds": cost.wall_seconds,
        "scans/s": rate,
        "against DuckDB": rate / peer_rate,
        "peak MB": cost.peak_mb,
    }


def our_lake(province: inputs.Province, work: Path) -> Path:
    """Return the lake of a province, made if it is missing."""
    lake = work / "lake"
    if not lake.exists():
        files_to_lake(province, lake)
    return lake


def files_to_lake(province: inputs.Province, lake: Path, runner: str = "direct") -> Cost:
    """Make a new lake of a province and measure the cost."""
    for folder in (lake, lake.with_name(lake.name + ".keys")):
        shutil.rmtree(folder, ignore_errors=True)
    say(f"truyvet run --runner {runner}")
    words = ("--scans", province.scans, "--venues", province.venues, "--now", province.now.isoformat())
    words += ("--cases", province.folder / "cases.csv", "--runner", runner)
    return run(truyvet("run", "--lake", lake, *words))


def _peer(province: inputs.Province, out: Path) -> Cost:
    shutil.rmtree(out, ignore_errors=True)
    say("DuckDB SQL")
    words = ("--scans", province.scans, "--venues", province.venues, "--now", province.now.isoformat())
    return run(module("peer_duckdb", *words, "--out", out))


def _rowwise(work: Path) -> tuple[int, Cost]:
    """Measure on a smaller input: the rate of a row-wise pipeline does not depend on it."""
    small = inputs.province(work, _ROWWISE_SCANS, DAYS)
    out = work / "rowwise"
    shutil.rmtree(out, ignore_errors=True)
    say("Beam, an element a row")
    return small.lines, run(module("peer_rowwise", "--scans", small.scans, "--out", out))


def _compare(province: inputs.Province, work: Path) -> None:
    say("comparing the rows")
    files = sorted(province.scans.glob("*.ndjson"))
    sides = Comparison(work / "lake", work / "peer", files, province.venues)
    sides.check("scans", SCANS)
    for by in ("venue", "person"):
        sides.check("stays", STAYS, by=by)
    sides.check("footfall", FOOTFALL)
