"""`truyvet overlaps`: who overlapped with this person, and how far the answer can be trusted."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from pipelines.lake import opened
from pipelines.query.basis import find_basis
from pipelines.query.overlap import find_overlaps, question
from pipelines.terminal.options import add_keys, add_lake, add_output
from pipelines.terminal.output import write_rows

EXAMPLE = """
truyvet overlaps --lake LAKE --person phone:0905123456 --from 2021-07-01 --min-minutes 15
truyvet overlaps --lake LAKE --case BN-0001 --format csv --output overlaps.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument("--person", metavar="KIND:VALUE", help="whose overlaps, such as phone:0905123456")
    parser.add_argument("--case", metavar="ID", help="or the person of this case, the whole time")
    parser.add_argument("--from", dest="from_", metavar="T", help="clip overlaps to what lies at or after T")
    parser.add_argument("--to", metavar="T", help="and before T; a date is the start of that local day")
    parser.add_argument(
        "--min-minutes",
        type=float,
        default=0.0,
        metavar="M",
        help="leave out overlaps shorter than this",
    )
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the overlaps, and on standard error what they rest on."""
    lake = opened(args.lake, args.keys)
    asked = question(
        lake,
        args.person,
        args.case,
        keys=args.keys,
        from_=args.from_,
        to=args.to,
        min_minutes=args.min_minutes,
    )
    with ThreadPoolExecutor(1) as pool:
        basis = pool.submit(find_basis, lake, asked)  # most of the command's time, so on the side
        rows = find_overlaps(lake, asked)
        lines = basis.result().lines(rows.num_rows)  # first: a damaged file refuses the whole answer
        write_rows(rows, args.format, args.output)
        for line in lines:
            print(line, file=sys.stderr)
    return 0
