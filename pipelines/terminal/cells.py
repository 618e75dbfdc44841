"""Values as text: what a cell of a table, a CSV or a JSON object shows."""

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from pipelines.times import LOCAL_TIMEZONE

TOKEN_COLUMNS = ("person", "person_a", "person_b", "via", "scanner", "venue")
"""Columns that hold tokens wherever they are int64, marked or not: a query drops the marks."""

_SMALL = 0.001
"""Numbers below it are shown in a table with their power of ten: a chance of 3e-9 is not 0."""

_TEXT_LIST_GLUE = ";"
_HIDDEN_SIGNS = "\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
_HIDDEN = re.compile(f"[{_HIDDEN_SIGNS}]")
_EXECUTABLE = re.compile(rf"[\s{_HIDDEN_SIGNS}]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


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


def is_token(field: pa.Field) -> bool:
    """Whether the column holds tokens, by its mark or by its name."""
    marked = (field.metadata or {}).get(b"token") == b"1"
    return pa.types.is_int64(field.type) and (marked or field.name in TOKEN_COLUMNS)


def is_number(field: pa.Field) -> bool:
    """Whether the column holds numbers to calculate with."""
    kind = field.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return numeric and not is_token(field)


def column_values(rows: pa.Table | pa.RecordBatch, index: int) -> list[Any]:
    """A column as JSON knows it; None is null."""
    field = rows.schema.field(index)
    values = rows.column(index).to_pylist()
    shown = token_text if is_token(field) else json_value
    return [None if value is None else shown(value) for value in values]


def column_texts(rows: pa.Table | pa.RecordBatch, index: int, cell: Callable[[Any], str]) -> list[str]:
    """A column as text; null is empty."""
    shown = token_text if is_token(rows.schema.field(index)) else cell
    return ["" if value is None else shown(value) for value in rows.column(index).to_pylist()]


def json_value(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, dt.datetime):
        return utc_text(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [json_value(part) for part in value]
    return value


def csv_cell(value: Any) -> str:
    """The value as a cell of a CSV."""
    if isinstance(value, str):
        return safe_cell(value)
    if isinstance(value, list):
        joined = _TEXT_LIST_GLUE.join(_text_of(part) for part in value)
        return safe_cell(joined) if any(isinstance(part, str) for part in value) else joined
    return _text_of(value)


def _text_of(value: Any) -> str:
    value = json_value(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def table_cell(value: Any) -> str:
    """The value as a cell of a table: local time, few digits, no control characters."""
    if isinstance(value, dt.datetime):
        local = _aware(value).astimezone(LOCAL_TIMEZONE)
        return local.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.1e}" if 0 < abs(value) < _SMALL else f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return _TEXT_LIST_GLUE.join(table_cell(part) for part in value)
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", _text_of(value))


def _aware(moment: dt.datetime) -> dt.datetime:
    """The instant; a time without zone is UTC, as everywhere in the lake."""
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def width_of(text: str) -> int:
    """Columns of a terminal that the text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
