"""A lake that may be read and not written: answers come, writers say so in one line, nothing changes."""

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from pipelines.cli import COMMANDS, main
from pipelines.errors import ServiceError
from pipelines.lake import commit, open_lake, read_table, snapshot, write_data_file
from pipelines.maintenance.compact import compact
from pipelines.maintenance.verify import verify
from pipelines.privacy.keys import create_keys
from schemas.tables import SCANS
from tests.lake.rows import DATES, add, add_stays, make_lake, scan_rows, whole_lake

NOBODY = 65534
for _name in ("compact", "verify"):
    COMMANDS[_name].load()  # the interpreter's own folder may be closed to nobody
DATE = {"date": DATES[0]}


@contextlib.contextmanager
def without_rights():
    """Run as a user whom the modes of files bind; the superuser writes anywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextlib.contextmanager
def read_only(folder):
    """Nobody may write below `folder`, everybody may read."""
    paths = [folder, *folder.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in paths}
    for path, mode in modes.items():
        path.chmod(0o555 if path.is_dir() else mode & 0o111 | 0o444)
    try:
        with without_rights():
            yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@pytest.fixture
def folder():
    """A folder that any user can reach, which pytest's own is not."""
    path = Path(tempfile.mkdtemp(prefix="truyvet-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_read_only_lake_is_read_and_verified(folder):
    lake = whole_lake(folder)
    with read_only(folder):
        assert open_lake(lake.url, folder / "lake.keys") == lake
        assert read_table(lake, "scans").num_rows == 100
        assert verify(lake).problems == ()
        assert main(["verify", "--lake", lake.url]) == 0


def test_every_writer_says_in_one_line_that_it_may_not_write(folder, capsys):
    lake = make_lake(folder)
    for seed in range(2):
        version = add(lake, SCANS, DATE, scan_rows(seed=seed))
    add_stays(lake, marks={"scans_version": version})
    file = write_data_file(lake, SCANS, DATE, scan_rows(seed=7))
    before = files_of(folder)
    with read_only(folder):
        for write in (
            lambda: write_data_file(lake, SCANS, DATE, scan_rows(seed=8)),
            lambda: commit(lake, "scans", [file], after=version),
            lambda: lake.scratch("x"),
            lambda: compact(lake),
        ):
            with pytest.raises(ServiceError, match="cannot be written") as raised:
                write()
            assert "\n" not in str(raised.value)
        assert main(["compact", "--lake", lake.url]) == 5
    assert capsys.readouterr().err.count("\n") == 1
    assert files_of(folder) == before
    assert snapshot(lake, "scans").version == version


def test_no_lake_and_no_keys_are_made_where_none_can_be(folder):
    create_keys(folder / "k")
    with read_only(folder):
        with pytest.raises(ServiceError, match="permission denied"):
            open_lake(str(folder / "lake"), folder / "k", create=True)
        with pytest.raises(ServiceError, match="keys cannot be made"):
            create_keys(folder / "other")
    assert os.listdir(folder) == ["k"]
