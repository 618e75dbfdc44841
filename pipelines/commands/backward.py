"""`truyvet backward`: the venues and people that cases share before they could infect others."""

import argparse

from pipelines.commands.asking import record_question
from pipelines.commands.printing import print_answer
from pipelines.errors import UsageError
from pipelines.graph.infectious_window import BACK_DAYS, WITHIN_HOURS
from pipelines.lake import opened
from pipelines.terminal.options import add_asker, add_cases, add_keys, add_lake, add_output, add_rule

EXAMPLE = """
truyvet backward --lake LAKE --all-cases
truyvet backward --lake LAKE --case BN-0001 BN-0002 BN-0007 --back-days 10 --people --format csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    add_cases(parser, "the numbers of two cases or more")
    add_rule(parser, "the rule pack that says when a case becomes infectious")
    parser.add_argument(
        "--back-days",
        type=float,
        default=BACK_DAYS,
        metavar="D",
        help="look back D days from the onset, else the sample (default: %(default)g)",
    )
    parser.add_argument(
        "--within-hours",
        type=float,
        default=WITHIN_HOURS,
        metavar="H",
        help="cases gather at a venue when they follow one another within H hours (default: %(default)g)",
    )
    parser.add_argument("--people", action="store_true", help="list the people they met, not the venues")
    add_asker(parser)
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print venues or people, and on standard error how many there are of both and what they rest on."""
    from pipelines.graph.clustering.backward import backward

    # Both or neither is a mistake.
    if bool(args.case) == args.all_cases:
        raise UsageError("one of --case and --all-cases is needed", "name cases, or ask for all, not both")
    lake = opened(args.lake, args.keys)
    record_question("backward", args, lake)
    answer = backward(
        lake,
        args.case or None,
        args.rule,
        args.back_days,
        within_hours=args.within_hours,
        people=args.people,
        eager_quality=True,
    )
    return print_answer(answer, args)
