"""Scans as NDJSON, written byte by byte by a compiled kernel.

A line is `{"event_id":…,"person":…,"venue":…,"zone":…,"direction":…,
"occurred_at":…,"scan_mode":…,"scanner":…}` without the fields that the scan lacks.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np
from numba import njit

from pipelines.simulate import habits
from pipelines.simulate.dtypes import Bytes, Int64, Row, Rows
from pipelines.simulate.malformed import Fields, special_line
from pipelines.simulate.observe import ABSENT
from pipelines.simulate.people import People, Spellings, canonical_identifiers, spellings, write_person
from pipelines.simulate.places import GUARD, Places, place_codes
from pipelines.simulate.settings import Settings

LONGEST_LINE = 320
"""More bytes than any line without a flaw."""

_EPOCH = dt.date(1970, 1, 1)
_DIRECTIONS = ("unknown", "in", "out")
_MODES = ("self", "self", "guard", "kiosk", "nfc", "manual")


def _bytes(text: str) -> Bytes:
    return np.frombuffer(text.encode(), np.uint8)


_OPEN_ID, _OPEN_PERSON, _PERSON = _bytes('{"event_id":"'), _bytes('{"person":"'), _bytes('","person":"')
_VENUE, _ZONE, _DIRECTION = _bytes('","venue":"'), _bytes('","zone":"'), _bytes('","direction":"')
_OCCURRED, _OFFSET = _bytes('","occurred_at":"'), _bytes("+07:00")
_MODE, _SCANNER, _CLOSE = _bytes('","scan_mode":"'), _bytes('","scanner":"R-'), _bytes('"}\n')


class Names(NamedTuple):
    """Texts that the lines need.

    Attributes:
        codes: uint8[places, 16], codes of places, padded with zeros.
        letters: uint8[places], the letter before the number of a zone.
        directions: uint8[3, 8], padded with zeros.
        modes: uint8[6, 8], padded with zeros.
        identifiers: spellings of identifiers.
        start: int64[1], the first second of the world, in seconds since 1970 by the local clock.
    """

    codes: Bytes
    letters: Bytes
    directions: Bytes
    modes: Bytes
    identifiers: Spellings
    start: Int64


def names_of(settings: Settings, places: Places) -> Names:
    """Collect the texts for a world."""
    return Names(
        codes=place_codes(places).view(np.uint8).reshape(-1, 16),
        letters=_bytes(habits.ZONE_LETTERS)[places.table["kind"]],
        directions=_padded(_DIRECTIONS),
        modes=_padded(_MODES),
        identifiers=spellings(),
        start=np.array([(settings.start - _EPOCH).days * 86_400], np.int64),
    )


def write_lines(scans: Rows, people: People, names: Names) -> Bytes:
    """Write the lines of scans.

    Args:
        scans: SCAN[n].
        people: everybody.
        names: texts of the world.

    Returns:
        uint8[m], whole lines with their line ends.
    """
    # Lines with a flaw are rare and made in Python; all others are written by the kernel.
    special = [
        special_line(int(scan["flaw"]), fields_of(scan, people, names)) for scan in scans[scans["flaw"] > 0]
    ]
    ends = np.cumsum([len(line) for line in special], dtype=np.int64)
    data = np.frombuffer(b"".join(special), np.uint8)
    # Room for the longest line of every scan; the kernel returns what it used.
    out = np.empty(scans.size * LONGEST_LINE + data.size, np.uint8)
    return out[: _write(out, 0, scans, people, names, data, ends)]


def fields_of(scan: Row, people: People, names: Names) -> Fields:
    """Return the fields of one scan, as in its line."""
    out = np.empty(LONGEST_LINE, np.uint8)
    who = people[scan["person"]]
    code = _text(names.codes[scan["place"]])
    # A guard sees the card, everybody else the usual identifier.
    kind = who["card"] if scan["mode"] == GUARD else who["kind"]
    size = write_person(out, 0, kind, who["number"], scan["spelling"], names.identifiers)
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=int(names.start[0] + scan["written"]))
    fields = {
        "event_id": f"{int(scan['event_id']):016x}" if scan["event_id"] else None,
        "person": _text(out[:size]),
        "venue": code,
        "zone": f"{chr(names.letters[scan['place']])}{scan['zone']}" if scan["zone"] else None,
        "direction": None if scan["direction"] == ABSENT else _DIRECTIONS[scan["direction"]],
        "occurred_at": f"{moment.isoformat()}+07:00",
        "scan_mode": _MODES[scan["mode"]],
        "scanner": f"R-{code}-{scan['scanner']}" if scan["scanner"] else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def identifiers_of(people: People) -> list[str]:
    """Return the identifier of every person in its canonical spelling."""
    return [name.decode() for name in canonical_identifiers(people).tolist()]


def _text(padded: Bytes) -> str:
    return padded.tobytes().rstrip(b"\0").decode()


def _padded(words: tuple[str, ...]) -> Bytes:
    return np.array([word.encode() for word in words], "S8").view(np.uint8).reshape(-1, 8)


@njit(cache=True, nogil=True)
def _write(
    out: Bytes, at: int, scans: Rows, people: People, names: Names, special: Bytes, ends: Int64
) -> int:
    """Write all lines from `at` on; those with a flaw are copied from `special` in their order."""
    copied, next_special = 0, 0
    for row in range(scans.size):
        scan = scans[row]
        if scan.flaw == 0:
            at = _write_line(out, at, scan, people, names)
            continue
        # ends: where each special line ends in `special`.
        while copied < ends[next_special]:
            out[at] = special[copied]
            at += 1
            copied += 1
        next_special += 1
        out[at] = 10  # line feed
        at += 1
    return at


@njit(cache=True, nogil=True)
def _write_line(out: Bytes, at: int, scan: Row, people: People, names: Names) -> int:
    if scan.event_id != 0:
        at = _put(out, at, _OPEN_ID)
        at = _put_hex(out, at, scan.event_id)
        at = _put(out, at, _PERSON)
    else:
        at = _put(out, at, _OPEN_PERSON)
    who = people[scan.person]
    kind = who.card if scan.mode == GUARD else who.kind
    at = write_person(out, at, kind, who.number, int(scan.spelling), names.identifiers)
    at = _put(out, at, _VENUE)
    at = _put_padded(out, at, names.codes[scan.place])
    if scan.zone > 0:
        at = _put(out, at, _ZONE)
        out[at] = names.letters[scan.place]
        at = _put_number(out, at + 1, int(scan.zone))
    if scan.direction != ABSENT:
        at = _put(out, at, _DIRECTION)
        at = _put_padded(out, at, names.directions[scan.direction])
    at = _put(out, at, _OCCURRED)
    at = _put_time(out, at, names.start[0] + scan.written)
    at = _put(out, at, _MODE)
    at = _put_padded(out, at, names.modes[scan.mode])
    if scan.scanner > 0:
        at = _put(out, at, _SCANNER)
        at = _put_padded(out, at, names.codes[scan.place])
        out[at] = 45  # '-'
        at = _put_number(out, at + 1, int(scan.scanner))
    return _put(out, at, _CLOSE)


@njit(cache=True, nogil=True)
def _put(out: Bytes, at: int, text: Bytes) -> int:
    for sign in text:
        out[at] = sign
        at += 1
    return at


@njit(cache=True, nogil=True)
def _put_padded(out: Bytes, at: int, text: Bytes) -> int:
    for sign in text:
        if sign == 0:
            break
        out[at] = sign
        at += 1
    return at


@njit(cache=True, nogil=True)
def _put_number(out: Bytes, at: int, number: int) -> int:
    """Write an integer in [0, 100)."""
    if number >= 10:
        out[at] = 48 + number // 10
        at += 1
    out[at] = 48 + number % 10
    return at + 1


@njit(cache=True, nogil=True)
def _put_hex(out: Bytes, at: int, word: np.uint64) -> int:
    for place in range(16):
        digit = np.uint8((word >> np.uint64(60 - 4 * place)) & np.uint64(15))
        out[at + place] = digit + (48 if digit < 10 else 87)
    return at + 16


@njit(cache=True, nogil=True)
def _put_two(out: Bytes, at: int, number: int, then: int) -> int:
    """Write two digits and one more character."""
    out[at] = 48 + number // 10
    out[at + 1] = 48 + number % 10
    out[at + 2] = then
    return at + 3


@njit(cache=True, nogil=True)
def _put_time(out: Bytes, at: int, seconds: int) -> int:
    """Write seconds since 1970 by the local clock as RFC 3339.

    The calendar algorithm is from Howard Hinnant, "chrono-compatible low-level date
    algorithms", civil_from_days.
    """
    # Days since 1 March of year 0, so that the leap day ends a year.
    days, second = seconds // 86_400 + 719_468, seconds % 86_400
    # The era has 400 years; then the year in it, the day of the year, and the month counted from March.
    era, day = days // 146_097, days % 146_097
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day = day - (153 * month + 2) // 5 + 1
    year += era * 400 + (1 if month >= 10 else 0)
    month += 3 if month < 10 else -9
    # 45 is '-', 84 'T', 58 ':', 43 '+'; `at - 1` writes over the sign after a century or an offset.
    at = _put_two(out, at, year // 100, 45)
    at = _put_two(out, at - 1, year % 100, 45)
    at = _put_two(out, at, month, 45)
    at = _put_two(out, at, day, 84)
    at = _put_two(out, at, second // 3_600, 58)
    at = _put_two(out, at, second // 60 % 60, 58)
    at = _put_two(out, at, second % 60, 43)
    return _put(out, at - 1, _OFFSET)
