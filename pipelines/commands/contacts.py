"""`truyvet contacts`: the contact network of dates, written as the tables `contacts` and `crowds`."""

import argparse
import datetime as dt
import json
import math

from pipelines.errors import UsageError
from pipelines.graph.contact_table.materialise import materialise
from pipelines.graph.contact_table.plan import CROWD_CAP, MIN_MINUTES, Limits, held_limits
from pipelines.lake import Lake, open_lake
from pipelines.runtime.engines.config import RUNNERS
from pipelines.runtime.malloc import keep_freed_memory
from pipelines.terminal.options import add_lake, add_runner
from pipelines.times import MINUTE_US, day_number, day_text

EXAMPLE = """
truyvet contacts --lake LAKE --date 2021-07-01 2021-07-02
truyvet contacts --lake LAKE --date 2021-07-01 --min-minutes 30 --crowd-cap 200
"""

_MOST_MINUTES = 60 * 24 * 60
_MOST_PEOPLE = 2**31 - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    add_lake(parser)
    parser.add_argument(
        "--date",
        nargs="+",
        action="extend",
        required=True,
        metavar="D",
        help="UTC days on which contacts begin, YYYY-MM-DD; they are kept up to date from then on",
    )
    parser.add_argument(
        "--min-minutes",
        type=float,
        metavar="M",
        help=f"the shortest contact (default: the lake's, at first {MIN_MINUTES}); "
        "another one writes all dates again",
    )
    parser.add_argument(
        "--crowd-cap",
        type=int,
        metavar="N",
        help="windows of 15 minutes with more people are rows of `crowds` and make no contacts "
        f"(default: the lake's, at first {CROWD_CAP}); another one writes all dates again",
    )
    add_runner(parser, RUNNERS)


def run(args: argparse.Namespace) -> int:
    """Write the dates and print what was written as one JSON line."""
    dates = sorted({_day(text) for text in args.date})
    keep_freed_memory()
    lake = open_lake(args.lake)
    done = materialise(lake, dates, limits(lake, args.min_minutes, args.crowd_cap), runner=args.runner)
    report = {
        "dates": [day_text(date) for date in done.dates],
        "contacts": done.contacts,
        "crowds": done.crowds,
    }
    print(json.dumps(report))
    return 0


def limits(lake: Lake, min_minutes: float | None, crowd_cap: int | None) -> Limits:
    """The limits that flags name; what they leave open is as the lake has it.

    Raises:
        UsageError: a flag is out of its range.
    """
    held = held_limits(lake) or Limits()
    min_us, cap = held.min_us, held.cap
    if min_minutes is not None:
        if not (math.isfinite(min_minutes) and 0 <= min_minutes <= _MOST_MINUTES):
            raise UsageError("--min-minutes is no number from 0", "write --min-minutes 15")
        min_us = round(min_minutes * MINUTE_US)
    if crowd_cap is not None:
        if not 1 <= crowd_cap <= _MOST_PEOPLE:
            raise UsageError("--crowd-cap is no number of people", "write --crowd-cap 500")
        cap = crowd_cap
    return Limits(min_us, cap)


def _day(text: str) -> int:
    """The day number of `YYYY-MM-DD`.

    Raises:
        UsageError: the text is no date.
    """
    try:
        if len(text) == len("2021-07-01"):
            return day_number(dt.date.fromisoformat(text))
    except ValueError:
        pass
    raise UsageError("--date is no date", "write 2021-07-01")
