"""The register of an officer: a file or a table in memory, joined by token, damaged rows counted."""

import polars as pl
import pyarrow as pa
import pytest

from pipelines.errors import DataError
from pipelines.export.register import read_register
from pipelines.privacy.keys import create_keys, load_keys, token

HEAD = "person,full_name,birth_year,sex,address,phone\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys") / "some.keys"
    create_keys(folder)
    return load_keys(folder)


def register(tmp_path, keys, text):
    (tmp_path / "people.csv").write_text(text, encoding="utf-8")
    return read_register(tmp_path / "people.csv", keys)


def test_a_person_is_found_by_any_spelling_and_by_a_code_of_a_list(tmp_path, keys):
    person = token(keys, "phone:+84905123456")
    code = f"p-{person & (2**64 - 1):016x}"
    for spelling in ("phone:0905123456", "phone:+84 905 123 456", code, code[2:]):
        found = register(tmp_path, keys, f"{HEAD}{spelling},Lan,1980,nữ,Thôn 1,0905123456\n")
        assert list(found.people) == [person]
        known = found.people[person]
        assert (known.full_name, known.birth_year, known.sex) == ("Lan", 1980, "female")


@pytest.mark.parametrize("kind", ["polars", "arrow"])
def test_a_table_in_memory_says_the_same_as_a_file(keys, kind):
    columns = {
        "Person": ["phone:0905123456", "phone:0905123457"],
        "full_name": ["Lan", None],
        "birth_year": [1980.0, None],
        "sex": ["nam", "f"],
    }
    table = pl.DataFrame(columns) if kind == "polars" else pa.table(columns)
    found = read_register(table, keys)
    assert [one.birth_year for one in found.people.values()] == [1980, None]
    assert [one.sex for one in found.people.values()] == ["male", "female"]


def test_rows_that_cannot_be_read_are_counted_and_blank_rows_are_no_rows(tmp_path, keys):
    found = register(tmp_path, keys, f"{HEAD}nobody,Lan,,,,\n,,,,,\nphone:0905123456,Lan,80,,,\n")
    assert (len(found.people), found.unreadable, found.without_year) == (1, 1, 1)


def test_two_rows_of_a_person_are_named_by_number_and_without_a_value(tmp_path, keys):
    with pytest.raises(DataError, match="rows 2 and 3 name the same person") as raised:
        register(tmp_path, keys, f"{HEAD}phone:0905123456,Lan,,,,\nphone:+84905123456,Lan,,,,\n")
    assert "0905" not in str(raised.value)
    assert "Lan" not in str(raised.value)


def test_a_register_without_persons_is_bad_data(tmp_path, keys):
    with pytest.raises(DataError, match="has no column person"):
        register(tmp_path, keys, "name\nLan\n")
    with pytest.raises(DataError, match="has no column person"):
        read_register(pa.table({"name": ["Lan"]}), keys)


def test_a_semicolon_a_byte_order_mark_and_control_signs_are_taken(tmp_path, keys):
    text = "\ufeffperson;full_name\nphone:0905123456;\u202eLan\u200b\x07 Anh\n"
    (known,) = register(tmp_path, keys, text).people.values()
    assert known.full_name == "Lan Anh"


def test_a_line_break_in_a_cell_becomes_a_blank_and_rows_are_counted_as_records(tmp_path, keys):
    rows = HEAD + 'phone:0905123456,"Lan\nAnh",,,"Thôn 1\u2028xã 2",\nphone:+84905123456,Hoa,,,,\n'
    with pytest.raises(DataError, match="rows 2 and 3 name the same person"):
        register(tmp_path, keys, rows)
    (known,) = register(tmp_path, keys, rows.rpartition("phone:")[0]).people.values()
    assert (known.full_name, known.address) == ("Lan Anh", "Thôn 1 xã 2")


def test_a_cell_that_no_csv_holds_is_bad_data(tmp_path, keys):
    with pytest.raises(DataError, match="is not CSV"):
        register(tmp_path, keys, f"{HEAD}phone:0905123456,{'x' * 200_000},,,,\n")
