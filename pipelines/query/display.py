"""Answers as text, for a notebook."""

import io

import pyarrow as pa

from pipelines.answer import Answer
from pipelines.terminal.output import write_table


def show(answer: Answer | pa.Table, at_most: int = 10) -> None:
    """Print the first rows of an answer as `truyvet` does, and how many there are in all.

    Args:
        answer: an answer, or a table. (`answer.lines()` are the sentences to be read beside the rows.)
        at_most: how many rows are printed.
    """
    text = io.BytesIO()
    write_table(answer.slice(0, at_most), text)
    print(text.getvalue().decode(), end="")
    if answer.num_rows > at_most:
        print(f"… {answer.num_rows:,} rows in all")
