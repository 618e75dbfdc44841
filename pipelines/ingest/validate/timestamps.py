"""RFC 3339 timestamps with an offset, as UTC microseconds."""

import numpy as np
from numba import njit

from pipelines.ingest.formats.blocks import NO_INSTANT
from pipelines.ingest.validate.text_column import Texts
from pipelines.kernels.compile import inlined
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.times import SECOND_US

BAD_INSTANT = NO_INSTANT + 1
"""Marks a text that is not a valid timestamp, in a column of instants."""

_SHORTEST = len("2021-07-01T00:00:00Z")
_ZERO, _NINE = ord("0"), ord("9")
_DASH, _COLON, _DOT, _PLUS, _MINUS = ord("-"), ord(":"), ord("."), ord("+"), ord("-")
_BETWEEN = (ord("T"), ord("t"), ord(" "))
_UTC = (ord("Z"), ord("z"))
_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


def instants(column: Texts) -> Int64:
    """Return UTC microseconds, int64[n]: `NO_INSTANT` for absent texts, `BAD_INSTANT` for invalid ones.

    The form is `2021-07-01T08:30:00.25+07:00`; `T` and `Z` may be lower case and `T` a
    blank. Years are 0001 to 9999, days those of the calendar, seconds below 60, offsets
    below 24 hours. Fractions of a microsecond are cut off.
    """
    result = np.full(column.start.size, NO_INSTANT, np.int64)
    for buffer, base in column.buffers():
        _note_instants(buffer, base, column.start, column.length, result)
    return result


@njit(cache=True, nogil=True)
def _note_instants(buffer: UInt8, base: int, start: Int64, length: Int32, result: Int64) -> None:
    """Read the rows that lie in a buffer whose first byte has the position `base`."""
    for row in range(start.size):
        at = start[row] - base
        if length[row] > 0 and 0 <= at < buffer.size:
            result[row] = _instant(buffer, at, length[row])


@inlined
def _instant(data: UInt8, at: int, size: int) -> int:
    if size < _SHORTEST:
        return BAD_INSTANT
    # The shortest timestamp has all fixed positions, so none of these reads passes the end.
    year = _number(data, at, 2) * 100 + _number(data, at + 2, 2)
    month = _number(data, at + 5, 2)
    day = _number(data, at + 8, 2)
    hour = _number(data, at + 11, 2)
    minute = _number(data, at + 14, 2)
    second = _number(data, at + 17, 2)
    between = data[at + 10]
    signs = data[at + 4] == _DASH and data[at + 7] == _DASH
    signs = signs and data[at + 13] == _COLON and data[at + 16] == _COLON
    if not signs or not (between == _BETWEEN[0] or between == _BETWEEN[1] or between == _BETWEEN[2]):
        return BAD_INSTANT
    # `_number` returns a value far below 0 for what is not a number, so one range check catches both
    if year < 1 or month < 1 or month > 12 or day < 1 or day > _days_of(year, month):
        return BAD_INSTANT
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return BAD_INSTANT
    fraction_us, behind = _fraction(data, at + 19, at + size)
    offset_minutes = _offset(data, behind, at + size)
    if fraction_us < 0 or offset_minutes == BAD_INSTANT:
        return BAD_INSTANT
    seconds = ((_day_number(year, month, day) * 24 + hour) * 60 + minute - offset_minutes) * 60 + second
    return seconds * SECOND_US + fraction_us


@inlined
def _number(data: UInt8, at: int, digits: int) -> int:
    """Read a number of `digits` digits; return a value far below 0 for anything else."""
    value = 0
    for index in range(digits):
        digit = _digit(data, at + index)
        if digit < 0 or digit > 9:
            return -1_000_000
        value = value * 10 + digit
    return value


@inlined
def _digit(data: UInt8, at: int) -> int:
    digit: int = data[at] - _ZERO
    return digit


@inlined
def _fraction(data: UInt8, at: int, end: int) -> tuple[int, int]:
    """Read a fraction; return microseconds (-1 for a point without a digit) and where it ends."""
    if data[at] != _DOT:
        return 0, at
    # `unit` is what the next digit is worth: 0 after six digits, so further ones are cut off.
    value, unit = 0, SECOND_US
    at += 1
    first = at
    while at < end and _ZERO <= data[at] <= _NINE:
        unit //= 10
        value += _digit(data, at) * unit
        at += 1
    return (value if at > first else -1), at


@inlined
def _offset(data: UInt8, at: int, end: int) -> int:
    """Read an offset; return the minutes ahead of UTC, or `BAD_INSTANT`."""
    size = end - at
    if size == 1 and (data[at] == _UTC[0] or data[at] == _UTC[1]):
        return 0
    if size != 6 or data[at + 3] != _COLON or (data[at] != _PLUS and data[at] != _MINUS):
        return BAD_INSTANT
    hours, minutes = _number(data, at + 1, 2), _number(data, at + 4, 2)
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return BAD_INSTANT
    total = hours * 60 + minutes
    return total if data[at] == _PLUS else -total


@inlined
def _days_of(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _DAYS[month - 1]


@inlined
def _day_number(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01.

    Howard Hinnant's days_from_civil: years start in March, so that a leap day is their last.
    """
    moved = year - (month <= 2)
    era = moved // 400
    of_era = moved - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
