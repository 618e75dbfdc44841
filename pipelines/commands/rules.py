"""`truyvet rules`: the rule packs that ship, or what one of them says."""

import argparse

from pipelines.graph.rule_listing import rules
from pipelines.terminal.options import add_output
from pipelines.terminal.output import write_rows

EXAMPLE = """
truyvet rules
truyvet rules vn-2020-12
truyvet rules ./our-rule.toml --format json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    parser.add_argument("rule", nargs="?", metavar="ID|PATH", help="print this pack, every key of it")
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the list, or one pack."""
    write_rows(rules(args.rule), args.format, args.output)
    return 0
