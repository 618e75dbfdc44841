"""Rows for people and machines: table, CSV, JSON, Parquet or XLSX, to a file or to standard output.

Text forms write tokens as 16 hexadecimal digits and times as RFC 3339 in UTC,
tables and workbooks in local time. Parquet keeps the types of the lake.
"""

import contextlib
import csv
import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import UsageError, is_denial, permission_denied
from pipelines.terminal.cells import (
    column_values,
    counted,
    csv_texts,
    quoted,
    safe_cell,
    token_text,
    utc_text,
)
from pipelines.terminal.encoding import REPLACING
from pipelines.terminal.options import format_of
from pipelines.terminal.text_table import VenueNames, fitted_lines, write_table

__all__ = [
    "counted",
    "quoted",
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


def write_rows(
    table: pa.Table,
    format: str | None = None,  # noqa: A002
    output: str | None = None,
    *,
    venue_names: VenueNames | None = None,
) -> None:
    """Write an answer.

    A file is written beside its name first and replaces it when it is whole;
    only its owner may read it. A table on a terminal is fitted to its width.

    Args:
        table: the rows, in their order.
        format: one of `options.FORMATS`; None lets the ending of `output` decide.
        output: the file; None is standard output.
        venue_names: gives the names that a table on a terminal shows beside venue codes.

    Raises:
        UsageError: unknown format or ending, unwritable file, or a binary format on a terminal.
        RefusedError: the rows do not fit an Excel sheet.
    """
    chosen = format_of(format, output)
    if chosen == "table" and output is None and sys.stdout.isatty():
        # Width and encoding are the terminal's; only here may columns be left out.
        lines = fitted_lines(table, shutil.get_terminal_size().columns, venue_names)
        encoding = sys.stdout.encoding or "utf-8"
        text = "".join(f"{line}\n" for line in lines).encode(encoding, REPLACING)
        with _writing("standard output", None), _sink(None) as sink:
            sink.write(text)
        return
    with _writing("--output" if output else "standard output", output), _sink(output) as sink:
        _ENCODERS[chosen](table, sink)


def write_file(content: bytes, path: str | Path, what: str = "--output") -> None:
    """Write a file as `write_rows` does: whole or not at all, and for its owner alone.

    Args:
        content: its bytes.
        path: where.
        what: what the file is, for the error.

    Raises:
        UsageError: it cannot be written.
        RefusedError: this account may not write there.
    """
    with _writing(what, str(path)), _sink(str(path)) as sink:
        sink.write(content)


@contextlib.contextmanager
def _writing(what: str, path: str | None) -> Iterator[None]:
    """Tell in one line what cannot be written."""
    try:
        yield
    # The reader has gone, as `head` does; main ends quietly.
    except BrokenPipeError:
        raise
    except OSError as error:
        if is_denial(error) and path is not None:
            raise permission_denied(error, path) from error
        raise UsageError(f"{what} cannot be written", error.strerror or "name another file") from error


def write_csv(table: pa.Table, sink: IO[bytes]) -> None:
    """Write a header and a line per row; null is empty, lists are joined by `;`."""
    # write_through and no newline translation: lines end as the writer below ends them.
    text = io.TextIOWrapper(sink, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(_LineWriter(text), lineterminator="\r\n")
    writer.writerow([safe_cell(name) for name in table.column_names])
    # In batches, so that the texts of all rows are never in memory together.
    for batch in table.to_batches(max_chunksize=65_536):
        columns = [csv_texts(batch, index) for index in range(batch.num_columns)]
        writer.writerows(zip(*columns, strict=True))
    # Not closed: the sink belongs to the caller.
    text.detach()


def write_json(table: pa.Table, sink: IO[bytes]) -> None:
    """Write one array, an object per row and line."""
    sink.write(b"[")
    before = b"\n"
    for batch in table.to_batches(max_chunksize=8_192):
        columns = [column_values(batch, index) for index in range(batch.num_columns)]
        names = table.column_names
        objects = [orjson.dumps(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
        if objects:
            # The comma stands before each batch but the first.
            sink.write(before + b",\n".join(objects))
            before = b",\n"
    sink.write(b"\n]\n")


def write_parquet(table: pa.Table, sink: IO[bytes]) -> None:
    """Write the rows in the types of the lake, zstd."""
    pq.write_table(table, sink, compression="zstd")


def _write_xlsx(table: pa.Table, sink: IO[bytes]) -> None:
    # imported late: slow, and most answers are not workbooks
    from pipelines.terminal.workbook import write_workbook

    write_workbook(table, sink)


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
    "xlsx": _write_xlsx,
}


@contextlib.contextmanager
def _sink(output: str | None) -> Iterator[IO[bytes]]:
    """Open where bytes go: standard output, a pipe or device by its name, or a new file."""
    if output is None:
        sys.stdout.flush()
        # Parquet looks for the position in the file, which a pipe does not have.
        buffer = io.BytesIO()
        yield buffer
        _write_all(sys.stdout.buffer, buffer.getvalue())
    # A device or a pipe cannot be renamed over.
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
    """Open a file of mode 0600 that takes the name when it is whole, and vanishes when it is not."""
    # In the same folder, for a rename between file systems is a copy; mkstemp makes it 0600.
    handle, temporary = tempfile.mkstemp(prefix="_tmp-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.replace(temporary, path)
    # Ctrl-C as well: no half-written file stays behind.
    except BaseException:
        os.unlink(temporary)
        raise
