"""`truyvet contacts`: write the contact network of dates, the tables `contacts` and `crowds`."""

import argparse
import datetime as dt
import json
import math
from typing import TYPE_CHECKING

from pipelines.errors import UsageError
from pipelines.graph.contact_table.thresholds import CROWD_CAP, MIN_MINUTES
from pipelines.runtime.engines.config import RUNNERS
from pipelines.runtime.malloc import keep_freed_memory
from pipelines.terminal.options import add_lake, add_runner
from pipelines.times import MINUTE_US, day_number, day_text

if TYPE_CHECKING:
    from pipelines.graph.contact_table.plan import Limits
    from pipelines.lake import Lake

EXAMPLE = """
truyvet contacts --lake LAKE --date 2021-07-01 2021-07-02
truyvet contacts --lake LAKE --date 2021-07-01 --min-minutes 30 --crowd-cap 200
"""

_MOST_MINUTES = 60 * 24 * 60
_MOST_PEOPLE = 2**31 - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    parser.add_argument(
        "--date",
        nargs="+",
        action="extend",
        required=True,
        metavar="D",
        help="UTC days on which contacts begin, YYYY-MM-DD; later runs keep them up to date",
    )
    parser.add_argument(
        "--min-minutes",
        type=float,
        metavar="M",
        help=f"the shortest contact (default: as the lake has it, {MIN_MINUTES} in a new one); "
        "another value rewrites all dates",
    )
    parser.add_argument(
        "--crowd-cap",
        type=int,
        metavar="N",
        help="a window of 15 minutes with more than N people becomes a row of `crowds` and makes no contacts "
        f"(default: as the lake has it, {CROWD_CAP} in a new one); another value rewrites all dates",
    )
    add_runner(parser, RUNNERS)


def run(args: argparse.Namespace) -> int:
    """Write the dates and print what was written as one JSON line."""
    from pipelines.graph.contact_table.materialise import materialise
    from pipelines.lake import open_lake

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


def limits(lake: "Lake", min_minutes: float | None, crowd_cap: int | None) -> "Limits":
    """The limits that flags name; where one is absent, the lake's own.

    Raises:
        UsageError: a flag is out of its range.
    """
    from pipelines.graph.contact_table.plan import Limits, held_limits

    # A flag that is absent keeps the lake's own value: a table has one set of limits.
    held = held_limits(lake) or Limits()
    min_us, cap = held.min_us, held.cap
    if min_minutes is not None:
        if not (math.isfinite(min_minutes) and 0 <= min_minutes <= _MOST_MINUTES):
            raise UsageError(f"--min-minutes must be a number from 0 to {_MOST_MINUTES}", "write 15")
        min_us = round(min_minutes * MINUTE_US)
    if crowd_cap is not None:
        if not 1 <= crowd_cap <= _MOST_PEOPLE:
            raise UsageError("--crowd-cap must be a number of people ≥ 1", "write 500")
        cap = crowd_cap
    return Limits(min_us, cap)


def _day(text: str) -> int:
    """The day number of `YYYY-MM-DD`.

    Raises:
        UsageError: the text is not a date.
    """
    try:
        # fromisoformat of 3.11 also reads 20210701 and weeks, which are refused here.
        if len(text) == len("2021-07-01"):
            return day_number(dt.date.fromisoformat(text))
    except ValueError:
        pass
    raise UsageError("--date must be a date", "write it as 2021-07-01")
