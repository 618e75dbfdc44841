"""Find the records and fields of CSV in one compiled pass over the bytes.

The rules are those of RFC 4180: a quoted field may hold delimiters, line ends
and doubled quotes. Where quoting is broken (something follows the closing
quote, or none closes within `LOOK_BYTES`), only the line where the record
began is refused and reading goes on after it. pyarrow.csv and most readers
let a stray quote swallow everything up to the next one, a day of scans.
"""

from typing import Final, NamedTuple

import numpy as np
from numba import njit

from pipelines.ingest.formats.line_blocks import LONG_LINE
from pipelines.ingest.limits import RECORD_BYTES
from pipelines.ingest.reject_reasons import MALFORMED, TOO_LARGE
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.kernels.utf8 import is_utf8

LOOK_BYTES: Final = LONG_LINE
"""How far the end of a quoted field is searched."""

_QUOTE: Final = 0x22
_LINE_FEED: Final = 0x0A
_RETURN: Final = 0x0D
_BLANK: Final = 0x20
# Returned instead of a position: the quoting is broken; the record may go on in the next block.
_BROKEN: Final = -1
_UNFINISHED: Final = -2


class FieldBuffers(NamedTuple):
    """Arrays that `split_records` fills, for a number of wanted columns and rows.

    Attributes:
        start: int64[columns, rows].
        length: int32[columns, rows], bytes; -1 in broken rows.
        record: int64[2, rows], where a record begins and stops, its line end left out.
        line: int64[rows], line feeds between the position where splitting began and the record.
        broken: uint8[rows], reason code or 0.
    """

    start: Int64
    length: Int32
    record: Int64
    line: Int64
    broken: UInt8


def room_for(columns: int, rows: int) -> FieldBuffers:
    """Return uninitialised buffers."""
    return FieldBuffers(
        np.empty((columns, rows), np.int64),
        np.empty((columns, rows), np.int32),
        np.empty((2, rows), np.int64),
        np.empty(rows, np.int64),
        np.empty(rows, np.uint8),
    )


@njit(cache=True, nogil=True)
def _after_quoted(data: UInt8, start: int, limit: int, final: bool) -> int:
    """Return the position after the closing quote of a field whose text begins at `start`."""
    at = start
    # The caller's limit keeps a stray quote from costing a search to the end of the file.
    while at < limit:
        if data[at] != _QUOTE:
            at += 1
        elif at + 1 < data.size and data[at + 1] == _QUOTE:
            at += 2
        elif at + 1 == data.size and not final:
            return _UNFINISHED  # the next block may begin with a second quote
        else:
            return at + 1
    # More bytes may close it only if the search stopped at the end of the data, not at the limit.
    return _UNFINISHED if limit == data.size and not final else _BROKEN


@njit(cache=True, nogil=True)
def _unescape(data: UInt8, start: int, length: int) -> int:
    """Replace the doubled quotes of a field by single ones, in place; return the new length."""
    to = start
    at = start
    while at < start + length:
        data[to] = data[at]
        # Each quote within a field is the first of a pair, or the field would have ended there.
        at += 2 if data[at] == _QUOTE else 1
        to += 1
    return to - start


@njit(cache=True, nogil=True)
def _line_stop(data: UInt8, position: int) -> int:
    at = position
    while at < data.size and data[at] != _LINE_FEED:
        at += 1
    return at


@njit(cache=True, nogil=True)
def _quoted_field(
    data: UInt8, begin: int, limit: int, final: bool, delimiter: int
) -> tuple[int, int, int, bool, int]:
    """Read the field whose text begins at `begin`, after its opening quote.

    Returns:
        Where its text stops; the position after the field, or why there is none;
        the OR of its bytes; whether a quote in it is doubled; its line feeds.
    """
    at = _after_quoted(data, begin, limit, final)
    if at < 0:
        return begin, at, 0, False, 0
    stop = at - 1
    bits = 0  # of all bytes: below 0x80 the field is ASCII and needs no check of its UTF-8
    doubled = False
    lines = 0
    for inside in range(begin, stop):
        bits |= data[inside]
        if data[inside] == _QUOTE:
            doubled = True
        if data[inside] == _LINE_FEED:
            lines += 1
    # Nothing but CRs may stand between a closing quote and the line end.
    while at < data.size and data[at] == _RETURN:
        at += 1
        if at < data.size and data[at] != _LINE_FEED and data[at] != _RETURN:
            return stop, _BROKEN, bits, doubled, lines
    if at < data.size and data[at] != _LINE_FEED and data[at] != delimiter:
        return stop, _BROKEN, bits, doubled, lines
    return stop, at, bits, doubled, lines


@njit(cache=True, nogil=True)
def _plain_field(data: UInt8, begin: int, delimiter: int) -> tuple[int, int, int]:
    """Read the field that begins at `begin` without a quote: its stop, the position after it, its bits."""
    at = begin
    bits = 0
    while at < data.size and data[at] != delimiter and data[at] != _LINE_FEED:
        bits |= data[at]
        at += 1
    stop = at
    if at >= data.size or data[at] == _LINE_FEED:
        stop = _before_returns(data, begin, at)
    return stop, at, bits


@njit(cache=True, nogil=True)
def _before_returns(data: UInt8, begin: int, stop: int) -> int:
    """Leave out the CRs of a line end: one, or several (Python's csv on Windows writes CR CR LF)."""
    while stop > begin and data[stop - 1] == _RETURN:
        stop -= 1
    return stop


@njit(cache=True, nogil=True)
def _split_fields(
    data: UInt8, position: int, final: bool, delimiter: int, slot: Int32, room: FieldBuffers, row: int
) -> tuple[int, int, int, bool, int]:
    """Find the fields of the record at `position` and write the spans of the wanted ones.

    Returns:
        Position of the record's line end or of the end of the data, or why there is none;
        number of fields; the OR of its bytes; whether a quote is doubled; line feeds within it.
    """
    # One limit for the record, not for each field: many quoted fields cannot prolong the search.
    limit = min(data.size, position + LOOK_BYTES)
    begin = position
    fields = 0
    all_bits = 0
    any_doubled = False
    all_lines = 0
    while True:
        if begin < data.size and data[begin] == _QUOTE:
            begin += 1
            stop, at, bits, doubled, lines = _quoted_field(data, begin, limit, final, delimiter)
            any_doubled = any_doubled or doubled
            all_lines += lines
        else:
            stop, at, bits = _plain_field(data, begin, delimiter)
        all_bits |= bits
        # The record may go on in the next block; below 0 `at` is the reason why there is no position.
        if at < 0 or (at >= data.size and not final):
            return _UNFINISHED if at >= 0 else at, fields, all_bits, any_doubled, all_lines
        # Surplus fields are counted too, so that a row of the wrong width is found out.
        if fields < slot.size and slot[fields] >= 0:
            room.start[slot[fields], row] = begin
            room.length[slot[fields], row] = stop - begin
        fields += 1
        if at >= data.size or data[at] == _LINE_FEED:
            return at, fields, all_bits, any_doubled, all_lines
        begin = at + 1


@njit(cache=True, nogil=True)
def _settle(data: UInt8, room: FieldBuffers, row: int, reason: int, doubled: bool) -> None:
    """Drop the spans of a broken row; in another one replace doubled quotes."""
    start, length = room.start, room.length
    for wanted in range(start.shape[0]):
        # A row of the wrong width has a reason, so spans that it did not fill are never read.
        if reason:
            start[wanted, row] = 0
            length[wanted, row] = -1
        # Only a quoted field: in a plain one two quotes are two quotes.
        elif doubled and start[wanted, row] > 0 and data[start[wanted, row] - 1] == _QUOTE:
            length[wanted, row] = _unescape(data, start[wanted, row], length[wanted, row])


@njit(cache=True, nogil=True)
def split_records(
    data: UInt8, position: int, final: bool, delimiter: int, slot: Int32, room: FieldBuffers
) -> tuple[int, int, int]:
    """Find the records from `position` on, until the data or the room for rows ends.

    Args:
        data: uint8, whole lines; doubled quotes of records that are not broken become single in it.
        position: where a record begins.
        final: whether the file ends with the data; else a quoted field may continue in the next block.
        delimiter: a byte.
        slot: int32[columns], the number of a wanted column, -1 of another.
        room: receives the result.

    Returns:
        The number of rows, where the first record begins that is not among them, and how many line
        feeds lie before that.
    """
    rows = 0
    lines = 0
    while position < data.size and rows < room.broken.size:
        # Pass over blank lines.
        nothing = _blank_bytes(data, position, delimiter)
        if nothing:
            position += nothing
            lines += 1
            continue

        # Find the fields; rows count from 0 within `room`, positions within `data`.
        at, fields, bits, doubled, inside = _split_fields(data, position, final, delimiter, slot, room, rows)
        if at == _UNFINISHED:  # the caller reads on and comes back with a longer block
            break
        reason = 0
        if at == _BROKEN:
            reason = MALFORMED
            # Go on after the first line of the broken record, not after the stray quote's partner.
            at = _line_stop(data, position)
            inside = 0

        # Judge the record, its line end left out; being too large outranks what is wrong in it.
        stop = _before_returns(data, position, at)
        if stop - position > RECORD_BYTES:
            reason = TOO_LARGE
        elif fields != slot.size or (bits >= 0x80 and not is_utf8(data, position, stop)):
            reason = MALFORMED
        room.record[0, rows], room.record[1, rows] = position, stop
        room.line[rows], room.broken[rows] = lines, reason
        _settle(data, room, rows, reason, doubled)
        rows += 1
        lines += inside + 1  # `inside` a record are the line feeds of its quoted fields
        position = at + 1
    # The last record may lack its line feed: then `at + 1` lies behind the data.
    return rows, min(position, data.size), lines


@njit(cache=True, nogil=True)
def _blank_bytes(data: UInt8, position: int, delimiter: int) -> int:
    """Return the length of the line at `position`, line end included, if it holds only delimiters and blanks.

    Excel writes such lines below the data for rows that were formatted and never filled.
    """
    at = position
    while at < data.size and (data[at] == delimiter or data[at] == _RETURN or data[at] == _BLANK):
        at += 1
    if at == data.size or data[at] == _LINE_FEED:
        return min(at + 1, data.size) - position
    return 0
