"""Newline-delimited JSON as blocks of whole lines.

A line belongs to the chunk in which it begins, so the chunks of a file hold
each of its lines exactly once wherever they are cut.
"""

from collections.abc import Iterator
from typing import Any, Final

from pipelines.errors import DataError
from pipelines.ingest.inputs import Chunk
from pipelines.ingest.lines import after_first_line_end, count_line_ends, whole_lines
from pipelines.ingest.sources import (
    MAGIC,
    let_go,
    open_stream,
    parts_of,
    read_upto,
    reading,
    unreadable,
    without_mark,
)
from pipelines.ingest.spans import Lines, UInt8

BLOCK_BYTES: Final = 32 << 20

_MOST_ROWS: Final = 1 << 32  # what a packed row number can count
_SEARCH_BYTES: Final = 1 << 16


def read_ndjson(chunk: Chunk, block_bytes: int = BLOCK_BYTES) -> Iterator[Lines]:
    """The lines of a chunk; row numbers count blank lines too, so they ascend with gaps.

    Raises:
        DataError: the file cannot be read, or is of another format.
    """
    with (
        reading(chunk.path, "newline-delimited JSON"),
        open_stream(chunk.path, chunk.compression, chunk.key) as stream,
    ):
        first_row = 0
        before: UInt8 | None = None
        for data in whole_lines(_parts(chunk, stream, block_bytes)):
            if before is not None:
                first_row += count_line_ends(before)
            if first_row >= _MOST_ROWS:
                raise unreadable(chunk.path, "has more than 4 billion lines", "split the file")
            yield Lines(first_row, data)
            before = data
        if chunk.passing:
            let_go(stream, chunk.start, chunk.stop)


def _parts(chunk: Chunk, stream: Any, block_bytes: int) -> Iterator[UInt8]:
    if chunk.compression:
        return _checked(chunk, without_mark(parts_of(stream, block_bytes)))
    begin = _line_begin(stream, chunk.start)
    end = _line_begin(stream, chunk.stop)
    stream.seek(begin)
    length = end - begin
    parts = parts_of(stream, length if length < 2 * block_bytes else block_bytes, length)
    return parts if chunk.start else _checked(chunk, without_mark(parts))


def _line_begin(stream: Any, offset: int) -> int:
    """Where the first line begins that begins at `offset` or after it."""
    if offset == 0:
        return 0
    position = offset - 1
    stream.seek(position)
    while True:
        window = read_upto(stream, _SEARCH_BYTES)
        after = after_first_line_end(window)
        if after or window.size < _SEARCH_BYTES:
            return position + (after or int(window.size))
        position += _SEARCH_BYTES


def _checked(chunk: Chunk, parts: Iterator[UInt8]) -> Iterator[UInt8]:
    """The parts of a file whose name says NDJSON and whose begin does not say otherwise.

    Raises:
        DataError: it begins like a file of another kind.
    """
    first = next(parts, None)
    if first is None:
        return
    refuse_other_kind(chunk, first)
    yield first
    yield from parts


def refuse_other_kind(chunk: Chunk, begin: UInt8) -> None:
    """Refuse a text file that begins like Parquet, Avro, gzip or zstd.

    Raises:
        DataError: it does.
    """
    head = begin[:4].tobytes()
    for kind, magic in MAGIC.items():
        if head.startswith(magic):
            raise other_kind(chunk.path, kind)


def other_kind(path: str, kind: str) -> DataError:
    """The error of a file whose name and content disagree."""
    return unreadable(path, f"holds {kind} under another name", f"name it as the {kind} file it is")
