"""Instants and UTC days, the windows in which tables are kept.

A day is its number since 1970-01-01, as in Arrow's date32. Instants are
microseconds since 1970-01-01T00:00Z.
"""

import datetime as dt
import re
from typing import Final
from zoneinfo import ZoneInfo

from pipelines.errors import UsageError

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
DAY_SECONDS: Final = 86_400

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
LOCAL_TIMEZONE = ZoneInfo("Asia/Ho_Chi_Minh")
"""The zone in which a date without a time begins, and in which people are shown times."""

_FIRST_DAY = EPOCH.date()
_MICROSECOND = dt.timedelta(microseconds=1)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


Instant = str | dt.datetime | dt.date
"""A time as `parse_instant` reads it, a datetime with a zone, or a date."""


def day_number(date: dt.date) -> int:
    """Return the days from 1970-01-01 to `date`.

    >>> day_number(dt.date(1970, 1, 2))
    1
    """
    return (date - _FIRST_DAY).days


def day_text(number: int) -> str:
    """Format a day as `YYYY-MM-DD`, the value of a partition.

    >>> day_text(0)
    '1970-01-01'
    """
    return (_FIRST_DAY + dt.timedelta(days=number)).isoformat()


def parse_instant(text: str, flag: str = "a time") -> int:
    """Parse an RFC 3339 time with offset, or a date, to microseconds since 1970 UTC.

    A date is the start of that day in `LOCAL_TIMEZONE`. Fractions below a
    microsecond are cut off.

    >>> parse_instant("1970-01-01T07:00:01+07:00")
    1000000

    Args:
        text: `2021-07-01T08:30:00+07:00`, `2021-07-01T01:30:00Z` or `2021-07-01`.
        flag: the flag it was given to, for the error.

    Raises:
        UsageError: the text is not a valid time.
    """
    try:
        moment, below_second_us = _moment_of(text.strip())
    except ValueError as error:
        raise UsageError(
            f"{flag} is not a valid time", "write 2021-07-01T08:30:00+07:00 (with offset) or 2021-07-01"
        ) from error
    # timedelta // timedelta is exact, where timestamps as floats are not.
    return (moment - EPOCH) // _MICROSECOND + below_second_us


def instant_us(when: Instant | None, flag: str) -> int | None:
    """Convert a time to microseconds since 1970 UTC; None stays None.

    Raises:
        UsageError: the text is not a valid time, or the datetime has no time zone.
    """
    if when is None:
        return None
    if isinstance(when, str):
        return parse_instant(when, flag)
    # A datetime is a date too, so the narrower type is asked for first.
    if not isinstance(when, dt.datetime):
        return parse_instant(when.isoformat(), flag)
    if when.tzinfo is None:
        raise UsageError(f"{flag} has no time zone", "give the datetime one")
    return (when - EPOCH) // _MICROSECOND


def end_us(when: Instant | None, flag: str) -> int | None:
    """Convert the end of a span likewise: a date alone means the whole of that local day.

    So `--from 2021-07-01 --to 2021-07-01` is one day and not an empty span.

    Raises:
        UsageError: as of `instant_us`.
    """
    at_us = instant_us(when, flag)
    text = when.strip() if isinstance(when, str) else ""
    # By its text or its type: a datetime at midnight is an instant, no whole day.
    is_date = isinstance(when, dt.date) and not isinstance(when, dt.datetime)
    return at_us + DAY_US if at_us is not None and (is_date or _DATE.fullmatch(text)) else at_us


def _moment_of(text: str) -> tuple[dt.datetime, int]:
    """Return the whole second, and the microseconds after it.

    Raises:
        ValueError: the text is not a time.
    """
    if _DATE.fullmatch(text):
        # Vietnam's offset has not always been +07:00, so the zone decides and no constant.
        return dt.datetime.fromisoformat(text).replace(tzinfo=LOCAL_TIMEZONE), 0
    # By a pattern first: fromisoformat of 3.11 reads many forms that RFC 3339 has not.
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError
    day, clock, fraction, offset = match.groups()
    moment = dt.datetime.fromisoformat(f"{day}T{clock}{offset.upper()}")
    # Cut to microseconds and not rounded; shorter fractions are filled up.
    return moment, int((fraction or "")[:6].ljust(6, "0"))
