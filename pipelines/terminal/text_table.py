"""Aligned columns for a terminal."""

from typing import IO

import pyarrow as pa

from pipelines.terminal.cells import column_texts, is_number, table_cell, width_of


def write_table(table: pa.Table, sink: IO[bytes]) -> None:
    """Aligned columns for a terminal, times in local time."""
    columns = [column_texts(table, index, table_cell) for index in range(table.num_columns)]
    widths = [
        max([width_of(name), *map(width_of, column)])
        for name, column in zip(table.column_names, columns, strict=True)
    ]
    to_right = [is_number(field) for field in table.schema]
    lines = [table.column_names, ["─" * width for width in widths], *zip(*columns, strict=True)]
    for line in lines:
        cells = [_padded(*cell) for cell in zip(line, widths, to_right, strict=True)]
        sink.write("  ".join(cells).rstrip().encode() + b"\n")
    if not table.num_rows:
        sink.write(b"(no rows)\n")


def _padded(text: str, width: int, to_right: bool) -> str:
    blanks = " " * (width - width_of(text))
    return blanks + text if to_right else text + blanks
