"""Unusual lines: records that must be rejected, and valid ones in an unusual form.

Each is made from the fields of a real scan. They are few, so they are made one
at a time.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

Fields = dict[str, object]

_BELOW_LIMIT = 12_000
_ABOVE_LIMIT = 17_000
_DEEP = "[" * 20 + "]" * 20


class Flaw(NamedTuple):
    """One way to write a record differently.

    Attributes:
        reason: why the record must be rejected; empty if it must be accepted.
        line: makes the line, without its line end, from the fields.
    """

    reason: str
    line: Callable[[Fields], bytes]


def _json(fields: Fields) -> bytes:
    # surrogatepass: some flaws hold lone surrogates, which must reach the file.
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _with(**changed: object) -> Callable[[Fields], bytes]:
    """Return the record with fields changed or added."""
    return lambda fields: _json({**fields, **changed})


def _without(*names: str) -> Callable[[Fields], bytes]:
    """Return the record without certain fields."""
    return lambda fields: _json({name: value for name, value in fields.items() if name not in names})


def _with_raw(text: str) -> Callable[[Fields], bytes]:
    """Return the record with an extra field `note` of raw JSON."""
    return lambda fields: _json(fields)[:-1] + b',"note":' + text.encode() + b"}"


def _at(text: str) -> Callable[[Fields], bytes]:
    """Move the record to another time; # stands for the original date."""
    return lambda fields: _json({**fields, "occurred_at": text.replace("#", str(fields["occurred_at"])[:10])})


def _hours_earlier(fields: Fields) -> bytes:
    """Spell the same instant in UTC, `Z` with a fraction, where that does not change the date."""
    day, clock = str(fields["occurred_at"])[:10], str(fields["occurred_at"])[11:19]
    hour = int(clock[:2]) - 7
    if hour < 0:
        return _json(fields)
    return _json({**fields, "occurred_at": f"{day}T{hour:02d}{clock[2:]}.000000Z"})


def _escaped(fields: Fields) -> bytes:
    return _json(fields).replace(b"+84", b"\\u002b84").replace(b'"in"', b'"\\u0069n"')


FLAWS = (
    Flaw("conflicting_event_id", _json),  # the conflicting value is already in the fields
    Flaw("malformed", lambda fields: _json(fields)[:-25]),
    Flaw("malformed", lambda _: b"<html><h1>502 Bad Gateway</h1></html>"),
    Flaw("malformed", lambda fields: b"[" + _json(fields) + b"]"),
    Flaw("malformed", _with(direction="enter")),
    Flaw("malformed", _with(scan_mode="camera")),
    Flaw("malformed", _with(person=84_300_000_000)),
    Flaw("malformed", _with(occurred_at=1_627_800_000)),
    Flaw("malformed", _with_raw("NaN")),
    Flaw("malformed", _with_raw('"\\ud800"')),
    Flaw("malformed", lambda fields: _json(fields)[:-1] + b',"note":"Ch\xf4"}'),
    Flaw("too_large", _with(note="x" * _ABOVE_LIMIT)),
    Flaw("too_deep", _with_raw(_DEEP)),
    Flaw("bad_text", _with(event_id="e" * 65)),
    Flaw("bad_text", _with(venue="QN522-SH\x00")),
    # U+202E turns the direction of text around.
    Flaw("bad_text", _with(zone="T1\u202e")),
    Flaw("bad_text", _with(venue="V" * 129)),
    Flaw("missing_field", _without("person")),
    Flaw("missing_field", _with(person="")),
    Flaw("missing_field", _without("venue")),
    Flaw("missing_field", _with(occurred_at=None)),
    Flaw("bad_person", _with(person="phone:0905")),
    Flaw("bad_person", _with(person="phone:0301****48")),
    Flaw("bad_person", _with(person="phone:0301234567.0")),
    Flaw("bad_person", _with(person="phone:0412345678")),
    Flaw("bad_person", _with(person="email:nobody@example.org")),
    Flaw("bad_person", _with(person="cccd:05190000001")),
    Flaw("bad_person", _with(person="0301234567")),
    Flaw("bad_time", _at("#T08:30:00")),
    Flaw("bad_time", _at("2021-02-29T08:30:00+07:00")),
    Flaw("bad_time", _at("#T25:00:00+07:00")),
    Flaw("bad_time", _at("08:30 01/08/2021")),
    Flaw("too_new", _at("9999-12-31T23:59:59+07:00")),
    Flaw("too_old", _at("1970-01-01T07:00:01+07:00")),
    Flaw("bad_code", lambda fields: _json({**_no_venue(fields), "code": "NZCOVIDTRACER:@@@@"})),
    Flaw("bad_code", lambda fields: _json({**_no_venue(fields), "code": "UKC19TRACING:1:abc"})),
)
"""Records that must be rejected; flaw 1 is the first."""

UNUSUAL = (
    Flaw("", _with(app_version="4.1.2", battery=0.71)),
    Flaw("", _with(note="Chợ Quảng Ngãi, cổng 2")),
    Flaw("", _with_raw("[" * 6 + "]" * 6)),
    Flaw("", _with(note="x" * _BELOW_LIMIT)),
    Flaw("", lambda fields: b"  " + json.dumps(fields).encode() + b"  "),
    Flaw("", lambda fields: _json(dict(reversed(fields.items())))),
    Flaw("", lambda fields: _json({"scanner": None, "zone": None, "event_id": None} | fields)),
    Flaw("", _hours_earlier),
    Flaw("", _escaped),
)
"""Valid records in an unusual form; flaw len(FLAWS) + 1 is the first."""

FLAW_COUNT = len(FLAWS)
UNUSUAL_COUNT = len(UNUSUAL)


def _no_venue(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name != "venue"}


def special_line(flaw: int, fields: Fields) -> bytes:
    """Write the line, without its line end, of a scan whose flaw is greater than 0."""
    return (FLAWS + UNUSUAL)[flaw - 1].line(fields)
