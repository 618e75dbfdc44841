"""`truyvet erase`: forget a person."""

import argparse

from pipelines.commands.asking import asker_of
from pipelines.errors import EXIT_DONE
from pipelines.runtime.engines.config import RUNNERS
from pipelines.terminal.options import add_asker, add_keys, add_lake, add_output, add_runner
from pipelines.terminal.output import write_rows

EXAMPLE = """
truyvet erase --lake province --person phone:0905123456 --request 2021/117 --receipt receipt.json
truyvet erase --lake province --person phone:0905123456 --linked
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument(
        "--person",
        metavar="KIND:VALUE",
        nargs="+",
        required=True,
        help="who is forgotten, such as phone:0905123456; each identifier that the person used",
    )
    parser.add_argument(
        "--linked",
        action="store_true",
        help="forget every other identifier too that links show to be of the same person",
    )
    parser.add_argument("--request", metavar="REF", default="", help="a reference of the person's request")
    parser.add_argument(
        "--decision",
        metavar="REF",
        default="",
        help="reference of the decision to erase a person who is, or met, an active case",
    )
    parser.add_argument(
        "--receipt",
        metavar="FILE",
        help="write a receipt that names nobody; its Ed25519 signature lies beside it as FILE.sig",
    )
    add_runner(parser, RUNNERS)
    add_asker(parser)
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Write one row for each table: how many rows went."""
    from pipelines.retention.erase import erase
    from pipelines.retention.removed_rows import removed_rows, warn_of_kept_objects

    erased = erase(
        args.lake,
        args.person,
        linked=args.linked,
        request=args.request,
        decision=args.decision,
        receipt_file=args.receipt,
        keys=args.keys,
        asker=asker_of(args),
        runner=args.runner,
    )
    write_rows(removed_rows(erased.removed), args.format, args.output)
    warn_of_kept_objects(args.lake)
    return EXIT_DONE
