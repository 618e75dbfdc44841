"""Rows for people: table, CSV, JSON or Parquet, to a file or to standard output.

Text forms write tokens as 16 hexadecimal digits and times as RFC 3339 in UTC,
tables in local time. Parquet keeps the types of the lake.
"""

import contextlib
import csv
import io
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import UsageError
from pipelines.terminal.cells import (
    column_texts,
    column_values,
    counted,
    csv_cell,
    safe_cell,
    token_text,
    utc_text,
)
from pipelines.terminal.options import FORMATS
from pipelines.terminal.text_table import write_table

__all__ = [
    "counted",
    "replacing",
    "safe_cell",
    "token_text",
    "utc_text",
    "write_csv",
    "write_file",
    "write_json",
    "write_parquet",
    "write_rows",
    "write_table",
]


def write_rows(table: pa.Table, format: str, output: str | None = None) -> None:  # noqa: A002
    """Write an answer.

    A file is written beside its name first and replaces it when it is whole;
    only its owner may read it.

    Args:
        table: the rows, in their order.
        format: one of `options.FORMATS`.
        output: the file; None is standard output.

    Raises:
        UsageError: unknown format, unwritable file, or Parquet onto a terminal.
    """
    if format not in FORMATS:
        raise UsageError("--format is unknown", f"choose one of {' '.join(FORMATS)}")
    if format == "parquet" and output is None and sys.stdout.isatty():
        raise UsageError("--format parquet is no text", "name a file with --output FILE")
    with _writing("--output"), _sink(output) as sink:
        _ENCODERS[format](table, sink)


def write_file(content: bytes, path: str | Path, what: str = "--output") -> None:
    """Write a file as `write_rows` does: whole or not at all, and for its owner alone.

    Args:
        content: its bytes.
        path: where.
        what: what the file is, for the error.

    Raises:
        UsageError: it cannot be written.
    """
    with _writing(what), _sink(str(path)) as sink:
        sink.write(content)


@contextlib.contextmanager
def _writing(what: str) -> Iterator[None]:
    """Tell of what cannot be written in one line."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"{what} cannot be written", error.strerror or "name another file") from error


def write_csv(table: pa.Table, sink: IO[bytes]) -> None:
    """A header and a line per row; empty is null, lists are joined by `;`."""
    text = io.TextIOWrapper(sink, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(_LineWriter(text), lineterminator="\r\n")
    writer.writerow([safe_cell(name) for name in table.column_names])
    for batch in table.to_batches(max_chunksize=65_536):
        columns = [column_texts(batch, index, csv_cell) for index in range(batch.num_columns)]
        writer.writerows(zip(*columns, strict=True))
    text.detach()


def write_json(table: pa.Table, sink: IO[bytes]) -> None:
    """One array, an object per row and line."""
    sink.write(b"[")
    before = b"\n"
    for batch in table.to_batches(max_chunksize=65_536):
        columns = [column_values(batch, index) for index in range(batch.num_columns)]
        for row in zip(*columns, strict=True):
            sink.write(before + orjson.dumps(dict(zip(table.column_names, row, strict=True))))
            before = b",\n"
    sink.write(b"\n]\n")


def write_parquet(table: pa.Table, sink: IO[bytes]) -> None:
    """The rows in the types of the lake, zstd."""
    pq.write_table(table, sink, compression="zstd")


class _LineWriter:
    """Ends lines with LF alone.

    The writer of the standard library quotes a CR in a cell only if it ends
    its lines with one, and an unquoted CR begins a new row.
    """

    def __init__(self, text: IO[str]) -> None:
        self._text = text

    def write(self, line: str) -> int:
        return self._text.write(line.removesuffix("\r\n") + "\n")


_ENCODERS: dict[str, Callable[[pa.Table, IO[bytes]], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
}


@contextlib.contextmanager
def _sink(output: str | None) -> Iterator[IO[bytes]]:
    """Where bytes go: standard output, a pipe or device by its name, or a new file."""
    if output is None:
        sys.stdout.flush()
        # Parquet looks for the position in the file, which a pipe does not have.
        buffer = io.BytesIO()
        yield buffer
        _write_all(sys.stdout.buffer, buffer.getvalue())
    elif os.path.exists(output) and not stat.S_ISREG(os.stat(output).st_mode):
        with open(output, "wb") as special:
            yield special
    else:
        with replacing(Path(output)) as file:
            yield file


def _write_all(file: IO[bytes], content: bytes) -> None:
    """Write to the end: with PYTHONUNBUFFERED standard output is raw and may take only a part."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
    file.flush()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file of mode 0600 that takes the name when it is whole, and vanishes when it is not."""
    handle, temporary = tempfile.mkstemp(prefix="_tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
