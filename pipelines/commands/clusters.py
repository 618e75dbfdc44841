"""`truyvet clusters`: venues where more cases meet than chance would bring there."""

import argparse

from pipelines.commands.asking import record_question
from pipelines.commands.printing import print_answer
from pipelines.graph.clustering.clusters import THRESHOLD, clusters
from pipelines.graph.infectious_window import BACK_DAYS
from pipelines.kernels.significance import FALSE_DISCOVERY_RATE
from pipelines.lake import opened
from pipelines.terminal.options import add_asker, add_keys, add_lake, add_output, add_rule

EXAMPLE = """
truyvet clusters --lake LAKE --from 2021-07-01 --to 2021-07-15
truyvet clusters --lake LAKE --by-venue --threshold 5 --fdr 0.01 --format csv --output clusters.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument("--from", dest="from_", metavar="T", help="test the windows that begin at or after T")
    parser.add_argument("--to", metavar="T", help="and end by T; a date includes the whole of that local day")
    add_rule(parser, "the rule pack that says until when a case counts")
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
        default=THRESHOLD,
        metavar="N",
        help="mark windows with N cases or more, whatever their chance (default: %(default)s)",
    )
    parser.add_argument(
        "--fdr",
        type=float,
        default=FALSE_DISCOVERY_RATE,
        metavar="SHARE",
        help="false discovery rate of the windows called significant (default: %(default)g)",
    )
    parser.add_argument("--all", action="store_true", help="list every window with a case, marked or not")
    parser.add_argument(
        "--by-venue", action="store_true", help="list only the most surprising window of each venue"
    )
    add_asker(parser)
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the windows, and on standard error how many were tested and what they rest on."""
    lake = opened(args.lake, args.keys)
    record_question("clusters", args, lake)
    answer = clusters(
        lake,
        from_=args.from_,
        to=args.to,
        rule=args.rule,
        threshold=args.threshold,
        fdr=args.fdr,
        back_days=args.back_days,
        everything=args.all,
        by_venue=args.by_venue,
        eager_quality=True,
    )
    return print_answer(answer, args)
