import datetime as dt
import io
import re
import xml.etree.ElementTree as ET
import zipfile

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import RefusedError
from pipelines.terminal import workbook
from pipelines.terminal.workbook import write_workbook
from schemas.tables import INSTANT

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
HOSTILE = [
    "=1+1", "+84905", "-1", "@SUM(A1)", "\t=1", "{=1+1}", "=cmd|'/c calc'!A0", "http://example.org",
    "mailto:a@b.c", "external:'x.xlsx'!A1", "<r>x</r>", "<r><t>x</t></r>", "_x0041_", "\x01\x1f", "a\rb",
    " a ", "\ufffe", "&<>\"'", "＝1", "00123", "012345678901", "1e5", "true", "Chợ Bến Thành\nlầu 2", "🎉",
]  # fmt: skip


def parts_of(table):
    sink = io.BytesIO()
    write_workbook(table, sink)
    with zipfile.ZipFile(io.BytesIO(sink.getvalue())) as file:
        return {name: file.read(name) for name in file.namelist()}


def unescaped(text):
    """Return a text of a workbook as Excel shows it."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match.group(1), 16)), text)


def cells_of(table):
    """Return the cells of the sheet as (type, text, quoted), by their name."""
    parts = parts_of(table)
    shared = (
        [
            unescaped("".join(run.text or "" for run in item.iter(f"{MAIN}t")))
            for item in ET.fromstring(parts["xl/sharedStrings.xml"])
        ]
        if "xl/sharedStrings.xml" in parts
        else []
    )
    styles = list(ET.fromstring(parts["xl/styles.xml"]).find(f"{MAIN}cellXfs"))
    cells = {}
    for cell in ET.fromstring(parts["xl/worksheets/sheet1.xml"]).iter(f"{MAIN}c"):
        kind, value = cell.get("t", "n"), cell.find(f"{MAIN}v").text
        quoted = styles[int(cell.get("s", 0))].get("quotePrefix") == "1"
        cells[cell.get("r")] = (kind, shared[int(value)] if kind == "s" else value, quoted)
    return cells


def test_hostile_texts_come_back_as_they_are_and_are_never_formulas():
    cells = cells_of(pa.table({"=name": HOSTILE}))
    assert cells["A1"] == ("s", "=name", True)
    assert [cells[f"A{row}"] for row in range(2, len(HOSTILE) + 2)] == [("s", text, True) for text in HOSTILE]


def test_a_workbook_holds_no_formula_link_macro_or_outside_reference():
    parts = parts_of(pa.table({"name": HOSTILE, "lists": [[text, text] for text in HOSTILE]}))
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert b"<f>" not in sheet
    assert b"<f " not in sheet
    assert b"hyperlink" not in sheet
    assert not [name for name in parts if "external" in name or "vba" in name]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_comes_back_as_it_is(text):
    assert cells_of(pa.table({"name": [text]}))["A2"] == ("s", text, True)


def test_times_are_real_local_dates_and_dates_real_dates():
    moment = dt.datetime(2021, 7, 1, 18, 30, tzinfo=dt.UTC)
    table = pa.table({"at": pa.array([moment], INSTANT), "date": [dt.date(2021, 7, 1)]})
    cells = cells_of(table)
    days = (dt.datetime(2021, 7, 2, 1, 30) - dt.datetime(1899, 12, 30)) / dt.timedelta(days=1)
    assert cells["A2"][0] == "n"
    assert float(cells["A2"][1]) == pytest.approx(days, abs=1e-9)
    assert cells["B2"][:2] == ("n", "44378")
    assert b"yyyy-mm-dd hh:mm:ss" in parts_of(table)["xl/styles.xml"]


def test_a_date_before_those_of_excel_is_text():
    cells = cells_of(pa.table({"date": [dt.date(1899, 1, 1)], "at": pa.array([-(10**16)], INSTANT)}))
    assert cells["A2"] == ("s", "1899-01-01", True)
    assert cells["B2"] == ("s", "1653-02-10T06:13:20Z", True)


def test_numbers_are_numbers_ids_are_text_and_what_is_not_exact_too():
    table = pa.table(
        {
            "n": [12],
            "score": [0.25],
            "person": pa.array([-1], pa.int64()),
            "stays": pa.array([[1, 2]], pa.list_(pa.int64())),
            "big": [2**53 + 1],
            "home": [True],
        }
    )
    cells = cells_of(table)
    assert cells["A2"][:2] == ("n", "12")
    assert cells["B2"][:2] == ("n", "0.25")
    assert cells["C2"][:2] == ("s", "ffffffffffffffff")
    assert cells["D2"][:2] == ("s", "0000000000000001;0000000000000002")
    assert cells["E2"][:2] == ("s", str(2**53 + 1))
    assert cells["F2"][:2] == ("b", "1")


def test_nothing_is_an_empty_cell():
    cells = cells_of(pa.table({"n": pa.array([None, 1]), "score": [float("nan"), 1.0], "name": [None, "x"]}))
    assert [name for name in cells if name.endswith("2")] == []


def test_the_heading_stays_in_sight_is_printed_on_every_page_and_filters():
    parts = parts_of(pa.table({"a": [1, 2], "b": ["x", "y"]}))
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert b'ySplit="1"' in sheet
    assert b'<autoFilter ref="A1:B3"/>' in sheet
    assert b"Print_Titles" in parts["xl/workbook.xml"]


def test_the_same_rows_are_the_same_bytes():
    table = pa.table({"name": ["x"], "n": [1]})
    first, second = io.BytesIO(), io.BytesIO()
    write_workbook(table, first)
    write_workbook(table, second)
    assert first.getvalue() == second.getvalue()


def test_an_answer_without_rows_keeps_its_headings():
    assert list(cells_of(pa.table({"person": pa.array([], pa.int64())}))) == ["A1"]
    assert cells_of(pa.table({})) == {}


def test_a_text_that_a_cell_cannot_hold_is_refused_and_not_cut():
    assert cells_of(pa.table({"name": ["🎉" * 16_383]}))["A2"][1] == "🎉" * 16_383
    with pytest.raises(RefusedError, match="a text in column name is longer than the 32,767"):
        parts_of(pa.table({"name": ["🎉" * 16_384]}))


def test_more_rows_than_a_sheet_holds_are_refused(monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 2)
    assert len(cells_of(pa.table({"n": [1, 2]}))) == 3
    with pytest.raises(RefusedError, match="3 rows do not fit an Excel sheet"):
        parts_of(pa.table({"n": [1, 2, 3]}))
