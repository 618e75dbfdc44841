"""The sheet at the limits of Excel: rows beyond them are counted, texts beyond them are cut and told."""

import errno
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from xlsxwriter import Workbook

from pipelines.export import ListOptions
from pipelines.export.list_columns import COLUMNS
from pipelines.export.list_question import ask_for_list
from pipelines.export.make_list import _list_of
from pipelines.export.sheet import MOST_ROWS, write_sheet
from pipelines.export.sheet_reading import executes, sheet_rows
from tests.export.worlds import CASE, make_lake


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A list of four persons as it is before any file is written."""
    folder = tmp_path_factory.mktemp("sheet")
    asked = ask_for_list(
        make_lake(folder), CASE, "vn-2020-12", Path(folder / "list"),
        all_cases=False, depth=1, until=None, keys=None, options=ListOptions(), asker=None, created=None,
    )  # fmt: skip
    return _list_of(asked)[0]


def with_rows(made, count):
    """The same list with its rows repeated."""
    times = -(-count // made.rows.num_rows)
    rows = pa.concat_tables([made.rows] * times).slice(0, count)
    return replace(made, rows=rows.set_column(0, COLUMNS.field("no"), pa.array(range(1, count + 1))))


def test_a_text_longer_than_a_cell_is_cut_and_told(made, tmp_path):
    names = pa.array(["ế😀" * 20_000] + [None] * (made.rows.num_rows - 1), pa.string())
    at = COLUMNS.get_field_index("full_name")
    (written,) = write_sheet(replace(made, rows=made.rows.set_column(at, COLUMNS.field(at), names)), tmp_path)
    assert written.notes == ["list.xlsx: 1 text longer than 32,767 signs cut"]
    assert not executes(tmp_path / "list.xlsx")
    assert len(list(sheet_rows(tmp_path / "list.xlsx", "list"))) == 1 + made.rows.num_rows


def test_a_disk_that_fills_up_while_the_book_is_closed_is_told_as_such(made, tmp_path, monkeypatch):
    stored = Workbook._store_workbook

    def full(book):
        stored(book)  # which closes the temporary files of the sheets
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("xlsxwriter.Workbook._store_workbook", full)
    with pytest.raises(OSError, match="No space left"):
        write_sheet(made, tmp_path)


def test_the_head_is_frozen_and_repeated_on_each_page(made, tmp_path):
    write_sheet(made, tmp_path)
    with zipfile.ZipFile(tmp_path / "list.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        workbook = book.read("xl/workbook.xml").decode()
    assert 'state="frozen"' in sheet
    assert "<autoFilter" in sheet
    assert 'orientation="landscape"' in sheet
    assert "_xlnm.Print_Titles" in workbook


@pytest.mark.slow
@pytest.mark.parametrize("more", [0, 1])
def test_a_row_more_than_excel_holds_is_left_out_and_counted(made, tmp_path, more):
    (written,) = write_sheet(with_rows(made, MOST_ROWS + more), tmp_path)
    assert (written.rows, written.left_out) == (MOST_ROWS, more)


def test_a_long_name_is_wrapped_and_its_row_is_tall_enough(made, tmp_path):
    names = pa.array(["Tôn Nữ Thị Ninh Trang Đài Quỳnh Hương", *[None] * (made.rows.num_rows - 1)])
    at = COLUMNS.get_field_index("full_name")
    write_sheet(replace(made, rows=made.rows.set_column(at, COLUMNS.field(at), names)), tmp_path)
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx")["list"]
    heads = {cell.value: cell.column for cell in sheet[1]}
    cell = sheet.cell(2, heads["Họ và tên"])
    assert (cell.alignment.wrap_text, sheet.row_dimensions[2].height) == (True, 30)
