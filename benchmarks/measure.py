"""The cost of a command in a new process: wall and user seconds, peak memory including children."""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[1]

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Cost:
    """The measured cost of one command.

    Attributes:
        wall_seconds: from start to exit.
        user_seconds: processor time outside the kernel, children included.
        peak_mb: largest sum of resident memory over the process and its children, megabytes.
        stdout: its standard output.
    """

    wall_seconds: float
    user_seconds: float
    peak_mb: float
    stdout: str

    def last_line(self) -> dict[str, Any]:
        """Return the JSON object on the last line of standard output."""
        found: dict[str, Any] = json.loads(self.stdout.strip().splitlines()[-1])
        return found


def truyvet(*words: object) -> list[str]:
    """Return the command line of `truyvet` with this interpreter."""
    start = "import sys; from pipelines.cli import main; sys.exit(main())"
    return [sys.executable, "-c", start, *map(str, words)]


def module(name: str, *words: object) -> list[str]:
    """Return the command line of a module of this folder."""
    return [sys.executable, "-m", f"benchmarks.{name}", *map(str, words)]


def run(command: Sequence[str]) -> Cost:
    """Run a command to its end and measure its cost.

    Raises:
        RuntimeError: it failed; its standard error was shown.
    """
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        peak = _PeakMemory(process.pid)
        assert process.stdout is not None
        stdout = process.stdout.read()
        # Only `wait4` reports the processor time of this one child and the children it waited for.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_seconds = time.perf_counter() - begun
        peak_bytes = max(peak.stop(), usage.ru_maxrss * 1024)
    if process.returncode != 0:
        raise RuntimeError(f"exit code {process.returncode}: {' '.join(command[:6])} …")
    return Cost(wall_seconds, usage.ru_utime, peak_bytes / 1e6, stdout)


class _PeakMemory:
    """Samples the resident memory of a process and its descendants on a thread."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak_bytes = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Stop sampling and return the largest sum in bytes."""
        self._stopped.set()
        self._thread.join()
        return self._peak_bytes

    def _sample(self) -> None:
        while not self._stopped.wait(_SAMPLE_SECONDS):
            total = sum(_resident_bytes(pid) for pid in _family(self._pid))
            self._peak_bytes = max(self._peak_bytes, total)


def _family(pid: int) -> Iterable[int]:
    yield pid
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield from _family(int(child))
    except (FileNotFoundError, ProcessLookupError):
        return


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return 0


@dataclass(frozen=True)
class Timings:
    """Milliseconds of repeated calls, in their order."""

    milliseconds: list[float]

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.milliseconds)

    @property
    def p95(self) -> float:
        """The 95th percentile."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]


def timed_calls(call: Callable[[Any], object], arguments: Iterable[Any]) -> Timings:
    """Time `call` on each argument."""
    milliseconds = []
    for argument in arguments:
        begun = time.perf_counter()
        call(argument)
        milliseconds.append((time.perf_counter() - begun) * 1000)
    return Timings(milliseconds)


def report(benchmark: str, rows: Sequence[dict[str, object]]) -> None:
    """Print a small table and append the rows to `results/<benchmark>.jsonl`."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    print(f"\n{benchmark}")
    for line in cells:
        first, *others = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{benchmark}.jsonl").open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({"benchmark": benchmark, "unix_time": int(time.time()), **row}) + "\n")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def say(words: str) -> None:
    """Print a line on standard error about the current step."""
    print(f"… {words}", file=sys.stderr, flush=True)
