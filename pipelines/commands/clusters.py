"""`truyvet clusters`: venues where cases meet, more of them than chance brings there."""

import argparse
import sys

from pipelines.graph.cases import cases_by_id
from pipelines.graph.clustering.clusters import find_clusters, question
from pipelines.graph.infectious_window import BACK_DAYS
from pipelines.lake import opened
from pipelines.terminal.options import add_keys, add_lake, add_output
from pipelines.terminal.output import write_rows
from schemas.rules import DEFAULT_RULE

EXAMPLE = """
truyvet clusters --lake LAKE --from 2021-07-01 --to 2021-07-15
truyvet clusters --lake LAKE --by-venue --threshold 5 --fdr 0.01 --format csv --output clusters.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument("--from", dest="from_", metavar="T", help="test the windows that begin at or after T")
    parser.add_argument("--to", metavar="T", help="and end by T; a date is the start of that local day")
    parser.add_argument(
        "--rule",
        metavar="ID|PATH",
        default=DEFAULT_RULE,
        help=f"the rule pack that says until when a case counts (default: {DEFAULT_RULE})",
    )
    parser.add_argument(
        "--back-days",
        type=float,
        default=BACK_DAYS,
        metavar="D",
        help="a case counts from D days before its onset, else its sample (default: %(default)g)",
    )
    parser.add_argument(
        "--threshold",
        type=int,
        default=3,
        metavar="N",
        help="mark windows with N cases or more, whatever their chance (default: %(default)s)",
    )
    parser.add_argument(
        "--fdr",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="false discovery rate of the windows called significant (default: %(default)g)",
    )
    parser.add_argument("--all", action="store_true", help="list every window with a case, marked or not")
    parser.add_argument(
        "--by-venue", action="store_true", help="list of each venue only its most surprising window"
    )
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the windows, and on standard error how many there were to choose from."""
    asked = question(
        args.rule, args.from_, args.to, threshold=args.threshold, fdr=args.fdr, back_days=args.back_days
    )
    lake = opened(args.lake, args.keys)
    answer = find_clusters(lake, cases_by_id(lake), asked)
    rows = answer.listed(everything=args.all, by_venue=args.by_venue)
    write_rows(rows, args.format, args.output)
    for line in answer.lines(asked):
        print(line, file=sys.stderr)
    return 0
