"""Text of records: what it may hold, and its one spelling (NFC).

Plain ASCII is judged by a kernel. Other text goes through Python, one distinct
value at a time.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from pipelines.ingest.reject_reasons import BAD_TEXT, MALFORMED
from pipelines.kernels.byte_copy import SLACK, load_upto
from pipelines.kernels.compile import inlined
from pipelines.kernels.types import Int32, Int64, Spans, UInt8, read_only

_PLAIN, _CONTROL, _WIDE = 0, 1, 2
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of text round."""

_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_BLANKS = np.uint64(0x2020202020202020)


@dataclass(frozen=True)
class Texts:
    """A text column over two buffers: row i lies at `start[i]` of `data`, or, past its end, of `side`.

    Attributes:
        data: uint8, what was read.
        side: uint8, values that do not stand in what was read as they are.
        start: int64[n].
        length: int32[n], bytes; -1 is absent.
    """

    data: UInt8
    side: UInt8
    start: Int64
    length: Int32

    def buffers(self) -> Iterator[tuple[UInt8, int]]:
        """The buffers that are not empty, and where their positions begin to count."""
        for buffer, base in ((self.data, 0), (self.side, self.data.size)):
            if buffer.size:
                yield buffer, base

    def value(self, row: int) -> bytes:
        """The bytes of one value that is not absent."""
        start, size = int(self.start[row]), int(self.length[row])
        data, start = (self.data, start) if start < self.data.size else (self.side, start - self.data.size)
        return data[start : start + size].tobytes()


NO_BYTES = read_only(np.empty(0, np.uint8))


def column_of(texts: Spans) -> Texts:
    """Texts of one buffer as a column over two."""
    return Texts(texts.data, NO_BYTES, texts.start, texts.length)


def normalised(texts: Spans, limit: int | None) -> tuple[Spans, UInt8]:
    """Distinct texts in NFC, and what is wrong with each.

    Args:
        texts: d texts.
        limit: bytes of a text in NFC; None leaves the length to the caller.

    Returns:
        The texts and their reasons, uint8[d], 0 where nothing is wrong. A text
        that is refused keeps its spelling.
    """
    column, reasons = normalised_column(column_of(texts), limit)
    if column.side.size == 0:
        return texts, reasons
    data = np.concatenate((texts.data, column.side, np.zeros(SLACK, np.uint8)))
    return Spans(read_only(data), column.start, column.length), reasons


def normalised_column(column: Texts, limit: int | None) -> tuple[Texts, UInt8]:
    """`normalised` for the rows of a column; absent ones have reason 0."""
    kinds = np.zeros(column.start.size, np.uint8)
    for buffer, base in column.buffers():
        _note_kinds(buffer, base, column.start, column.length, kinds)
    reasons = np.where(kinds == _CONTROL, np.uint8(BAD_TEXT), np.uint8(0))
    if limit is not None:
        reasons[(column.length > limit) & (kinds != _WIDE)] = BAD_TEXT
    changed: list[tuple[int, bytes]] = []
    for row in np.flatnonzero(kinds == _WIDE).tolist():
        before = column.value(row)
        after, reasons[row] = normalise(before, limit)
        if after != before:
            changed.append((row, after))
    return _replaced(column, changed), reasons


def normalise(raw: bytes, limit: int | None) -> tuple[bytes, int]:
    """A text in NFC and the reason to refuse it, or 0; a refused text comes back as it is."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw, MALFORMED
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    after = text.encode()
    if _HIDDEN.search(text) or (limit is not None and len(after) > limit):
        return raw, BAD_TEXT
    return after, 0


def _replaced(column: Texts, changed: Sequence[tuple[int, bytes]]) -> Texts:
    """The column with other texts in some rows."""
    if not changed:
        return column
    start, length = column.start.copy(), column.length.copy()
    end = column.data.size + column.side.size
    for row, text in changed:
        start[row], length[row] = end, len(text)
        end += len(text)
    more = np.frombuffer(b"".join(text for _, text in changed), np.uint8)
    return Texts(column.data, read_only(np.concatenate((column.side, more))), start, length)


@njit(cache=True, nogil=True)
def _note_kinds(buffer: UInt8, base: int, start: Int64, length: Int32, kinds: UInt8) -> None:
    """Judge the rows that lie in a buffer whose positions count from `base` on."""
    for row in range(start.size):
        at = start[row] - base
        if length[row] > 0 and 0 <= at < buffer.size:
            kinds[row] = _kind(buffer, at, length[row])


@inlined
def _kind(data: UInt8, at: int, size: int) -> int:
    """Whether a text is not ASCII, else whether it holds a control character."""
    wide = np.uint64(0)
    control = np.uint64(0)
    for index in range(0, size, 8):
        word = load_upto(data, at + index, size - index)
        if size - index < 8:
            word |= _BLANKS << np.uint64(8 * (size - index))
        wide |= word
        delete = word ^ (_EACH * np.uint64(0x7F))
        control |= ((word - _BLANKS) & ~word) | ((delete - _EACH) & ~delete)
    if wide & _HIGH:
        return _WIDE
    return _CONTROL if control & _HIGH else _PLAIN
