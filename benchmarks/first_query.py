"""Time the first `overlaps` of a process on an open lake: `--lake L --person TOKEN`."""

import argparse
import json
import time

from pipelines.lake import open_lake, snapshot
from pipelines.query import overlaps


def main() -> None:
    """Ask once and print the milliseconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--person", type=int, required=True)
    args = parser.parse_args()
    lake = open_lake(args.lake)
    for name in ("scans", "stays", "venues"):
        snapshot(lake, name)
    begun = time.perf_counter()
    overlaps(lake, args.person)
    print(json.dumps({"milliseconds": (time.perf_counter() - begun) * 1000}))


if __name__ == "__main__":
    main()
