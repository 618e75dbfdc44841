"""The log: entries hash one another, and what is wrong with them is named."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from pipelines.lake.log import actions_hash, checkpoints, read_entry, versions
from pipelines.maintenance.verify_log import log_problems
from schemas.tables import SCANS
from tests.lake.rows import add, make_lake, scan_rows

PARTITION = {"date": "2021-07-01"}


@pytest.fixture
def lake(tmp_path):
    return make_lake(tmp_path)


def commit_scans(lake, count):
    for seed in range(count):
        add(lake, SCANS, PARTITION, scan_rows(seed=seed, count=2), marks={"batch:7": seed})
    return lake.table_url("scans")


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def entry(lake, version):
    return lake_path(lake, f"{version:020d}.json")


def lake_path(lake, name):
    return Path(lake.url, "scans", "_delta_log", name)


def test_a_log_that_nobody_touched_has_no_problems(lake):
    url = commit_scans(lake, 22)
    assert (versions(url), checkpoints(url)) == (list(range(22)), [19])
    assert list(log_problems(url)) == []


def test_a_flipped_byte_of_an_entry_is_found_once_another_has_followed(lake):
    url = commit_scans(lake, 2)
    path = entry(lake, 0)
    for at in range(0, path.stat().st_size, 11):
        flip(path, at)
        assert list(log_problems(url)) != []
        flip(path, at)


def test_a_flipped_byte_of_the_newest_entry_is_found_or_changes_nothing_that_a_reader_sees(lake):
    url = commit_scans(lake, 2)
    path = entry(lake, 1)
    before = seen_by_a_reader(url)
    missed = 0
    for at in range(0, path.stat().st_size, 5):
        flip(path, at)
        if not list(log_problems(url)):
            missed += 1
            assert seen_by_a_reader(url) == before
        flip(path, at)
    assert missed


def seen_by_a_reader(url):
    table = DeltaTable(url)
    return (
        table.version(),
        pa.table(table.get_add_actions()).to_pylist(),
        table.transaction_version("batch:7"),
    )


def test_a_flipped_byte_of_a_checkpoint_is_found(lake):
    url = commit_scans(lake, 21)
    path = lake_path(lake, f"{19:020d}.checkpoint.parquet")
    size = path.stat().st_size
    for at in range(0, size, size // 20):
        flip(path, at)
        assert list(log_problems(url)) == [
            (path.name, "bytes have changed since the next commit"),
            ("_last_checkpoint", "it names another checkpoint than the one that is there"),
        ]
        flip(path, at)


def test_a_missing_entry_is_named(lake):
    url = commit_scans(lake, 4)
    entry(lake, 2).unlink()
    assert list(log_problems(url)) == [(f"{2:020d}.json", "the entry is missing")]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"version": 7}', b'{"version": "x"}'])
def test_a_pointer_to_no_checkpoint_is_named(lake, content):
    url = commit_scans(lake, 20)
    pointer = lake_path(lake, "_last_checkpoint")
    pointer.write_bytes(content)
    assert [name for name, _ in log_problems(url)] == ["_last_checkpoint"]


def test_actions_hash_alike_in_any_order_and_spelling(lake):
    commit_scans(lake, 1)
    actions = read_entry(str(entry(lake, 0)))
    assert actions_hash(actions) == actions_hash(reversed(actions))
    assert actions_hash([*actions, {"commitInfo": {}}]) == actions_hash(actions)
    assert actions_hash([action for action in actions if "add" not in action]) != actions_hash(actions)
