"""`truyvet milestones`: the time-places (mốc dịch tễ) of a case."""

import argparse

from pipelines.commands.asking import record_question
from pipelines.commands.printing import print_answer
from pipelines.lake import opened
from pipelines.query.milestone import milestones
from pipelines.terminal.options import (
    add_asker,
    add_case,
    add_humans,
    add_keys,
    add_lake,
    add_output,
    add_rule,
)

EXAMPLE = """
truyvet milestones --lake LAKE --case BN-0001
truyvet milestones --lake LAKE --case BN-0001 --rule vn-2020-12 --publish --format csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    add_case(parser)
    add_rule(parser, "the rule pack that says when a case could infect")
    parser.add_argument("--publish", action="store_true", help="leave homes out")
    add_humans(parser)
    add_asker(parser)
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the milestones, and on standard error what they rest on."""
    lake = opened(args.lake, args.keys)
    record_question("milestones", args, lake)
    answer = milestones(
        lake, args.case, args.rule, publish=args.publish, humans=args.humans, eager_quality=True
    )
    return print_answer(answer, args)
