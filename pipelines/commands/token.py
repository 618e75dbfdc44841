"""`truyvet token`: print the token of an identifier, last on its last line."""

import argparse
import os

from pipelines.terminal.options import add_keys

EXAMPLE = """
truyvet token --lake LAKE phone:0905123456
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    parser.add_argument("person", metavar="KIND:VALUE", help="the identifier, such as phone:0905123456")
    parser.add_argument(
        "--lake",
        metavar="URL",
        help="the lake whose keys to use; TRUYVET_LAKE stands in for the flag unless keys are named",
    )
    add_keys(parser)


def run(args: argparse.Namespace) -> int:
    """Print the token."""
    from pipelines.lake.person_tokens import token
    from pipelines.terminal.output import token_text

    lake = args.lake or (None if args.keys else os.environ.get("TRUYVET_LAKE"))
    print(token_text(token(args.person, keys=args.keys, lake=lake)))
    return 0
