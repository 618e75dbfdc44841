import json
import os
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.cli import main
from pipelines.lake import commit, snapshot, write_data_file
from pipelines.lake.statistics import Statistics
from pipelines.maintenance.verify import Problem, verify
from schemas.tables import FOOTFALL, SCANS, STAYS
from tests.lake.rows import (
    DATES,
    add,
    add_stays,
    data_paths,
    footfall_rows,
    make_lake,
    scan_rows,
    stay_rows,
    whole_lake,
)

DATE = {"date": DATES[0]}


@pytest.fixture
def lake(tmp_path):
    return whole_lake(tmp_path)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return whole_lake(tmp_path_factory.mktemp("verify"))


def problems(lake):
    return [(found.table, found.problem) for found in verify(lake).problems]


def replace_stays(lake, by, rows, date=DATES[0]):
    old = [file for file in snapshot(lake, "stays").files if file.partition == {"by": by, "date": date}]
    file = write_data_file(lake, STAYS, {"by": by, "date": date}, rows)
    commit(lake, "stays", [file], remove=old, after=snapshot(lake, "stays").version)


def test_a_lake_in_which_every_law_holds_has_no_problems(untouched):
    verified = verify(untouched)
    assert verified.problems == ()
    assert verified.files == 2 + 1 + 4 + 2
    assert verified.rows == 2 * 50 + 3 + 4 * 40 + 2


def test_an_empty_lake_has_no_problems(tmp_path):
    verified = verify(make_lake(tmp_path))
    assert (verified.problems, verified.files, verified.rows) == ((), 0, 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_flipped_bit_of_a_data_file_is_found(untouched, data):
    name = data.draw(st.sampled_from(["scans", "venues", "stays", "footfall"]))
    path = data.draw(st.sampled_from(data_paths(untouched, name)))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    try:
        found = {(problem.table, problem.file) for problem in verify(untouched).problems}
    finally:
        path.write_bytes(whole)
    assert (name, str(path.relative_to(f"{untouched.url}/{name}"))) in found


def test_text_that_is_not_utf8_is_a_problem_and_no_crash(untouched):
    path = data_paths(untouched, "stays")[0]
    whole = path.read_bytes()
    rows = pq.ParquetFile(pa.BufferReader(whole)).read()
    at = rows.schema.get_field_index("enter_kind")
    broken = pa.array([b"\xf3canned"] * rows.num_rows).view(pa.string()).cast(rows.schema.field(at).type)
    pq.write_table(rows.set_column(at, rows.schema.field(at), broken), path)
    try:
        found = {problem.problem for problem in verify(untouched).problems}
    finally:
        path.write_bytes(whole)
    assert "it cannot be read as Parquet" in found


def test_a_kind_that_nobody_knows_is_a_problem_and_no_crash(untouched):
    path = data_paths(untouched, "stays")[0]
    whole = path.read_bytes()
    rows = pq.ParquetFile(pa.BufferReader(whole)).read()
    at = rows.schema.get_field_index("enter_kind")
    unknown = pa.array(["rcanned"] * rows.num_rows, rows.schema.field(at).type)
    pq.write_table(rows.set_column(at, rows.schema.field(at), unknown), path)
    try:
        found = {(problem.table, problem.file) for problem in verify(untouched).problems}
    finally:
        path.write_bytes(whole)
    assert ("stays", str(path.relative_to(f"{untouched.url}/stays"))) in found


def test_a_flipped_byte_of_a_sidecar_is_found(lake):
    sidecar = next(Path(lake.url).rglob("_*.arrow"))
    content = bytearray(sidecar.read_bytes())
    content[len(content) // 2] ^= 0xFF
    sidecar.write_bytes(content)
    assert [table for table, _ in problems(lake)] == ["stays"]


def test_a_file_cut_short_is_named_once_for_each_thing_that_is_wrong(lake):
    (path,) = data_paths(lake, "venues")
    os.truncate(path, 100)
    assert problems(lake) == [
        ("venues", "bytes have changed: its SHA-256 is not the one in its name"),
        ("venues", "it cannot be read as Parquet"),
        ("venues", "its size is not the one in the log"),
    ]


def test_a_missing_file_is_named(lake):
    (path,) = data_paths(lake, "venues")
    path.unlink()
    assert verify(lake).problems == (Problem("venues", path.name, "the file is missing"),)


def test_files_that_the_log_does_not_name_matter_to_nobody(lake):
    folder = Path(lake.url, "stays", "by=venue", f"date={DATES[0]}")
    (folder / "_tmp-1-2-ab").write_bytes(b"half")
    (folder / "part-0000.parquet").write_bytes(b"orphan")
    write_data_file(lake, STAYS, {"by": "venue", **DATE}, stay_rows("venue", seed=9))
    assert verify(lake).problems == ()


def test_rows_of_the_wrong_order_are_found(lake):
    replace_stays(lake, "venue", stay_rows("person"))
    assert problems(lake) == [("stays", "rows are not sorted by venue, enter")]


def test_orders_that_disagree_in_one_value_are_found(lake):
    rows = stay_rows("person")
    scans = pa.array([7, *rows["scans"].to_pylist()[1:]], pa.int32())
    replace_stays(lake, "person", rows.set_column(8, rows.schema.field(8), scans))
    assert verify(lake).problems == (
        Problem("stays", f"date={DATES[0]}", "the two orders do not hold the same rows"),
    )


def test_a_stay_that_is_only_in_one_order_is_found_and_so_is_its_missing_entry(lake):
    replace_stays(lake, "venue", stay_rows("venue").slice(1))
    assert problems(lake) == [
        ("footfall", "exits are not the stays"),
        ("footfall", "entries are not the stays that enter"),
        ("stays", "the two orders do not hold the same rows"),
    ]


def test_footfall_that_is_ahead_of_the_stays_is_not_compared_with_them(lake):
    more = footfall_rows(stay_rows("venue", DATES[1]), DATES[1], exits=7)
    add(lake, FOOTFALL, {"date": DATES[1]}, more, marks={"scans_version": 0})
    assert verify(lake).problems == ()


def test_an_event_key_in_two_files_of_a_date_is_found(lake):
    add(lake, SCANS, DATE, scan_rows().slice(0, 3))
    assert verify(lake).problems == (
        Problem("scans", f"date={DATES[0]}", "the same event key again: 3 rows"),
    )


def test_an_event_key_on_two_dates_is_two_scans(lake):
    moved = scan_rows(DATES[1], seed=1)
    keys = pa.array(scan_rows()["event_key"].to_pylist(), pa.binary())
    add(lake, SCANS, {"date": DATES[1]}, moved.set_column(0, moved.schema.field(0), keys))
    assert [found for found in problems(lake) if "again" in found[1]] == []


def test_statistics_that_lie_are_found(lake, monkeypatch):
    lie = Statistics(50, {"occurred_at": 0}, {}, {})
    monkeypatch.setattr("pipelines.lake.data_files.statistics_of", lambda _rows: lie)
    file = write_data_file(lake, SCANS, DATE, scan_rows(seed=3))
    commit(lake, "scans", [file], after=snapshot(lake, "scans").version)
    assert problems(lake) == [("scans", "statistics are false: least of occurred_at")]


def test_a_table_that_leads_is_found(lake):
    add_stays(lake, seed=5, marks={"scans_version": 9})
    assert ("stays", "reflects a later version of scans than there is") in problems(lake)


def test_a_damaged_log_is_found_and_the_other_tables_are_checked_all_the_same(lake):
    entry = Path(lake.url, "scans", "_delta_log", f"{1:020d}.json")
    entry.write_bytes(b"{")
    data_paths(lake, "venues")[0].unlink()
    assert problems(lake) == [
        ("scans", "the log cannot be read"),
        ("scans", "the entry is damaged"),
        ("venues", "the file is missing"),
    ]


def test_the_command_answers_rows_and_exit_3_and_says_what_it_checked(lake, capsys):
    assert main(["verify", "--lake", lake.url, "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == []
    assert shown.err == "checked 9 files and 265 rows: no problems\n"
    (path,) = data_paths(lake, "venues")
    path.unlink()
    assert main(["verify", "--lake", lake.url, "--format", "csv"]) == 3
    shown = capsys.readouterr()
    assert shown.out.splitlines() == ["table,file,problem", f"venues,{path.name},the file is missing"]
    assert shown.err == "checked 9 files and 262 rows: 1 problem\n"


def test_no_problem_shows_a_value_of_a_row(lake):
    rows = stay_rows("venue")
    kinds = pa.array(["MARKER", *rows["enter_kind"].to_pylist()[1:]])
    replace_stays(lake, "venue", rows.set_column(5, rows.schema.field(5), kinds))
    text = str(verify(lake))
    assert "unknown enter_kind" in text
    assert "MARKER" not in text
    assert not re.search(r"-?\d{15,}[^\d./a-f]", text)


@pytest.mark.parametrize(("make", "code"), [(None, 3), ("file", 3), ("folder", 3)])
def test_a_place_without_a_lake_is_one_line(tmp_path, make, code, capsys):
    if make == "file":
        (tmp_path / "x").write_text("mine")
    if make == "folder":
        (tmp_path / "x").mkdir()
    assert main(["verify", "--lake", str(tmp_path / "x")]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
