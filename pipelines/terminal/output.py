"""Rows for people: table, CSV, JSON or Parquet, to a file or to standard output.

Text forms write tokens as 16 hexadecimal digits and times as RFC 3339 in UTC,
tables in local time. Parquet keeps the types of the lake.
"""

import contextlib
import csv
import datetime as dt
import io
import math
import os
import re
import stat
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import UsageError
from pipelines.terminal.options import FORMATS
from pipelines.times import LOCAL_TIMEZONE

TOKEN_COLUMNS = ("person", "person_a", "person_b", "via", "scanner", "venue")
"""Columns that hold tokens wherever they are int64, marked or not: a query drops the marks."""

_SMALL = 0.001
"""Numbers below it are shown in a table with their power of ten: a chance of 3e-9 is not 0."""

_TEXT_LIST_GLUE = ";"
_HIDDEN_SIGNS = "\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
_HIDDEN = re.compile(f"[{_HIDDEN_SIGNS}]")
_EXECUTABLE = re.compile(rf"[\s{_HIDDEN_SIGNS}]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


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


def token_text(value: int) -> str:
    """A token as people read it: 16 lower-case hexadecimal digits of its 8 bytes, big-endian."""
    return f"{value & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number of things in words: `1 case`, `1,204 cases`.

    Args:
        number: how many.
        one: what one is called.
        many: what several are called; by default with an s.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def utc_text(moment: dt.datetime) -> str:
    """An instant as RFC 3339 in UTC; one without a zone is UTC, as everywhere in the lake."""
    return _aware(moment).astimezone(dt.UTC).replace(tzinfo=None).isoformat() + "Z"


def safe_cell(text: str) -> str:
    """The text with an apostrophe before it if a spreadsheet would execute it.

    That is any text whose first sign, blanks and control signs aside, is one
    of `= + - @` or its full-width form, or that begins with TAB, CR or LF.
    """
    return f"'{text}" if _EXECUTABLE.match(text) else text


def write_csv(table: pa.Table, sink: IO[bytes]) -> None:
    """A header and a line per row; empty is null, lists are joined by `;`."""
    text = io.TextIOWrapper(sink, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(_LineWriter(text), lineterminator="\r\n")
    writer.writerow([safe_cell(name) for name in table.column_names])
    for batch in table.to_batches(max_chunksize=65_536):
        columns = [_texts(batch, index, _csv_cell) for index in range(batch.num_columns)]
        writer.writerows(zip(*columns, strict=True))
    text.detach()


def write_json(table: pa.Table, sink: IO[bytes]) -> None:
    """One array, an object per row and line."""
    sink.write(b"[")
    before = b"\n"
    for batch in table.to_batches(max_chunksize=65_536):
        columns = [_values(batch, index) for index in range(batch.num_columns)]
        for row in zip(*columns, strict=True):
            sink.write(before + orjson.dumps(dict(zip(table.column_names, row, strict=True))))
            before = b",\n"
    sink.write(b"\n]\n")


def write_table(table: pa.Table, sink: IO[bytes]) -> None:
    """Aligned columns for a terminal, times in local time."""
    columns = [_texts(table, index, _table_cell) for index in range(table.num_columns)]
    widths = [
        max([_width(name), *map(_width, column)])
        for name, column in zip(table.column_names, columns, strict=True)
    ]
    to_right = [_is_number(field) for field in table.schema]
    lines = [table.column_names, ["─" * width for width in widths], *zip(*columns, strict=True)]
    for line in lines:
        cells = [_padded(*cell) for cell in zip(line, widths, to_right, strict=True)]
        sink.write("  ".join(cells).rstrip().encode() + b"\n")
    if not table.num_rows:
        sink.write(b"(no rows)\n")


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


def _is_token(field: pa.Field) -> bool:
    marked = (field.metadata or {}).get(b"token") == b"1"
    return pa.types.is_int64(field.type) and (marked or field.name in TOKEN_COLUMNS)


def _is_number(field: pa.Field) -> bool:
    kind = field.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return numeric and not _is_token(field)


def _values(rows: pa.Table | pa.RecordBatch, index: int) -> list[Any]:
    """A column as JSON knows it; None is null."""
    field = rows.schema.field(index)
    values = rows.column(index).to_pylist()
    shown = token_text if _is_token(field) else _json_value
    return [None if value is None else shown(value) for value in values]


def _texts(rows: pa.Table | pa.RecordBatch, index: int, cell: Callable[[Any], str]) -> list[str]:
    """A column as text; null is empty."""
    shown = token_text if _is_token(rows.schema.field(index)) else cell
    return ["" if value is None else shown(value) for value in rows.column(index).to_pylist()]


def _json_value(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return utc_text(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_json_value(part) for part in value]
    return value


def _csv_cell(value: Any) -> str:
    if isinstance(value, str):
        return safe_cell(value)
    if isinstance(value, list):
        joined = _TEXT_LIST_GLUE.join(_text_of(part) for part in value)
        return safe_cell(joined) if any(isinstance(part, str) for part in value) else joined
    return _text_of(value)


def _text_of(value: Any) -> str:
    value = _json_value(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _table_cell(value: Any) -> str:
    if isinstance(value, dt.datetime):
        local = _aware(value).astimezone(LOCAL_TIMEZONE)
        return local.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.1e}" if 0 < abs(value) < _SMALL else f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return _TEXT_LIST_GLUE.join(_table_cell(part) for part in value)
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", _text_of(value))


def _aware(moment: dt.datetime) -> dt.datetime:
    """The instant; a time without zone is UTC, as everywhere in the lake."""
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _padded(text: str, width: int, to_right: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if to_right else text + blanks


def _width(text: str) -> int:
    """Columns of a terminal that the text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
