"""`truyvet declarations`: symptoms by area and week, and claimed contacts that no trace reaches."""

import argparse

from pipelines.ascertainment.declarations import BY, declarations
from pipelines.commands.printing import print_answer
from pipelines.errors import UsageError
from pipelines.lake import opened
from pipelines.terminal.options import add_keys, add_lake, add_output
from schemas.rules import DEFAULT_RULE

EXAMPLE = """
truyvet declarations --lake LAKE
truyvet declarations --lake LAKE --by channel --from 2021-07-01 --to 2021-07-15 --format csv
truyvet declarations --lake LAKE --unlinked --rule vn-2020-12
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument(
        "--by", choices=tuple(BY), default="district", help="what a row is (default: district)"
    )
    parser.add_argument(
        "--from", dest="from_", metavar="T", help="whole spans of 7 days from T on (default: the last one)"
    )
    parser.add_argument(
        "--to",
        metavar="T",
        help="count spans back from T, exclusive; a date is the start of that local day "
        "(default: the end of the day of the last declaration)",
    )
    parser.add_argument(
        "--unlinked",
        action="store_true",
        help="count who declared a contact with a case and is reached by no trace of any case",
    )
    parser.add_argument(
        "--rule", metavar="ID|PATH", help=f"the rule pack of --unlinked (default: {DEFAULT_RULE})"
    )
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the rows, and on standard error how they were counted."""
    if args.rule is not None and not args.unlinked:
        raise UsageError("--rule belongs to --unlinked", "add --unlinked, or leave --rule out")
    found = declarations(
        opened(args.lake, args.keys),
        by=args.by,
        from_=args.from_,
        to=args.to,
        unlinked=args.unlinked,
        rule=args.rule or DEFAULT_RULE,
        eager_quality=True,
    )
    return print_answer(found, args)
