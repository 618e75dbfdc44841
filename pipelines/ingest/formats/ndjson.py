"""Newline-delimited JSON as blocks of whole lines.

A line belongs to the chunk in which it begins, so the chunks of a file hold
each of its lines exactly once wherever they are cut.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Any, Final

import numpy as np

from pipelines.ingest.formats.blocks import ROW_BITS, Lines
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.discovery.streams import (
    MARK,
    announce,
    let_go,
    open_stream,
    parts_of,
    read_upto,
    reading,
    unreadable,
    without_mark,
)
from pipelines.ingest.formats.discovery.text_files import checked_text, refuse_other_lines
from pipelines.ingest.formats.line_blocks import after_first_line_end, whole_lines
from pipelines.ingest.formats.record_numbers import count_lines
from pipelines.kernels.types import UInt8

BLOCK_BYTES: Final = 32 << 20

_MOST_BYTES: Final = 1 << ROW_BITS
_SEARCH_BYTES: Final = 1 << 16
_LINE_BYTES: Final = 1 << 12


def read_ndjson(chunk: Chunk, block_bytes: int = BLOCK_BYTES) -> Iterator[Lines]:
    """Read the lines of a chunk; the number of a row is the offset of its first byte.

    Raises:
        DataError: the file cannot be read, or is of another format.
    """
    with (
        reading(chunk.path, "newline-delimited JSON"),
        open_stream(chunk.path, chunk.compression, chunk.key) as stream,
    ):
        begin, parts = _parts(chunk, stream, block_bytes)
        line = 1
        for place, data in whole_lines(parts):
            # A row's number is its offset, which must fit into the ROW_BITS bits of a packed row.
            if place + data.size > _MOST_BYTES:
                raise unreadable(chunk.path, "is larger than a terabyte", "split the file")
            ends = count_lines(data)
            yield Lines(begin - chunk.start + place, data, line, ends, chunk.path)
            line += ends
        if chunk.passing:
            let_go(stream, chunk.start, chunk.stop)


def lines_at(chunk: Chunk, rows: Sequence[int]) -> Iterator[Lines]:
    """Read some lines of an uncompressed chunk, each at the begin of a small block.

    The lines between them are not read, so their numbers are unknown.

    Args:
        chunk: whose lines they are.
        rows: their offsets in the chunk.

    Raises:
        DataError: the file cannot be read any more.
    """
    with reading(chunk.path, "newline-delimited JSON"), open_stream(chunk.path, "") as stream:
        places = [chunk.start + row for row in rows]
        announce(stream, places, _LINE_BYTES)
        for row, place in zip(rows, places, strict=True):
            # The bytes before the line tell whether one still begins here: a line feed, or the mark alone.
            stream.seek(max(0, place - len(MARK)))
            before = read_upto(stream, min(place, len(MARK))).tobytes()
            begins = place == 0 or before.endswith(b"\n") or (place == len(MARK) and before == MARK)
            block = next(whole_lines(parts_of(stream, _LINE_BYTES)), None)
            if block is None or not begins:
                raise unreadable(chunk.path, "changed while it was read", "run it again")
            yield Lines(row, block[1], path=chunk.path)


def number_of_line(chunk: Chunk, row: int) -> int:
    """Return the number of a line among those of an uncompressed chunk, from 1.

    Args:
        chunk: whose line it is.
        row: its offset in the chunk.

    Raises:
        DataError: the file cannot be read any more.
    """
    with reading(chunk.path, "newline-delimited JSON"), open_stream(chunk.path, "") as stream:
        begin = _line_begin(stream, chunk.start) if chunk.start else 0
        stream.seek(begin)
        parts = parts_of(stream, BLOCK_BYTES, chunk.start + row - begin)
        return 1 + sum(count_lines(part) for part in parts)


def _parts(chunk: Chunk, stream: Any, block_bytes: int) -> tuple[int, Iterator[UInt8]]:
    """Return the offset of the chunk's first line, and the bytes of its lines."""
    if chunk.compression:
        return 0, without_mark(_checked(chunk, parts_of(stream, block_bytes)))
    begin = _line_begin(stream, chunk.start) if chunk.start else _text_begin(stream)
    # The chunk behind begins where this one ends, by the same search: no line is lost or read twice.
    # The length is 0 where a line of the chunk before covers this one.
    length = max(0, _line_begin(stream, chunk.stop) - begin)
    parts = _equal_parts(stream, begin, begin + length, block_bytes)
    # What the file is shows at its begin, which only the first chunk holds.
    return begin, parts if chunk.start else _checked(chunk, parts)


def _equal_parts(stream: Any, begin: int, end: int, about: int) -> Iterator[UInt8]:
    """Read whole lines in parts of about `about` bytes.

    Cutting at line ends spares joining the last line of each part with the first of the next,
    which would copy the part.

    Args:
        stream: a file.
        begin: where the lines begin.
        end: where they end.
        about: bytes.
    """
    parts = max(1, round((end - begin) / about))
    cuts = [_line_begin(stream, begin + (end - begin) * part // parts) for part in range(1, parts)]
    for start, stop in pairwise([begin, *cuts, end]):
        stream.seek(start)
        size = stop - start
        # Parts that are already whole lines cost `whole_lines` no copy.
        yield from parts_of(stream, size if size <= 2 * about else about, size)  # a line may be very long


def _text_begin(stream: Any) -> int:
    """Return the offset of the first character, after the byte order mark if there is one."""
    return len(MARK) if read_upto(stream, len(MARK)).tobytes() == MARK else 0


def _line_begin(stream: Any, offset: int) -> int:
    """Return the offset of the first line that begins at `offset` or after it."""
    if offset == 0:
        return 0
    # From one byte back: a line feed there means that a line begins at `offset` itself.
    position = offset - 1
    stream.seek(position)
    while True:
        window = read_upto(stream, _SEARCH_BYTES)
        # A short window is the end of the file, where the last line may lack its line feed.
        after = after_first_line_end(window)
        if after or window.size < _SEARCH_BYTES:
            return position + (after or int(window.size))
        position += _SEARCH_BYTES


def _checked(chunk: Chunk, parts: Iterator[UInt8]) -> Iterator[UInt8]:
    """Pass the bytes of a file on unless its begin shows that it is not NDJSON in UTF-8.

    Raises:
        DataError: saying what the file is.
    """
    checked = checked_text(chunk, parts)
    first = next(checked, np.empty(0, np.uint8))
    refuse_other_lines(chunk, first)
    yield from chain([first] if first.size else [], checked)
