"""Rows that are given as columns are the cells that XlsxWriter writes one by one."""

import datetime as dt
import random

import openpyxl
import pytest
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook

from pipelines.terminal.streamed_sheet import StreamedSheet, literal

TEXTS = [
    *("plain", "=1+1", "{=1}", "http://example.org", "", " lead", "trail ", "a\nb", "a & b < c > \"d\" 'e'"),
    *(
        "_x0041_",
        "\x07bell",
        "Nguyễn Thị Ước",
        "e\u0302\u0301",
        "😀",
        "]]>",
        "&lt;",
        "1E5",
        "00123",
        "\ufffe",
    ),
]
NUMBERS = [0, -1, 2.5, 44_378.354_166_666_664, 1 / 3, 2**53, 1e-9, 1e21]


def written(path, write, **options):
    with Workbook(path, options) as book:
        book.set_properties({"created": dt.datetime(2021, 8, 1)})
        sheet = book.add_worksheet("rows", StreamedSheet)
        looks = [book.add_format({"num_format": "@"}), book.add_format({"num_format": "0.00"})]
        looks[0].set_quote_prefix()
        sheet.write_string(0, 0, "head", looks[0])
        sheet.set_row(0, 45)
        write(sheet, looks)
    return openpyxl.load_workbook(path)["rows"]


def cells(sheet):
    return {
        cell.coordinate: (cell.value, cell.data_type, cell.number_format, cell.quotePrefix)
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    }


def test_the_cells_are_those_that_xlsxwriter_writes_one_by_one(tmp_path):
    draw = random.Random(20_210_801)
    columns = [[draw.choice([*choice, None]) for _ in range(300)] for choice in (TEXTS, NUMBERS, TEXTS)]

    def at_once(sheet, looks):
        sheet.put_columns(1, [(values[:120], looks[at % 2]) for at, values in enumerate(columns)], {7: 30})
        sheet.put_columns(121, [(values[120:], looks[at % 2]) for at, values in enumerate(columns)])
        sheet.put_columns(310, [(["below"], looks[0])])

    def one_by_one(sheet, looks):
        for at, values in enumerate(columns):
            for row, value in enumerate(values, 1):
                if isinstance(value, str) and value:
                    sheet.write_string(row, at, value, looks[at % 2])
                elif value is not None and value != "":
                    sheet.write_number(row, at, value, looks[at % 2])
        sheet.set_row(8, 30)
        sheet.write_string(310, 0, "below", looks[0])

    found = written(tmp_path / "found.xlsx", at_once, tmpdir=str(tmp_path))
    expected = written(tmp_path / "expected.xlsx", one_by_one)
    assert cells(found) == cells(expected)
    assert found.dimensions == expected.dimensions
    heights = [
        {row: size.height for row, size in sheet.row_dimensions.items()} for sheet in (found, expected)
    ]
    assert {row: height for row, height in heights[0].items() if height} == {1: 45, 9: 30}
    assert {row: height for row, height in heights[1].items() if height} == {1: 45, 9: 30}


@pytest.mark.parametrize("text", ["<r>1 & 2</r>", "<r><t>x</t></r>", "<r></r>", "<r>"])
def test_a_text_that_looks_like_the_xml_of_a_cell_stays_text(tmp_path, text):
    written(tmp_path / "rows.xlsx", lambda sheet, looks: sheet.put_columns(1, [([text], looks[0])]))
    rows = CalamineWorkbook.from_path(tmp_path / "rows.xlsx").get_sheet_by_name("rows").to_python()
    assert rows == [["head"], [text]]
    assert literal("text") == "text"


def test_no_part_of_the_rows_is_left_beside_the_workbook(tmp_path):
    written(tmp_path / "rows.xlsx", lambda sheet, looks: sheet.put_columns(1, [(["a"] * 9, looks[0])]))
    assert [path.name for path in tmp_path.iterdir()] == ["rows.xlsx"]
