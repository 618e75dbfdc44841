r"""Split JSON messages into lines of JSON, one record a line, byte for byte as sent.

Only the outermost array is taken apart, by brackets and commas; whether a
record is valid is for ingest to decide. A message that is neither one object
nor an array of 1 to 500 values becomes one line that ingest refuses.

>>> lines_of(b'[{"a":1}, {"b":2}]')
(b'{"a":1}\n {"b":2}\n', 2)
"""

from typing import Final

import numpy as np
from numba import njit

from pipelines.kernels.types import UInt8
from pipelines.streaming.land_options import MOST_RECORDS

MESSAGE_BYTES: Final = 1 << 20
"""A longer message is refused as a whole."""

_POISON: Final = b"!"
"""First byte of a line that is not JSON, whatever follows."""

_KEPT_BYTES: Final = 1 << 15  # of a message over the limit: still over the size limit of a record
_QUOTE, _BACKSLASH, _COMMA = (ord(sign) for sign in '"\\,')
_OPEN, _CLOSE, _BEGIN, _END = (ord(sign) for sign in "{}[]")
_BLANK, _TAB, _RETURN, _LINE_FEED = (ord(sign) for sign in " \t\r\n")
_NOT_SPLIT = -1


def lines_of(message: bytes) -> tuple[bytes, int]:
    """Return a message's records as lines, each with its line end, and their number."""
    if len(message) <= MESSAGE_BYTES:
        # One object on one line is passed on without a look inside.
        if message[:1] == b"{" and b"\n" not in message:
            return message + b"\n", 1
        value = message.strip(b" \t\r\n")
        in_array = value[:1] + value[-1:] == b"[]"
        if in_array or value[:1] + value[-1:] == b"{}":
            inside = value[1:-1] if in_array else value
            lines, count = _split(np.frombuffer(inside, np.uint8), MOST_RECORDS if in_array else 1)
            if count > 0:
                return lines.tobytes(), count
    return poison_line(message), 1


def poison_line(message: bytes) -> bytes:
    """Return one line that ingest refuses, whose digest identifies the message.

    A message over the limit stays longer than a record may be, so that it is
    refused as too large.
    """
    kept = message if len(message) <= MESSAGE_BYTES else message[:_KEPT_BYTES]
    return _POISON + kept.replace(b"\n", b" ") + b"\n"


@njit(cache=True, nogil=True)
def _split(data: UInt8, most: int) -> tuple[UInt8, int]:
    """Turn comma-separated JSON values into lines; their number, or `_NOT_SPLIT` if they are anything else.

    Args:
        data: uint8, values of JSON.
        most: most values.
    """
    lines = np.empty(data.size + 1, np.uint8)
    # depth: open brackets; count: values so far; empty: only blanks since the last comma.
    depth, count, empty, in_text, escaped = 0, 1, True, False, False
    for at in range(data.size):
        byte = lines[at] = data[at]
        if in_text:
            if byte == _LINE_FEED:  # not JSON, and it would break the line
                return lines[:0], _NOT_SPLIT
            # Inside a string only its end matters, an unescaped quote.
            in_text = escaped or byte != _QUOTE
            escaped = not escaped and byte == _BACKSLASH
            continue
        # A comma outside all brackets separates two values.
        if byte == _COMMA and depth == 0:
            if empty or count == most:
                return lines[:0], _NOT_SPLIT
            lines[at] = _LINE_FEED
            count, empty = count + 1, True
            continue
        in_text = byte == _QUOTE
        # Both kinds of brackets share a counter: `[}` passes here, and ingest refuses it.
        depth += (byte in (_OPEN, _BEGIN)) - (byte in (_CLOSE, _END))
        if depth < 0:
            return lines[:0], _NOT_SPLIT
        if byte == _LINE_FEED:  # between values: an indented message
            lines[at] = _BLANK
        empty = empty and byte in (_BLANK, _TAB, _RETURN, _LINE_FEED)
    lines[-1] = _LINE_FEED  # `lines` is one byte longer than `data`
    return lines, _NOT_SPLIT if empty or in_text or depth != 0 else count
