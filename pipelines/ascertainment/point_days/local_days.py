"""Local days by number, and how the files of `point_days` name them."""

import datetime as dt
from typing import Final

from pipelines.lake import LiveFile
from pipelines.times import DAY_US, day_number

SCANS_VERSION: Final = "scans_version"
"""The mark of `point_days` that says which version of `scans` it reflects."""

_AHEAD_US: Final = 7 * 3_600_000_000  # of Asia/Ho_Chi_Minh, since 1975


def local_day(at_us: int) -> int:
    """Return the number of the local day of an instant, microseconds UTC.

    Example:
        >>> local_day(17 * 3_600_000_000)
        1
    """
    return (at_us + _AHEAD_US) // DAY_US


def start_us(day: int) -> int:
    """Return the local midnight at which a day begins, microseconds UTC.

    Example:
        >>> local_day(start_us(18809)), local_day(start_us(18809) - 1)
        (18809, 18808)
    """
    return day * DAY_US - _AHEAD_US


def day_of(file: LiveFile) -> int:
    """Return the number of the local day of a file of `point_days`."""
    return day_number(dt.date.fromisoformat(file.partition["day"]))
