"""`truyvet statistics`: tables of counts that may be published."""

import argparse

from pipelines.commands.printing import print_answer
from pipelines.disclosure.count_cells import DIMENSIONS, MEASURES
from pipelines.disclosure.published_counts import BASE, K, statistics
from pipelines.lake import opened
from pipelines.terminal.options import add_keys, add_lake, add_output

EXAMPLE = """
truyvet statistics --lake LAKE --rows district --columns week
truyvet statistics --lake LAKE --rows type --columns day --measure scans --output scans.csv
truyvet statistics --lake LAKE --rows district --columns week --audit
truyvet statistics --lake LAKE --rows district --columns type --measure stays --k 20 --round 10
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument(
        "--rows", choices=DIMENSIONS, default="district", help="what a row is (default: district)"
    )
    parser.add_argument(
        "--columns", choices=DIMENSIONS, default="week", help="what a column is (default: week)"
    )
    parser.add_argument(
        "--measure",
        choices=MEASURES,
        default="people",
        help="what is counted; people are distinct within a cell (default: people)",
    )
    parser.add_argument(
        "--k",
        type=int,
        default=K,
        help=f"hide counts from 1 to K - 1, and cells that would reveal them (default: {K})",
    )
    parser.add_argument(
        "--round", type=int, default=BASE, metavar="N", help=f"round to a multiple of N (default: {BASE})"
    )
    parser.add_argument(
        "--epsilon",
        type=float,
        metavar="E",
        help="add noise of this privacy loss for each person and week instead of hiding cells; "
        "needs truyvet[dp]",
    )
    parser.add_argument(
        "--audit",
        action="store_true",
        help="release nothing, and print what a reader could derive of each hidden cell",
    )
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table or its audit, and on standard error how it was counted."""
    found = statistics(
        opened(args.lake, args.keys),
        args.rows,
        args.columns,
        measure=args.measure,
        k=args.k,
        base=args.round,
        epsilon=args.epsilon,
        audit=args.audit,
    )
    return print_answer(found, args)
