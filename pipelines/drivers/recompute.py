"""What follows from the scans and the registry, and `truyvet recompute`, which writes all of it again."""

import argparse
import json
from dataclasses import asdict

from pipelines.graph.contact_table.materialise import refresh
from pipelines.lake import Lake, open_lake
from pipelines.metrics import DATES_REWRITTEN
from pipelines.runtime.engines.config import add_runner
from pipelines.terminal.options import add_keys, add_lake, keys_folder
from pipelines.windowing.recompute import Recomputed, recompute

EXAMPLE = "truyvet recompute --lake province"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    add_runner(parser)


def bring_up_to_date(lake: Lake, *, everything: bool = False, runner: str = "direct") -> Recomputed:
    """Write again what newer scans change, stage by stage: stays and footfall, then contacts and crowds.

    Args:
        lake: the lake.
        everything: write all dates again that it holds.
        runner: the name of the Beam runner.

    Raises:
        RefusedError: the stays were made with another version of `stays.toml`,
            and not everything is to be written again.
        DataError: a data file is missing or damaged.
        ServiceError: the lake cannot be written, or other writers leave no gap.
    """
    done = recompute(lake, everything=everything, runner=runner)
    refresh(lake, everything=everything, runner=runner)
    return done


def run(args: argparse.Namespace) -> int:
    """Write all dates again and print what became of it as one JSON line."""
    lake = open_lake(args.lake, keys_folder(args.keys, args.lake))
    done = bring_up_to_date(lake, everything=True, runner=args.runner)
    report = asdict(done)
    report[DATES_REWRITTEN] = len(report.pop("dates"))
    print(json.dumps(report))
    return 0
