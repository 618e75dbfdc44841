"""`truyvet export`, `cases` and `ledger` from the command line."""

import datetime as dt
import json
import os
import shutil

import pytest

from pipelines.cli import main
from pipelines.privacy.keys import create_keys
from pipelines.times import EPOCH, parse_instant
from tests.export.worlds import CASE, OTHER_CASE, PHONES, make_lake

RULE = ["--rule", "vn-2020-12", "--depth", "1"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make_lake(folder)
    return folder


@pytest.fixture
def lake(made, tmp_path):
    """A lake of one's own."""
    for name in ("lake", "lake.keys"):
        shutil.copytree(made / name, tmp_path / name)
    return str(tmp_path / "lake")


def exported(lake, output, *words):
    return main(["export", "--lake", lake, "--case", CASE, "--output", str(output), *RULE, *words])


def ledger_of(lake):
    with open(f"{lake}.ledger/ledger.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_a_list_is_made_and_checked_and_says_what_it_rests_on(lake, tmp_path, capsys):
    assert exported(lake, tmp_path / "list") == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"{tmp_path}/list: 4 people, 3 files\n")
    assert "last scan 2021-08-05" in shown.err
    assert main(["export", "--check", str(tmp_path / "list"), "--ledger", f"{lake}.ledger"]) == 0
    assert "signature and 3 files are sound" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--reveal"], 2, "--authority-key"),
        (["--reveal", "--authority-key", "missing.key"], 3, "missing.key"),
        (["--format", "pdf"], 2, "--format"),
        (["--format", "sormas"], 2, "--disease"),
        (["--lang", "fr"], 2, "--lang"),
        (["--since", "missing"], 3, "missing"),
        (["--people", "missing.csv"], 3, "missing.csv"),
        (["--expires-days", "0"], 2, "--expires-days"),
        (["--capacity", "-1"], 2, "--capacity"),
        (["--depth", "deep"], 2, "--depth must be an integer"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_wrong_is_one_line_and_no_folder(lake, tmp_path, words, code, said, capsys):
    assert exported(lake, tmp_path / "list", *words) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert said in shown.err
    assert not (tmp_path / "list").exists()


def test_the_key_of_another_authority_opens_nothing(lake, tmp_path, capsys):
    create_keys(tmp_path / "other.keys")
    words = ["--reveal", "--authority-key", str(tmp_path / "other.keys" / "authority.key")]
    assert exported(lake, tmp_path / "list", *words) == 5
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "list").exists()


def test_a_folder_that_holds_something_is_left_as_it_is(lake, tmp_path, capsys):
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "notes.txt").write_text("mine")
    assert exported(lake, tmp_path / "list") == 2
    assert os.listdir(tmp_path / "list") == ["notes.txt"]


def test_a_damaged_list_is_bad_data_and_a_foreign_key_is_refused(lake, tmp_path, capsys):
    assert exported(lake, tmp_path / "list", "--format", "csv") == 0
    assert main(["export", "--check", str(tmp_path / "list"), "--fingerprint", "0" * 64]) == 5
    with open(tmp_path / "list" / "list.csv", "ab") as file:
        file.write(b"one more\n")
    assert main(["export", "--check", str(tmp_path / "list")]) == 3
    assert "list.csv" in capsys.readouterr().err


def test_a_later_list_says_who_is_new_and_who_is_gone(lake, tmp_path, capsys):
    assert exported(lake, tmp_path / "one", "--format", "json", "--until", "2021-08-05T10:00:00+07:00") == 0
    assert exported(lake, tmp_path / "two", "--format", "json", "--since", str(tmp_path / "one")) == 0
    rows = json.loads((tmp_path / "two" / "list.json").read_text())
    changes = sorted(row["change"] for row in rows)
    assert set(changes) <= {"new", "changed", "same"}
    assert changes.count("new") == 2
    words = ["--lake", lake, "--case", CASE, "--output", str(tmp_path / "three"), "--rule", "who-2020-12"]
    assert main(["export", *words, "--since", str(tmp_path / "one")]) == 2  # another question


def test_cases_are_listed_added_and_withdrawn(lake, capsys):
    words = ["--lake", lake]
    assert main(["cases", "list", *words, "--format", "json", "--rule", "vn-2020-12"]) == 0
    rows = {row["case_id"]: row for row in json.loads(capsys.readouterr().out)}
    assert {case: row["state"] for case, row in rows.items()} == {CASE: "infectious", OTHER_CASE: "undated"}
    assert rows[CASE]["stays"] == 6
    assert rows[CASE]["last_scan"] == "2021-08-05T06:40:00Z"
    assert "person" not in rows[CASE]
    added = ["cases", "add", "BN-3", "--person", PHONES["binh"], "--onset", "2021-08-07", *words]
    assert main(added) == 0
    assert json.loads(capsys.readouterr().out)["others"]["cases"]["accepted"] == 1
    assert main([*added[:-2], "--sampled", "2021-08-07", *words]) == 0
    assert "the case was known already" in capsys.readouterr().err
    assert main(["cases", "withdraw", "BN-3", "--at", "2021-08-09", *words]) == 0
    assert json.loads(capsys.readouterr().out)["withdrawn"] == 1
    assert main(["cases", "list", *words, "--format", "json"]) == 0
    states = {row["case_id"]: row["state"] for row in json.loads(capsys.readouterr().out)}
    assert states["BN-3"] == "withdrawn"
    assert main(["trace", *words, "--case", "BN-3"]) == 3
    assert main(["cases", "withdraw", "BN-9", *words]) == 3
    assert main(["cases", "add", "BN-4", "--person", "phone:12", *words]) == 2
    assert main(["cases", "add", "BN-4", "--person", PHONES["chi"], "--onset", "soon", *words]) == 2
    assert "soon" not in capsys.readouterr().err
    ahead = ["--reported", "2999-01-01", "--isolated", "2999-01-02"]
    assert main(["cases", "add", "BN-5", "--person", PHONES["chi"], *ahead, *words]) == 0
    (note,) = [line for line in capsys.readouterr().err.splitlines() if "future" in line]
    assert note == "truyvet cases: reported_at lies in the future: check the date"


QUESTIONS = [
    ["overlaps", "--case", CASE],
    ["overlaps", "--person", PHONES["binh"]],
    ["trace", "--case", CASE, "--explain", PHONES["binh"]],
    ["milestones", "--case", CASE],
    ["backward", "--all-cases"],
    ["clusters"],
    ["network", "--case", CASE, "--output", "network.svg"],
]


@pytest.mark.parametrize("words", QUESTIONS, ids=lambda words: " ".join(words[:2]))
def test_each_question_is_in_the_ledger_before_its_answer(lake, tmp_path, words, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = [*words, "--lake", lake, "--actor", "lan", "--purpose", "outbreak 8"]
    assert main(asked) == 0
    (line,) = ledger_of(lake)
    assert (line["command"], line["actor"], line["purpose"]) == (words[0], "lan", "outbreak 8")
    assert line["cases"] == ([CASE] if "--case" in words else [])
    assert "9051112" not in json.dumps(line)
    capsys.readouterr()
    shutil.rmtree(f"{lake}.ledger")
    (tmp_path / "lake.ledger").write_text("no folder")
    assert main(asked) == 5
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "the ledger" in shown.err


def test_the_ledger_is_shown_and_checked_and_its_head_printed(lake, tmp_path, capsys):
    for _ in range(3):
        assert main(["milestones", "--case", CASE, "--lake", lake]) == 0
    assert exported(lake, tmp_path / "list", "--format", "csv") == 0
    capsys.readouterr()
    assert main(["ledger", "show", "--lake", lake, "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [row["command"] for row in shown] == ["milestones"] * 3 + ["export"]
    assert [row["at"] for row in shown] == [line["at"] for line in ledger_of(lake)]
    local = parse_instant(shown[0]["at"]) + 7 * 3_600_000_000
    assert main(["ledger", "show", "--lake", lake]) == 0
    in_table = capsys.readouterr().out.splitlines()[2].split()[1:3]
    assert in_table == str(EPOCH + dt.timedelta(microseconds=local)).split(".")[0].split()
    assert main(["ledger", "head", "--lake", lake]) == 0
    assert json.loads(capsys.readouterr().out)["seq"] == 4
    assert main(["ledger", "check", "--lake", lake, "--list", str(tmp_path / "list")]) == 0
    path = tmp_path / "lake.ledger" / "ledger.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    assert main(["ledger", "check", "--lake", lake]) == 0  # a tail that was cut off needs a witness
    assert main(["ledger", "check", "--lake", lake, "--list", str(tmp_path / "list")]) == 3
    path.write_text("".join([lines[0], lines[2], lines[1], lines[3]]))
    assert main(["ledger", "check", "--lake", lake]) == 3
    assert "line 2" in capsys.readouterr().err
