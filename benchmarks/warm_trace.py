"""Time repeated traces in one process: `--lake L --rule ID --depth K --out FILE --case ID… [--stability N]`.

The first call loads; the fastest of the others counts.
"""

import argparse
import json
import time
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.graph import trace

_REPEATS = 3


def main() -> None:
    """Write the rows and print their number and the seconds as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--rule", required=True)
    parser.add_argument("--depth", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--case", nargs="+", required=True)
    parser.add_argument("--stability", type=int)
    args = parser.parse_args()
    costs = []
    for _ in range(1 + _REPEATS):
        begun, processor = time.perf_counter(), time.process_time()
        found = trace(args.lake, args.case, args.rule, depth=args.depth, stability=args.stability)
        costs.append((time.perf_counter() - begun, time.process_time() - processor))
    pq.write_table(found.rows, args.out)
    seconds, processor = (min(values) for values in zip(*costs[1:], strict=True))
    print(json.dumps({"rows": found.num_rows, "seconds": seconds, "processor": processor}))


if __name__ == "__main__":
    main()
