"""Blocks of records as they were read: text stays where it lies and is known by its spans."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from pipelines.kernels.types import Bool, Int64, Spans, UInt8

ROW_BITS: Final = 40
"""Bits that the number of a record in its chunk has; the number of the chunk stands above them."""

NO_INSTANT = np.iinfo(np.int64).min
"""Null in a column of instants."""


@dataclass(frozen=True)
class Lines:
    """Whole lines of newline-delimited JSON; the last may lack its line end.

    Blank lines are no records and no rows. The byte order mark of a file is
    no part of its first line: the reader leaves it out.

    Attributes:
        first_row: where the first byte lies among those of the chunk. The number of a record is the
            place of its line, so that a line is found again without those before it.
        data: uint8, the bytes.
    """

    first_row: int
    data: UInt8


@dataclass(frozen=True)
class Columns:
    """Records of a format with columns (CSV, Parquet, Avro).

    Attributes:
        first_row: the number in the chunk of the first record.
        fields: by the field's name its text, or for `occurred_at` int64[n] UTC
            microseconds, `NO_INSTANT` where null. A column that is not there
            is left out.
        rows: n.
        broken: uint8[n], the reason the reader refuses the row for, else 0.
        raw: by row in the block, the bytes of broken rows that could not be divided
            into fields: their digest is of these instead of the row's JSON.
        absent: by field, bool[n], the records that do not name the field at all, where a
            format tells that from an empty value (NDJSON).
    """

    first_row: int
    fields: dict[str, Spans | Int64]
    rows: int
    broken: UInt8
    raw: dict[int, bytes] = field(default_factory=dict)
    absent: dict[str, Bool] = field(default_factory=dict)
