"""Hostile names and case numbers in the file for SORMAS: left out and counted, whatever else stands there."""

import csv
from dataclasses import replace

import pyarrow as pa
import pytest

from pipelines.export import ListOptions
from pipelines.export.interchange.sormas import SormasSettings, read_sormas, write_sormas
from pipelines.export.list_columns import COLUMNS
from pipelines.export.list_question import ask_for_list
from pipelines.export.make_list import _list_of
from pipelines.terminal.output import token_text
from tests.export.worlds import CASE, make_lake

SETTINGS = SormasSettings("CORONAVIRUS", "Quang Ngai", "Binh Son", "", "dmy")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handover")
    asked = ask_for_list(
        make_lake(folder), CASE, "vn-2020-12", folder / "list",
        all_cases=False, depth=1, until=None, keys=None, options=ListOptions(), asker=None, created=None,
    )  # fmt: skip
    return _list_of(asked)[0]


def with_texts(made, names, number):
    """The same list with names of the register, and another case number."""
    rows = made.rows
    for name, values in (("full_name", names), ("case_ids", [number] * rows.num_rows)):
        at = COLUMNS.get_field_index(name)
        rows = rows.set_column(at, COLUMNS.field(at), pa.array(values, pa.string()))
    return replace(made, rows=rows, cases=[replace(made.cases[0], case_id=number)])


def written(made, folder, settings=SETTINGS):
    (file,) = write_sormas(made, folder, settings)
    with (folder / file.name).open(encoding="utf-8", newline="") as text:
        head, names, *rows = csv.reader(text, escapechar="\\")
    assert len(head) == len(names)
    return file, [dict(zip(names, row, strict=True)) for row in rows]


@pytest.mark.parametrize("name", ["=1+1", "Trần @SUM(A1)", "Trần \uff1d1", "Trần -2", "+84905123456"])
def test_a_name_of_which_a_part_begins_with_a_formula_sign_is_left_out_and_counted(made, tmp_path, name):
    names = [name, "Nguyễn Thị = Ước", *[None] * (made.rows.num_rows - 2)]
    file, rows = written(with_texts(made, names, CASE), tmp_path)
    assert [row["person.firstName"] for row in rows[:3]] == ["F1", "Thị = Ước", "F1"]
    assert [row["person.lastName"] for row in rows[:2]] == [rows[0]["externalToken"], "Nguyễn"]
    assert "sormas_contacts.csv: 1 name of the register left out, begun with a formula sign" in file.notes
    tokens = [token_text(person) for person in made.rows["person"].to_pylist()]
    assert read_sormas(tmp_path, ",") == tokens


def test_a_case_number_that_begins_with_a_formula_sign_is_left_out_but_told_beside(made, tmp_path):
    listed = with_texts(made, [None] * made.rows.num_rows, "=BN-1")
    file, rows = written(listed, tmp_path)
    assert {row["caseIdExternalSystem"] for row in rows} == {""}
    assert all(row["caseOrEventInformation"].startswith("Ca =BN-1, F1") for row in rows)
    assert "sormas_contacts.csv: 1 case number left out, begun with a formula sign" in file.notes
    of_case = replace(SETTINGS, case_uuid="ABC-1")
    file, rows = written(listed, tmp_path, of_case)
    assert {row["caseIdExternalSystem"] for row in rows} == {"ABC-1"}
    assert not any("case number" in note for note in file.notes)
