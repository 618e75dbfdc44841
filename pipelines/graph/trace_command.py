"""`truyvet trace`: F1 to Fk of cases by rule pack, and how far the answer can be trusted."""

import argparse
import sys

from pipelines.graph.asked import ask
from pipelines.graph.tracing import trace_rows, with_calls
from pipelines.lake import opened
from pipelines.options import add_keys, add_lake, add_output
from pipelines.output import write_rows
from schemas.rules import DEFAULT_RULE, load_rule

EXAMPLE = """
truyvet trace --lake LAKE --case BN-0001
truyvet trace --lake LAKE --case BN-0001 BN-0002 --rule vn-2020-12 --depth 2 --format csv
truyvet trace --lake LAKE --all-cases --rule cdc-2020-10 --until 2021-07-15 --capacity 50
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument(
        "--case", metavar="ID", nargs="+", action="extend", default=[], help="the numbers of cases"
    )
    parser.add_argument("--all-cases", action="store_true", help="or every case that has a date")
    parser.add_argument(
        "--rule",
        metavar="ID|PATH",
        default=DEFAULT_RULE,
        help=f"the rule pack, see truyvet rules (default: {DEFAULT_RULE})",
    )
    parser.add_argument("--depth", type=int, metavar="K", help="the last tier, instead of the rule's")
    parser.add_argument(
        "--until", metavar="T", help="know nothing from T on (default: the last instant of the lake)"
    )
    parser.add_argument("--capacity", type=int, metavar="N", help="mark the N calls worth most, by score")
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the rows, and on standard error what they rest on."""
    rule = load_rule(args.rule)
    lake = opened(args.lake, args.keys)
    asked = ask(lake, rule, args.case, all_cases=args.all_cases, depth=args.depth, until=args.until)
    rows = trace_rows(lake, asked.cases, asked.rule, asked.depth, asked.until_us)
    if args.capacity is not None:
        rows = with_calls(rows, args.capacity)
    write_rows(rows, args.format, args.output)
    for line in asked.notes():
        print(line, file=sys.stderr)
    return 0
