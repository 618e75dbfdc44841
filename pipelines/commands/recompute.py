"""`truyvet recompute`: rewrite stays and everything that follows from them."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from pipelines.lake import open_lake
from pipelines.metrics import DATES_REWRITTEN
from pipelines.runtime.engines.config import RUNNERS
from pipelines.runtime.malloc import keep_freed_memory
from pipelines.terminal.options import add_keys, add_lake, add_runner, keys_folder

EXAMPLE = """
truyvet recompute --lake province
truyvet recompute --lake province --stays hospital-stays.toml
truyvet recompute --lake province --point-days
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument(
        "--stays",
        metavar="FILE",
        help="durations of stays by venue type, in the form of schemas/stays.toml; stored in the lake "
        "and used from then on (a hospital whose inpatients scan in and out sets days)",
    )
    parser.add_argument(
        "--point-days",
        action="store_true",
        help="also count each venue and local day into the table point_days, which later batches keep up to "
        "date: adoption then reads a long history faster",
    )
    add_runner(parser, RUNNERS)


def run(args: argparse.Namespace) -> int:
    """Rewrite every date and print a report as one JSON line."""
    from pipelines.drivers.recompute import bring_up_to_date

    keep_freed_memory()
    lake = open_lake(args.lake, keys_folder(args.keys, args.lake))
    stays_file = None if args.stays is None else Path(args.stays)
    done = bring_up_to_date(
        lake, everything=True, stays_file=stays_file, point_days=args.point_days, runner=args.runner
    )
    report = asdict(done)
    # How many dates: a long history would be a very long line.
    report[DATES_REWRITTEN] = len(report.pop("dates"))
    print(json.dumps(report))
    return 0
