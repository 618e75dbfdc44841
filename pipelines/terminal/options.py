"""The flags that commands share, and the reading of their values."""

import argparse
import datetime as dt
import os
import re
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.errors import UsageError

LOCAL_TIMEZONE = ZoneInfo("Asia/Ho_Chi_Minh")
"""Where a date without a time begins."""

FORMATS = ("table", "csv", "json", "parquet")

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


Instant = str | dt.datetime
"""A time as `parse_instant` reads it, or one with a zone."""


def add_lake(parser: argparse.ArgumentParser) -> None:
    """Add `--lake`; `TRUYVET_LAKE` stands in for it."""
    default = os.environ.get("TRUYVET_LAKE") or None
    parser.add_argument(
        "--lake",
        metavar="URL",
        default=default,
        required=default is None,
        help="folder or URL of the lake; TRUYVET_LAKE stands in for the flag",
    )


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add `--keys`; `TRUYVET_KEYS` stands in for it. `keys_folder` fills in the default."""
    parser.add_argument(
        "--keys",
        metavar="DIR",
        default=os.environ.get("TRUYVET_KEYS") or None,
        help="folder of the keys, always on this machine: by default LAKE.keys, of a lake s3://B/L "
        "~/.local/share/truyvet/s3/B/L.keys; TRUYVET_KEYS stands in for the flag",
    )


def keys_folder(keys: str | None, lake: str | None) -> Path:
    """The folder of the keys: the one named, else that beside the lake.

    Raises:
        UsageError: neither keys nor lake are named.
    """
    if keys:
        return Path(keys)
    if not lake:
        raise UsageError("--keys is missing", "name the folder with --keys, or a lake with --lake")
    return beside(lake, "keys")


def beside(lake: str, what: str) -> Path:
    """The folder `LAKE.<what>` of what belongs to a lake and lies outside of it, always on this machine.

    Of a lake in an object store `s3://bucket/lake` it is `truyvet/s3/bucket/lake.<what>` among the
    user's own data, which are in `XDG_DATA_HOME`, by default `~/.local/share`.
    """
    folder = lake.removeprefix("file://").rstrip("/")
    if "://" in folder:
        data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
        folder = os.path.join(data, "truyvet", folder.replace("://", "/", 1))
    return Path(f"{folder}.{what}")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add `--format` and `--output` of commands that answer rows."""
    parser.add_argument(
        "--format", choices=FORMATS, default="table", help="how rows are written (default: table)"
    )
    parser.add_argument("--output", metavar="FILE", help="write there instead of standard output")


def parse_instant(text: str, flag: str = "a time") -> int:
    """Microseconds since 1970 UTC of an RFC 3339 time with offset, or of a date.

    A date is the start of that day in `LOCAL_TIMEZONE`. Fractions below a
    microsecond are cut.

    Args:
        text: `2021-07-01T08:30:00+07:00`, `2021-07-01T01:30:00Z` or `2021-07-01`.
        flag: the flag it was given to, for the error.

    Raises:
        UsageError: the text is neither.
    """
    try:
        moment, below_second_us = _moment_of(text.strip())
    except ValueError as error:
        raise UsageError(
            f"{flag} is no time", "write 2021-07-01T08:30:00+07:00 (with offset) or 2021-07-01"
        ) from error
    return (moment - _EPOCH) // _MICROSECOND + below_second_us


def instant_us(when: Instant | None, flag: str) -> int | None:
    """Microseconds since 1970 UTC of a time that may be left out.

    Raises:
        UsageError: the text is no time, or the datetime has no zone.
    """
    if when is None:
        return None
    if isinstance(when, str):
        return parse_instant(when, flag)
    if when.tzinfo is None:
        raise UsageError(f"{flag} has no time zone", "give the datetime one")
    return (when - _EPOCH) // _MICROSECOND


def _moment_of(text: str) -> tuple[dt.datetime, int]:
    """The whole second and the microseconds after it.

    Raises:
        ValueError: the text is no time.
    """
    if _DATE.fullmatch(text):
        return dt.datetime.fromisoformat(text).replace(tzinfo=LOCAL_TIMEZONE), 0
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError
    day, clock, fraction, offset = match.groups()
    moment = dt.datetime.fromisoformat(f"{day}T{clock}{offset.upper()}")
    return moment, int((fraction or "")[:6].ljust(6, "0"))
