"""Text files as spreadsheets and other systems write them, made UTF-8 with line feeds where that is certain.

Where it is not, the error says what the file is.
"""

import codecs
from collections.abc import Iterator
from itertools import chain
from typing import Final

import numpy as np

from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.discovery.file_kinds import AS_UTF_8, HEAD_BYTES, UTF_16, other_kind
from pipelines.ingest.formats.discovery.streams import MARK, unreadable
from pipelines.kernels.types import UInt8

_LINE_FEED, _RETURN = 0x0A, 0x0D
_LOOK_BYTES: Final = 1 << 20  # a header is shorter


def checked_text(chunk: Chunk, parts: Iterator[UInt8]) -> Iterator[UInt8]:
    """Pass the bytes of a text file on, unless they begin like those of another format.

    Args:
        chunk: of the file, for the error.
        parts: its bytes from the first one on.

    Raises:
        DataError: saying what the file is.
    """
    begin, rest = _first_bytes(parts, HEAD_BYTES)
    other = other_kind(begin[:HEAD_BYTES].tobytes(), csv=chunk.format == "csv")
    if other is not None:
        raise unreadable(chunk.path, f"holds {other[0]}", other[1])
    yield from chain([begin] if begin.size else [], rest)


def refuse_other_lines(chunk: Chunk, begin: UInt8) -> None:
    """Refuse NDJSON in UTF-16, or with the line ends of old Macs: ranges of it could not be read alone.

    Args:
        chunk: of the file, for the error.
        begin: uint8, the first block of the file.

    Raises:
        DataError: saying what the file is.
    """
    if begin[:2].tobytes() in UTF_16:
        raise unreadable(chunk.path, "holds UTF-16 text", AS_UTF_8)
    head = begin[:_LOOK_BYTES].tobytes()
    # Only where the first megabyte has no line feed at all.
    if b"\n" not in head and b"}\r{" in head:
        raise unreadable(chunk.path, "ends its lines in carriage returns", "end them in line feeds")


def as_utf_8(parts: Iterator[UInt8]) -> Iterator[UInt8]:
    """Decode a file that begins with a byte order mark of UTF-16; leave out that of UTF-8.

    What is not well-formed UTF-16 becomes bytes that are not UTF-8, so only its record is refused.
    """
    begin, rest = _first_bytes(parts, len(MARK))
    if begin[:2].tobytes() not in UTF_16:
        yield from chain([begin[len(MARK) :] if begin[: len(MARK)].tobytes() == MARK else begin], rest)
        return
    # A lone surrogate passes as bytes that are not UTF-8, so that its record alone is refused later.
    decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
    for part in chain([begin], rest, [None]):
        text = decoder.decode(b"" if part is None else part.tobytes(), final=part is None)
        if text:
            # A bytearray, not bytes: the kernel of CSV replaces doubled quotes in place.
            yield np.frombuffer(bytearray(text.encode("utf-8", "surrogatepass")), np.uint8)


def with_line_feeds(parts: Iterator[UInt8]) -> Iterator[UInt8]:
    """Turn the lone CR at the ends of lines (old Macs) into line feeds, where no line feed is near."""
    # Hold parts back until a line feed shows up or enough bytes are seen to tell that none will.
    held: list[UInt8] = []
    for part in parts:
        held.append(part)
        if (part[:_LOOK_BYTES] == _LINE_FEED).any() or sum(one.size for one in held) > _LOOK_BYTES:
            break
    returns = not any((part[:_LOOK_BYTES] == _LINE_FEED).any() for part in held)
    for part in chain(held, parts):
        yield np.where(part == _RETURN, np.uint8(_LINE_FEED), part) if returns else part


def _first_bytes(parts: Iterator[UInt8], size: int) -> tuple[UInt8, Iterator[UInt8]]:
    """Return the parts that make `size` bytes, joined, and an iterator over the others."""
    held = np.empty(0, np.uint8)
    for part in parts:
        held = np.concatenate((held, part)) if held.size else part
        if held.size >= size:
            break
    return held, parts
