"""`truyvet token`: print the token of an identifier, last on its last line."""

import argparse
import os
import sys

from pipelines.terminal.options import add_keys, keys_folder

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

    # Keys that are named win over a lake from the environment.
    lake = args.lake or (None if args.keys else os.environ.get("TRUYVET_LAKE"))
    folder = keys_folder(args.keys, lake)
    # Before the token is made, for that makes the keys.
    is_new = not folder.exists()
    found = token_text(token(args.person, keys=args.keys, lake=lake))
    if is_new:  # a mistyped --lake or --keys would give a token that no lake holds
        print(f"truyvet token: {folder} is a new folder of keys; keep a copy of it", file=sys.stderr)
    # Alone on the last line of standard output, for scripts.
    print(found)
    return 0
