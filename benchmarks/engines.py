"""Files to a lake on Flink in one JVM compared with `direct`: whole commands, and the work alone."""

import shutil
from pathlib import Path
from typing import Any

from benchmarks import inputs
from benchmarks.files_to_lake import files_to_lake
from benchmarks.measure import module, report, run, say

_DAYS = 28
_SMALL = 20_000
_ENGINES = ("direct", "flink")
_ROUNDS = 2


def measure(work: Path, scans: int) -> None:
    """Run each engine on the same files from the page cache and compare their counts."""
    small, province = (inputs.province(work, size, _DAYS) for size in (_SMALL, scans))
    rows: list[dict[str, object]] = []
    for _ in range(_ROUNDS):
        found = {
            engine: (files_to_lake(province, work / "lake", engine), _warm(work, small, province, engine))
            for engine in _ENGINES
        }
        whole, alone = found["direct"]
        for engine, (cost, warm) in found.items():
            if warm["accepted"] != alone["accepted"] or cost.last_line()["accepted"] != alone["accepted"]:
                raise RuntimeError(f"{engine} accepted other scans")
            rows.append(
                {
                    "engine": engine,
                    "scans": province.lines,
                    "seconds": cost.wall_seconds,
                    "against direct": cost.wall_seconds / whole.wall_seconds,
                    "work alone, seconds": warm["seconds"],
                    "work against direct": warm["seconds"] / alone["seconds"],
                    "peak MB": cost.peak_mb,
                }
            )
    report("engines", rows)


def _warm(work: Path, first: inputs.Province, then: inputs.Province, engine: str) -> dict[str, Any]:
    say(f"{engine}, work alone")
    out = work / f"warm-{engine}"
    shutil.rmtree(out, ignore_errors=True)
    now_us = round(then.now.timestamp() * 1_000_000)
    words = ("--first", first.folder, "--then", then.folder, "--now-us", now_us)
    return run(module("warm_run", "--runner", engine, "--out", out, *words)).last_line()
