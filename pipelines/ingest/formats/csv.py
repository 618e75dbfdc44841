"""CSV as columns: the header says what they are and what separates them."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np

from pipelines.ingest.formats.blocks import ColumnNames, Columns
from pipelines.ingest.formats.column_names import check_columns, fields_of, in_any_case
from pipelines.ingest.formats.csv_kernel import room_for, split_records
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.discovery.streams import open_stream, parts_of, reading, unreadable
from pipelines.ingest.formats.discovery.text_files import as_utf_8, checked_text, with_line_feeds
from pipelines.ingest.formats.line_blocks import after_first_line_end, whole_lines
from pipelines.ingest.formats.record_numbers import count_lines
from pipelines.kernels.types import Int32, Spans, UInt8

BLOCK_BYTES: Final = 16 << 20
BLOCK_ROWS: Final = 1 << 17

DELIMITERS: Final = ",;\t|"
"""What may separate fields: the one by which the header names most known columns."""

_HEADER_BYTES: Final = 1 << 16
_SEPARATOR = re.compile(rb'\s*"?sep=([ !#-~\t])"?\s*', re.IGNORECASE)
_TRIMMED: Final = " \t\u00a0\u200b\ufeff"


@dataclass(frozen=True)
class _Header:
    """What the first line says.

    Attributes:
        delimiter: a byte.
        wanted: the fields that are there, in the order of the numbers in `slot`.
        slot: int32[columns], the number of a field, -1 for a column that is not read.
        names: what is to be said about the names of columns.
    """

    delimiter: int
    wanted: list[str]
    slot: Int32
    names: ColumnNames


def read_csv(chunk: Chunk, contract: str, block_bytes: int = BLOCK_BYTES) -> Iterator[Columns]:
    """Read the records of a file. Every field is text, and an empty one is absent.

    Names of columns are trimmed and compared without case. Lines that hold
    nothing but delimiters are not records. A record with another number of
    fields than the header, broken quotes or bytes that are not UTF-8 is
    malformed.

    UTF-16 with a byte order mark, the line ends of old Macs and Excel's line
    `sep=;` above the header are understood.

    Raises:
        DataError: the file cannot be read, has no header or lacks a column.
    """
    with reading(chunk.path, "CSV"), open_stream(chunk.path, chunk.compression) as stream:
        # In this order: the raw bytes tell what the file is, and line feeds can only be found in UTF-8.
        parts = with_line_feeds(as_utf_8(checked_text(chunk, parts_of(stream, block_bytes))))
        blocks = (lines for _, lines in whole_lines(parts))
        header, behind, line = _take_header(chunk, contract, blocks)
        # A line feed within quotes may end a block, so `rest` carries the record that it cuts to the next.
        rest = np.empty(0, np.uint8)
        first_row = 0
        # None comes last: what is left then is the end of the file.
        for block in chain((behind,), blocks, (None,)):
            data = rest if block is None else np.concatenate((rest, block)) if rest.size else block
            position = 0
            # A round fills at most BLOCK_ROWS rows; none means that the data holds no further whole record.
            while True:
                columns, position, lines = _columns(
                    chunk.path, data, position, block is None, header, first_row, line
                )
                line += lines
                if not columns.rows:
                    break
                yield columns
                first_row += columns.rows
            rest = data[position:]


def _columns(
    path: str, data: UInt8, position: int, final: bool, header: _Header, first_row: int, line: int
) -> tuple[Columns, int, int]:
    """Return the records from `position` on, where the next one begins, and the line feeds before that."""
    room = room_for(len(header.wanted), BLOCK_ROWS)
    rows, position, lines = split_records(data, position, final, header.delimiter, header.slot, room)
    broken = room.broken[:rows]
    # Only broken rows keep their bytes: of the others, doubled quotes are replaced by now.
    raw = {
        int(row): data[room.record[0, row] : room.record[1, row]].tobytes() for row in np.flatnonzero(broken)
    }
    fields = {
        name: Spans(data, room.start[number, :rows], room.length[number, :rows])
        for number, name in enumerate(header.wanted)
    }
    # Lines of the file, from 1: a record over several lines is numbered by its first.
    numbers = room.line[:rows] + line
    block = Columns(
        first_row,
        {**fields},
        rows,
        broken,
        raw,
        numbers=numbers,
        names=header.names,
        path=path,
        format="csv",
    )
    return block, position, lines


def _take_header(chunk: Chunk, contract: str, blocks: Iterator[UInt8]) -> tuple[_Header, UInt8, int]:
    """Return the header, the rest of its block, and the number of the line after it.

    Raises:
        DataError: there is none, or it lacks a column.
    """
    delimiters, line_number = DELIMITERS, 0
    for block in blocks:
        position = 0
        while position < block.size:
            stop = position + (after_first_line_end(block[position:]) or block.size - position)
            line = block[position : min(stop, position + _HEADER_BYTES)].tobytes().rstrip(b"\r\n")
            line_number += count_lines(block[position:stop])
            position = stop
            separator = _SEPARATOR.fullmatch(line)
            if separator:
                # Excel's line names the delimiter; it overrules what the header suggests.
                delimiters = separator[1].decode("latin-1")
            # Lines of blanks and delimiters above the header are passed over.
            elif line.strip(b" ," + delimiters.encode()):
                return _header_of(chunk, contract, line, delimiters), block[position:], line_number + 1
    raise unreadable(chunk.path, "has no header", "the first line of a CSV names its columns")


def _header_of(chunk: Chunk, contract: str, line: bytes, delimiters: str) -> _Header:
    # Never fails over an encoding: a name that is garbled is then reported as a missing column.
    text = line.decode("utf-8", errors="replace")
    known = fields_of(contract)
    by_delimiter = [in_any_case(_names(text, delimiter), contract) for delimiter in delimiters]
    counts = [sum(name in known for name in names) for names, _ in by_delimiter]
    # Of equal counts the first delimiter in DELIMITERS.
    best = counts.index(max(counts))
    names, said = by_delimiter[best]
    check_columns(chunk.path, contract, names)
    # In the order of the contract, which row numbers of `slot` refer to.
    wanted = [name for name in known if name in names]
    slot = [wanted.index(name) if name in known else -1 for name in names]
    return _Header(ord(delimiters[best]), wanted, np.array(slot, np.int32), said)


def _names(line: str, delimiter: str) -> list[str]:
    """Return the names of columns in a header, none where it is not a line of CSV."""
    try:
        return [name.strip(_TRIMMED) for name in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:
        return []
