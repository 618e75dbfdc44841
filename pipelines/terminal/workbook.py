"""Rows as an Excel workbook: typed text, real dates, no formula and no link.

Excel takes a text for a formula again when its cell is edited, unless the cell's
style says that it is quoted (caxlsx issue 529). `Worksheet.write` guesses types,
and even makes formulas with `strings_to_formulas` off, so it is never used here.
"""

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Final

import pyarrow as pa
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from pipelines.errors import RefusedError
from pipelines.terminal.cells import is_id, local_time, sheet_texts, width_of

MOST_ROWS: Final = 1_048_575  # below the heading
_MOST_UNITS: Final = 32_767  # UTF-16 code units of a cell
_EXACT: Final = 2**53  # above it a float, which all of Excel's numbers are, is no longer exact
_FIRST_DATE: Final = dt.datetime(1900, 3, 1)  # Excel believes in a 29 February 1900
_MADE: Final = dt.datetime(1980, 1, 1)  # the same rows are the same bytes
_NARROWEST, _WIDEST = 8, 60


def write_workbook(table: pa.Table, sink: IO[bytes]) -> None:
    """Write rows as one sheet with a frozen heading and a filter; times are local.

    Raises:
        RefusedError: there are more rows, or a longer text, than a sheet can hold.
    """
    # Before anything is written: half an answer would look like a whole one.
    if table.num_rows > MOST_ROWS:
        raise RefusedError(
            f"{table.num_rows:,} rows do not fit an Excel sheet, which holds {MOST_ROWS:,}",
            "choose --format csv or parquet, or ask for less",
        )
    # In memory: temporary files would hold the answer where others might read it.
    with Workbook(sink, {"in_memory": True}) as book:
        book.set_properties({"created": _MADE})
        sheet = book.add_worksheet("rows")
        styles = _Styles.of(book)
        for index, field in enumerate(table.schema):
            shown = _write_column(sheet, index, table, styles)
            # Beside the heading there is room for the arrow of the filter.
            sheet.set_column(
                index, index, max(_NARROWEST, min(_WIDEST, max(shown, width_of(field.name) + 3)))
            )
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        if table.num_columns:
            sheet.autofilter(0, 0, table.num_rows, table.num_columns - 1)


@dataclass(frozen=True)
class _Styles:
    heading: Format
    text: Format
    time: Format
    date: Format
    plain: Format

    @classmethod
    def of(cls, book: Workbook) -> "_Styles":
        quoted = {"quote_prefix": True}
        return cls(
            heading=book.add_format({**quoted, "bold": True, "bottom": 1}),
            text=book.add_format(quoted),
            time=book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"}),
            date=book.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
            plain=book.add_format(),
        )


def _write_column(sheet: Worksheet, index: int, table: pa.Table, styles: _Styles) -> int:
    """Write heading and cells of one column; the width of its widest cell."""
    field = table.schema.field(index)
    _write_text(sheet, (0, index), field.name, styles.heading, styles, field.name)
    # Ids are text: a float keeps 53 bits of an int64.
    write = None if is_id(field) else _writer_of(field.type)
    texts = sheet_texts(table, index)
    for row, (value, text) in enumerate(zip(table.column(index).to_pylist(), texts, strict=True), 1):
        if value is None:
            continue
        # What Excel cannot hold as its type is written as text, never rounded.
        if write is None or not write(sheet, (row, index), value, styles):
            _write_text(sheet, (row, index), text, styles.text, styles, field.name)
    return max(map(width_of, texts), default=0)


def _writer_of(kind: pa.DataType) -> Callable[..., bool] | None:
    """Return the writer of a type, None for text; it tells whether Excel can hold the value."""
    if pa.types.is_boolean(kind):
        return _write_truth
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _write_number
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _write_time
    return None


def _write_truth(sheet: Worksheet, cell: tuple[int, int], value: bool, _styles: _Styles) -> bool:
    sheet.write_boolean(*cell, value)
    return True


def _write_number(sheet: Worksheet, cell: tuple[int, int], value: Any, _styles: _Styles) -> bool:
    if not math.isfinite(value):
        return True  # empty, as in JSON
    if abs(value) > _EXACT:
        return False
    sheet.write_number(*cell, value)
    return True


def _write_time(sheet: Worksheet, cell: tuple[int, int], value: dt.date, styles: _Styles) -> bool:
    is_instant = isinstance(value, dt.datetime)
    # Local time without a zone, as Excel has none; a date is its midnight.
    local = local_time(value) if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
    if local < _FIRST_DATE:
        return False
    sheet.write_datetime(*cell, local, styles.time if is_instant else styles.date)
    return True


def _write_text(
    sheet: Worksheet, cell: tuple[int, int], text: str, style: Format, styles: _Styles, column: str
) -> None:
    """Write a text as it is.

    Raises:
        RefusedError: a cell cannot hold all of it.
    """
    if len(text.encode("utf-16-le")) // 2 > _MOST_UNITS:
        raise RefusedError(
            f"a text in column {column} is longer than the {_MOST_UNITS:,} characters of an Excel cell",
            "choose --format csv or parquet",
        )
    if text.startswith("<r>") and text.endswith("</r>"):
        # XlsxWriter takes such a text for its own XML and writes it unescaped; in two runs it does not.
        sheet.write_rich_string(*cell, text[:1], styles.plain, text[1:], style)
    else:
        sheet.write_string(*cell, text, style)
