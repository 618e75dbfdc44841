"""`truyvet recompute`: write stays and all that follows from them again."""

import argparse
import json
from dataclasses import asdict

from pipelines.drivers.recompute import bring_up_to_date
from pipelines.lake import open_lake
from pipelines.metrics import DATES_REWRITTEN
from pipelines.runtime.engines.config import RUNNERS
from pipelines.runtime.malloc import keep_freed_memory
from pipelines.terminal.options import add_keys, add_lake, add_runner, keys_folder

EXAMPLE = "truyvet recompute --lake province"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    add_runner(parser, RUNNERS)


def run(args: argparse.Namespace) -> int:
    """Write all dates again and print what became of it as one JSON line."""
    keep_freed_memory()
    lake = open_lake(args.lake, keys_folder(args.keys, args.lake))
    done = bring_up_to_date(lake, everything=True, runner=args.runner)
    report = asdict(done)
    report[DATES_REWRITTEN] = len(report.pop("dates"))
    print(json.dumps(report))
    return 0
