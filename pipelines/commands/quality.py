"""`truyvet quality`: venues, devices and persons whose scans do not look like people walking in and out."""

import argparse

from pipelines.anomalies.flag_definitions import DEFINITIONS
from pipelines.commands.printing import print_answer, print_definitions, require_lake
from pipelines.lake import opened
from pipelines.terminal.options import add_keys, add_lake, add_output

EXAMPLE = """
truyvet quality --lake LAKE
truyvet quality --lake LAKE --by scanner --from 2021-08-01 --to 2021-08-07 --format csv
truyvet quality --lake LAKE --by person --output to_ask.xlsx
truyvet quality --definitions
"""

# As `tested_units.BY`, without loading the kernels for --help.
BY = ("venue", "scanner", "person")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser, required=False)
    add_keys(parser)
    parser.add_argument("--by", choices=BY, default="venue", help="what a row is of (default: venue)")
    parser.add_argument("--from", dest="from_", metavar="T", help="scans from T on (default: the first one)")
    parser.add_argument(
        "--to", metavar="T", help="scans before T; a date includes its local day (default: the last one)"
    )
    parser.add_argument(
        "--definitions", action="store_true", help="say what each column and flag means, and stop"
    )
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the rows, and on standard error how they were found."""
    if args.definitions:
        return print_definitions(DEFINITIONS)
    require_lake(args)
    from pipelines.anomalies.quality import quality  # here: --help should not wait for the kernels

    return print_answer(quality(opened(args.lake, args.keys), by=args.by, from_=args.from_, to=args.to), args)
