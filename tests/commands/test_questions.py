"""`truyvet overlaps`, `milestones` and `token`: what their rows and lines say."""

import csv
import io
import json
import stat

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from pipelines.terminal.output import token_text
from tests.lakes import new_lake, person_token, put_cases, put_stays, put_venues

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


def test_new_keys_are_told_once_so_that_a_mistyped_lake_is_seen(tmp_path, capsys):
    words = ["token", "--lake", str(tmp_path / "typo"), "device:an"]
    assert main(words) == 0
    first = capsys.readouterr()
    assert (
        first.err == f"truyvet token: {tmp_path / 'typo.keys'} is a new folder of keys; keep a copy of it\n"
    )
    assert main(words) == 0
    assert capsys.readouterr() == (first.out, "")
