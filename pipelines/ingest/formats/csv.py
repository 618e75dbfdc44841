"""CSV as columns: the header says what they are and what parts them."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np

from pipelines.ingest.formats.blocks import Columns
from pipelines.ingest.formats.csv_kernel import room_for, split_records
from pipelines.ingest.formats.discover import Chunk
from pipelines.ingest.formats.field_types import check_columns, kinds_of
from pipelines.ingest.formats.line_blocks import after_first_line_end, whole_lines
from pipelines.ingest.formats.ndjson import refuse_other_kind
from pipelines.ingest.formats.streams import open_stream, parts_of, reading, unreadable, without_mark
from pipelines.kernels.types import Int32, Spans, UInt8

BLOCK_BYTES: Final = 16 << 20
BLOCK_ROWS: Final = 1 << 17

DELIMITERS: Final = ",;\t"
"""What may part the fields: the one by which the header names most known columns."""

_HEADER_BYTES: Final = 1 << 16


@dataclass(frozen=True)
class _Header:
    """What the first line says.

    Attributes:
        delimiter: a byte.
        wanted: the known columns, in the order of the numbers in `slot`.
        slot: int32[columns], the number of a known column, else -1.
    """

    delimiter: int
    wanted: list[str]
    slot: Int32


def read_csv(chunk: Chunk, contract: str, block_bytes: int = BLOCK_BYTES) -> Iterator[Columns]:
    """The records of a file; every field is text, and empty text is as good as none.

    Names of columns are trimmed, case counts. Empty lines are no records. A
    record of another number of fields than the header, with broken quotes or
    with bytes that are no UTF-8 is malformed.

    Raises:
        DataError: the file cannot be read, has no header or lacks a column.
    """
    with reading(chunk.path, "CSV"), open_stream(chunk.path, chunk.compression) as stream:
        blocks = (lines for _, lines in whole_lines(without_mark(parts_of(stream, block_bytes))))
        header, behind = _take_header(chunk, contract, blocks)
        rest = np.empty(0, np.uint8)
        first_row = 0
        for block in chain((behind,), blocks, (None,)):
            data = rest if block is None else np.concatenate((rest, block)) if rest.size else block
            position = 0
            while True:
                columns, position = _columns(data, position, block is None, header, first_row)
                if not columns.rows:
                    break
                yield columns
                first_row += columns.rows
            rest = data[position:]


def _columns(data: UInt8, position: int, final: bool, header: _Header, first_row: int) -> tuple[Columns, int]:
    """The records from `position` on, and where the next one begins."""
    room = room_for(len(header.wanted), BLOCK_ROWS)
    rows, position = split_records(data, position, final, header.delimiter, header.slot, room)
    broken = room.broken[:rows]
    raw = {
        int(row): data[room.record[0, row] : room.record[1, row]].tobytes() for row in np.flatnonzero(broken)
    }
    fields = {
        name: Spans(data, room.start[number, :rows], room.length[number, :rows])
        for number, name in enumerate(header.wanted)
    }
    return Columns(first_row, {**fields}, rows, broken, raw), position


def _take_header(chunk: Chunk, contract: str, blocks: Iterator[UInt8]) -> tuple[_Header, UInt8]:
    """The header and what is left of the block that holds it.

    Raises:
        DataError: there is none, or it lacks a column.
    """
    first = True
    for block in blocks:
        if first:
            refuse_other_kind(chunk, block)
            first = False
        position = 0
        while position < block.size:
            stop = position + (after_first_line_end(block[position:]) or block.size - position)
            line = block[position : min(stop, position + _HEADER_BYTES)].tobytes()
            position = stop
            if line.strip():
                return _header_of(chunk, contract, line), block[position:]
    raise unreadable(chunk.path, "has no header", "the first line of a CSV names its columns")


def _header_of(chunk: Chunk, contract: str, line: bytes) -> _Header:
    text = line.decode("utf-8", errors="replace").rstrip("\r\n")
    known = kinds_of(contract)
    by_delimiter = [_names(text, delimiter) for delimiter in DELIMITERS]
    counts = [sum(name in known for name in names) for names in by_delimiter]
    best = counts.index(max(counts))
    names = by_delimiter[best]
    check_columns(chunk.path, contract, names)
    wanted = [name for name in known if name in names]
    slot = [wanted.index(name) if name in known else -1 for name in names]
    return _Header(ord(DELIMITERS[best]), wanted, np.array(slot, np.int32))


def _names(line: str, delimiter: str) -> list[str]:
    """The names of columns in a header, none where it is no line of CSV."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:
        return []
