import os
import stat
import subprocess
import sys
import threading

import pytest
from deltalake import DeltaTable

from pipelines.errors import ServiceError
from pipelines.lake import (
    NO_TABLE,
    CommitConflict,
    commit,
    commits,
    mark,
    open_lake,
    read_table,
    snapshot,
    write_data_file,
)
from schemas.tables import SCANS, STAYS
from tests.lake.rows import add, add_stays, data_paths, make_lake, scan_rows, stay_rows

PARTITION = {"date": "2021-07-01"}


@pytest.fixture
def lake(tmp_path):
    return make_lake(tmp_path)


def scan_file(lake, seed=0):
    return write_data_file(lake, SCANS, PARTITION, scan_rows(seed=seed))


def test_the_first_commit_makes_the_table_and_each_counts_one_on(lake):
    assert snapshot(lake, "scans").version == NO_TABLE
    assert [add(lake, SCANS, PARTITION, scan_rows(seed=seed)) for seed in range(3)] == [0, 1, 2]
    assert read_table(lake, "scans").num_rows == 150


def test_nothing_is_visible_before_the_commit(lake):
    file = scan_file(lake)
    assert snapshot(lake, "scans").files == ()
    commit(lake, "scans", [file], after=NO_TABLE)
    assert [live.relative for live in snapshot(lake, "scans").files] == [file.path]


def test_files_are_replaced_in_one_version_and_the_old_one_can_still_be_read(lake):
    add(lake, SCANS, PARTITION, scan_rows(seed=1))
    old = snapshot(lake, "scans")
    new = scan_file(lake, seed=2)
    commit(lake, "scans", [new], remove=old.files, after=0)
    assert [file.relative for file in snapshot(lake, "scans").files] == [new.path]
    assert snapshot(lake, "scans", 0) == old
    assert read_table(lake, "scans", version=0).equals(read_table(lake, "scans", version=0))


def test_a_file_that_is_added_and_removed_stays(lake):
    file = scan_file(lake)
    commit(lake, "scans", [file], after=NO_TABLE)
    assert commit(lake, "scans", [file], remove=snapshot(lake, "scans").files, after=0) == 1
    assert [live.relative for live in snapshot(lake, "scans").files] == [file.path]


def test_a_file_that_left_may_come_back(lake):
    file = scan_file(lake)
    commit(lake, "scans", [file], after=NO_TABLE)
    commit(lake, "scans", [], remove=snapshot(lake, "scans").files, after=0)
    assert snapshot(lake, "scans").files == ()
    commit(lake, "scans", [file, file], after=1)
    assert len(snapshot(lake, "scans").files) == 1


def test_marks_are_read_back_and_stay_until_they_are_set_again(lake):
    add_stays(lake, marks={"scans_version": 3, "venues_version": 1, "batch:7": 1})
    add_stays(lake, seed=1, marks={"scans_version": 4})
    assert snapshot(lake, "stays").marks == {"scans_version": 4, "venues_version": 1}
    assert snapshot(lake, "stays", 0).marks == {"scans_version": 3, "venues_version": 1}
    assert mark(lake, "stays", "scans_version") == 4
    assert mark(lake, "stays", "batch:7") == 1
    assert mark(lake, "stays", "batch:8") is None
    assert mark(lake, "scans", "batch:7") is None


@pytest.mark.parametrize("after", [NO_TABLE, 0, 2, 9])
def test_a_commit_after_another_version_than_the_newest_is_refused(lake, after):
    for seed in (1, 2):
        add(lake, SCANS, PARTITION, scan_rows(seed=seed))
    with pytest.raises(CommitConflict):
        commit(lake, "scans", [scan_file(lake, 3)], after=after)
    assert snapshot(lake, "scans").version == 1


def test_a_commit_to_a_table_that_is_not_there_is_refused(lake):
    with pytest.raises(CommitConflict):
        commit(lake, "scans", [scan_file(lake)], after=4)
    assert snapshot(lake, "scans").version == NO_TABLE


@pytest.mark.parametrize("exists", [False, True])
def test_of_many_commits_at_once_one_succeeds(lake, exists):
    after = add(lake, SCANS, PARTITION, scan_rows()) if exists else NO_TABLE
    files = [scan_file(lake, seed) for seed in range(1, 9)]
    outcomes = []
    barrier = threading.Barrier(len(files))

    def one(file):
        barrier.wait()
        try:
            outcomes.append(commit(lake, "scans", [file], after=after))
        except CommitConflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=one, args=(file,)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [after + 1, *["conflict"] * 7]
    assert len(snapshot(lake, "scans").files) == (2 if exists else 1)


def test_of_processes_that_commit_at_once_none_is_lost(lake, tmp_path):
    code = (
        "import sys; from pipelines.lake import *; from tests.lake.rows import *\n"
        "lake, number = open_lake(sys.argv[1]), int(sys.argv[2])\n"
        "for seed in range(3):\n"
        "    rows = scan_rows(seed=10 * number + seed)\n"
        "    while True:\n"
        "        try: add(lake, SCANS, {'date': '2021-07-01'}, rows); break\n"
        "        except CommitConflict: pass\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, lake.url, str(n)]) for n in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert snapshot(lake, "scans").version == 8
    assert read_table(lake, "scans").num_rows == 450


def test_data_is_durable_before_the_log_names_it_and_the_log_before_the_commit_returns(lake, monkeypatch):
    steps = []
    files = [
        write_data_file(lake, STAYS, {"by": by, "date": "2021-07-01"}, stay_rows(by))
        for by in ("venue", "person")
    ]
    sync, write = commits.sync_path, commits._write_entry
    monkeypatch.setattr(
        commits, "sync_path", lambda path: (steps.append(os.path.relpath(path, lake.url)), sync(path))
    )
    monkeypatch.setattr(commits, "_write_entry", lambda *args: (steps.append("COMMIT"), write(*args)))
    commit(lake, "stays", files, after=NO_TABLE)
    before, after = steps[: steps.index("COMMIT")], steps[steps.index("COMMIT") + 1 :]
    assert sorted(before[:2]) == ["stays/by=person/date=2021-07-01", "stays/by=venue/date=2021-07-01"]
    assert sorted(before[2:4]) == ["stays/by=person", "stays/by=venue"]
    assert before[4:] == ["stays", "."]
    assert after == ["stays/_delta_log/00000000000000000000.json", "stays/_delta_log"]


def test_the_entry_before_is_durable_before_the_next_one_is_written(lake, monkeypatch):
    """Its writer may have been killed in between; a log with a hole could not be read."""
    add(lake, SCANS, PARTITION, scan_rows())
    steps = []
    sync, write = commits.sync_path, commits._write_entry
    monkeypatch.setattr(commits, "sync_path", lambda path: (steps.append(os.path.basename(path)), sync(path)))
    monkeypatch.setattr(commits, "_write_entry", lambda *args: (steps.append("COMMIT"), write(*args)))
    add(lake, SCANS, PARTITION, scan_rows(seed=1))
    middle = steps.index("COMMIT")
    assert steps[middle - 2 : middle] == ["00000000000000000000.json", "_delta_log"]
    assert steps[middle + 1 :] == ["00000000000000000001.json", "_delta_log"]


def test_a_data_file_that_has_gone_or_changed_is_never_committed(lake):
    file = scan_file(lake)
    path = f"{lake.url}/scans/{file.path}"
    with open(path, "ab") as grown:
        grown.write(b"x")
    with pytest.raises(ValueError, match="a data file has changed since it was written"):
        commit(lake, "scans", [file], after=NO_TABLE)
    os.unlink(path)
    with pytest.raises(ServiceError, match="No such file"):
        commit(lake, "scans", [file], after=NO_TABLE)
    assert snapshot(lake, "scans").version == NO_TABLE


def test_a_log_that_cannot_be_written_is_one_line_and_the_lake_is_unchanged(lake, monkeypatch):
    add(lake, SCANS, PARTITION, scan_rows())

    def broken(*_args):
        raise OSError("disk error in the library, with 3 lines\n of text")

    monkeypatch.setattr(commits, "_write_entry", broken)
    with pytest.raises(ServiceError, match=r"the log of .*scans cannot be written") as raised:
        commit(lake, "scans", [scan_file(lake, 1)], after=0)
    assert "\n" not in str(raised.value)
    assert snapshot(lake, "scans").version == 0


def test_a_commit_that_has_landed_counts_whatever_the_library_says(lake, monkeypatch):
    write = commits._write_entry

    def landed_and_failed(*args):
        write(*args)
        raise OSError("the connection broke after the write")

    monkeypatch.setattr(commits, "_write_entry", landed_and_failed)
    assert commit(lake, "scans", [scan_file(lake)], after=NO_TABLE) == 0
    assert commit(lake, "scans", [scan_file(lake, 1)], after=0) == 1


def test_a_disk_that_fills_up_in_the_middle_of_a_commit_leaves_the_old_version(lake):
    """RLIMIT_FSIZE makes any write fail, in Python and in the library, as on a full disk."""
    add(lake, SCANS, PARTITION, scan_rows())
    code = (
        "import resource, signal, sys; from pipelines.lake import *; from tests.lake.rows import *\n"
        "from pipelines.errors import ServiceError\n"
        "lake = open_lake(sys.argv[1]); signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "file = write_data_file(lake, SCANS, {'date': '2021-07-01'}, scan_rows(seed=1))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))\n"
        "try: commit(lake, 'scans', [file], after=0)\n"
        "except ServiceError as error: print(error); sys.exit(4)\n"
    )
    for limit in ("0", "100"):
        ended = subprocess.run(
            [sys.executable, "-c", code, lake.url, limit], capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stderr) == (4, "")
        assert ended.stdout.count("\n") == 1
        assert "cannot be written" in ended.stdout
    assert snapshot(lake, "scans").version == 0
    assert add(lake, SCANS, PARTITION, scan_rows(seed=1)) == 1


def test_only_its_owner_may_read_the_log(lake):
    for seed in range(21):
        add(lake, SCANS, PARTITION, scan_rows(seed=seed, count=1))
    log = f"{lake.url}/scans/_delta_log"
    assert stat.S_IMODE(os.stat(log).st_mode) == 0o700
    assert {stat.S_IMODE(os.stat(f"{log}/{name}").st_mode) for name in os.listdir(log)} == {0o600}


def test_checkpoints_come_now_and_then_and_keep_files_and_marks(lake):
    for seed in range(45):
        marks = {"batch:old": 1, "scans_version": 5} if seed == 3 else {}
        add(lake, SCANS, PARTITION, scan_rows(seed=seed, count=1), marks=marks)
    log = os.listdir(f"{lake.url}/scans/_delta_log")
    assert sorted(name[18:20] for name in log if "checkpoint.parquet" in name) == ["19", "39"]
    for version in range(30):
        os.unlink(f"{lake.url}/scans/_delta_log/{version:020d}.json")
    assert len(DeltaTable(f"{lake.url}/scans").file_uris()) == 45
    fresh = (
        "import sys; from pipelines.lake import *; lake = open_lake(sys.argv[1]);"
        "now = snapshot(lake, 'scans');"
        "print(now.version, len(now.files), now.marks, mark(lake, 'scans', 'batch:old'))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", fresh, lake.url], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "44 45 {'scans_version': 5} 1\n"
    assert os.listdir(f"{lake.url}/_scratch/checkpoints") == []


def test_a_checkpoint_that_fails_does_not_fail_the_commit(lake, monkeypatch):
    def full(_path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.lake.checkpoints.sync_path", full)
    for seed in range(21):
        add(lake, SCANS, PARTITION, scan_rows(seed=seed, count=1))
    assert len(snapshot(lake, "scans").files) == 21
    assert not [name for name in os.listdir(f"{lake.url}/scans/_delta_log") if "checkpoint" in name]


def test_the_log_says_what_a_column_and_a_table_mean_and_what_the_caller_noted(lake):
    add(lake, SCANS, PARTITION, scan_rows(), note={"batch": "7"})
    table = DeltaTable(f"{lake.url}/scans")
    assert (table.metadata().name, table.metadata().description) == ("scans", "an accepted scan")
    assert table.schema().fields[1].metadata == {"comment": "token of the person"}
    assert table.history(1)[0]["batch"] == "7"


def test_other_readers_see_the_same_rows(lake):
    add_stays(lake)
    table = DeltaTable(f"{lake.url}/stays").to_pyarrow_table()
    assert table.num_rows == read_table(lake, "stays").num_rows == 80


@pytest.mark.parametrize("name", ["with blank", "50%", "a#b?c", "Quảng Ngãi"])
def test_a_lake_lies_in_a_folder_of_any_name(tmp_path, name):
    (tmp_path / name).mkdir()
    lake = make_lake(tmp_path / name)
    add_stays(lake)
    add_stays(lake, seed=1)
    assert all(path.exists() for path in data_paths(open_lake(lake.url), "stays"))
    assert read_table(lake, "stays").num_rows == 160
