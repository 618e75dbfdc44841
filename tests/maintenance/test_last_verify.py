"""A lake knows when all of it was verified last."""

import datetime as dt
import stat
from pathlib import Path

import pytest

from pipelines.lake import open_lake
from pipelines.maintenance.last_verify import LastVerify, last_verify, remember
from pipelines.maintenance.verify import verify
from tests.lake.rows import data_paths, make_lake, whole_lake
from tests.lake.test_read_only import folder, read_only

__all__ = ["folder"]


def test_a_lake_that_was_never_verified_says_so(tmp_path):
    assert last_verify(make_lake(tmp_path)) is None


def test_verify_keeps_when_it_ended_and_what_it_found(tmp_path):
    lake = whole_lake(tmp_path)
    begun = dt.datetime.now(dt.UTC).replace(microsecond=0)
    verify(lake)
    found = last_verify(lake)
    assert (found.files, found.rows, found.problems) == (9, 265, 0)
    assert begun <= found.at <= dt.datetime.now(dt.UTC)
    data_paths(lake, "venues")[0].unlink()
    verify(lake)
    assert last_verify(open_lake(lake.url)).problems == 1
    assert stat.S_IMODE(Path(lake.url, "verified.json").stat().st_mode) == 0o600


def test_a_read_only_lake_is_verified_and_keeps_nothing(folder):
    lake = whole_lake(folder)
    with read_only(folder):
        assert verify(lake).problems == ()
    assert last_verify(lake) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"at": 7, "files": 1, "rows": 1, "problems": 0}']
)
def test_a_damaged_record_is_none(tmp_path, content):
    lake = make_lake(tmp_path)
    Path(lake.url, "verified.json").write_bytes(content)
    assert last_verify(lake) is None


def test_a_record_comes_back_as_it_was_kept(tmp_path):
    lake = make_lake(tmp_path)
    record = LastVerify(dt.datetime(2021, 7, 8, 2, 0, tzinfo=dt.UTC), 9, 265, 1)
    remember(lake, record)
    assert last_verify(lake) == record
