"""Four weeks of scans, a tenth of them and all: files to a lake, and questions to the large lake."""

import os
from pathlib import Path

from benchmarks import inputs
from benchmarks.files_to_lake import files_to_lake
from benchmarks.measure import report
from benchmarks.one_person import from_the_library_and_the_shell, some_persons
from benchmarks.trace import MINUTES, beside, countable_cases
from benchmarks.trace_question import Question

_DAYS = 28
_COMPILING = 20_000


def measure(work: Path, scans: int) -> None:
    """Measure both sizes; `--scans 100000000` needs 50 GB of disk in `--work`."""
    files_to_lake(inputs.province(work, _COMPILING, _DAYS), work / "compiled")
    rows: list[dict[str, object]] = []
    for size in (scans // 10, scans):
        province = inputs.province(work, size, _DAYS)
        lake = work / f"scale-{size}"
        _forget(province)
        cost = files_to_lake(province, lake)
        rows.append(
            {
                "scans": province.lines,
                "days": _DAYS,
                "seconds": cost.wall_seconds,
                "scans/s": province.lines / cost.wall_seconds,
                "processor": cost.user_seconds,
                "peak MB": cost.peak_mb,
                "bytes of lake a scan": sum(path.stat().st_size for path in lake.rglob("*")) / province.lines,
            }
        )
    report("scale", rows)
    report("scale_one_person", from_the_library_and_the_shell(lake, some_persons(lake)))
    cases = countable_cases(lake)
    questions = [Question(lake, cases[:1], MINUTES, 2), Question(lake, cases[:100], MINUTES, 3)]
    report("scale_trace", [row for question in questions for row in beside(work, question, {}, {})])


def _forget(province: inputs.Province) -> None:
    """Drop the files from the page cache, so that both sizes are read from disk."""
    for path in province.scans.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
