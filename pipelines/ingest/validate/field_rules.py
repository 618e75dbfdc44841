"""Rules for the fields of the registry, cases, encounters, declarations and links.

A check is a plain function of one text; it is called once for each distinct text
of a column.
"""

import datetime as dt
import re
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from pipelines.ingest.formats.field_types import INFORMATIONAL, NUMBER, TEXTS, TRUTH, WHOLE, kinds_of
from pipelines.ingest.limits import EVENT_ID_BYTES, TEXT_BYTES
from pipelines.ingest.reject_reasons import BAD_TEXT, MALFORMED
from pipelines.times import EPOCH, LOCAL_TIMEZONE
from schemas.codes import LINK_SOURCES
from schemas.contract import load_contract
from schemas.stay_rules import VENUE_TYPES
from schemas.wire_text import tidy

NAME_BYTES: Final = 512
"""The longest name of a place, in UTF-8."""

PERSON: Final = "person"
"""The kind of a field that holds an identifier: `KIND:VALUE`."""

MOST_WHOLE: Final = 2**31 - 1
"""The largest whole number, that of an int32 column."""

_MOST_NUMBER = sys.float_info.max
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"(\d{1,10})(?:\.0{1,9})?", re.ASCII)  # spreadsheets write 50.0 into a column with gaps
_YES: Final = frozenset({"true", "yes", "1", "có"})
_NO: Final = frozenset({"false", "no", "0", "không"})
_DAY = dt.timedelta(days=1)
_MICROSECOND = dt.timedelta(microseconds=1)

Check = Callable[[str], tuple[Any, int]]
"""Maps a tidy text to its value and the reason to refuse it, or 0."""


@dataclass(frozen=True)
class FieldRule:
    """What a field may hold.

    Example:
        >>> rules_of("venue")["capacity"].check("40")
        (40, 0)

    Attributes:
        kind: one of `pipelines.ingest.formats.field_types`, or `PERSON`.
        required: whether a record without the field is refused.
        limit: the most bytes of its text; None leaves the length to the check.
        check: turns a text into a value; None for text, persons and instants.
        dates: whether a date alone is an instant.
        day_end: whether a date alone is the end of that local day, not its start.
        informational: whether a value that cannot be read is dropped and its record stands.
    """

    kind: str
    required: bool
    limit: int | None = TEXT_BYTES
    check: Check | None = None
    dates: bool = True
    day_end: bool = False
    informational: bool = False


@cache
def rules_of(contract: str) -> dict[str, FieldRule]:
    """Return the rule of each field of a contract, in its order."""
    kinds = kinds_of(contract)
    rules = {}
    for field in load_contract(contract).fields:
        # What a contract says of its own field comes before what holds for all contracts.
        special = _SPECIAL.get((contract, field.name), _SPECIAL.get(("", field.name), {}))
        informational = field.name in INFORMATIONAL.get(contract, ())
        settings = {"check": _CHECKS.get(kinds[field.name]), "informational": informational, **special}
        kind = PERSON if field.name in _PERSONS else kinds[field.name]
        rules[field.name] = FieldRule(kind, field.required, **settings)
    return rules


def local_day(text: str) -> dt.date | None:
    """Read a date alone; return None for any other text.

    >>> local_day("2021-02-28"), local_day("2021-02-29")
    (datetime.date(2021, 2, 28), None)
    """
    if not _DATE.fullmatch(text):
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


@cache
def midnight_us(day: dt.date, zone: str | None, day_end: bool) -> int:
    """Return the UTC microseconds at which a local day starts, or ends.

    Args:
        day: the day.
        zone: IANA name of the time zone; None is `LOCAL_TIMEZONE`.
        day_end: whether to return the end, which is the start of the next day.

    Raises:
        OverflowError: the end of the last day of the calendar.
    """
    zone_info = LOCAL_TIMEZONE if zone is None else ZoneInfo(zone)
    # Both sides know their time zone, so the difference is one of instants, not of clock times.
    begin = dt.datetime.combine(day + _DAY if day_end else day, dt.time(), zone_info)
    return (begin - EPOCH) // _MICROSECOND


def _number(text: str) -> tuple[float | None, int]:
    return (float(text), 0) if _NUMBER.fullmatch(text) else (None, MALFORMED)


def _number_within(least: float, most: float) -> Check:
    def check(text: str) -> tuple[float | None, int]:
        number, reason = _number(text)
        # `float` makes inf of a large exponent, which is outside all bounds; NaN is not in the pattern.
        if number is None or not least <= number <= most:
            return None, MALFORMED
        return number + 0.0, reason  # turns -0.0 into 0.0

    return check


def _whole(text: str) -> tuple[int | None, int]:
    found = _WHOLE.fullmatch(text)
    # What does not match stands as too large, and is refused with what is.
    number = int(found[1]) if found else MOST_WHOLE + 1
    return (number, 0) if number <= MOST_WHOLE else (None, MALFORMED)


def _truth(text: str) -> tuple[bool | None, int]:
    """Read a yes or no; a form in CSV may write it as a word of either language or as a figure."""
    word = unicodedata.normalize("NFC", text).lower()
    return (word in _YES, 0) if word in _YES or word in _NO else (None, MALFORMED)


def _one_of(words: frozenset[str]) -> Check:
    return lambda text: (text, 0) if text in words else (None, MALFORMED)


def _timezone(text: str) -> tuple[str | None, int]:
    return (text, 0) if text in _timezones() else (None, MALFORMED)


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _list(text: str) -> tuple[str | None, int]:
    """Check a list joined by `;`, each of whose items is a text of its own."""
    # Items are trimmed one by one and empty ones left out: `fever; cough;` has two.
    items = [item for item in map(tidy, text.split(";")) if item]
    longest = max((len(item.encode()) for item in items), default=0)
    return (";".join(items) or None, 0) if longest <= TEXT_BYTES else (None, BAD_TEXT)


_CHECKS: Final[dict[str, Check]] = {NUMBER: _number, WHOLE: _whole, TRUTH: _truth, TEXTS: _list}
_PERSONS: Final = ("person", "person_a", "person_b")
_SPECIAL: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("", "event_id"): {"limit": EVENT_ID_BYTES},
    ("", "person"): {"limit": None},
    ("", "person_a"): {"limit": None},
    ("", "person_b"): {"limit": None},
    ("venue", "name"): {"limit": NAME_BYTES},
    ("venue", "type"): {"check": _one_of(frozenset(VENUE_TYPES))},
    ("venue", "zone"): {"limit": None, "check": _list},
    ("venue", "lat"): {"check": _number_within(-90, 90)},
    ("venue", "lon"): {"check": _number_within(-180, 180)},
    ("venue", "timezone"): {"check": _timezone},
    ("case", "isolated_at"): {"day_end": True},
    ("encounter", "started_at"): {"dates": False},
    ("encounter", "ended_at"): {"dates": False},
    ("encounter", "distance_m"): {"check": _number_within(0, _MOST_NUMBER)},
    ("encounter", "attenuation_db"): {"check": _number_within(0, _MOST_NUMBER)},
    ("declaration", "declared_at"): {"dates": False},
    ("declaration", "symptoms"): {"limit": None, "check": _list},
    ("link", "seen_at"): {"dates": False},
    ("link", "source"): {"check": _one_of(frozenset(LINK_SOURCES))},
}
"""What differs from the rule of a field's kind, by contract and field; an empty contract stands for all."""
