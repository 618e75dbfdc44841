"""A missing permission is told as such, with the file and the remedy, and never as damage."""

import os
import stat
from pathlib import Path

import pytest

from pipelines.cli import COMMANDS, main
from pipelines.errors import DataError, RefusedError
from pipelines.lake import is_lake, open_lake, opened, read_table, snapshot, snapshots
from pipelines.lake.log import log_entry
from pipelines.lake.person_tokens import token
from pipelines.lake.read_errors import denied
from pipelines.maintenance.verify import verify
from tests.lake.rows import whole_lake
from tests.lake.test_read_only import folder, without_rights
from tests.lakes import new_lake, person_token, put_cases, put_stays, put_venues

__all__ = ["folder"]

for _name in ("overlaps", "trace", "milestones", "venues", "verify", "token"):
    COMMANDS[_name].load()  # the interpreter's own folder may be closed to nobody

STAYS = """
    person | venue | enter   | exit
    an     | cafe  | 1 08:00 | 1 10:00
    binh   | cafe  | 1 09:00 | 1 11:00
"""


@pytest.fixture
def shared(folder, monkeypatch):
    """A lake that everybody may read, beside keys that only their owner may."""
    (folder / "data").mkdir()
    (folder / "data").chmod(0o777)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))  # where an analyst's ledger lies
    lake = new_lake(folder)
    put_venues(lake, "venue_code|type\ncafe|restaurant")
    put_stays(lake, STAYS)
    put_cases(lake, "case_id|person|onset_at\nBN-1|an|1 07:00")
    for path in (Path(lake.url), *Path(lake.url).rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return lake


@pytest.mark.parametrize(
    "question",
    [
        ["overlaps", "--case", "BN-1"],
        ["trace", "--case", "BN-1", "--rule", "vn-2020-12"],
        ["milestones", "--case", "BN-1"],
        ["venues", "list"],
        ["verify"],
    ],
    ids=lambda words: words[0],
)
def test_who_may_not_read_the_keys_can_ask(shared, question, capsys):
    asked = [*question, "--lake", shared.url, "--format", "csv"]
    assert main(asked) == 0  # loads what is imported late, from folders that may be closed to nobody
    capsys.readouterr()
    with without_rights():
        assert main(asked) == 0
    assert capsys.readouterr().out.count("\n") >= (1 if question == ["verify"] else 2)


@pytest.mark.parametrize("closed", ["lake.keys", "lake.keys/token.key"])
def test_an_identifier_needs_the_keys_and_says_which_may_not_be_read(shared, closed, capsys):
    keys = Path(f"{shared.url}.keys")
    keys.chmod(0o755)
    for path in keys.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    path = keys.parent / closed
    path.chmod(0)
    with without_rights():
        with pytest.raises(RefusedError, match=f"permission denied: {path}: .* --case or by token") as raised:
            token("device:an", lake=shared)
        assert raised.value.exit_code == 5
        assert main(["overlaps", "--lake", shared.url, "--person", "device:an"]) == 5
        assert main(["token", "--lake", shared.url, "device:an"]) == 5
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == shown.err.count("permission denied") == 2


def test_an_identifier_can_be_asked_for_where_the_authority_s_key_may_not_be_read(shared, capsys):
    keys = Path(f"{shared.url}.keys")
    for path in (keys, *keys.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (keys / "authority.key").chmod(0)
    with without_rights():
        assert token("device:an", lake=shared) == person_token(shared, "an")
        assert main(["overlaps", "--lake", shared.url, "--person", "device:an", "--format", "csv"]) == 0
    assert capsys.readouterr().out.count("\n") == 2


def closed_to_us(path):
    mode = stat.S_IMODE(os.stat(path).st_mode)
    os.chmod(path, 0)
    return mode


def of_stays(lake):
    return Path(lake.table_url("stays"))


@pytest.mark.parametrize(
    ("closed", "said"),
    [
        (lambda lake: Path(lake.url, "lake.json"), None),
        (lambda lake: Path(lake.url), "lake.json"),
        (of_stays, "_delta_log"),
        (lambda lake: of_stays(lake) / "_delta_log", None),
        (lambda lake: Path(log_entry(lake.table_url("stays"), 0)), None),
        (lambda lake: Path(snapshot(lake, "cases").files[0].path), None),
        (lambda lake: Path(lake.table_url("venues")), "_delta_log"),
    ],
    ids=["lake.json", "lake", "table", "log", "entry", "data file", "another table"],
)
def test_what_may_not_be_read_is_named_with_the_remedy(shared, closed, said, capsys):
    path = closed(shared)
    path.chmod(0)
    snapshots._newest.clear()
    name = path / said if said else path
    with without_rights():
        assert main(["milestones", "--lake", shared.url, "--case", "BN-1"]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    remedy = "run as a user who may read it, or ask the lake's owner for read access"
    assert shown.err == f"truyvet milestones: permission denied: {name}: {remedy}\n"
    path.chmod(0o755)


def test_a_lake_that_may_not_be_looked_at_is_not_taken_for_none(shared):
    Path(shared.url).chmod(0)
    with without_rights():
        for ask in (is_lake, opened, open_lake):
            with pytest.raises(DataError, match=r"permission denied: .*/lake\.json"):
                ask(shared.url)


def test_sidecars_that_may_not_be_read_are_made_in_memory(shared, capsys):
    for path in of_stays(shared).rglob("*.arrow"):
        path.chmod(0)
    with without_rights():
        assert main(["overlaps", "--lake", shared.url, "--case", "BN-1", "--format", "csv"]) == 0
    assert capsys.readouterr().out.count("\n") == 2


def test_verify_says_which_files_may_not_be_read(folder):
    lake = whole_lake(folder)
    for path in (Path(lake.url), *Path(lake.url).rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (file,) = snapshot(lake, "venues").files
    Path(file.path).chmod(0)
    Path(log_entry(lake.table_url("scans"), 0)).chmod(0)
    for sidecar in Path(lake.table_url("stays")).rglob("*.arrow"):
        sidecar.chmod(0)
    Path(lake.table_url("footfall"), "_delta_log").chmod(0)
    snapshots._newest.clear()
    with without_rights():
        found = {(one.table, one.file, one.problem) for one in verify(lake).problems}
        with pytest.raises(DataError, match="permission denied"):
            read_table(lake, "venues")
    assert ("venues", file.relative, "permission denied") in found
    assert ("footfall", "_delta_log", "permission denied") in found
    assert ("scans", f"_delta_log/{Path(log_entry('', 0)).name}", "permission denied") in found
    assert {said for table, _, said in found if table == "stays"} == {"permission denied for its sidecar"}
    assert not any("damaged" in said for _, _, said in found)


def test_the_error_is_of_the_family_with_exit_code_3():
    assert denied("/x").exit_code == 3
