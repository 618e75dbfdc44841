"""`truyvet rotate`: new keys and new tokens for a whole lake."""

import argparse
import sys

from pipelines.commands.asking import asker_of
from pipelines.errors import EXIT_DONE
from pipelines.runtime.engines.config import RUNNERS
from pipelines.terminal.options import add_asker, add_keys, add_lake, add_output, add_runner
from pipelines.terminal.output import counted, write_rows

EXAMPLE = """
truyvet rotate --lake province --authority-key authority.key --purpose theft
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument(
        "--authority-key",
        metavar="FILE",
        required=True,
        help="the authority's private key, which opens the vault; every token is made again from it",
    )
    add_runner(parser, RUNNERS)
    add_asker(parser)
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Write one row for each table: how many rows have new tokens."""
    from pipelines.retention.removed_rows import removed_rows
    from pipelines.retention.rotate import rotate

    rotated = rotate(
        args.lake,
        args.authority_key,
        keys=args.keys,
        asker=asker_of(args),
        runner=args.runner,
    )
    if rotated.finished:
        print("truyvet rotate: an interrupted rotation was finished; the keys are new", file=sys.stderr)
    if rotated.no_longer_refused:
        known = counted(rotated.no_longer_refused, "linked identifier")
        print(
            f"truyvet rotate: {known} erased without a name will be accepted if delivered again: "
            "what refused them went with the old key",
            file=sys.stderr,
        )
    write_rows(removed_rows(rotated.rows, "rows_rewritten"), args.format, args.output)
    return EXIT_DONE
