"""Find the spans of known fields in lines of JSON, in one pass over the bytes.

Reads what nearly all lines are: one object of texts, numbers and literals.
Any other line is left to `pipelines.ingest.formats.json_fallback`; a line
that is read here has the same texts there.

Why not pyarrow.json: it builds columns for all keys, fails a whole block for
one bad line, and knows neither the bytes of a line (for its digest) nor its
place. orjson makes an object of each record and holds the GIL, so a second
core gains nothing.
"""

import numpy as np
from numba import njit

from pipelines.ingest.formats.json_escapes import unescape
from pipelines.ingest.formats.record_numbers import count_line_ends
from pipelines.ingest.limits import FIELDS, RECORD_BYTES
from pipelines.kernels.byte_copy import load_upto
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.simd import WIDTH, first_bit, line_ends, special_bytes
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.kernels.utf8 import is_utf8

READ, TOO_LONG, IN_DOUBT = 0, 1, 2
"""State of a line: read, longer than a record may be, or left to the fallback parser."""

_QUOTE, _BACKSLASH, _COLON, _COMMA, _OPEN, _CLOSE = (ord(sign) for sign in '"\\:,{}')
_ZERO, _NINE, _POINT, _MINUS = (ord(sign) for sign in "09.-")
_BLANK, _TAB, _RETURN, _LINE_FEED = (ord(sign) for sign in " \t\r\n")
# Returned instead of a position: the line is in doubt; reading paused at a text with escapes.
_FAILED, _ESCAPED = -1, -2
# Places in `pause`: the fields seen so far, as bits; the quote at which reading paused; its field.
_SEEN, _AT, _FIELD = 0, 1, 2
# Digits on one side of the point that surely make a finite double; the fallback judges longer numbers.
_MOST_DIGITS = 15
# Literals by their first four bytes as one word; the `e` of `false` is compared by itself.
_NULL, _TRUE, _FALSE = (int.from_bytes(word, "little") for word in (b"null", b"true", b"fals"))

# A perfect hash of a key's size and first letter; `_field_of_hash` fails at import if it stops being one.
_HASH_FACTOR, _HASH_SIZE = 3, 32
_SIZES = np.array([len(name) for name in FIELDS], np.int64)
# Letters 1 to 8 and 9 to 16 of each name as words. A longer name would overflow here, at import.
_HEADS = np.array([int.from_bytes(name.encode()[:8], "little") for name in FIELDS], np.uint64)
_TAILS = np.array([int.from_bytes(name.encode()[8:], "little") for name in FIELDS], np.uint64)


def _field_of_hash() -> Int64:
    """Return the only field that each hash of a key may mean, -1 for none."""
    fields = np.full(_HASH_SIZE, -1, np.int64)
    for number, name in enumerate(FIELDS):
        slot = (len(name) * _HASH_FACTOR + ord(name[0])) % _HASH_SIZE
        assert fields[slot] < 0, "choose another _HASH_FACTOR or _HASH_SIZE: two fields share a slot"
        fields[slot] = number
    return fields


_FIELD_OF_HASH = _field_of_hash()


@njit(cache=True, nogil=True)
def read_lines(data: UInt8) -> tuple[Int64, Int64, UInt8, Int64, Int32, UInt8]:
    """Find the records of a block and the spans of their fields.

    Args:
        data: uint8, whole lines.

    Returns:
        begin int64[n] and end int64[n] of each line that is not blank, its
        line end left out; uint8[n] `READ`, `TOO_LONG` or `IN_DOUBT`; start
        int64[fields, n] and length int32[fields, n] of the fields, -1 where
        absent or empty, and in all fields of a line that was not read; and
        uint8, the decoded texts with escapes, whose positions continue after
        the end of `data`.
    """
    # At most one record a line, and the last line may lack its line feed.
    most = count_line_ends(data, 0, data.size) + 1
    bounds = np.empty((2, most), np.int64)
    state = np.empty(most, np.uint8)
    # Only `length` tells whether a field is there: where it is -1, `start` keeps whatever was in memory.
    start = np.empty((_SIZES.size, most), np.int64)
    length = np.empty((_SIZES.size, most), np.int32)
    # A decoded text is never longer than its escapes, so this buffer cannot overflow.
    side = np.empty(data.size, np.uint8)
    used = np.zeros(1, np.int64)
    rows = _read_all(data, bounds, state, start, length, side, used, np.zeros(3, np.int64))
    # Copied, or the slice would keep a buffer of the block's size alive.
    texts = side[: used[0]].copy()
    return bounds[0, :rows], bounds[1, :rows], state[:rows], start[:, :rows], length[:, :rows], texts


@helper
def _read_all(
    data: UInt8,
    bounds: Int64,
    state: UInt8,
    start: Int64,
    length: Int32,
    side: UInt8,
    used: Int64,
    pause: Int64,
) -> int:
    """Fill the columns of `read_lines`; return the number of records."""
    rows = 0
    at = 0
    while at < data.size:
        # `at` begins the line, `first` the object in it. The record covers the blanks between them too.
        first = skip_blanks(data, at)
        if first == data.size or data[first] == _LINE_FEED:
            at = first + 1
            continue
        _forget(length, rows)
        # Nothing that `_read_object` calls passes a line feed, so an object never runs into the next line.
        stop = skip_blanks(data, _read_object(data, first, start, length, rows, side, used, pause))
        state[rows] = READ
        # In doubt, or something follows the object: the fallback says what the line is.
        if stop < 0 or (stop < data.size and data[stop] != _LINE_FEED):
            stop = find_line_end(data, first)
            state[rows] = IN_DOUBT
        bounds[0, rows] = at
        bounds[1, rows] = stop - (data[stop - 1] == _RETURN)  # the line is not blank, so stop > at
        # Also in doubt: a line that is too long is never parsed again.
        if bounds[1, rows] - at > RECORD_BYTES:
            state[rows] = TOO_LONG
        if state[rows] != READ:  # drop the spans that were found before the doubt arose
            _forget(length, rows)
        rows += 1
        at = stop + 1
    return rows


@inlined
def _forget(length: Int32, row: int) -> None:
    for field in range(_SIZES.size):
        length[field, row] = -1


@njit(cache=True, nogil=True)
def line_begins(data: UInt8) -> Int64:
    """Return `begin` as `read_lines` does, without reading the lines."""
    begin = np.empty(count_line_ends(data, 0, data.size) + 1, np.int64)
    rows = 0
    at = 0
    while at < data.size:
        first = skip_blanks(data, at)
        stop = find_line_end(data, first)
        if first < stop:
            begin[rows] = at
            rows += 1
        at = stop + 1
    return begin[:rows]


@njit(cache=True, nogil=True)
def ends_of_lines(data: UInt8, begin: Int64) -> Int64:
    """Return `end` as `read_lines` does, of the lines that begin at `begin`."""
    end = np.empty(begin.size, np.int64)
    for row in range(begin.size):
        stop = find_line_end(data, skip_blanks(data, begin[row]))
        end[row] = stop - (data[stop - 1] == _RETURN)
    return end


@helper
def find_line_end(data: UInt8, at: int) -> int:
    """Return the position of the next line feed, or the size of the block."""
    # A register at a time; `line_ends` checks no bounds.
    while at + WIDTH <= data.size:
        mask = line_ends(data, at)
        if mask:
            return int(at + first_bit(mask))
        at += WIDTH
    while at < data.size and data[at] != _LINE_FEED:  # the rest is shorter than a vector register
        at += 1
    return at


@inlined
def skip_blanks(data: UInt8, at: int) -> int:
    """Skip JSON's blanks except line feeds; return the next position. `_FAILED` is returned as it is."""
    while 0 <= at < data.size and (data[at] == _BLANK or data[at] == _TAB or data[at] == _RETURN):
        at += 1
    return at


@inlined
def _peek(data: UInt8, at: int) -> int:
    # 0 past the end equals no sign that a caller compares it with, so none checks bounds itself.
    return int(data[at]) if at < data.size else 0


@inlined
def _read_object(
    data: UInt8, at: int, start: Int64, length: Int32, row: int, side: UInt8, used: Int64, pause: Int64
) -> int:
    """Read an object of simple values; return the position after it, or `_FAILED` in doubt.

    Escapes are decoded here, outside of the loop that reads everything else.
    """
    if data[at] != _OPEN:
        return _FAILED
    at = skip_blanks(data, at + 1)
    if _peek(data, at) == _CLOSE:
        return at + 1
    pause[_SEEN] = 0
    # A round ends at the next text with escapes; most lines take one round.
    while True:
        stop = _read_members(data, at, start, length, row, pause)
        if stop != _ESCAPED:
            return stop
        at = _read_escaped(data, start, length, row, side, used, pause)
        if _peek(data, at) != _COMMA:
            return at + 1 if _peek(data, at) == _CLOSE else _FAILED
        at = skip_blanks(data, at + 1)


@helper
def _read_escaped(
    data: UInt8, start: Int64, length: Int32, row: int, side: UInt8, used: Int64, pause: Int64
) -> int:
    """Read the text at which `_read_members` paused; return the position after it, or the block's size."""
    at, field = pause[_AT], pause[_FIELD]
    end, to = unescape(data, at + 1, side, used[0])
    if end < 0 or (field < 0 and not is_utf8(data, at + 1, end)):
        # Past the end `_peek` returns 0, so the caller fails without a test of its own.
        return data.size
    # The text of an unknown key was decoded only to be checked: the next text overwrites it.
    if field >= 0:
        start[field, row], length[field, row] = data.size + used[0], to - used[0]
        used[0] = to
    return skip_blanks(data, end + 1)


@inlined
def _read_members(data: UInt8, at: int, start: Int64, length: Int32, row: int, pause: Int64) -> int:
    """Read members from the key at `at` on, up to a text that is not simple.

    Args:
        data: uint8.
        at: where a key should begin.
        start: int64[fields, rows], receives the positions of texts.
        length: int32[fields, rows], receives their sizes.
        row: the record.
        pause: int64[3], the fields seen before, as bits; at such a text also
            the position of its quote and its field.

    Returns:
        The position after the object, `_FAILED`, or `_ESCAPED` at such a text.
    """
    seen = pause[_SEEN]
    while _peek(data, at) == _QUOTE:
        end, plain = _text_end(data, at + 1)
        if end < 0 or not plain:  # a key with escapes or letters beyond ASCII: rare, left to the fallback
            return _FAILED
        field = _field_of(data, at + 1, end - at - 1)
        at = skip_blanks(data, end + 1)
        # A field given twice is left to the fallback, which takes the last one as JSON parsers do.
        if _peek(data, at) != _COLON or (field >= 0 and (seen >> field) & 1):
            return _FAILED
        at = skip_blanks(data, at + 1)
        if field >= 0:
            # Noted before its value is read, so that a pause at the value does not lose it.
            seen |= 1 << field
            end = _known_value(data, at, start, length, row, field)
        else:
            end = _other_value(data, at)
        if end < 0:
            # A text that failed holds an escape or a control, or has no end: `unescape` tells which.
            pause[_SEEN], pause[_AT], pause[_FIELD] = seen, at, field
            return _ESCAPED if _peek(data, at) == _QUOTE else _FAILED
        at = skip_blanks(data, end)
        if _peek(data, at) != _COMMA:
            return at + 1 if _peek(data, at) == _CLOSE else _FAILED
        at = skip_blanks(data, at + 1)
    return _FAILED  # no key where one must stand, as after a trailing comma


@inlined
def _known_value(data: UInt8, at: int, start: Int64, length: Int32, row: int, field: int) -> int:
    """Write the span of a text, nothing for null; return the position after it, or `_FAILED`."""
    if _peek(data, at) == _QUOTE:
        end, _ = _text_end(data, at + 1)  # its UTF-8 is checked later, with the text
        if end < 0:
            return _FAILED
        # Empty is absent, as `_forget` left it.
        if end > at + 1:
            start[field, row] = at + 1
            length[field, row] = end - at - 1
        return end + 1
    # A value of another type is in doubt, and the fallback refuses the record.
    return at + 4 if _word(data, at) == _NULL else _FAILED


@helper
def _other_value(data: UInt8, at: int) -> int:
    """Return the position after a simple value of an unknown key, or `_FAILED`."""
    first = _peek(data, at)
    if first == _QUOTE:
        end, plain = _text_end(data, at + 1)
        # Nothing reads this text later, so its UTF-8 must be checked here.
        return end + 1 if end >= 0 and (plain or is_utf8(data, at + 1, end)) else _FAILED
    if first == _MINUS or _ZERO <= first <= _NINE:
        return _number_end(data, at)
    word = _word(data, at)
    if word in (_NULL, _TRUE):
        return at + 4
    return at + 5 if word == _FALSE and _peek(data, at + 4) == ord("e") else _FAILED


@inlined
def _word(data: UInt8, at: int) -> np.int64:
    """Return the next four bytes as a little-endian number."""
    return np.int64(load_upto(data, at, 4)) if at + 4 <= data.size else np.int64(0)


@helper
def _number_end(data: UInt8, at: int) -> int:
    """Return the position after a number without exponent; very long ones are left to the fallback."""
    at += data[at] == _MINUS
    end = _digits_end(data, at)
    # JSON knows no leading zeros.
    if end == at or end - at > _MOST_DIGITS or (data[at] == _ZERO and end - at > 1):
        return _FAILED
    if _peek(data, end) == _POINT:
        at = end + 1
        end = _digits_end(data, at)
        if end == at or end - at > _MOST_DIGITS:
            return _FAILED
    return end


@inlined
def _digits_end(data: UInt8, at: int) -> int:
    while _ZERO <= _peek(data, at) <= _NINE:
        at += 1
    return at


@inlined
def _text_end(data: UInt8, at: int) -> tuple[int, bool]:
    """Return the closing quote of a text (`_FAILED` at an escape or control) and whether it is ASCII."""
    plain = True
    while at + WIDTH <= data.size:
        mask = special_bytes(data, at)
        # Visit the special bytes in their order; those beyond ASCII belong to the text.
        while mask:
            found = int(at + first_bit(mask))
            if data[found] == _QUOTE:
                return found, plain
            if data[found] < 0x80:  # a backslash or a control character
                return _FAILED, plain
            plain = False
            mask &= mask - 1  # clears the lowest set bit
        at += WIDTH
    while at < data.size:
        byte = data[at]
        if byte == _QUOTE:
            return at, plain
        if byte < _BLANK or byte == _BACKSLASH:
            return _FAILED, plain
        plain = plain and byte < 0x80
        at += 1
    return _FAILED, plain


@inlined
def _field_of(data: UInt8, at: int, size: int) -> int:
    """Return the number of the field that a key names, -1 for another key."""
    if size == 0:
        return -1
    # At most one field can be meant: compare its size, then its letters eight at a time.
    field: int = _FIELD_OF_HASH[(size * _HASH_FACTOR + data[at]) % _HASH_SIZE]
    if field < 0 or _SIZES[field] != size:
        return -1
    if load_upto(data, at, min(size, 8)) != _HEADS[field]:
        return -1
    if size > 8 and load_upto(data, at + 8, size - 8) != _TAILS[field]:
        return -1
    return field
