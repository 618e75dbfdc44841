"""`truyvet simulate`: make a synthetic province with ground truth."""

import argparse
import datetime as dt
import json
import sys
from dataclasses import fields

from pipelines.errors import UsageError
from pipelines.simulate.settings import DEFAULT_START, Knobs, flag

EXAMPLE = """
truyvet simulate --out province --people 2000 --venues 60 --days 7 --seed 1
truyvet run --lake lake --scans province/scans --venues province/venues.csv \\
    --cases province/cases.csv --now 2021-08-08T00:00:00+07:00
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    parser.add_argument(
        "--out", metavar="DIR", required=True, help="the folder to make; must be new or empty"
    )
    parser.add_argument("--people", metavar="N", type=int, required=True, help="number of inhabitants")
    parser.add_argument(
        "--venues", metavar="N", type=int, required=True, help="number of venues with a code, homes excluded"
    )
    parser.add_argument("--days", metavar="N", type=int, required=True, help="number of local days")
    parser.add_argument(
        "--seed", metavar="N", type=int, required=True, help="the same seed gives the same bytes"
    )
    parser.add_argument(
        "--start",
        metavar="DATE",
        default=DEFAULT_START.isoformat(),
        help="first local day (default: %(default)s)",
    )
    add_knobs(parser)


def run(args: argparse.Namespace) -> int:
    """Make the province; print its counts as one JSON line, and on standard error how to go on."""
    from pipelines.simulate.world import simulate

    report = simulate(
        args.out,
        people=args.people,
        venues=args.venues,
        days=args.days,
        seed=args.seed,
        start=_date(args.start),
        knobs=knobs_of(args),
    )
    # Parameters and counts of kinds stay in simulation.json.
    shown = {name: report[name] for name in ("now", "rows", "expected")}
    print(json.dumps(shown, separators=(",", ":")))
    print(
        f"the truth is in {args.out}/truth, scans that arrive late are in {args.out}/late; "
        f"load the rest with truyvet run --now {report['now']}",
        file=sys.stderr,
    )
    return 0


def _date(text: str) -> dt.date:
    """A local day.

    Raises:
        UsageError: the text is not a date.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError("--start must be a date", "write it as 2021-08-01") from error


def add_knobs(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each knob."""
    for knob in fields(Knobs):
        parser.add_argument(
            flag(knob.name),
            metavar="SHARE" if knob.metadata["most"] == 1.0 else "NUMBER",
            type=float,
            default=knob.default,
            help=f"{knob.metadata['doc']} (default: %(default)s)",
        )


def knobs_of(args: argparse.Namespace) -> Knobs:
    """The knobs as the flags set them.

    Raises:
        UsageError: one is out of range.
    """
    return Knobs(**{knob.name: getattr(args, knob.name) for knob in fields(Knobs)})
