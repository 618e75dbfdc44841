"""Answers as text, for a notebook."""

import io

import pyarrow as pa

from pipelines.terminal.output import write_table


def show(rows: pa.Table, at_most: int = 10) -> None:
    """Print the first rows of an answer as `truyvet` does, and how many there are."""
    text = io.BytesIO()
    write_table(rows.slice(0, at_most), text)
    print(text.getvalue().decode(), end="")
    if rows.num_rows > at_most:
        print(f"… {rows.num_rows:,} rows in all")
