"""UTC days: the windows that the tables are kept in.

A day is its number since 1970-01-01, as Arrow's date32 has it.
"""

import datetime as dt
from typing import Final

DAY_SECONDS: Final = 86_400
DAY_US: Final = 86_400_000_000

_EPOCH = dt.date(1970, 1, 1)


def day_number(date: dt.date) -> int:
    """The days from 1970-01-01 to `date`."""
    return (date - _EPOCH).days


def day_text(number: int) -> str:
    """A day as `YYYY-MM-DD`, the value of a partition."""
    return (_EPOCH + dt.timedelta(days=number)).isoformat()
