import csv
import datetime as dt
import errno
import io
import json
import re
import stat
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import RefusedError, UsageError
from pipelines.terminal.output import counted, safe_cell, write_file, write_rows
from schemas.tables import INSTANT

EXECUTABLE = [
    sign + rest
    for sign in ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
    for rest in ["", "1+1", "cmd|' /C calc'!A0"]
]
BLANKS = ["", " ", "   ", "\u00a0", "\u3000", "\u200b", "\ufeff", "\x00", " \x0b"]
HARMLESS = ["", "Chợ Bến Thành", "a=b", "x-1", "'=1", "me@home", "12", "  text"]


def answer(**columns):
    return pa.table(columns)


def as_csv(table, tmp_path):
    write_rows(table, "csv", str(tmp_path / "rows.csv"))
    with open(tmp_path / "rows.csv", newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def as_json(table, tmp_path):
    write_rows(table, "json", str(tmp_path / "rows.json"))
    return json.loads((tmp_path / "rows.json").read_bytes())


def as_text(table, tmp_path):
    write_rows(table, "table", str(tmp_path / "rows.txt"))
    return (tmp_path / "rows.txt").read_text(encoding="utf-8")


MOMENT = dt.datetime(2021, 7, 1, 18, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize("blanks", BLANKS)
@pytest.mark.parametrize("text", EXECUTABLE)
def test_a_cell_that_a_spreadsheet_would_execute_begins_with_an_apostrophe(blanks, text):
    assert safe_cell(blanks + text) == "'" + blanks + text


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_cell_stays_as_it_is(text):
    assert safe_cell(text) == text


def test_no_text_list_or_header_of_a_csv_begins_with_a_formula(tmp_path):
    rows = as_csv(pa.table({"=name": EXECUTABLE, "lists": [[text, "x"] for text in EXECUTABLE]}), tmp_path)
    assert all(cell.startswith("'") for row in rows[1:] for cell in row)
    assert rows[0][0] == "'=name"


def test_a_list_of_numbers_is_not_a_formula_and_stays_as_it_is(tmp_path):
    rows = as_csv(answer(counts=[[-5, 7], [-1], [], None], mixed=[["-5", "7"], [], None, ["x"]]), tmp_path)
    assert rows[1:] == [["-5;7", "'-5;7"], ["-1", ""], ["", ""], ["", "x"]]


@given(st.lists(st.text(), min_size=1))
def test_a_csv_reads_back_what_was_written(texts):
    from pipelines.terminal.output import write_csv

    sink = io.BytesIO()
    write_csv(pa.table({"name": texts, "n": list(range(len(texts)))}), sink)
    rows = list(csv.reader(io.StringIO(sink.getvalue().decode(), newline="")))
    assert [row[0] for row in rows[1:]] == [safe_cell(text) for text in texts]


def test_negative_numbers_of_a_csv_stay_numbers(tmp_path):
    rows = as_csv(answer(seconds=pa.array([-5], pa.int64()), score=[-0.5]), tmp_path)
    assert rows[1] == ["-5", "-0.5"]


@pytest.mark.parametrize("write", [as_csv, as_json, as_text])
def test_tokens_are_sixteen_hexadecimal_digits_in_text(write, tmp_path):
    token = pa.field("who", pa.int64(), metadata={"token": "1"})
    table = pa.table([[-1, 255]], schema=pa.schema([token])).append_column(
        "via", pa.array([-(2**63), None], pa.int64())
    )
    shown = str(write(table, tmp_path))
    for text in ["ffffffffffffffff", "00000000000000ff", "8000000000000000"]:
        assert text in shown


def test_every_id_of_json_is_text_that_javascript_cannot_round(tmp_path):
    marked = pa.field("who", pa.list_(pa.int64()), metadata={"token": "1"})
    table = answer(
        stay_id=pa.array([2**53 + 1, None]),
        via_stay=pa.array([-1, 1], pa.int64()),
        stays=pa.array([[-(2**63), 2**63 - 1, None], []], pa.list_(pa.int64())),
        human=pa.array([0, -2], pa.int64()),
    ).append_column(marked, pa.array([[255], None], pa.list_(pa.int64())))
    assert as_json(table, tmp_path) == [
        {
            "stay_id": "0020000000000001",
            "via_stay": "ffffffffffffffff",
            "stays": ["8000000000000000", "7fffffffffffffff", None],
            "human": "0000000000000000",
            "who": ["00000000000000ff"],
        },
        {
            "stay_id": None,
            "via_stay": "0000000000000001",
            "stays": [],
            "human": "fffffffffffffffe",
            "who": None,
        },
    ]


def test_ids_of_stays_and_lists_of_tokens_are_hexadecimal_in_csv_and_in_a_table(tmp_path):
    table = answer(
        stay_id=pa.array([-1], pa.int64()),
        stays=pa.array([[1, -2]], pa.list_(pa.int64())),
        person=pa.array([[255]], pa.list_(pa.int64())),
    )
    digits = ["ffffffffffffffff", "0000000000000001;fffffffffffffffe", "00000000000000ff"]
    assert as_csv(table, tmp_path)[1] == digits
    assert as_text(table, tmp_path).splitlines()[2].split() == digits


def test_an_int64_other_than_a_token_stays_a_number(tmp_path):
    assert as_json(answer(seconds=pa.array([900], pa.int64())), tmp_path) == [{"seconds": 900}]


def test_times_are_rfc_3339_in_utc_and_local_in_tables(tmp_path):
    table = answer(enter=pa.array([MOMENT, MOMENT.replace(microsecond=5)], INSTANT))
    texts = ["2021-07-01T18:30:00Z", "2021-07-01T18:30:00.000005Z"]
    assert [row["enter"] for row in as_json(table, tmp_path)] == texts
    assert [row[0] for row in as_csv(table, tmp_path)[1:]] == texts
    assert "2021-07-02 01:30:00" in as_text(table, tmp_path)


def test_json_is_one_array_with_nulls_lists_dates_and_bytes(tmp_path):
    table = answer(
        zone=pa.array([None], pa.string()),
        lengths=[[1, 2]],
        date=[dt.date(2021, 7, 1)],
        digest=[b"\x01\xff"],
        score=[float("nan")],
        home=[True],
    )
    assert as_json(table, tmp_path) == [
        {
            "zone": None,
            "lengths": [1, 2],
            "date": "2021-07-01",
            "digest": "01ff",
            "score": None,
            "home": True,
        }
    ]


@pytest.mark.parametrize(
    ("write", "expected"), [(as_json, []), (as_csv, [["person"]]), (as_text, "person\n──────\n(no rows)\n")]
)
def test_an_empty_answer_keeps_its_form(write, expected, tmp_path):
    assert write(answer(person=pa.array([], pa.int64())), tmp_path) == expected


def test_a_table_is_aligned_also_for_wide_and_composed_letters(tmp_path):
    text = as_text(answer(name=["Cho\u0323\u031b", "市场", "abcd"], n=[1, 10, 100]), tmp_path)
    assert text.splitlines() == ["name    n", "────  ───", "Cho\u0323\u031b     1", "市场   10", "abcd  100"]


def test_a_table_shows_no_signs_that_steer_a_terminal(tmp_path):
    text = as_text(answer(name=["a\x1b[31m\u202eb"]), tmp_path)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_parquet_keeps_the_types(tmp_path):
    table = answer(person=pa.array([-1], pa.int64()), enter=pa.array([MOMENT], INSTANT))
    write_rows(table, "parquet", str(tmp_path / "rows.parquet"))
    assert pq.read_table(tmp_path / "rows.parquet").equals(table)


def test_without_output_bytes_go_to_standard_output(capsysbinary):
    write_rows(answer(n=[1]), "csv")
    assert capsysbinary.readouterr().out == b"n\n1\n"


def test_a_file_is_its_owners_alone_and_replaced_only_when_whole(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    write_rows(answer(n=[1]), "csv", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def fail(*_):
        raise RuntimeError

    monkeypatch.setitem(write_rows.__globals__["_ENCODERS"], "csv", fail)
    with pytest.raises(RuntimeError):
        write_rows(answer(n=[2]), "csv", str(path))
    assert path.read_text() == "n\n1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_to_and_not_replaced():
    write_rows(answer(n=[1]), "json", "/dev/null")
    with open("/dev/null", "rb") as device:
        assert device.read() == b""


def test_a_folder_that_is_missing_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="--output cannot be written"):
        write_rows(answer(n=[1]), "csv", str(tmp_path / "no" / "rows.csv"))


def test_an_unknown_format_is_wrong_usage():
    with pytest.raises(UsageError, match="--format must be one of table csv json parquet xlsx"):
        write_rows(answer(n=[1]), "xls")


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("rows.csv", b"n\n1"),
        ("rows.CSV", b"n\n1"),
        ("rows.json", b"[\n{"),
        ("rows.parquet", b"PAR1"),
        ("rows.xlsx", b"PK"),
        ("rows.txt", b"n\n"),
        ("rows", b"n\n"),
        ("rows.2021.csv", b"n\n1"),
    ],
)
def test_without_a_format_the_ending_of_the_file_decides(name, begins, tmp_path):
    write_rows(answer(n=[1]), None, str(tmp_path / name))
    assert (tmp_path / name).read_bytes().startswith(begins)


@pytest.mark.parametrize("name", ["rows.xls", "rows.csv.gz", "rows.tsv", "rows.ndjson", "rows.2021-07-01"])
def test_an_ending_that_no_format_has_is_wrong_usage_and_makes_no_file(name, tmp_path):
    with pytest.raises(UsageError, match="no format has the ending"):
        write_rows(answer(n=[1]), None, str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []
    write_rows(answer(n=[1]), "csv", str(tmp_path / name))
    assert (tmp_path / name).read_bytes() == b"n\n1\n"


def test_a_folder_that_may_not_be_written_is_missing_permission(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(errno.EACCES, "Permission denied", f"{tmp_path}/_tmp-x")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(RefusedError, match=re.escape(f"permission denied: {tmp_path}/rows.csv")):
        write_rows(answer(n=[1]), "csv", str(tmp_path / "rows.csv"))


class Screen(io.TextIOWrapper):
    """Standard output as a terminal."""

    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding)

    def isatty(self):
        return True

    def text(self):
        return self.buffer.getvalue().decode(self.encoding)


def test_a_table_fits_a_terminal_and_stays_whole_in_a_pipe(monkeypatch, capsysbinary):
    table = answer(person=[1], stays=[[1, 2, 3, 4, 5]])
    write_rows(table, "table")
    assert b"stays" in capsysbinary.readouterr().out.splitlines()[0]
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys, "stdout", Screen("utf-8"))
    write_rows(table, "table")
    assert sys.stdout.text().splitlines() == [
        "person",
        "─" * 16,
        "0000000000000001",
        "(left out: stays; --format csv has all)",
    ]


def test_a_table_on_a_terminal_without_utf_8_is_written_in_its_encoding(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Screen("cp1252"))
    write_rows(answer(name=["Chợ é"]), "table")
    assert sys.stdout.text() == "name\n-----\nCho é\n"


def test_names_of_venues_are_shown_on_a_terminal_and_not_asked_for_elsewhere(monkeypatch, capsysbinary):
    table = answer(venue=["K1"])

    def names(codes):
        return {code: f"Chợ {code}" for code in codes}

    write_rows(table, "table", venue_names=lambda codes: pytest.fail("not on a terminal"))
    assert capsysbinary.readouterr().out.decode().split() == ["venue", "─" * 5, "K1"]
    monkeypatch.setattr(sys, "stdout", Screen("utf-8"))
    write_rows(table, "table", venue_names=names)
    assert sys.stdout.text().split() == ["venue", "name", "─" * 5, "─" * 6, "K1", "Chợ", "K1"]


@pytest.mark.parametrize("kind", ["parquet", "xlsx"])
def test_a_binary_format_is_not_written_to_a_terminal(kind, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Screen("utf-8"))
    with pytest.raises(UsageError, match=f"--format {kind} is not text"):
        write_rows(answer(n=[1]), kind)


def test_a_small_number_in_a_table_keeps_its_power_of_ten(capsys):
    write_rows(pa.table({"p": [0.0, 0.25, 3.14159, 0.0004, 2.6e-9, -2.6e-9]}), "table")
    assert capsys.readouterr().out.split()[2:] == ["0", "0.25", "3.1416", "4.0e-04", "2.6e-09", "-2.6e-09"]


def test_a_file_of_bytes_is_private_and_whole_or_not_at_all(tmp_path):
    write_file(b"content", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="the network cannot be written"):
        write_file(b"content", tmp_path / "nowhere" / "a.bin", "the network")
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_one_thing_is_not_several():
    assert [counted(number, "case") for number in (0, 1, 1204)] == ["0 cases", "1 case", "1,204 cases"]
    assert counted(2, "person", "people") == "2 people"
