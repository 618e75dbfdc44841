"""`truyvet overlaps`: who overlapped with a person, and how far the answer can be trusted."""

import argparse

from pipelines.commands.asking import record_question
from pipelines.commands.printing import print_answer
from pipelines.lake import opened
from pipelines.query.overlap import overlaps
from pipelines.terminal.options import add_asker, add_humans, add_keys, add_lake, add_output

EXAMPLE = """
truyvet overlaps --lake LAKE --person phone:0905123456 --from 2021-07-01 --min-minutes 15
truyvet overlaps --lake LAKE --case BN-0001 --format csv --output overlaps.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument("--person", metavar="KIND:VALUE", help="whose overlaps, such as phone:0905123456")
    parser.add_argument("--case", metavar="ID", help="or the person of this case, the whole time")
    parser.add_argument("--from", dest="from_", metavar="T", help="clip overlaps to what lies at or after T")
    parser.add_argument("--to", metavar="T", help="and before T; a date includes the whole of that local day")
    parser.add_argument(
        "--min-minutes",
        type=float,
        default=0.0,
        metavar="M",
        help="leave out overlaps shorter than this",
    )
    add_humans(parser)
    add_asker(parser)
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the overlaps, and on standard error what they rest on."""
    lake = opened(args.lake, args.keys)
    record_question("overlaps", args, lake)
    answer = overlaps(
        lake,
        args.person,
        args.case,
        keys=args.keys,
        from_=args.from_,
        to=args.to,
        min_minutes=args.min_minutes,
        humans=args.humans,
        eager_quality=True,
    )
    return print_answer(answer, args)
