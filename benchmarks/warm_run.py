"""Time a batch after a smaller one: `--runner R --out FOLDER --first PROVINCE --then PROVINCE`.

The first batch starts the runner and loads the kernels, so the second measures the work alone.
"""

import argparse
import json
import time
from pathlib import Path

from pipelines.drivers.run import run
from pipelines.runtime.malloc import keep_freed_memory


def main() -> None:
    """Run both into separate lakes and print seconds and counts of the second as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runner", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first", type=Path, required=True)
    parser.add_argument("--then", type=Path, required=True)
    parser.add_argument("--now-us", type=int, required=True)
    args = parser.parse_args()
    keep_freed_memory()
    for folder in (args.first, args.then):
        begun = time.perf_counter()
        report = run(
            str(args.out / folder.name),
            [str(folder / "scans")],
            venues=[str(folder / "venues.csv")],
            cases=[str(folder / "cases.csv")],
            now_us=args.now_us,
            runner=args.runner,
        )
        seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "received": report.received, "accepted": report.accepted}))


if __name__ == "__main__":
    main()
