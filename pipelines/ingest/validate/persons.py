"""The canonical spelling of persons, compiled: the rule of `pipelines.privacy.identifiers` over a column."""

import numpy as np
from numba import njit

from pipelines.ingest.reject_reasons import BAD_PERSON, BAD_TEXT
from pipelines.kernels.byte_copy import SLACK, move, same
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import Int32, Int64, Spans, UInt8, read_only
from pipelines.privacy.identifiers import KINDS, MAX_TEXT_BYTES

_GROWTH = len("+84")
_PREFIXES = np.frombuffer("".join(f"{kind}:" for kind in KINDS).encode(), np.uint8)
_PREFIX_SIZES = np.array([len(kind) + 1 for kind in KINDS], np.int64)
_PHONE, _CCCD, _BHYT, _PASSPORT = (KINDS.index(kind) for kind in ("phone", "cccd", "bhyt", "passport"))
_COUNTRY = np.frombuffer(b"+84", np.uint8)
_FILLING = np.frombuffer(b" .-()", np.uint8)
_ZERO, _NINE = ord("0"), ord("9")
_STAR, _BLANK, _PLUS = ord("*"), ord(" "), ord("+")


def canonical_persons(texts: Spans) -> tuple[Spans, UInt8]:
    """The canonical identifiers of `kind:value` texts, and what is wrong with each.

    Args:
        texts: d texts in NFC, without control characters.

    Returns:
        The identifiers, length -1 where there is none, and uint8[d] reasons:
        0, `BAD_PERSON`, or `BAD_TEXT` for a text over the limit, which holds
        for the value behind the kind.
    """
    data, start, length, reasons = _canonical_all(texts.data, texts.start, texts.length)
    return Spans(read_only(data), start, length), reasons


@njit(cache=True, nogil=True)
def _canonical_all(data: UInt8, start: Int64, length: Int32) -> tuple[UInt8, Int64, Int32, UInt8]:
    room = SLACK
    for row in range(start.size):
        room += length[row] + _GROWTH
    texts = np.empty(room, np.uint8)
    starts = np.zeros(start.size + 1, np.int64)
    lengths = np.empty(start.size, np.int32)
    reasons = np.zeros(start.size, np.uint8)
    for row in range(start.size):
        size = _canonical(data, start[row], int(length[row]), texts, starts[row])
        lengths[row] = max(size, -1)
        reasons[row] = max(-size, 0)
        starts[row + 1] = starts[row] + max(size, 0)
    return texts[: starts[-1] + SLACK].copy(), starts[:-1], lengths, reasons


@helper
def _canonical(data: UInt8, at: int, size: int, target: UInt8, to: int) -> int:
    """Write the canonical identifier; its size, or minus the reason."""
    kind, prefix = _kind_of(data, at, size)
    if size - prefix > MAX_TEXT_BYTES:
        return -BAD_TEXT
    if kind < 0 or size == prefix:
        return -BAD_PERSON
    for index in range(at + prefix, at + size):
        if data[index] == _STAR:
            return -BAD_PERSON
    value = move(data, at, prefix, target, to)
    at, size = at + prefix, size - prefix
    if kind == _PHONE:
        size = _phone(data, at, size, target, value)
    elif kind in (_BHYT, _PASSPORT):
        size = _without_blanks(data, at, size, target, value)
    else:
        move(data, at, size, target, value)
    if size < 0 or not _has_shape(kind, target, value, size):
        return -BAD_PERSON
    return prefix + size


@inlined
def _kind_of(data: UInt8, at: int, size: int) -> tuple[int, int]:
    """The kind's number and the size of the kind with its colon; -1 and 0 for an unknown one."""
    place = 0
    for kind in range(_PREFIX_SIZES.size):
        prefix = _PREFIX_SIZES[kind]
        if size >= prefix and same(data, at, _PREFIXES, place, prefix):
            return kind, prefix
        place += prefix
    return -1, 0


@helper
def _has_shape(kind: int, text: UInt8, at: int, size: int) -> bool:
    """Whether a value has the form of its kind; a phone's was looked at before."""
    digits, capitals = 0, 0
    for index in range(at, at + size):
        digits += _ZERO <= text[index] <= _NINE
        capitals += ord("A") <= text[index] <= ord("Z")
    if kind == _CCCD:
        return size == 12 and digits == size
    if kind == _BHYT:
        return (size == 15 and digits + capitals == size) or (size == 10 and digits == size)
    if kind == _PASSPORT:
        return 5 <= size <= 20 and digits + capitals == size
    return True


@helper
def _without_blanks(data: UInt8, at: int, size: int, target: UInt8, to: int) -> int:
    """Write a text in capitals and without blanks; its size."""
    end = to
    for index in range(at, at + size):
        byte = data[index]
        if byte != _BLANK:
            target[end] = byte - 32 if ord("a") <= byte <= ord("z") else byte
            end += 1
    return end - to


@helper
def _phone(data: UInt8, at: int, size: int, target: UInt8, to: int) -> int:
    """Write a phone number in E.164; its size, or -1 where it is none."""
    first = to + _GROWTH
    end = first
    for index in range(at, at + size):
        filling = False
        for other in _FILLING:
            filling |= data[index] == other
        if not filling:
            target[end] = data[index]
            end += 1
    trunk = _trunk(target, first, end)
    national = end - first - trunk
    if trunk and 9 <= national <= 10 and _is_number(target, first + trunk, end):
        for index in range(_GROWTH):
            target[to + index] = _COUNTRY[index]
        for index in range(national):
            target[to + _GROWTH + index] = target[first + trunk + index]
        return _GROWTH + national
    for index in range(end - first):
        target[to + index] = target[first + index]
    return _international(target, to, end - first)


@inlined
def _trunk(text: UInt8, at: int, end: int) -> int:
    """The size of what stands for Vietnam before a number written at home: 0084, 84 or 0."""
    size = end - at
    if size >= 4 and text[at] == _ZERO and text[at + 1] == _ZERO and _is_84(text, at + 2):
        return 4
    if size >= 2 and _is_84(text, at):
        return 2
    return 1 if size >= 1 and text[at] == _ZERO else 0


@inlined
def _is_84(text: UInt8, at: int) -> bool:
    return bool(text[at] == ord("8") and text[at + 1] == ord("4"))


@inlined
def _is_number(text: UInt8, at: int, end: int) -> bool:
    """Whether the bytes are digits, the first of them none."""
    if at >= end or text[at] == _ZERO:
        return False
    digits = 0
    for index in range(at, end):
        digits += _ZERO <= text[index] <= _NINE
    return digits == end - at


@helper
def _international(text: UInt8, at: int, size: int) -> int:
    """The size of a number written with its country, or -1 where it is none."""
    if size < 9 or size > 16 or text[at] != _PLUS:
        return -1
    if _is_84(text, at + 1):
        national = size - 3
        return size if 9 <= national <= 10 and _is_number(text, at + 3, at + size) else -1
    return size if _is_number(text, at + 1, at + size) else -1
