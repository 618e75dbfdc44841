"""Cut bytes into blocks of whole lines, however long a line is.

A line over `LONG_LINE` bytes is never held in memory: its first `LONG_LINE`
bytes and the hexadecimal SHA-256 of the whole line (without its line end)
stand for it. The result is still one record, still too large to be parsed,
and its digest still depends on every byte.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

import numpy as np

from pipelines.kernels.types import UInt8

LONG_LINE: Final = 1 << 20
"""The longest line that is kept verbatim, in bytes."""

_LOOK_BACK: Final = 1 << 10
_LOOK_AHEAD: Final = 1 << 16


class _LongLine:
    """A line that is hashed while it is read, and not kept."""

    def __init__(self, begin: UInt8) -> None:
        self._kept = begin[:LONG_LINE]
        self._hash = hashlib.sha256(begin.data)

    def add(self, more: UInt8) -> None:
        self._hash.update(more.data)

    def stand_in(self) -> UInt8:
        """Return the bytes that stand for the line, with a line end."""
        tail = self._hash.hexdigest().encode() + b"\n"
        return np.concatenate((self._kept, np.frombuffer(tail, np.uint8)))


def whole_lines(parts: Iterator[UInt8]) -> Iterator[tuple[int, UInt8]]:
    r"""Yield blocks of whole lines, each about as long as a part; only the last may lack its line end.

    >>> parts = (np.frombuffer(part, np.uint8) for part in (b"one\ntw", b"o\nthree"))
    >>> [(place, block.tobytes()) for place, block in whole_lines(parts)]
    [(0, b'one\n'), (4, b'two\n'), (8, b'three')]

    Args:
        parts: consecutive bytes, arrays of any size.

    Returns:
        The offset of each block among all bytes, and the block.
    """
    rest = np.empty(0, np.uint8)  # the begin of a line, at most LONG_LINE bytes
    long_line: _LongLine | None = None
    at = begun = 0  # end of the part; begin of `rest` or of the long line
    for part in parts:
        at += part.size
        # The long line ends in this part, or the part is all its own.
        if long_line is not None:
            begin = after_first_line_end(part)
            # Without its line feed, as the digest of any line is.
            long_line.add(part[: begin - 1] if begin else part)
            if not begin:
                continue
            yield begun, long_line.stand_in()
            long_line, part = None, part[begin:]
        # Joining copies the part; a reader that can seek cuts parts at line feeds to avoid it.
        block = np.concatenate((rest, part)) if rest.size else part
        stop = after_last_line_end(block)
        for start, lines in _shortened(block[:stop]):
            # The part ends at `at`, and so does the block.
            yield at - block.size + start, lines
        rest = block[stop:]
        begun = at - rest.size
        # From here on only the hash of the line is kept, whatever its length becomes.
        if rest.size > LONG_LINE:
            long_line, rest = _LongLine(rest), np.empty(0, np.uint8)
    if long_line is not None:
        yield begun, long_line.stand_in()
    elif rest.size:
        yield begun, rest


def _shortened(block: UInt8) -> Iterator[tuple[int, UInt8]]:
    """Yield the lines of a block and their offset, long lines replaced; nearly always the block itself.

    Looks for a line end in every stretch of `LONG_LINE` bytes instead of at every line.
    """
    start = position = 0
    while block.size - position > LONG_LINE:
        # One byte more, for the line feed of a line of exactly LONG_LINE bytes.
        step = after_last_line_end(block[position : position + LONG_LINE + 1])
        if step:
            position += step
            continue
        # Lines before the long one go out as they are.
        if position > start:
            yield start, block[start:position]
        begin = position
        start = position + after_first_line_end(block[position:])
        yield begin, _LongLine(block[begin : start - 1]).stand_in()
        position = start
    if block.size > start:
        yield start, block[start:]


def after_last_line_end(data: UInt8) -> int:
    """Return the position after the last line end, 0 where there is none."""
    # Look back in growing windows: the last line is nearly always short.
    stop, size = data.size, _LOOK_BACK
    while stop > 0:
        start = max(0, stop - size)
        found = data[start:stop].tobytes().rfind(b"\n")
        if found >= 0:
            return int(start + found + 1)
        stop, size = start, min(2 * size, LONG_LINE)
    return 0


def after_first_line_end(data: UInt8) -> int:
    """Return the position after the first line end, 0 where there is none."""
    for start in range(0, data.size, _LOOK_AHEAD):
        found = data[start : start + _LOOK_AHEAD].tobytes().find(b"\n")
        if found >= 0:
            return start + found + 1
    return 0
