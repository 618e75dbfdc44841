"""The commands `backward`, `clusters` and `network`: rows or a file, words on standard error, exit codes."""

import json
import stat
import subprocess
import sys

import pytest

from pipelines.cli import main
from pipelines.privacy.keys import create_keys
from tests.graph.lakes import put_footfall
from tests.lakes import new_lake, put_cases, put_stays, put_venues

STAYS = """
    person | venue | enter   | exit
    an     | hall  | 6 12:00 | 6 14:00
    binh   | hall  | 6 12:00 | 6 14:00
    chi    | hall  | 6 12:00 | 6 14:00
    dung   | hall  | 6 13:00 | 6 14:00
    em     | shop  | 6 13:00 | 6 14:00
    an     | shop  | 14 12:00 | 14 14:00
    em     | shop  | 14 12:00 | 14 14:00
"""
CASES = """
    case_id | person | onset_at | withdrawn_at
    BN-1    | an     | 15 00:00 |
    BN-2    | binh   | 15 00:00 |
    BN-3    | chi    | 15 00:00 |
    BN-4    | giang  |          |
    BN-5    | hoa    | 15 00:00 | 20 00:00
    BN-6    | lan    | 15 00:00 |
"""


@pytest.fixture
def lake(tmp_path, monkeypatch):
    for name in ("TRUYVET_LAKE", "TRUYVET_KEYS"):
        monkeypatch.delenv(name, raising=False)
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code|type|name\nhall|entertainment|=Nhà văn hoá\nshop|shop|")
    put_stays(lake, STAYS)
    put_cases(lake, CASES)
    put_footfall(lake)
    return lake


def test_clusters_lists_what_is_marked_and_says_how_much_was_tested(lake, capsys):
    assert main(["clusters", "--lake", lake.url, "--format", "json"]) == 0
    shown = capsys.readouterr()
    rows = json.loads(shown.out)
    assert len(rows) == 8
    assert {row["venue"] for row in rows} == {"hall"}
    assert rows[0]["case_ids"] == ["BN-1", "BN-2", "BN-3"]
    assert shown.err.splitlines() == [
        "23 windows tested, 16 of them with any of 4 cases",
        "left out: 1 case with neither onset nor sample",
        "significant at a false discovery rate of 0.05: 0 windows",
        "with 3 cases or more: 8 windows",
        "lake version -1, last scan never",
        "2 of 5 cases are in no scan",
        "at the 2 venues concerned 0% of the time in 7 stays is imputed",
        "0 scans name no registered venue; 0 scan records were rejected",
    ]
    assert main(["clusters", "--lake", lake.url, "--by-venue", "--all", "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert ",'=Nhà văn hoá," in lines[1]
    assert lines[1].endswith("BN-1;BN-2;BN-3")


def test_backward_lists_venues_or_people(lake, capsys):
    assert main(["backward", "--lake", lake.url, "--all-cases", "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert [row["venue"] for row in json.loads(shown.out)] == ["hall"]
    assert shown.err.splitlines() == [
        "of 4 cases two or more share 1 venue and 4 people",
        "left out: 1 case with neither onset nor sample",
        "lake version -1, last scan never",
        "2 of 5 cases are in no scan",
        "at the 1 venue concerned 0% of the time in 4 stays is imputed",
        "0 scans name no registered venue; 0 scan records were rejected",
    ]
    words = [
        "backward",
        "--lake",
        lake.url,
        "--case",
        "BN-1",
        "--case",
        "BN-2",
        "--people",
        "--format",
        "csv",
    ]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "person,own_case_ids,cases,case_ids,seconds,first_met,venues"
    assert len(lines) == 3
    assert ",BN-3,2,BN-1;BN-2,14400," in lines[1]
    assert lines[2].endswith(",,2,BN-1;BN-2,7200,2021-07-06T13:00:00Z,hall")


@pytest.mark.parametrize("ending", ["graphml", "gexf", "svg", "png"])
def test_network_writes_a_private_file_and_says_what_is_in_it(lake, tmp_path, ending, capsys):
    target = tmp_path / f"BN-1.{ending}"
    assert main(["network", "--lake", lake.url, "--case", "BN-1", "--output", str(target)]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "1 person exposed, 1 venue",
        "lake version -1, last scan never",
        "at the 1 venue concerned 0% of the time in 2 stays is imputed",
        "0 scans name no registered venue; 0 scan records were rejected",
    ]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.stat().st_size > 500


def test_an_empty_network_is_written_and_said_to_be_empty(lake, tmp_path, capsys):
    target = tmp_path / "BN-6.svg"
    assert main(["network", "--lake", lake.url, "--case", "BN-6", "--output", str(target)]) == 0
    assert "An empty answer is not safety." in capsys.readouterr().err.splitlines()[-1]
    assert target.exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["clusters", "--fdr", "MARKER"], 2, "--fdr"),
        (["clusters", "--fdr", "2"], 2, "--fdr must be a share"),
        (["clusters", "--threshold", "0"], 2, "--threshold"),
        (["clusters", "--from", "MARKER"], 2, "--from is no time"),
        (["clusters", "--back-days", "-1"], 2, "--back-days"),
        (["backward"], 2, "one of --case and --all-cases"),
        (["backward", "--all-cases", "--case", "BN-1"], 2, "one of --case and --all-cases"),
        (["backward", "--case", "MARKER"], 3, "--case names no case"),
        (["backward", "--case", "BN-4"], 3, "neither onset nor sample"),
        (["backward", "--case", "BN-5"], 3, "withdrawn"),
        (["backward", "--all-cases", "--within-hours", "-1"], 2, "--within-hours"),
        (
            ["network", "--case", "BN-1", "--output", "MARKER.pdf"],
            2,
            "--output has an ending",
        ),
        (["network", "--case", "MARKER", "--output", "a.svg"], 3, "--case names no case"),
        (["network", "--case", "BN-4", "--output", "a.svg"], 3, "neither onset nor sample"),
        (["network", "--case", "BN-1", "--output", "/MARKER/a.svg"], 2, "the network cannot be written"),
        (["network", "--case", "BN-1"], 2, "--output"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_question_that_cannot_be_answered_is_one_line_without_its_value(lake, words, code, said, capsys):
    assert main([words[0], "--lake", lake.url, *words[1:]]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert said in shown.err
    assert "MARKER" not in shown.err.replace("'MARKER'", "")


@pytest.mark.parametrize(
    "words", [["clusters"], ["backward", "--all-cases"], ["network", "--case", "BN-1", "--output", "a.svg"]]
)
def test_other_keys_are_refused_and_no_lake_is_bad_data(lake, tmp_path, words, capsys):
    create_keys(tmp_path / "other")
    assert main([words[0], "--lake", lake.url, "--keys", str(tmp_path / "other"), *words[1:]]) == 5
    assert main([words[0], "--lake", str(tmp_path / "none"), *words[1:]]) == 3
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("words", [["clusters"], ["backward", "--all-cases"]])
def test_an_empty_lake_is_answered_with_no_rows(tmp_path, words, capsys):
    empty = new_lake(tmp_path)
    assert main([words[0], "--lake", empty.url, *words[1:], "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == []
    assert "0 cases" in shown.err


@pytest.mark.parametrize("name", ["backward", "clusters", "network"])
def test_a_question_to_the_network_loads_no_beam_and_pictures_only_when_they_are_drawn(name):
    code = (
        f"import sys; from pipelines.cli import COMMANDS; COMMANDS[{name!r}].load();"
        "print(sorted({'apache_beam', 'matplotlib', 'networkx', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
