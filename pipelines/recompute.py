"""`truyvet recompute`: all stays and footfall written again from the scans and the registry."""

import argparse
import json
from dataclasses import asdict

from pipelines.lake import open_lake
from pipelines.metrics import DATES_REWRITTEN
from pipelines.options import add_keys, add_lake, keys_folder
from pipelines.runner import RUNNERS
from pipelines.windowing.recomputing import recompute

EXAMPLE = "truyvet recompute --lake province"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument("--runner", default="direct", metavar="NAME", help=f"one of {' '.join(RUNNERS)}")


def run(args: argparse.Namespace) -> int:
    """Write all dates again and print what became of it as one JSON line."""
    lake = open_lake(args.lake, keys_folder(args.keys, args.lake))
    done = recompute(lake, everything=True, runner=args.runner)
    report = asdict(done)
    report[DATES_REWRITTEN] = len(report.pop("dates"))
    print(json.dumps(report))
    return 0
