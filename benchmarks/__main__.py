"""Run benchmarks by name; each prints a table and appends its rows to `results/`."""

import argparse
import tempfile
from pathlib import Path

from benchmarks import (
    adoption,
    codes,
    contacts,
    engines,
    files_to_lake,
    humans,
    late_scans,
    lists,
    one_person,
    quality,
    recall,
    retention,
    scale,
    serve,
    stability,
    streaming,
    trace,
)

BENCHMARKS = {
    "files_to_lake": files_to_lake.measure,
    "one_person": one_person.measure,
    "late_scans": late_scans.measure,
    "codes": codes.measure,
    "humans": humans.measure,
    "contacts": contacts.measure,
    "trace": trace.measure,
    "stability": stability.measure,
    "lists": lists.measure,
    "serve": serve.measure,
    "recall": recall.measure,
    "retention": retention.measure,
    "quality": quality.measure,
    "adoption": adoption.measure,
    "streaming": streaming.measure,
    "engines": engines.measure,
    "scale": scale.measure,
}


def main() -> None:
    """Run the benchmarks named on the command line, by default all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"any of {' '.join(BENCHMARKS)} (default: all)"
    )
    parser.add_argument("--scans", type=int, default=10_000_000, help="approximate number of scans")
    parser.add_argument("--work", type=Path, help="folder for inputs and lakes; it is kept")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]}; choose from {' '.join(BENCHMARKS)}")
    with tempfile.TemporaryDirectory(prefix="truyvet-bench-") as temporary:
        work = args.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        for name in args.names or BENCHMARKS:
            BENCHMARKS[name](work, args.scans)


if __name__ == "__main__":
    main()
