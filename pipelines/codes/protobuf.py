"""A small, strict reader of protobuf messages.

Stricter than the format: a field may come once, tags and numbers must have their
shortest form, and groups are refused. So two different payloads never decode to the
same message, which google.protobuf does not promise and the tests of mutations
rely on. The programs that write these codes need no more.
"""

from pipelines.codes.decoded import CodeError

_VARINT_BYTES = 10
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Message = dict[int, int | bytes]
"""Maps a field number to a number (varint) or to bytes (length-delimited and fixed)."""


def read_message(data: bytes) -> Message:
    """Read the fields of a message.

    >>> read_message(bytes([0x08, 0x96, 0x01, 0x12, 0x02]) + b"V1")
    {1: 150, 2: b'V1'}

    Raises:
        CodeError: the bytes are not a message in this strict form.
    """
    fields: Message = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        # Field numbers have 29 bits, and 0 is none.
        if not 0 < number < 1 << 29 or number in fields:
            raise CodeError("malformed")
        value: int | bytes
        if kind == _VARINT:
            value, at = _varint(data, at)
        else:
            size, at = _size(data, at, kind)
            if size > len(data) - at:
                raise CodeError("malformed")
            value, at = data[at : at + size], at + size
        fields[number] = value
    return fields


def number(message: Message, field: int) -> int:
    """Return a number, 0 for an absent field.

    Raises:
        CodeError: the field holds bytes.
    """
    value = message.get(field, 0)
    if not isinstance(value, int):
        raise CodeError("malformed")
    return value


def data(message: Message, field: int) -> bytes:
    """Return bytes, empty for an absent field.

    Raises:
        CodeError: the field holds a number.
    """
    value = message.get(field, b"")
    if not isinstance(value, bytes):
        raise CodeError("malformed")
    return value


def text(message: Message, field: int) -> str:
    """Return a text, empty for an absent field.

    Raises:
        CodeError: the field does not hold UTF-8.
    """
    try:
        return data(message, field).decode()
    except UnicodeDecodeError as error:
        raise CodeError("malformed") from error


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number below 2^64 in its shortest form; return it and where it ends."""
    value = 0
    for index, byte in enumerate(data[at : at + _VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            # A last byte of 0 is not the shortest form; ten bytes may hold more than 64 bits.
            if (index and not byte) or value >> 64:
                break
            return value, at + index + 1
    raise CodeError("malformed")


def _size(data: bytes, at: int, kind: int) -> tuple[int, int]:
    """Return the size of a value and where it begins."""
    if kind == _BYTES:
        return _varint(data, at)
    if kind in (_FIXED64, _FIXED32):
        return (8 if kind == _FIXED64 else 4), at
    raise CodeError("malformed")
