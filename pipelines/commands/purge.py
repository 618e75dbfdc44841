"""`truyvet purge`: forget what is older than the lake may remember."""

import argparse

from pipelines.commands.asking import asker_of
from pipelines.errors import EXIT_DONE
from pipelines.runtime.engines.config import RUNNERS
from pipelines.terminal.options import add_asker, add_keys, add_lake, add_output, add_runner
from pipelines.terminal.output import write_rows

EXAMPLE = """
truyvet purge --lake province --dry-run
truyvet purge --lake province --days 21 --purpose retention
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument(
        "--days",
        metavar="N",
        type=int,
        default=21,
        help="keep today and the N UTC days before it; what is older goes for good (default: 21)",
    )
    parser.add_argument(
        "--case-days",
        metavar="N",
        type=int,
        default=60,
        help="keep a case N days longer, by the latest of its dates (default: 60)",
    )
    parser.add_argument("--now", metavar="T", help="count days back from T (default: now)")
    parser.add_argument("--dry-run", action="store_true", help="only say how many rows would go")
    add_runner(parser, RUNNERS)
    add_asker(parser)
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Write one row for each table: how many rows went, or would go."""
    from pipelines.retention.purge import purge
    from pipelines.retention.removed_rows import removed_rows, warn_of_kept_objects
    from pipelines.times import instant_us

    purged = purge(
        args.lake,
        days=args.days,
        case_days=args.case_days,
        now_us=instant_us(args.now, "--now"),
        keys=args.keys,
        dry_run=args.dry_run,
        asker=asker_of(args),
        runner=args.runner,
    )
    write_rows(removed_rows(purged.removed), args.format, args.output)
    if not args.dry_run:
        warn_of_kept_objects(args.lake)
    return EXIT_DONE
