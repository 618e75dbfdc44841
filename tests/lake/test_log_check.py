"""A reader believes no log entry and no checkpoint that is not the one committed."""

import random
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from pipelines.errors import DataError
from pipelines.lake import NO_TABLE, commit, snapshot, snapshots
from pipelines.lake.checkpoints import POINTER, Pointer, read_pointer
from pipelines.lake.log import LOG_FOLDER, checkpoint_file, log_entry
from schemas.tables import SCANS
from tests.lake.rows import DATES, add, make_lake, scan_rows

DATE = {"date": DATES[0]}


def grown(folder, count):
    lake = make_lake(folder)
    for seed in range(count):
        add(lake, SCANS, DATE, scan_rows(seed=seed, count=2), marks={"batch:7": seed, "stay_rules": seed})
    return lake


def read_again(lake):
    """Return what a process sees that opens the table for the first time."""
    snapshots._newest.clear()
    return snapshot(lake, "scans")


def flips(content, count, seed=0):
    """Yield the content with one bit flipped, `count` times, at random places."""
    chance = random.Random(seed)
    for _ in range(count):
        damaged = bytearray(content)
        damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        yield bytes(damaged)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_flip_in_an_entry_is_refused_or_changes_nothing(tmp_path, version):
    lake = grown(tmp_path, 3)
    path = Path(log_entry(lake.table_url("scans"), version))
    refused = unchanged_after_flips(lake, path, 300)
    assert refused > 150


def unchanged_after_flips(lake, path, count):
    """Flip bits of a file one by one; how many the reader refused. None may change what it sees."""
    good, before = path.read_bytes(), read_again(lake)
    refused = 0
    for damaged in flips(good, count):
        path.write_bytes(damaged)
        try:
            assert read_again(lake) == before
        except DataError:
            refused += 1
    path.write_bytes(good)
    assert read_again(lake) == before
    return refused


@pytest.mark.parametrize("after", [0, 1], ids=["newest", "followed"])
def test_a_flip_in_a_checkpoint_is_refused(tmp_path, after):
    lake = grown(tmp_path, 20 + after)
    path = Path(checkpoint_file(lake.table_url("scans"), 19))
    assert unchanged_after_flips(lake, path, 60) == 60


def test_a_damaged_checkpoint_is_never_given_to_delta_rs(tmp_path, monkeypatch):
    """It panics over some of them, which is no `Exception` and speaks on standard error."""
    lake = grown(tmp_path, 21)
    path = Path(checkpoint_file(lake.table_url("scans"), 19))
    opened = []
    monkeypatch.setattr(snapshots, "DeltaTable", lambda *given, **named: opened.append(given))
    for damaged in flips(path.read_bytes(), 3):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="is damaged"):
            read_again(lake)
        with pytest.raises(DataError, match="is damaged"):
            snapshot(lake, "scans", 20)
    assert opened == []


def test_a_flip_in_the_pointer_is_refused_or_changes_nothing(tmp_path):
    lake = grown(tmp_path, 21)
    unchanged_after_flips(lake, Path(lake.table_url("scans"), LOG_FOLDER, POINTER), 150)


def test_an_entry_that_comes_while_the_table_is_open_is_checked(tmp_path):
    lake = grown(tmp_path, 2)
    snapshot(lake, "scans")
    url = lake.table_url("scans")
    kept = dict(snapshots._newest)
    add(lake, SCANS, DATE, scan_rows(seed=9, count=2))
    path = Path(log_entry(url, 2))
    path.write_bytes(path.read_bytes().replace(b'venue\\":', b'vfnue\\":'))
    snapshots._newest.clear()
    snapshots._newest.update(kept)
    with pytest.raises(DataError, match=r"0002\.json is damaged: restore it from a backup"):
        snapshot(lake, "scans")


def test_an_older_version_is_checked_by_the_entry_after_it(tmp_path):
    lake = grown(tmp_path, 3)
    path = Path(log_entry(lake.table_url("scans"), 1))
    path.write_bytes(path.read_bytes().replace(b"numRecords", b"numRecordt"))
    with pytest.raises(DataError, match="is damaged"):
        snapshot(lake, "scans", 1)
    assert len(snapshot(lake, "scans", 0).files) == 1


def test_another_writer_s_entries_are_taken_as_they_are(tmp_path):
    lake = grown(tmp_path, 2)
    table = DeltaTable(lake.table_url("scans"))
    table.create_checkpoint()
    table.delete("venue = 99")
    assert read_again(lake).version in (1, 2)
    assert len(read_again(lake).files) == 2


def test_a_pointer_names_the_checkpoint_s_hash_and_delta_rs_reads_it(tmp_path):
    lake = grown(tmp_path, 20)
    url = lake.table_url("scans")
    pointer = read_pointer(url)
    assert (pointer.version, len(pointer.sha256)) == (19, 64)
    assert len(pa.table(DeltaTable(url).get_add_actions())) == 20


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b'{"version": "x"}'])
def test_a_damaged_pointer_is_a_value_error(content):
    with pytest.raises(ValueError, match=r"."):
        Pointer.parse(content)


def test_the_first_commit_of_a_table_hashes_its_columns(tmp_path):
    lake = grown(tmp_path, 1)
    path = Path(log_entry(lake.table_url("scans"), 0))
    path.write_bytes(path.read_bytes().replace(b'\\"venue\\",\\"type', b'\\"vfnue\\",\\"type', 2))
    with pytest.raises(DataError, match="is damaged"):
        read_again(lake)
    assert commit is not None
    assert NO_TABLE == -1
