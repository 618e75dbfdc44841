"""Values as text: what a cell of a table, a CSV or a JSON object shows."""

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.times import LOCAL_TIMEZONE

TOKEN_COLUMNS = ("person", "person_a", "person_b", "via", "scanner", "venue", "human")
"""Columns that hold tokens wherever they are int64, marked or not: a query drops the marks."""

STAY_COLUMNS = ("stay_id", "stay", "via_stay", "stays")
"""Columns that hold ids of stays wherever they are int64 or lists of int64."""

_NAMED_AT_MOST, _SIGNS_AT_MOST = 5, 64
"""How many names an error shows, and how many signs of each."""

_SMALL = 0.001
"""Numbers below it are shown in a table with their power of ten: a chance of 3e-9 is not 0."""

_TEXT_LIST_GLUE = ";"
_HIDDEN_SIGNS = "\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
_HIDDEN = re.compile(f"[{_HIDDEN_SIGNS}]")
_EXECUTABLE = re.compile(rf"[\s{_HIDDEN_SIGNS}]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def token_text(value: int) -> str:
    """Format a token as people read it: 16 lower-case hexadecimal digits of its 8 bytes, big-endian.

    >>> token_text(-1)
    'ffffffffffffffff'
    """
    # The mask turns the signed int64 into its unsigned bits.
    return f"{value & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def quoted(numbers: Sequence[str]) -> str:
    """Case numbers or venue codes as an error shows them: in quotes, which show blanks and control signs.

    Example:
        >>> quoted(["BN-1 ", "BN-2"])
        "'BN-1 ', 'BN-2'"
        >>> quoted(list("abcdefg"))
        "'a', 'b', 'c', 'd', 'e' and 2 more"
    """
    shown = ", ".join(repr(number[:_SIGNS_AT_MOST]) for number in numbers[:_NAMED_AT_MOST])
    return shown if len(numbers) <= _NAMED_AT_MOST else f"{shown} and {len(numbers) - _NAMED_AT_MOST:,} more"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Put a number of things into words.

    >>> counted(1, "case"), counted(1204, "case"), counted(2, "person", "people")
    ('1 case', '1,204 cases', '2 people')

    Args:
        number: how many.
        one: what one is called.
        many: what several are called; by default with an s.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def utc_text(moment: dt.datetime) -> str:
    """Format an instant as RFC 3339 in UTC; one without a zone is UTC, as everywhere in the lake."""
    return _aware(moment).astimezone(dt.UTC).replace(tzinfo=None).isoformat() + "Z"


def instant_texts(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Format a column of instants as `utc_text` does; null stays null.

    Example:
        >>> instant_texts(pa.array([1_500_000, 2_000_000, None], pa.timestamp("us", "UTC"))).to_pylist()
        ['1970-01-01T00:00:01.500000Z', '1970-01-01T00:00:02Z', None]
    """
    # strftime of Arrow writes six digits for microseconds; whole seconds lose them below.
    texts = pc.strftime(column.cast(pa.timestamp("us", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
    return pc.replace_substring(texts, ".000000Z", "Z")


def local_time(moment: dt.datetime) -> dt.datetime:
    """Return the time on a clock in `LOCAL_TIMEZONE`, without a zone."""
    return _aware(moment).astimezone(LOCAL_TIMEZONE).replace(tzinfo=None)


def safe_cell(text: str) -> str:
    """Prefix the text with an apostrophe if a spreadsheet would execute it.

    That is any text whose first character, blanks and control characters aside, is
    one of `= + - @` or its full-width form, or that begins with TAB, CR or LF.

    >>> safe_cell("=1+1"), safe_cell("a=b")
    ("'=1+1", 'a=b')
    """
    return f"'{text}" if _EXECUTABLE.match(text) else text


def is_token(field: pa.Field) -> bool:
    """Tell whether the column holds tokens, by its mark or by its name."""
    # DuckDB drops the mark, so the name decides as well.
    marked = (field.metadata or {}).get(b"token") == b"1"
    return pa.types.is_int64(_item_type(field)) and (marked or field.name in TOKEN_COLUMNS)


def is_id(field: pa.Field) -> bool:
    """Tell whether the column holds int64 ids or lists of them, tokens or ids of stays."""
    return is_token(field) or (field.name in STAY_COLUMNS and pa.types.is_int64(_item_type(field)))


def is_number(field: pa.Field) -> bool:
    """Tell whether the column holds numbers to calculate with."""
    kind = field.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return numeric and not is_id(field)


def column_values(rows: pa.Table | pa.RecordBatch, index: int) -> list[Any]:
    """Format a column as JSON values; None is null."""
    column, field = rows.column(index), rows.schema.field(index)
    if pa.types.is_timestamp(field.type):
        texts: list[str | None] = instant_texts(column).to_pylist()
        return texts
    # What JSON holds already; most columns of an answer are one of these.
    if pa.types.is_string(field.type) or pa.types.is_boolean(field.type):
        return list(column.to_pylist())
    shown = _id_value if is_id(field) else json_value
    return [None if value is None else shown(value) for value in column.to_pylist()]


def csv_texts(rows: pa.Table | pa.RecordBatch, index: int) -> list[str]:
    """Format a column as cells of a CSV; null is empty."""
    column, field = rows.column(index), rows.schema.field(index)
    if pa.types.is_timestamp(field.type):
        texts: list[str] = pc.fill_null(instant_texts(column), "").to_pylist()
        return texts
    if is_id(field):
        return _joined_texts(rows, index, text_of)
    # Arrow formats whole columns; a Python loop is for what it cannot.
    if pa.types.is_integer(field.type):
        digits: list[str] = pc.fill_null(column.cast(pa.string()), "").to_pylist()
        return digits
    if pa.types.is_string(field.type):
        return [safe_cell(text) if text else "" for text in column.to_pylist()]
    return ["" if value is None else csv_cell(value) for value in column.to_pylist()]


def table_texts(rows: pa.Table | pa.RecordBatch, index: int) -> list[str]:
    """Format a column as cells of a table; null is empty."""
    return _joined_texts(rows, index, table_cell)


def sheet_texts(rows: pa.Table | pa.RecordBatch, index: int) -> list[str]:
    """Format a column as text of a workbook; null is empty."""
    return _joined_texts(rows, index, text_of)


def csv_cell(value: Any) -> str:
    """Format the value as a cell of a CSV."""
    if isinstance(value, str):
        return safe_cell(value)
    if isinstance(value, list):
        joined = _TEXT_LIST_GLUE.join(text_of(part) for part in value)
        return safe_cell(joined) if any(isinstance(part, str) for part in value) else joined
    return text_of(value)


def json_value(value: Any) -> Any:
    """Convert the value to what JSON can hold."""
    if isinstance(value, str | int):  # most values, so asked first
        return value
    if isinstance(value, dt.datetime):
        return utc_text(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    # JSON has no NaN or infinity.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [json_value(part) for part in value]
    return value


def text_of(value: Any) -> str:
    """Format the value as plain text, lists joined by `;`."""
    if isinstance(value, list):
        return _TEXT_LIST_GLUE.join(text_of(part) for part in value)
    value = json_value(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def table_cell(value: Any) -> str:
    """Format the value as a cell of a table: local time, few digits, no control characters."""
    if isinstance(value, dt.datetime):
        return local_time(value).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        # Small chances keep their power of ten; else up to four decimals.
        return f"{value:.1e}" if 0 < abs(value) < _SMALL else f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return _TEXT_LIST_GLUE.join(table_cell(part) for part in value)
    # A control sign could move the cursor or colour the terminal.
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text_of(value))


def width_of(text: str) -> int:
    """Count the columns of a terminal that the text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    # Wide signs take two columns; a combining accent takes none.
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def cut_to(text: str, width: int) -> str:
    """Cut the text to at most `width` columns of a terminal, with `…` where it was cut.

    >>> cut_to("Chợ Bến Thành", 8)
    'Chợ Bến…'
    """
    if width_of(text) <= width:
        return text
    # From the longest beginning downwards; one column is kept for the sign of the cut.
    end = next(end for end in range(len(text), -1, -1) if width_of(text[:end]) < width or not end)
    return text[:end].rstrip() + "…"


def _item_type(field: pa.Field) -> pa.DataType:
    is_list = pa.types.is_list(field.type) or pa.types.is_large_list(field.type)
    return field.type.value_type if is_list else field.type


def _id_value(value: Any) -> Any:
    """Format an id as text, a list of ids as a list of texts."""
    if isinstance(value, list):
        return [None if part is None else token_text(part) for part in value]
    return token_text(value)


def _joined_texts(rows: pa.Table | pa.RecordBatch, index: int, shown: Callable[[Any], str]) -> list[str]:
    """Format a column as text, with ids as 16 digits and null as nothing."""
    if is_id(rows.schema.field(index)):
        return [shown(value) if value is not None else "" for value in column_values(rows, index)]
    return ["" if value is None else shown(value) for value in rows.column(index).to_pylist()]


def _aware(moment: dt.datetime) -> dt.datetime:
    """Give the instant a zone; a time without one is UTC, as everywhere in the lake."""
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
