"""The log is cut below a checkpoint when it is long, and a cut is told from a loss."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deltalake import DeltaTable

from pipelines.errors import DataError
from pipelines.lake import CommitConflict, commit, commits, mark, read_table, snapshot, write_data_file
from pipelines.lake.log import checkpoints, commit_info, log_entry, read_entry, versions
from pipelines.lake.log_cut import Cut, find_cut, remove_cut
from pipelines.maintenance.vacuum import sweep
from pipelines.maintenance.verify_log import log_problems
from schemas.tables import SCANS
from tests.lake.rows import DATES, add, add_stays, make_lake, scan_rows

DATE = {"date": DATES[0]}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """A log is long from 30 entries on."""
    monkeypatch.setattr(find_cut, "__defaults__", (find_cut.__defaults__[0], 30))


def grown(folder, count, *, old):
    """Return a lake of `count` commits of scans, each with a mark; the first `old` entries are days old."""
    lake = make_lake(folder)
    url = lake.table_url("scans")
    for seed in range(count):
        if seed == old:
            make_old(url)
        add(lake, SCANS, DATE, scan_rows(count=2, seed=seed), marks={f"batch:{seed}": seed})
    return lake, url


def make_old(url):
    for path in Path(url, "_delta_log").iterdir():
        os.utime(path, (time.time() - 3 * 86_400,) * 2)


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory):
    """A lake of 62 commits, whose log begins at the checkpoint of version 39."""
    monkey = pytest.MonkeyPatch()
    monkey.setattr(find_cut, "__defaults__", (find_cut.__defaults__[0], 30))
    lake, url = grown(tmp_path_factory.mktemp("cut"), 62, old=55)
    monkey.undo()
    return lake, url


def test_a_long_log_begins_at_a_checkpoint_and_has_no_problem(cut_off):
    _, url = cut_off
    assert (versions(url), checkpoints(url)) == (list(range(39, 62)), [39, 59])
    assert list(log_problems(url)) == []
    said = commit_info(read_entry(log_entry(url, 60)))
    assert (said["cut_version"], len(said["cut_sha256"])) == ("38", 64)


def test_rows_and_marks_outlive_the_cut(cut_off):
    lake, url = cut_off
    assert read_table(lake, "scans").num_rows == 124
    assert [mark(lake, "scans", f"batch:{number}") for number in (0, 38, 61)] == [0, 38, 61]
    fresh = (
        "import sys; from pipelines.lake import *; lake = open_lake(sys.argv[1]);"
        "print(len(snapshot(lake, 'scans').files), mark(lake, 'scans', 'batch:3'))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", fresh, lake.url], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "62 3\n"
    assert DeltaTable(url).to_pyarrow_table().num_rows == 124


def test_an_older_version_is_read_or_refused_in_clear_words(cut_off):
    lake, _ = cut_off
    assert [len(snapshot(lake, "scans", version).files) for version in (39, 45, 61)] == [40, 46, 62]
    with pytest.raises(
        DataError, match=r"version 12 of .*scans has been cut off the log: the oldest one is 39"
    ):
        snapshot(lake, "scans", 12)


def test_a_reader_in_the_middle_of_an_older_version_goes_on(tmp_path):
    lake, _ = grown(tmp_path, 45, old=45)
    before = snapshot(lake, "scans")
    for seed in range(45, 62):
        if seed == 55:
            make_old(lake.table_url("scans"))
        add(lake, SCANS, DATE, scan_rows(count=2, seed=seed))
    assert versions(lake.table_url("scans"))[0] == 39
    assert all(os.path.exists(file.path) for file in before.files)
    assert len(snapshot(lake, "scans").files) == 62


def test_young_entries_are_kept_and_so_is_a_short_log(tmp_path):
    _, url = grown(tmp_path / "young", 42, old=-1)
    assert versions(url)[0] == 0
    _, url = grown(tmp_path / "short", 28, old=25)
    assert versions(url)[0] == 0


def test_what_another_table_still_reflects_is_kept(tmp_path):
    lake, url = grown(tmp_path, 45, old=45)
    add_stays(lake, marks={"scans_version": 21})
    make_old(url)
    assert find_cut(lake, "scans") is None
    add_stays(lake, seed=1, marks={"scans_version": 39})
    assert find_cut(lake, "scans").version == 38


def test_a_writer_that_slept_over_the_cut_must_compute_again(cut_off):
    lake, url = cut_off
    file = write_data_file(lake, SCANS, DATE, scan_rows(count=2, seed=99))
    for after in (-1, 0, 12, 37, 38, 39):
        with pytest.raises(CommitConflict):
            commit(lake, "scans", [file], after=after)
    assert versions(url)[0] == 39


@pytest.mark.slow
def test_a_commit_that_lands_below_the_cut_is_taken_back(tmp_path, monkeypatch):
    lake, url = grown(tmp_path, 15, old=-1)
    file = write_data_file(lake, SCANS, DATE, scan_rows(count=2, seed=99))

    def write_late(where, table, actions, after, properties):
        """Write as a delta-rs that opened the table before the others went on and cut the log."""
        for seed in range(15, 62):
            if seed == 55:
                make_old(url)
            add(lake, SCANS, DATE, scan_rows(count=2, seed=seed))
        Path(log_entry(url, after + 1)).write_bytes(b"{}")

    monkeypatch.setattr(commits, "_write_entry", once(write_late, commits._write_entry))
    with pytest.raises(CommitConflict):
        commit(lake, "scans", [file], after=14)
    assert versions(url)[0] == 39
    assert list(log_problems(url)) == []


def once(first, others):
    """Return a function that is another one when it is called first."""
    calls = iter([first])
    return lambda *how: next(calls, others)(*how)


@pytest.mark.slow
def test_entries_that_vanish_beyond_the_announced_cut_are_named(tmp_path):
    _, url = grown(tmp_path, 62, old=55)
    for version in (39, 40):
        os.unlink(log_entry(url, version))
    assert list(log_problems(url)) == [
        (f"{version:020d}.json", "the entry is missing") for version in (39, 40)
    ]


def test_a_beginning_that_nobody_announced_is_a_loss(tmp_path):
    _, url = grown(tmp_path, 23, old=-1)
    for version in range(15):
        os.unlink(log_entry(url, version))
    assert list(log_problems(url)) == [
        (f"{version:020d}.json", "the entry is missing") for version in range(15)
    ]


def test_a_log_cut_off_from_another_than_the_announced_entry_is_named(cut_off, tmp_path):
    _, url = grown(tmp_path, 62, old=55)
    entry = Path(log_entry(url, 39))
    said = commit_info(read_entry(str(entry)))["previous_sha256"]
    entry.write_bytes(entry.read_bytes().replace(said.encode(), b"0" * 64))
    problems = [problem for name, problem in log_problems(url) if name == entry.name]
    assert "the log before it is not the one that was cut off" in problems


def test_a_cut_that_was_announced_and_not_made_is_harmless(tmp_path):
    """A process that is killed while it removes entries leaves a beginning below the announced one."""
    lake, url = grown(tmp_path, 45, old=45)
    make_old(url)
    cut = find_cut(lake, "scans")
    file = write_data_file(lake, SCANS, DATE, scan_rows(count=2, seed=99))
    commit(lake, "scans", [file], after=44, cut=cut)
    assert versions(url)[0] == 39
    lake, url = grown(tmp_path / "again", 45, old=45)
    make_old(url)
    cut = find_cut(lake, "scans")
    file = write_data_file(lake, SCANS, DATE, scan_rows(count=2, seed=99))
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr("pipelines.lake.commits.remove_cut", lambda *_: None)
        commit(lake, "scans", [file], after=44, cut=cut)
    assert versions(url)[0] == 0
    for version in range(20):
        os.unlink(log_entry(url, version))
        assert list(log_problems(url)) == []
    remove_cut(url, cut)
    assert versions(url)[0] == 39
    assert list(log_problems(url)) == []


def test_a_cut_without_its_checkpoint_is_a_loss(tmp_path):
    _, url = grown(tmp_path, 62, old=55)
    for version in (39, 59):
        os.unlink(f"{url}/_delta_log/{version:020d}.checkpoint.parquet")
    assert (f"{0:020d}.json", "the entry is missing") in list(log_problems(url))


def test_files_that_left_just_before_the_cut_are_kept_as_long_as_others(tmp_path):
    """Who reads an older version for `--keep-hours` needs them; the checkpoint remembers them."""
    lake, url = grown(tmp_path, 38, old=-1)
    first = snapshot(lake, "scans").files[0]
    commit(lake, "scans", [], remove=[first], after=37)
    add(lake, SCANS, DATE, scan_rows(count=2, seed=77))
    os.utime(first.path, (time.time() - 9 * 86_400,) * 2)
    make_old(url)
    cut = find_cut(lake, "scans")
    commit(lake, "scans", [], after=39, cut=cut)
    assert versions(url)[0] == 39
    assert sweep(lake, "scans", keep_seconds=4 * 86_400) == 0
    assert os.path.exists(first.path)
    assert sweep(lake, "scans", keep_seconds=2 * 86_400) == 1


@pytest.mark.parametrize("said", [{}, {"cut_version": "x", "cut_sha256": "a"}, {"cut_version": "3"}])
def test_an_entry_without_a_cut_announces_none(said):
    assert Cut.announced(said) is None
