import json

import pytest

from pipelines.cli import main

WORDS = ["--people", "40", "--venues", "20", "--days", "2", "--seed", "3"]


def test_the_command_makes_a_world_and_prints_one_line(tmp_path, capsys):
    assert main(["simulate", "--out", str(tmp_path / "w"), *WORDS]) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert shown.out.count("\n") == 1
    assert report["expected"] == json.loads((tmp_path / "w" / "simulation.json").read_text())["expected"]
    assert "--now 2021-08-03T00:00:00+07:00" in shown.err


def test_knobs_and_start_are_flags(tmp_path, capsys):
    words = [*WORDS, "--start", "2021-07-01", "--scanning", "0"]
    assert main(["simulate", "--out", str(tmp_path / "w"), *words]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["now"] == "2021-07-03T00:00:00+07:00"
    assert report["expected"]["scans"]["received"] == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--people", "0"],
        ["--people", "many"],
        ["--venues", "-1"],
        ["--days", "1.5"],
        ["--seed", "-1"],
        ["--start", "yesterday"],
        ["--start", "2021-02-29"],
        ["--scanning", "2"],
        ["--late-days", "nan"],
    ],
)
def test_wrong_flags_are_one_line_and_exit_code_2(words, tmp_path, capsys):
    assert main(["simulate", "--out", str(tmp_path / "w"), *WORDS, *words]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert words[0] in shown.err
    assert not (tmp_path / "w").exists()


def test_a_second_simulation_into_the_same_folder_is_refused(tmp_path, capsys):
    assert main(["simulate", "--out", str(tmp_path / "w"), *WORDS]) == 0
    assert main(["simulate", "--out", str(tmp_path / "w"), *WORDS]) == 2
    assert "--out is not empty" in capsys.readouterr().err
