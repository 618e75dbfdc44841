"""`truyvet rules`: the shipped rule packs, or every key of one."""

import argparse

from pipelines.commands.printing import print_answer
from pipelines.graph.rule_listing import rules
from pipelines.terminal.options import add_output

EXAMPLE = """
truyvet rules
truyvet rules vn-2020-12
truyvet rules ./our-rule.toml --format json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    parser.add_argument("rule", nargs="?", metavar="ID|PATH", help="print every key of this pack")
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the list, or one pack."""
    return print_answer(rules(args.rule), args)
