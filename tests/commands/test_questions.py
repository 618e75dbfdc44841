"""The commands: rows in every form, words on standard error, an exit code by kind of error."""

import csv
import io
import json
import stat
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from pipelines.privacy.keys import create_keys
from pipelines.terminal.output import token_text
from tests.lakes import assert_one_line, new_lake, person_token, put_cases, put_stays, put_venues

STAYS = """
    person | venue | zone | enter    | exit     | exit_kind | last_seen
    an     | cafe  |      | 10 08:00 | 10 10:00 |           |
    an     | house |      | 10 20:00 | 10 22:00 |           |
    binh   | cafe  | t1   | 10 09:00 | 10 11:00 | default   | 10 09:30
"""
CASES = """
    case_id | person | onset_at | withdrawn_at
    BN-1    | an     | 11 00:00 |
    BN-2    | an     | 11 00:00 | 12 00:00
    BN-3    | an     |          |
"""


@pytest.fixture
def lake(tmp_path, monkeypatch):
    for name in ("TRUYVET_LAKE", "TRUYVET_KEYS"):
        monkeypatch.delenv(name, raising=False)
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type|name\ncafe|restaurant|=Cà phê\nhouse|home|Nhà")
    put_stays(lake, STAYS)
    put_cases(lake, CASES)
    return lake


def test_overlaps_as_json_hold_hexadecimal_tokens_and_utc(lake, capsys):
    assert main(["overlaps", "--lake", lake.url, "--person", "device:an", "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == [
        {
            "person": token_text(person_token(lake, "binh")),
            "venue": "cafe",
            "zone": "t1",
            "start": "2021-07-10T09:00:00Z",
            "end": "2021-07-10T10:00:00Z",
            "seconds": 3600,
            "seconds_imputed": 1800,
        }
    ]
    assert "lake version" in shown.err
    assert "An empty answer" not in shown.err


def test_overlaps_as_csv_and_parquet_and_table(lake, tmp_path, capsys):
    words = ["overlaps", "--lake", lake.url, "--person", "device:an"]
    assert main([*words, "--format", "csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["person"] == token_text(person_token(lake, "binh"))
    target = tmp_path / "rows.parquet"
    assert main([*words, "--format", "parquet", "--output", str(target)]) == 0
    assert capsys.readouterr().out == ""
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    rows = pq.read_table(target)
    assert rows["person"].to_pylist() == [person_token(lake, "binh")]
    assert rows.schema.field("start").type == pa.timestamp("us", tz="UTC")
    assert main(words) == 0
    assert "2021-07-10 16:00:00" in capsys.readouterr().out


def test_an_empty_answer_is_no_safety_and_no_error(lake, capsys):
    assert main(["overlaps", "--lake", lake.url, "--person", "device:nobody", "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == []
    assert shown.err.splitlines()[-1] == "An empty answer is not safety."


def test_the_lake_may_come_from_the_environment(lake, monkeypatch, capsys):
    monkeypatch.setenv("TRUYVET_LAKE", lake.url)
    assert main(["overlaps", "--case", "BN-1", "--min-minutes", "61", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["overlaps"], 2, "one of --person and --case"),
        (["overlaps", "--person", "device:an", "--case", "BN-1"], 2, "one of --person and --case"),
        (["overlaps", "--person", "MARKER"], 2, "KIND:VALUE"),
        (["overlaps", "--person", "phone:MARKER"], 2, "this is no phone"),
        (["overlaps", "--person", "device:an", "--from", "MARKER"], 2, "--from is no time"),
        (["overlaps", "--person", "device:an", "--min-minutes", "MARKER"], 2, "--min-minutes"),
        (["overlaps", "--person", "device:an", "--min-minutes", "-5"], 2, "--min-minutes"),
        (["overlaps", "--case", "MARKER"], 3, "--case names no case"),
        (["overlaps", "--case", "BN-2"], 3, "--case names a case that has been withdrawn"),
        (["milestones"], 2, "--case"),
        (["milestones", "--case", "MARKER"], 3, "--case names no case"),
        (["milestones", "--case", "BN-2"], 3, "withdrawn"),
        (["milestones", "--case", "BN-3"], 3, "neither onset nor sample"),
        (["milestones", "--case", "BN-1", "--rule", "who-2021"], 2, "did you mean who-2020-12"),
        (["token", "phone:MARKER"], 2, "this is no phone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_question_that_cannot_be_answered_is_one_line_without_its_value(lake, words, code, said, capsys):
    assert main([words[0], "--lake", lake.url, *words[1:]]) == code
    assert_one_line(capsys.readouterr(), said)


def test_no_lake_and_other_keys_have_their_own_exit_codes(lake, tmp_path, capsys):
    create_keys(tmp_path / "other")
    assert main(["overlaps", "--lake", str(tmp_path / "none"), "--case", "BN-1"]) == 3
    for words in (["overlaps", "--person", "device:an"], ["overlaps", "--case", "BN-1"]):
        assert main([*words, "--lake", lake.url, "--keys", str(tmp_path / "other")]) == 5
    assert main(["token", "--lake", lake.url, "--keys", str(tmp_path / "other"), "device:an"]) == 5
    assert capsys.readouterr().out == ""


def test_milestones_are_written_and_homes_left_out_when_published(lake, capsys):
    words = ["milestones", "--lake", lake.url, "--case", "BN-1", "--format", "csv"]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "venue,name,enter,exit,enter_kind,exit_kind",
        "cafe,'=Cà phê,2021-07-10T08:00:00Z,2021-07-10T10:00:00Z,scanned,scanned",
        "house,Nhà,2021-07-10T20:00:00Z,2021-07-10T22:00:00Z,scanned,scanned",
    ]
    assert shown.err.splitlines() == [
        "lake version -1, last scan never",
        "at the 2 venues concerned 25% of the time in 3 stays is imputed",
        "0 scans name no registered venue; 0 scan records were rejected",
    ]
    assert main([*words, "--publish"]) == 0
    published = capsys.readouterr()
    assert "Nhà" not in published.out
    assert published.err == shown.err


def test_a_rule_of_another_time_is_a_line_and_no_refusal(lake, capsys):
    words = ["milestones", "--lake", lake.url, "--case", "BN-1", "--rule", "vn-2021-12", "--format", "json"]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)) == 2
    said = shown.err.splitlines()
    assert said[0] == "the case is older than rule vn-2021-12, which is valid from 2021-12-29"
    assert said[1] == "lake version -1, last scan never"


def test_the_token_stands_last_on_the_last_line(lake, tmp_path, monkeypatch, capsys):
    expected = token_text(person_token(lake, "an"))
    assert main(["token", "--lake", lake.url, "device:an"]) == 0
    assert main(["token", "--keys", str(tmp_path / "lake.keys"), "device:an"]) == 0
    monkeypatch.setenv("TRUYVET_LAKE", lake.url)
    assert main(["token", "device:an"]) == 0
    assert capsys.readouterr().out.split() == [expected] * 3


@pytest.mark.parametrize("name", ["overlaps", "milestones", "token"])
def test_a_question_imports_neither_beam_nor_what_draws_nor_what_compiles(name):
    code = (
        f"import sys; from pipelines.cli import COMMANDS; COMMANDS[{name!r}].load();"
        "print(sorted({'apache_beam', 'matplotlib', 'numba', 'pandas', 'numpy.ma'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
