"""`truyvet coverage`: how much of what happened is in the lake, and what a list can have missed."""

import argparse

from pipelines.commands.printing import print_answer, print_definitions, require_lake
from pipelines.errors import UsageError
from pipelines.lake import opened
from pipelines.terminal.options import add_cases, add_keys, add_lake, add_output, add_rule

EXAMPLE = """
truyvet coverage --lake LAKE --rule who-2020-12
truyvet coverage --lake LAKE --case BN-0001 BN-0002 --until 2021-07-15 --format csv
truyvet coverage --lake LAKE --audits heads_counted.csv
truyvet coverage --definitions
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser, required=False)
    add_keys(parser)
    add_cases(parser, otherwise=", which is also the default")
    add_rule(parser, "the rule pack of the list, see truyvet rules")
    parser.add_argument(
        "--until",
        metavar="T",
        help="ignore everything after T; a date includes the whole of that local day "
        "(default: the last instant of the lake)",
    )
    parser.add_argument(
        "--audits",
        metavar="FILE",
        help="heads that were counted at venues, CSV: venue,start,end,heads; times with offset",
    )
    parser.add_argument("--definitions", action="store_true", help="say what each column counts, and stop")
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the rows, and on standard error what they rest on."""
    # Here and not above: --help and a mistyped flag should not wait for the kernels.
    from pipelines.ascertainment.coverage import coverage
    from pipelines.ascertainment.coverage_rows import DEFINITIONS

    if args.definitions:
        return print_definitions(DEFINITIONS)
    require_lake(args)
    if args.case and args.all_cases:
        raise UsageError("one of --case and --all-cases is needed", "name cases, or ask for all, not both")
    found = coverage(
        opened(args.lake, args.keys),
        args.case,
        args.rule,
        all_cases=args.all_cases,
        until=args.until,
        audits=args.audits,
        eager_quality=True,
    )
    return print_answer(found, args)
