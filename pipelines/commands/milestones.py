"""`truyvet milestones`: the time-places (mốc dịch tễ) of a case."""

import argparse
import sys

from pipelines.graph.cases import find_case
from pipelines.graph.infectious_window import outside_validity
from pipelines.lake import opened
from pipelines.query.milestone import find_milestones
from pipelines.terminal.options import add_keys, add_lake, add_output
from pipelines.terminal.output import write_rows
from schemas.rules import DEFAULT_RULE, load_rule

EXAMPLE = """
truyvet milestones --lake LAKE --case BN-0001
truyvet milestones --lake LAKE --case BN-0001 --rule vn-2020-12 --publish --format csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument("--case", metavar="ID", required=True, help="the number of the case")
    parser.add_argument(
        "--rule",
        metavar="ID|PATH",
        default=DEFAULT_RULE,
        help=f"the rule pack that says when a case could infect (default: {DEFAULT_RULE})",
    )
    parser.add_argument("--publish", action="store_true", help="leave homes out")
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the milestones; a rule that is not of the case's time gets a line on standard error."""
    rule = load_rule(args.rule)
    lake = opened(args.lake, args.keys)
    case = find_case(lake, args.case)
    rows = find_milestones(lake, case, rule, publish=args.publish)
    doubt = outside_validity(case.times, rule)
    if doubt:
        print(doubt, file=sys.stderr)
    write_rows(rows, args.format, args.output)
    return 0
