"""`list.xlsx`: the sheet that a tracer calls from and writes on."""

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook

from pipelines.export.exposure_list import ExposureList, WrittenFile
from pipelines.export.list_columns import COLUMNS, HANDWRITING, IDENTIFIER, SCREEN_ONLY
from pipelines.export.list_text import PERSON_PREFIX
from pipelines.export.local_columns import local_instants, person_codes, readable, worded
from pipelines.export.sheet_reading import executes, sheet_rows
from pipelines.kernels.types import Int64
from pipelines.terminal.output import counted
from pipelines.terminal.streamed_sheet import StreamedSheet, literal

XLSX: Final = "list.xlsx"
LIST, MILESTONES, WITHDRAWN, ABOUT = SHEETS = ("list", "milestones", "withdrawn", "about")
"""The names of the sheets, the same in both languages: programs look for them."""

MOST_ROWS: Final = 1_048_575
"""Rows of a sheet below its head."""

_MOST_WITHDRAWN = MOST_ROWS - 2  # a note stands below them
_MOST_UNITS = 32_767
"""UTF-16 units of a cell."""

_ROWS_AT_ONCE = 20_000
_A4 = 9
_LINE_POINTS = 15
_HEAD_POINTS = 3 * _LINE_POINTS
_MOST_LINES = 12
_WRAPPED = ("full_name", "address", "venue_names", "symptoms")
# Excel counts a 29 February 1900 that never was; from 1899-12-30 on its later dates are right.
_UNIX_SERIAL = (dt.date(1970, 1, 1) - dt.date(1899, 12, 30)).days
_WIDTHS = {
    "no": 5, "person": 20, "identifier_kind": 12, "identifier": 17, "full_name": 22, "birth_year": 8,
    "sex": 7,
    "address": 22, "tier": 8, "case_ids": 12, "via": 20, "exposed_at": 16, "last_contact": 16,
    "seconds_direct": 10, "seconds_indirect": 9, "seconds_imputed": 9, "venues": 18, "venue_names": 34,
    "score": 8, "call": 7, "rule": 13, "symptoms": 16, "declared_at": 16, "follow_up_until": 12, "day": 7,
    "change": 9, "outcome": 18, "notes": 22, "case": 12, "venue": 18, "name": 40, "enter": 16, "exit": 16,
    "enter_kind": 16, "exit_kind": 16,
}  # fmt: skip
_MINUTES = {"seconds_direct": "minutes_direct", "seconds_indirect": "minutes_indirect",
            "seconds_imputed": "minutes_imputed"}  # fmt: skip


def write_sheet(made: ExposureList, folder: Path) -> list[WrittenFile]:
    """Write `list.xlsx`.

    Only typed cells are written: `write()` of XlsxWriter guesses, and would make
    links of `http:` and formulas of `{=…}`. Text cells carry the quote prefix, so
    that they stay text when somebody edits them (upstream: caxlsx #529).

    Args:
        made: the list.
        folder: where; temporary parts lie there too, for they may hold identifiers.
    """
    with _writing(folder) as book:
        # The list's date, or XlsxWriter would take the clock's and the bytes would differ each time.
        book.set_properties({"title": "Truy Vết", "created": made.created.replace(tzinfo=None)})
        pen = _Pen(book, made)
        _write_list(pen)
        _write_milestones(pen)
        _write_withdrawn(pen)
        _write_about(pen)
    kept = min(made.rows.num_rows, MOST_ROWS)
    return [WrittenFile(XLSX, kept, made.rows.num_rows - kept, list(_notes(pen)))]


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[Workbook]:
    """Open the workbook, and close it; XlsxWriter hides the failure of a disk in an error of its own.

    Raises:
        OSError: the disk is full, read-only or forbidden.
    """
    # An error inside leaves the book unclosed, and so unwritten.
    book = Workbook(str(folder / XLSX), {"tmpdir": str(folder)})
    yield book
    try:
        book.close()
    except FileCreateError as error:
        # XlsxWriter raises its error in the handler of the disk's, without `from`.
        failure = error.__context__
        raise (failure if isinstance(failure, OSError) else error) from error


def _notes(pen: "_Pen") -> Iterator[str]:
    if pen.cut:
        yield f"{XLSX}: {counted(pen.cut, 'text')} longer than {_MOST_UNITS:,} signs cut"
    if (more := pen.made.withdrawn.num_rows - _MOST_WITHDRAWN) > 0:
        yield f"{XLSX}: {counted(more, 'withdrawn person')} left out, which the sheet cannot hold"


def read_sheet(folder: Path) -> list[str]:
    """The codes of the persons in the sheet, for comparison; none if it holds something that executes."""
    if executes(folder / XLSX):
        return []
    rows = sheet_rows(folder / XLSX, LIST)
    # The head is skipped by position: its words depend on the language.
    next(rows)
    at = COLUMNS.names.index("person")
    return [row[at].removeprefix(PERSON_PREFIX) for row in rows]


class _Pen:
    """Writes typed cells with the formats of one workbook."""

    def __init__(self, book: Workbook, made: ExposureList) -> None:
        vietnamese = made.settings.words.language == "vi"
        day = "dd/mm/yyyy" if vietnamese else "yyyy-mm-dd"
        self.made = made
        self.words = made.settings.words
        self.book = book
        self.cut = 0
        self.text = self._text({"valign": "top"})
        self.wrapped = self._text({"valign": "top", "text_wrap": True})
        self.head = self._text(
            {"bold": True, "text_wrap": True, "valign": "top", "bottom": 1, "bg_color": "#DDE7F0"}
        )
        self.when = book.add_format({"num_format": f"{day} hh:mm", "valign": "top", "align": "left"})
        self.day = book.add_format({"num_format": day, "valign": "top", "align": "left"})
        self.number = book.add_format({"num_format": "0", "valign": "top", "align": "left"})
        self.minutes = book.add_format({"num_format": "0", "valign": "top"})
        self.score = book.add_format({"num_format": "0.000", "valign": "top"})
        self.tier = book.add_format({"num_format": '"F"0', "valign": "top", "align": "left"})

    def _text(self, look: dict[str, Any]) -> Format:
        # "@" keeps digits as text, the prefix keeps a formula text when the cell is edited.
        made = self.book.add_format(look | {"num_format": "@"})
        made.set_quote_prefix()
        return made

    def sheet(self, name: str, columns: Sequence[str], heads: Sequence[str], frozen: int) -> StreamedSheet:
        """A sheet with its head, set up for A4 landscape."""
        sheet: StreamedSheet = self.book.add_worksheet(name, StreamedSheet)
        for at, column in enumerate(columns):
            folded = {"level": 1, "hidden": True} if column in SCREEN_ONLY else {}
            sheet.set_column(at, at, _WIDTHS[column], None, folded)
        for at, head in enumerate(heads):
            self.put_text(sheet, 0, at, head, self.head)
        sheet.set_row(0, _HEAD_POINTS)
        sheet.freeze_panes(1, frozen)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        # One page wide, as many high as needed.
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        foot = self.words("sheet", "foot", rule=self.made.rule.id, expires=self._expires(), zone=self._zone())
        # & is a control sign of footers and has to be doubled.
        sheet.set_footer(f"&L{foot.replace('&', '&&')}&R{self.words('sheet', 'page')}")
        return sheet

    def put_text(self, sheet: StreamedSheet, row: int, column: int, text: str, look: Format) -> None:
        """A text; an empty one makes no cell."""
        (fitting,) = self.fitting([text])
        if fitting:
            sheet.write_string(row, column, literal(fitting), look)

    def put_columns(
        self,
        sheet: StreamedSheet,
        first: int,
        columns: Sequence[Sequence[Any]],
        looks: Sequence[Format],
        heights: Mapping[int, float] | None = None,
    ) -> None:
        """Rows below the head, by columns: texts, numbers of Excel and None, which makes no cell."""
        fitting = [self.fitting(values) for values in columns]
        sheet.put_columns(first, list(zip(fitting, looks, strict=True)), heights)

    def fitting(self, values: Sequence[Any]) -> Sequence[Any]:
        """The values, with texts cut that are too long for a cell."""
        # Twice the signs is the most UTF-16 units there can be: texts are measured only near the limit.
        if all(len(value) * 2 <= _MOST_UNITS for value in values if isinstance(value, str)):
            return values
        return [self._fitting(value) if isinstance(value, str) else value for value in values]

    def _fitting(self, text: str) -> str:
        if len(text.encode("utf-16-le")) // 2 <= _MOST_UNITS:
            return text
        self.cut += 1
        # Cut between code points: "ignore" drops half a surrogate pair.
        return text.encode("utf-16-le")[: 2 * (_MOST_UNITS - 1)].decode("utf-16-le", "ignore") + "…"

    def _expires(self) -> str:
        local = self.made.expires.astimezone(self.made.settings.zone)
        return local.strftime("%d/%m/%Y %H:%M" if self.words.language == "vi" else "%Y-%m-%d %H:%M")

    def _zone(self) -> str:
        return str(self.made.settings.zone)


def _write_list(pen: _Pen) -> None:
    """The persons; without a register its columns stay empty, for handwriting."""
    settings = pen.made.settings
    shown = [name for name in COLUMNS.names if settings.revealed or name not in IDENTIFIER]
    names = [*shown, *HANDWRITING]
    heads = [pen.words("column", _MINUTES.get(name, name)) for name in names]
    sheet = pen.sheet(LIST, names, heads, frozen=2)
    rows = pen.made.rows.slice(0, MOST_ROWS)
    looks = [_look(pen, name) for name in shown]
    # Rows of a part go straight to disk, see StreamedSheet.
    for start in range(0, rows.num_rows, _ROWS_AT_ONCE):
        part = rows.slice(start, _ROWS_AT_ONCE)
        columns = [_values(part, name, pen) for name in shown]
        lines = _lines_of(dict(zip(shown, columns, strict=True)))
        tall = np.flatnonzero(lines > 1).tolist()  # LibreOffice does not fit rows by itself
        # Heights by the row inside this part.
        pen.put_columns(
            sheet, start + 1, columns, looks, {row: _LINE_POINTS * int(lines[row]) for row in tall}
        )
    sheet.autofilter(0, 0, rows.num_rows, len(names) - 1)


def _lines_of(columns: Mapping[str, Sequence[Any]]) -> Int64:
    """Return how many lines the longest wrapped text of each row takes up, from 1."""
    needed = [
        # Lines by characters over the column's width, rounded up: a guess, good enough for a row's height.
        -(-pc.fill_null(pc.utf8_length(pa.array(columns[name], pa.string())), 0).to_numpy() // _WIDTHS[name])
        for name in _WRAPPED
        if name in columns
    ]
    lines: Int64 = np.clip(np.max(needed, axis=0), 1, _MOST_LINES).astype(np.int64)
    return lines


def _values(rows: pa.Table, name: str, pen: _Pen) -> Sequence[Any]:
    """A column as texts and as numbers of Excel, which are minutes, or days since 1899-12-30."""
    column = rows[name]
    if name in _MINUTES:
        # With their fractions; the format shows whole minutes.
        return list(pc.divide(column.cast(pa.float64()), 60.0).to_pylist())
    if pa.types.is_timestamp(column.type):
        return _serials(column, pen)
    if pa.types.is_date(column.type):
        return list(pc.add(column.cast(pa.int32()), _UNIX_SERIAL).to_pylist())
    return readable(rows, name, pen.made.settings)


def _serials(column: pa.ChunkedArray, pen: _Pen) -> list[float | None]:
    """Instants as Excel counts local times, in days since 1899-12-30."""
    # Seconds as local clocks show them, divided into days: Excel knows no zone.
    seconds = local_instants(column, pen.made.settings.zone).cast(pa.int64()).cast(pa.float64())
    return list(pc.add(pc.divide(seconds, 86_400.0), float(_UNIX_SERIAL)).to_pylist())


def _look(pen: _Pen, name: str) -> Format:
    special = {"tier": pen.tier, "score": pen.score, "follow_up_until": pen.day} | dict.fromkeys(
        _MINUTES, pen.minutes
    )
    kind = COLUMNS.field(name).type
    if name in special:
        return special[name]
    if pa.types.is_timestamp(kind):
        return pen.when
    if name in _WRAPPED:
        return pen.wrapped
    return pen.number if name in ("no", "birth_year", "day") else pen.text


def _write_milestones(pen: _Pen) -> None:
    rows = pen.made.milestones.slice(0, MOST_ROWS)
    names = rows.schema.names
    sheet = pen.sheet(MILESTONES, names, [pen.words("milestone", name) for name in names], frozen=0)
    columns = {
        **{name: rows[name].to_pylist() for name in ("case", "venue", "name")},
        **{name: _serials(rows[name], pen) for name in ("enter", "exit")},
        **{name: worded(rows[name], pen.words, "value") for name in ("enter_kind", "exit_kind")},
    }
    looks = [pen.when if name in ("enter", "exit") else pen.text for name in names]
    pen.put_columns(sheet, 1, [columns[name] for name in names], looks)


def _write_withdrawn(pen: _Pen) -> None:
    # Two rows are kept free below for the note.
    rows = pen.made.withdrawn.slice(0, _MOST_WITHDRAWN)
    names = rows.schema.names
    sheet = pen.sheet(WITHDRAWN, names, [pen.words("column", name) for name in names], frozen=0)
    columns: list[Sequence[Any]] = [
        person_codes(rows["person"]),
        [f"F{tier}" for tier in rows["tier"].to_pylist()],
        *(_serials(rows[name], pen) for name in ("exposed_at", "last_contact")),
        rows["venues"].to_pylist(),
    ]
    pen.put_columns(sheet, 1, columns, [pen.text, pen.text, pen.when, pen.when, pen.text])
    note = pen.words("sheet", "withdrawn_note" if rows.num_rows else "no_withdrawn")
    pen.put_columns(sheet, rows.num_rows + 2, [[note]], [pen.text])


def _write_about(pen: _Pen) -> None:
    sheet = pen.sheet(ABOUT, ["name"], ["Truy Vết"], frozen=0)
    # Wide enough to wrap sentences on one page.
    sheet.set_column(0, 0, 110)
    for row, line in enumerate(pen.made.about, 1):
        pen.put_text(sheet, row, 0, line, pen.wrapped)
