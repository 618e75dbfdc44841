"""Columns of text, made tidy: trimmed, in NFC, without hidden characters (`schemas.wire_text`).

A kernel judges plain ASCII, which nearly all text is. Other text goes through
Python, one value at a time, so columns with few distinct values are made
distinct first.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from pipelines.ingest.reject_reasons import BAD_TEXT, MALFORMED
from pipelines.kernels.byte_copy import SLACK, load_upto
from pipelines.kernels.compile import inlined
from pipelines.kernels.types import Int32, Int64, Spans, UInt8, UInt64, read_only
from schemas.wire_text import NOTHING, holds_hidden, is_nothing, tidy

_PLAIN, _CONTROL, _WIDE, _PADDED, _NOTHING = range(5)
"""What a text is: plain ASCII, ASCII with a control character, not ASCII, in need of trimming, no value."""

# One byte eight times over: the kernels below judge eight letters in one word.
_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_BLANKS = np.uint64(0x2020202020202020)
_BLANK, _TAB = ord(" "), ord("\t")
_LINE_ENDS = b"\r\n\t "
_WORD_BYTES = max(map(len, NOTHING))
_WORDS = np.array([int.from_bytes(word.encode(), "little") for word in sorted(NOTHING) if word], np.uint64)


@dataclass(frozen=True)
class Texts:
    """A text column over two buffers: row i lies at `start[i]` of `data` or, past its end, of `side`.

    Example:
        >>> data, side = (np.frombuffer(raw, np.uint8) for raw in (b"V1V2", b"V3"))
        >>> column = Texts(data, side, start=np.array([2, 4]), length=np.array([2, 2], np.int32))
        >>> column.value(0), column.value(1)
        (b'V2', b'V3')

    Attributes:
        data: uint8, the bytes that were read.
        side: uint8, values that do not stand in `data` as they are, such as those with escapes.
        start: int64[n].
        length: int32[n], bytes; -1 is absent.
    """

    data: UInt8
    side: UInt8
    start: Int64
    length: Int32

    def buffers(self) -> Iterator[tuple[UInt8, int]]:
        """Yield each buffer that is not empty and the position of its first byte."""
        for buffer, base in ((self.data, 0), (self.side, self.data.size)):
            if buffer.size:
                yield buffer, base

    def rows(self, kept: Int64) -> "Texts":
        """Keep only some rows."""
        return replace(self, start=self.start[kept], length=self.length[kept])

    def value(self, row: int) -> bytes:
        """Return the bytes of a value that is not absent."""
        start, size = int(self.start[row]), int(self.length[row])
        data, start = (self.data, start) if start < self.data.size else (self.side, start - self.data.size)
        return data[start : start + size].tobytes()


NO_BYTES = read_only(np.empty(0, np.uint8))


def column_of(texts: Spans) -> Texts:
    """View texts of one buffer as a column over two."""
    return Texts(texts.data, NO_BYTES, texts.start, texts.length)


def spans_of(column: Texts) -> Spans:
    """Join the two buffers of a column into one, with `SLACK` bytes behind."""
    if column.side.size == 0:
        return Spans(column.data, column.start, column.length)
    data = np.concatenate((column.data, column.side, np.zeros(SLACK, np.uint8)))
    return Spans(read_only(data), column.start, column.length)


def tidied(texts: Spans, limit: int | None, *, optional: bool = True) -> tuple[Spans, UInt8]:
    """Make distinct texts tidy: `tidied_column` for texts of one buffer."""
    column, reasons = tidied_column(column_of(texts), limit, optional=optional)
    return spans_of(column), reasons


def tidied_column(column: Texts, limit: int | None, *, optional: bool = True) -> tuple[Texts, UInt8]:
    """Make every text of a column tidy, and say what is wrong with each.

    A text that is empty when trimmed becomes absent, and so does a word for
    nothing (`nan`, `n/a`, …) in an optional field.

    Args:
        column: n texts.
        limit: the most bytes of a tidy text; None leaves the length to the caller.
        optional: whether words for nothing are absent.

    Returns:
        The column and the reasons, uint8[n], 0 where nothing is wrong. A text that is
        refused keeps its spelling.
    """
    kinds = _kinds_of(column, optional)
    # Without its blanks a text may be empty, or a word for nothing: judge again.
    if (kinds == _PADDED).any():
        column = _trimmed(column, kinds)
        kinds = _kinds_of(column, optional)
    if (kinds == _NOTHING).any():
        column = replace(column, length=np.where(kinds == _NOTHING, np.int32(-1), column.length))
    reasons = np.where(kinds == _CONTROL, np.uint8(BAD_TEXT), np.uint8(0))
    # NFC changes the size of a wide text, so `_tidied_wide` checks that one.
    if limit is not None:
        reasons[(column.length > limit) & (kinds != _WIDE)] = BAD_TEXT
    changed: list[tuple[int, bytes | None]] = []
    # Row by row, in Python: columns whose texts repeat come here as their distinct texts.
    for row in np.flatnonzero(kinds == _WIDE).tolist():
        before = column.value(row)
        after, reasons[row] = _tidied_wide(before, limit, optional)
        if after != before:
            changed.append((row, after))
    return _replaced(column, changed), reasons


def without_line_ends(texts: Spans) -> Spans:
    """Cut line feeds, carriage returns and ASCII blanks off the ends of distinct texts."""
    start, length = texts.start.copy(), texts.length.copy()
    for row in np.flatnonzero(length > 0).tolist():
        raw = texts.value(row) or b""
        left = raw.lstrip(_LINE_ENDS)
        start[row] += len(raw) - len(left)
        length[row] = len(left.rstrip(_LINE_ENDS)) or -1
    return Spans(texts.data, start, length)


def respelled(texts: Spans, spell: Callable[[str], str]) -> Spans:
    """Spell each of some distinct texts another way, absent ones aside.

    Args:
        texts: well-formed UTF-8.
        spell: returns a text's other spelling.
    """
    changed: list[tuple[int, bytes | None]] = []
    for row in np.flatnonzero(texts.length >= 0).tolist():
        before = texts.value(row) or b""
        after = spell(before.decode()).encode()
        if after != before:
            changed.append((row, after))
    return spans_of(_replaced(column_of(texts), changed))


def _tidied_wide(raw: bytes, limit: int | None, optional: bool) -> tuple[bytes | None, int]:
    """Make a text that is not ASCII tidy; None for no value, and the reason to refuse it, or 0."""
    try:
        text = tidy(raw.decode())
    except UnicodeDecodeError:
        return raw, MALFORMED
    if not text or (optional and is_nothing(text)):
        return None, 0
    after = text.encode()
    if holds_hidden(text) or (limit is not None and len(after) > limit):
        return raw, BAD_TEXT
    return after, 0


def _replaced(column: Texts, changed: Sequence[tuple[int, bytes | None]]) -> Texts:
    """Put other texts, or none, into some rows."""
    if not changed:
        return column
    start, length = column.start.copy(), column.length.copy()
    # Positions run through `data`, then `side`: new texts begin behind both.
    end = column.data.size + column.side.size
    for row, text in changed:
        # An absent text needs no place; its length alone says that it is absent.
        start[row], length[row] = end, -1 if text is None else len(text)
        end += len(text or b"")
    more = np.frombuffer(b"".join(text or b"" for _, text in changed), np.uint8)
    return Texts(column.data, read_only(np.concatenate((column.side, more))), start, length)


def _kinds_of(column: Texts, optional: bool) -> UInt8:
    """Say what each text is, uint8[n]; an absent one is plain."""
    kinds = np.zeros(column.start.size, np.uint8)  # 0 is `_PLAIN`
    words = _WORDS if optional else _WORDS[:0]
    for buffer, base in column.buffers():
        _note_kinds(buffer, base, column.start, column.length, words, kinds)
    return kinds


def _trimmed(column: Texts, kinds: UInt8) -> Texts:
    """Trim the padded texts of ASCII blanks; one of blanks alone becomes absent."""
    start, length = column.start.copy(), column.length.copy()
    for buffer, base in column.buffers():
        _trim(buffer, base, start, length, kinds)
    return replace(column, start=start, length=length)


@njit(cache=True, nogil=True)
def _note_kinds(buffer: UInt8, base: int, start: Int64, length: Int32, words: UInt64, kinds: UInt8) -> None:
    """Judge the rows that lie in a buffer whose first byte has the position `base`."""
    for row in range(start.size):
        at, size = start[row] - base, length[row]
        # A row lies in one of the two buffers; those of the other are left alone.
        if size > 0 and 0 <= at < buffer.size:
            kind = _kind(buffer, at, size)
            # Before controls: a tab at an end is one, and is trimmed. Wide text is trimmed in Python.
            if kind != _WIDE and (_is_blank(buffer[at]) or _is_blank(buffer[at + size - 1])):
                kind = _PADDED
            elif kind == _PLAIN and size <= _WORD_BYTES and _is_word(buffer, at, size, words):
                kind = _NOTHING
            kinds[row] = kind


@njit(cache=True, nogil=True)
def _trim(buffer: UInt8, base: int, start: Int64, length: Int32, kinds: UInt8) -> None:
    """Trim the padded rows that lie in a buffer whose first byte has the position `base`."""
    for row in range(start.size):
        at, end = start[row] - base, start[row] - base + length[row]
        if kinds[row] == _PADDED and 0 <= at < buffer.size:
            while at < end and _is_blank(buffer[at]):
                at += 1
            while at < end and _is_blank(buffer[end - 1]):
                end -= 1
            start[row], length[row] = at + base, end - at if end > at else -1


@inlined
def _is_blank(byte: int) -> bool:
    return byte in (_BLANK, _TAB)


@inlined
def _is_word(data: UInt8, at: int, size: int, words: UInt64) -> bool:
    """Tell whether a plain text is one of some words in lower case, whatever its case.

    Setting bit 5 turns capitals into small letters and leaves `-` and `/` as they are.
    """
    # Of 1 to 4 letters, so the shift stays below 64, where it would be undefined.
    text = load_upto(data, at, size) | (_BLANKS >> np.uint64(64 - 8 * size))
    found = False
    for index in range(words.size):
        found |= text == words[index]
    return found


@inlined
def _kind(data: UInt8, at: int, size: int) -> int:
    """Tell whether a text is not ASCII, else whether it holds a control character; eight bytes at a time."""
    wide = np.uint64(0)
    control = np.uint64(0)
    for index in range(0, size, 8):
        word = load_upto(data, at + index, size - index)
        # Blanks fill up the last word: zeros would pass for controls.
        if size - index < 8:
            word |= _BLANKS << np.uint64(8 * (size - index))
        wide |= word
        # Marks bytes below 0x20 and 0x7F by their high bits. A borrow may mark the byte above such a
        # one too, so only whether any bit is set can be used.
        delete = word ^ (_EACH * np.uint64(0x7F))
        control |= ((word - _BLANKS) & ~word) | ((delete - _EACH) & ~delete)
    if wide & _HIGH:
        return _WIDE
    return _CONTROL if control & _HIGH else _PLAIN
