"""Blocks of records as they were read. Texts stay in the bytes of the file and are known by their spans."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from pipelines.kernels.types import Bool, Int64, Spans, UInt8

# 40 bits number the bytes of a terabyte and leave 23 for chunks below the sign of an int64.
ROW_BITS: Final = 40
"""Bits of the number of a record in its chunk; the number of the chunk stands above them."""

NO_INSTANT = np.iinfo(np.int64).min
"""Null in a column of instants."""


@dataclass(frozen=True)
class ColumnNames:
    """What is to be said about the names of columns in a file.

    >>> ColumnNames(unknown=("isolated_date",), taken=(("Person", "person"),)).unknown
    ('isolated_date',)

    Attributes:
        unknown: names that the contract does not know; these columns are not read.
        taken: (name in the file, field) where only case tells the name from that of a field.
    """

    unknown: tuple[str, ...] = ()
    taken: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Lines:
    r"""Whole lines of newline-delimited JSON; the last may lack its line end.

    Blank lines are not records and not rows. The byte order mark of a file is
    not part of its first line: the reader leaves it out.

    >>> block = Lines(0, np.frombuffer(b'{"venue": "V1"}\n\n{}\n', np.uint8), first_line=1, line_ends=3)
    >>> block.data.size
    20

    Attributes:
        first_row: offset of the first byte in the chunk. The number of a record is the offset of
            its line, so that a line can be read again without those before it.
        data: uint8, the bytes.
        first_line: the number of the first line among those of the chunk, from 1; 0 is unknown.
        line_ends: how many line feeds the bytes hold; 0 where `first_line` is unknown.
        path: of the file.
    """

    first_row: int
    data: UInt8
    first_line: int = 0
    line_ends: int = 0
    path: str = ""


@dataclass(frozen=True)
class Columns:
    """Records of a format with columns (CSV, Parquet, Avro).

    >>> times = np.array([1_625_101_200_000_000, NO_INSTANT])
    >>> Columns(first_row=0, fields={"occurred_at": times}, rows=2, broken=np.zeros(2, np.uint8)).rows
    2

    Attributes:
        first_row: the number of the first record in the chunk.
        fields: by field its texts, or of an instant int64[n] UTC microseconds, `NO_INSTANT` where
            null. A column that the file lacks is left out.
        rows: n.
        broken: uint8[n], the reason for which the reader refuses the row, else 0.
        raw: by row in the block, the bytes of broken rows that could not be divided
            into fields: their digest is of these instead of the row's JSON.
        absent: by field, bool[n], the records that do not name the field at all, where a
            format tells that from an empty value (NDJSON).
        numbers: int64[n], the number by which a user finds each record, from 1: of CSV the line of
            the file where it begins, of Parquet and Avro its place among the records of the file.
            None where that is `first_row` + its row + 1.
        names: what is to be said about the file's columns.
        path: of the file.
        format: of the file, as `Chunk` has it.
    """

    first_row: int
    fields: dict[str, Spans | Int64]
    rows: int
    broken: UInt8
    raw: dict[int, bytes] = field(default_factory=dict)
    absent: dict[str, Bool] = field(default_factory=dict)
    numbers: Int64 | None = None
    names: ColumnNames = ColumnNames()
    path: str = ""
    format: str = ""
