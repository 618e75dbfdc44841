"""What holds for every command: forms of output, one-line refusals, exit codes, and what is imported."""

import csv
import io
import json
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines import cli
from pipelines.cli import main
from pipelines.privacy.keys import create_keys
from schemas import rules as rule_packs
from tests.commands.contract_lake import contract_lake
from tests.lakes import assert_one_line, new_lake

NO_SAFETY = "An empty answer is not safety."

ANSWERS = {
    "overlaps": ["overlaps", "--case", "BN-0001"],
    "trace": ["trace", "--case", "BN-0001", "--rule", "vn-2020-12"],
    "trace --capacity": ["trace", "--all-cases", "--rule", "vn-2020-12", "--capacity", "1"],
    "trace --compare": ["trace", "--case", "BN-0001", "--compare", "vn-2020-12"],
    "trace --explain": ["trace", "--case", "BN-0001", "--rule", "vn-2020-12", "--explain", "device:chi"],
    "milestones": ["milestones", "--case", "BN-0001"],
    "clusters": ["clusters", "--all"],
    "backward": ["backward", "--all-cases"],
    "backward --people": ["backward", "--all-cases", "--people"],
    "adoption": ["adoption"],
    "coverage": ["coverage"],
    "declarations": ["declarations"],
    "declarations --unlinked": ["declarations", "--unlinked"],
    "statistics": ["statistics"],
    "venues list": ["venues", "list"],
}
"""Questions to a lake that answer rows, none of them empty on the lake of the contract."""

WITHOUT_A_STATEMENT = ("adoption", "declarations", "statistics", "venues list")
"""They say how recent the scans or declarations are, and no more: no stay of a case is behind them."""

EMPTY = {
    "overlaps": ["overlaps", "--person", "device:nobody"],
    "trace": ["trace", "--all-cases"],
    "trace --explain": ["trace", "--all-cases", "--explain", "device:an"],
    "trace --compare": ["trace", "--all-cases", "--compare", "vn-2020-12"],
    "clusters": ["clusters"],
    "backward": ["backward", "--all-cases"],
}
"""What can be asked of a lake that holds nothing yet."""

KEYED = [*ANSWERS.values(), ["network", "--case", "BN-0001", "--output", "a.svg"], ["recompute"]]
"""Commands that compare `--keys` with those of the lake."""

ASKED_OF_A_LAKE = [
    *KEYED,
    ["verify"],
    ["doctor"],
    ["compact"],
    ["contacts", "--date", "2021-07-10"],
    ["purge", "--dry-run"],
    ["erase", "--person", "device:nobody", "--decision", "none"],
]

REFUSED = [
    (["overlaps"], 2, "one of --person and --case"),
    (["overlaps", "--person", "device:an", "--case", "BN-0001"], 2, "one of --person and --case"),
    (["overlaps", "--person", "MARKER"], 2, "KIND:VALUE"),
    (["overlaps", "--person", "phone:MARKER"], 2, "phone"),
    (["overlaps", "--person", "device:an", "--from", "MARKER"], 2, "--from"),
    (["overlaps", "--person", "device:an", "--to", "2021-02-30"], 2, "--to"),
    (
        ["overlaps", "--case", "BN-0001", "--from", "2021-07-02", "--to", "2021-07-01"],
        2,
        "--from lies after --to",
    ),
    (["overlaps", "--person", "device:an", "--min-minutes", "MARKER"], 2, "--min-minutes"),
    (["overlaps", "--person", "device:an", "--min-minutes", "-5"], 2, "--min-minutes must be a number ≥ 0"),
    (["overlaps", "--case", "MARKER"], 3, "--case names no case of this lake ('MARKER')"),
    (["overlaps", "--case", "withdrawn"], 3, "has been withdrawn ('withdrawn')"),
    (["trace"], 2, "one of --case and --all-cases"),
    (["trace", "--all-cases", "--case", "BN-0001"], 2, "one of --case and --all-cases"),
    (["trace", "--case", "BN-0001", "MARKER"], 3, "--case names no case of this lake ('MARKER')"),
    (["trace", "--case", "no-date", "BN-0001"], 3, "neither onset nor sample ('no-date')"),
    (["trace", "--case", "withdrawn"], 3, "has been withdrawn ('withdrawn')"),
    (["trace", "--case", "BN-0001", "--rule", "who-2021"], 2, "did you mean who-2020-12"),
    (["trace", "--case", "BN-0001", "--compare", "who-2021"], 2, "did you mean who-2020-12"),
    (["trace", "--case", "BN-0001", "--depth", "0"], 2, "--depth must be an integer ≥ 1 (1 = F1)"),
    (["trace", "--case", "BN-0001", "--depth", "MARKER"], 2, "--depth"),
    (["trace", "--case", "BN-0001", "--until", "MARKER"], 2, "--until"),
    (["trace", "--case", "BN-0001", "--capacity", "-1"], 2, "--capacity must be an integer ≥ 0"),
    (["trace", "--case", "BN-0001", "--explain", "MARKER"], 2, "KIND:VALUE"),
    (["trace", "--case", "BN-0001", "--explain", "phone:MARKER"], 2, "phone"),
    (["trace", "--case", "BN-0001", "--capacity", "1", "--compare", "cdc-2020-10"], 2, "name one of them"),
    (["trace", "--case", "BN-0001", "--explain", "device:an", "--compare", "cdc-2020-10"], 2, "name one"),
    (["milestones"], 2, "--case"),
    (["milestones", "--case", "MARKER"], 3, "--case names no case of this lake ('MARKER')"),
    (["milestones", "--case", "withdrawn"], 3, "has been withdrawn ('withdrawn')"),
    (["milestones", "--case", "no-date"], 3, "neither onset nor sample ('no-date')"),
    (["milestones", "--case", "BN-0001", "--rule", "who-2021"], 2, "did you mean who-2020-12"),
    (["clusters", "--fdr", "MARKER"], 2, "--fdr"),
    (["clusters", "--fdr", "2"], 2, "--fdr must be a share between 0 and 1"),
    (["clusters", "--threshold", "0"], 2, "--threshold must be an integer ≥ 1"),
    (["clusters", "--from", "MARKER"], 2, "--from"),
    (["clusters", "--from", "2021-07-02", "--to", "2021-07-01"], 2, "--from lies after --to"),
    (["clusters", "--back-days", "-1"], 2, "--back-days must be a number"),
    (["backward"], 2, "one of --case and --all-cases"),
    (["backward", "--all-cases", "--case", "BN-0001"], 2, "one of --case and --all-cases"),
    (["backward", "--case", "MARKER"], 3, "--case names no case of this lake ('MARKER')"),
    (["backward", "--case", "no-date"], 3, "neither onset nor sample ('no-date')"),
    (["backward", "--case", "withdrawn"], 3, "withdrawn"),
    (["backward", "--all-cases", "--within-hours", "-1"], 2, "--within-hours must be a number ≥ 0"),
    (["adoption", "--on", "MARKER"], 2, "--on is not a valid date"),
    (["adoption", "--areas", "nowhere.csv"], 3, "--areas nowhere.csv cannot be read"),
    (["adoption", "--publish", "--by", "venue"], 2, "--publish does not go with --by venue"),
    (["statistics", "--rows", "MARKER"], 2, "--rows"),
    (["statistics", "--rows", "week", "--columns", "day"], 2, "must not both be a time"),
    (["statistics", "--k", "0"], 2, "--k must be an integer from 1"),
    (["statistics", "--round", "MARKER"], 2, "--round"),
    (["statistics", "--epsilon", "-1"], 2, "--epsilon must be a number > 0"),
    (["declarations", "--by", "MARKER"], 2, "--by"),
    (["declarations", "--to", "MARKER"], 2, "--to is not a valid time"),
    (["declarations", "--unlinked", "--rule", "who-2021"], 2, "did you mean who-2020-12"),
    (["network", "--case", "BN-0001"], 2, "--output"),
    (["network", "--case", "BN-0001", "--output", "MARKER.pdf"], 2, "--output has an ending"),
    (["network", "--case", "MARKER", "--output", "a.svg"], 3, "--case names no case of this lake ('MARKER')"),
    (["network", "--case", "no-date", "--output", "a.svg"], 3, "neither onset nor sample ('no-date')"),
    (["network", "--case", "BN-0001", "--output", "/MARKER/a.svg"], 2, "the network cannot be written"),
    (["token", "phone:MARKER"], 2, "phone"),
    (["doctor", "--days", "0"], 2, "--days must be an integer from 1"),
    (["doctor", "--now", "MARKER"], 2, "--now"),
    (["purge", "--days", "0"], 2, "--days must be an integer from 1"),
    (["purge", "--days", "MARKER"], 2, "--days"),
    (["purge", "--case-days", "-1"], 2, "--case-days must be an integer from 0"),
    (["purge", "--now", "MARKER"], 2, "--now"),
    (["erase"], 2, "--person"),
    (["erase", "--person", "MARKER"], 2, "KIND:VALUE"),
    (["erase", "--person", "phone:MARKER"], 2, "phone"),
    (["erase", "--person", "device:an", "--receipt", "/MARKER/a.json"], 2, "--receipt cannot be written"),
    (["erase", "--person", "device:hoa"], 5, "--person has an active case"),
    (["purge", "--now", "9999-12-30"], 2, "--now lies in the future"),
]
"""Each of them on a lake that could answer."""

LIGHT = {
    "overlaps": ("apache_beam", "matplotlib", "networkx", "numba", "numpy.ma", "pandas"),
    "milestones": ("apache_beam", "matplotlib", "networkx", "numba", "numpy.ma", "pandas"),
    "token": ("apache_beam", "matplotlib", "networkx", "numba", "numpy.ma", "pandas"),
    "rules": ("apache_beam", "matplotlib", "networkx", "numba", "pandas"),
    "trace": ("apache_beam", "matplotlib", "networkx", "pandas"),
    "backward": ("apache_beam", "matplotlib", "networkx", "pandas"),
    "adoption": ("apache_beam", "matplotlib", "networkx", "numba", "pandas"),
    "coverage": ("apache_beam", "matplotlib", "networkx", "pandas"),
    "declarations": ("apache_beam", "matplotlib", "networkx", "numba", "pandas"),
    "statistics": ("apache_beam", "matplotlib", "networkx", "numba", "pandas", "opendp"),
    "clusters": ("apache_beam", "matplotlib", "networkx", "pandas"),
    "network": ("apache_beam", "matplotlib", "networkx", "pandas"),
    "doctor": ("apache_beam", "matplotlib", "networkx", "numba", "pandas"),
    "venues": ("apache_beam", "matplotlib", "networkx", "pandas"),
}
"""What a command must not load before it works: Beam takes seconds, the others tenths of one."""

SLOW_EXAMPLES = (
    *("simulate", "run", "recompute", "contacts", "venues", "qr"),
    *("cases", "export", "ledger", "purge", "erase", "rotate"),
)
"""They start pipelines or make files; their own tests run them."""

NEED_A_SERVICE = ("land", "serve", "stream", "publish", "watch")


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A lake that is asked and never changed."""
    return contract_lake(tmp_path_factory.mktemp("contract"))


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No lake or keys of the environment, and a folder of one's own."""
    for name in ("TRUYVET_LAKE", "TRUYVET_KEYS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def of_lake(lake, words):
    return [words[0], *words[1:], "--lake", lake.url if hasattr(lake, "url") else str(lake)]


def name_of(words):
    return " ".join(words) if isinstance(words, list) else None


answers = pytest.mark.parametrize("words", ANSWERS.values(), ids=ANSWERS)


@answers
def test_json_is_one_array_with_ids_as_text_and_times_in_utc(asked, words, capsys):
    assert main([*of_lake(asked, words), "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows
    for row in rows:
        for name in ("person", "via"):
            assert row.get(name) is None or len(row[name]) == 16
        for name in ("start", "enter", "exposed_at", "window_start"):
            assert row.get(name) is None or row[name].endswith("Z")


@answers
def test_all_forms_have_the_same_columns_and_rows(asked, words, tmp_path, capsys):
    assert main([*of_lake(asked, words), "--format", "json"]) == 0
    as_json = json.loads(capsys.readouterr().out)
    assert main([*of_lake(asked, words), "--format", "csv"]) == 0
    as_csv = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main([*of_lake(asked, words), "--format", "parquet", "--output", "rows.parquet"]) == 0
    assert capsys.readouterr().out == ""
    as_parquet = pq.read_table(tmp_path / "rows.parquet")
    assert list(as_json[0]) == list(as_csv[0]) == as_parquet.column_names
    assert len(as_json) == len(as_csv) == as_parquet.num_rows
    assert main(of_lake(asked, words)) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) >= len(as_json) + 2


@answers
def test_a_file_is_for_its_owner_alone_and_a_cell_that_a_spreadsheet_would_run_is_inert(
    asked, words, tmp_path, capsys
):
    assert main([*of_lake(asked, words), "--format", "csv", "--output", "rows.csv"]) == 0
    assert capsys.readouterr().out == ""
    assert stat.S_IMODE((tmp_path / "rows.csv").stat().st_mode) == 0o600
    cells = [
        cell
        for row in csv.reader(io.StringIO((tmp_path / "rows.csv").read_text(encoding="utf-8")))
        for cell in row
    ]
    assert not [cell for cell in cells if cell.startswith("=")]


@answers
def test_what_an_answer_rests_on_stands_on_standard_error(asked, words, capsys):
    assert main([*of_lake(asked, words), "--format", "json"]) == 0
    said = capsys.readouterr().err
    if " ".join(words) in WITHOUT_A_STATEMENT:
        assert "is imputed" not in said
        return
    lines = said.splitlines()
    assert "lake version 0, last scan 2021-07-10 18:00:00+07:00" in lines
    assert any("is imputed" in line for line in lines)
    assert any("names no registered venue" in line and "1 scan record was rejected" in line for line in lines)
    assert "1 case row was rejected" in lines
    assert NO_SAFETY not in lines


@pytest.mark.parametrize("words", EMPTY.values(), ids=EMPTY)
def test_a_lake_that_holds_nothing_is_answered_with_no_rows_and_a_warning(words, tmp_path, capsys):
    assert main([*of_lake(new_lake(tmp_path), words), "--format", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == []
    lines = shown.err.splitlines()
    assert "lake version -1, last scan never" in lines
    assert lines[-1] == NO_SAFETY


@pytest.mark.parametrize(("words", "code", "said"), REFUSED, ids=name_of)
def test_what_cannot_be_asked_is_one_line_without_a_value_of_a_record(asked, words, code, said, capsys):
    assert main(of_lake(asked, words)) == code
    assert_one_line(capsys.readouterr(), said)


@pytest.mark.parametrize("words", ASKED_OF_A_LAKE, ids=name_of)
def test_a_lake_that_is_not_there_is_bad_data(words, tmp_path, capsys):
    create_keys(tmp_path / "some.keys")
    keys = ["--keys", str(tmp_path / "some.keys")] if words in KEYED else []
    assert main([*of_lake(tmp_path / "none", words), *keys]) == 3
    assert_one_line(capsys.readouterr(), "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("words", KEYED, ids=name_of)
def test_other_keys_than_the_lakes_are_refused(asked, words, tmp_path, capsys):
    create_keys(tmp_path / "other")
    assert main([*of_lake(asked, words), "--keys", str(tmp_path / "other")]) == 5
    assert_one_line(capsys.readouterr(), "other keys")


@answers
def test_a_lake_and_keys_may_come_from_the_environment(asked, words, monkeypatch, capsys):
    monkeypatch.setenv("TRUYVET_LAKE", asked.url)
    monkeypatch.setenv("TRUYVET_KEYS", f"{asked.url}.keys")
    assert main([*words, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_a_flag_that_a_command_does_not_know_is_one_line(name, capsys):
    assert main([name, "--no-such-flag", "MARKER"]) == 2
    assert_one_line(capsys.readouterr(), "unknown flag --no-such-flag")


@answers
def test_a_folder_that_is_not_there_takes_no_output(asked, words, capsys):
    assert main([*of_lake(asked, words), "--format", "csv", "--output", "/no/such/folder/rows.csv"]) == 2
    assert "--output cannot be written" in capsys.readouterr().err


def examples():
    for name, entry in cli.COMMANDS.items():
        if name not in (*SLOW_EXAMPLES, *NEED_A_SERVICE):
            for line in entry.load().EXAMPLE.strip().splitlines():
                yield pytest.param(shlex.split(line)[1:], id=line)


@pytest.mark.parametrize("words", list(examples()))
def test_the_examples_of_the_help_run(words, tmp_path, capsys):
    lake = contract_lake(tmp_path)
    pack = Path(rule_packs.__file__).parent / "rules" / "who-2020-12.toml"
    shutil.copy(pack, "our-rule.toml")
    Path("heads_counted.csv").write_text("venue,start,end,heads\n", encoding="utf-8")
    places = {"LAKE": lake.url, "data/lake": lake.url}
    assert main([places.get(word, word) for word in words]) == 0
    assert "internal error" not in capsys.readouterr().err


@pytest.mark.parametrize("name", LIGHT)
def test_a_command_loads_nothing_heavy_before_it_works(name):
    code = (
        f"import sys; from pipelines.cli import COMMANDS; COMMANDS[{name!r}].load();"
        f"print(sorted({set(LIGHT[name])!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", [ANSWERS["overlaps"], ANSWERS["milestones"]], ids=name_of)
def test_an_answer_without_kernels_is_given_without_numba(asked, words):
    code = (
        "import sys; from pipelines.cli import main;"
        f"main({of_lake(asked, words)!r});"
        "sys.exit(len({'apache_beam', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
