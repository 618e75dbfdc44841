"""Decode JSON texts with escapes, compiled: many writers escape every letter that is not ASCII."""

import numpy as np

from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import UInt8

_QUOTE, _BACKSLASH, _BLANK, _U = (ord(sign) for sign in '"\\ u')
_FAILED = -1


def _simple_escapes() -> UInt8:
    """Return what each letter after a backslash stands for, 0 where it is not a one-letter escape."""
    meanings = np.zeros(256, np.uint8)
    for letter, meaning in zip('"\\/bfnrt', '"\\/\b\f\n\r\t', strict=True):
        meanings[ord(letter)] = ord(meaning)
    return meanings


_MEANINGS = _simple_escapes()


@helper
def unescape(data: UInt8, at: int, target: UInt8, to: int) -> tuple[int, int]:
    """Write the text that begins at `at`, after its quote, with its escapes decoded.

    The text never grows. Bytes that are not ASCII are copied as they are.

    Returns:
        The position of the closing quote (-1 where the text is not JSON or
        does not end), and the position after the bytes written.
    """
    while at < data.size:
        byte = data[at]
        if byte == _QUOTE:
            return at, to
        if byte < _BLANK:
            break
        if byte != _BACKSLASH:
            target[to] = byte
            at, to = at + 1, to + 1
            continue
        if at + 1 == data.size:
            break  # the line ends behind a backslash
        meaning = _MEANINGS[data[at + 1]]
        if meaning:
            target[to] = meaning
            at, to = at + 2, to + 1
            continue
        code, at = _code_point(data, at)
        if code < 0:
            break
        # Six bytes of an escape make at most three, a pair's twelve make four: the text cannot grow.
        to = _put_utf8(code, target, to)
    return _FAILED, to


@inlined
def _code_point(data: UInt8, at: int) -> tuple[int, int]:
    """Return the code point of an escape or a surrogate pair (-1: none), and the position after it."""
    first = _unit(data, at)
    at += 6
    if first < 0xD800 or first > 0xDFFF:  # also -1, where there is no escape
        return first, at
    # After a high surrogate the low one must follow, as an escape too.
    second = _unit(data, at)
    # A lone surrogate has no UTF-8: such a text is refused, never repaired.
    if first >= 0xDC00 or second < 0xDC00 or second > 0xDFFF:
        return _FAILED, at
    return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), at + 6


@inlined
def _unit(data: UInt8, at: int) -> int:
    """Return the 16 bits of the hexadecimal escape at `at`, or -1."""
    if at + 6 > data.size or data[at] != _BACKSLASH or data[at + 1] != _U:
        return _FAILED
    value = 0
    for index in range(at + 2, at + 6):
        digit = data[index]
        if ord("0") <= digit <= ord("9"):
            value = value * 16 + digit - ord("0")
        elif ord("a") <= digit <= ord("f"):
            value = value * 16 + digit - ord("a") + 10
        elif ord("A") <= digit <= ord("F"):
            value = value * 16 + digit - ord("A") + 10
        else:
            return _FAILED
    return value


@inlined
def _put_utf8(code: int, target: UInt8, to: int) -> int:
    """Write a code point in UTF-8; return the position after it."""
    if code < 0x80:
        target[to] = code
        return to + 1
    more = 1 if code < 0x800 else 2 if code < 0x10000 else 3
    lead = (0xC0, 0xE0, 0xF0)[more - 1]
    target[to] = lead | code >> (6 * more)
    for index in range(1, more + 1):
        target[to + index] = 0x80 | (code >> (6 * (more - index))) & 0x3F
    return to + more + 1
