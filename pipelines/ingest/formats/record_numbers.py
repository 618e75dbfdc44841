"""The number by which a user finds a record: its line in a text file, else its place among the records."""

import numpy as np

from pipelines.ingest.formats.blocks import Columns, Lines
from pipelines.kernels.compile import helper
from pipelines.kernels.simd import WIDTH, count_bits, line_ends
from pipelines.kernels.types import Int64, UInt8, read_only

_LINE_FEED = 0x0A


def record_numbers(block: Lines | Columns, rows: Int64) -> Int64:
    r"""Return the numbers of some records of a block, from 1.

    Of NDJSON they count lines from the first of the chunk, and are 0 where the
    block does not know how many lines come before it; of all else they count
    from the first line or record of the file.

    >>> block = Lines(0, np.frombuffer(b"{}\n\n{}\n", np.uint8), first_line=5)
    >>> record_numbers(block, np.array([0, 4])).tolist()
    [5, 7]

    Args:
        block: as it was read.
        rows: int64[k], ascending: of `Lines` offsets in the block, of `Columns` rows.
    """
    if isinstance(block, Columns):
        return block.first_row + rows + 1 if block.numbers is None else block.numbers[rows]
    if not block.first_line:
        return np.zeros(rows.size, np.int64)
    numbers = np.empty(rows.size, np.int64)
    _number_lines(read_only(block.data), rows, block.first_line, numbers)
    return numbers


def count_lines(data: UInt8) -> int:
    r"""Count the line feeds of a block.

    >>> count_lines(np.frombuffer(b"a\n\nb", np.uint8))
    2
    """
    return int(count_line_ends(read_only(data), 0, data.size))


@helper
def count_line_ends(data: UInt8, at: int, stop: int) -> int:
    """Count the line feeds in `data[at:stop]`; compiled, for kernels."""
    count = 0
    while at + WIDTH <= stop:
        count += count_bits(line_ends(data, at))
        at += WIDTH
    while at < stop:
        count += data[at] == _LINE_FEED
        at += 1
    return count


@helper
def _number_lines(data: UInt8, rows: Int64, first: int, numbers: Int64) -> None:
    at = 0
    for place in range(rows.size):
        # Rows ascend, so the bytes between two of them are counted once.
        first += count_line_ends(data, at, rows[place])
        at = rows[place]
        numbers[place] = first
