import os
import subprocess
import sys
import time

import pytest

from pipelines.errors import ServiceError, UsageError
from pipelines.export.list_folder import new_list_folder


def write_one(folder):
    with new_list_folder(folder) as unfinished:
        (unfinished / "list.csv").write_text("x")


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path):
    with new_list_folder(tmp_path / "list") as unfinished:
        (unfinished / "list.csv").write_text("x")
        assert not (tmp_path / "list").exists()
        assert unfinished.name.startswith(".list.unfinished-")
        assert unfinished.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "list").iterdir()] == ["list.csv"]
    assert (tmp_path / "list").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "list" / "list.csv").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["list"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "list").mkdir()
    write_one(tmp_path / "list")
    assert os.listdir(tmp_path / "list") == ["list.csv"]


def test_missing_parents_are_made(tmp_path):
    write_one(tmp_path / "a" / "b" / "list")
    assert os.listdir(tmp_path / "a" / "b" / "list") == ["list.csv"]


@pytest.mark.parametrize(
    "make", [lambda path: (path.mkdir(), (path / "x").touch()), lambda path: path.touch()]
)
def test_a_folder_that_holds_something_is_refused_and_kept(tmp_path, make):
    make(tmp_path / "list")
    with pytest.raises(UsageError, match="new or empty"):
        write_one(tmp_path / "list")
    assert len(os.listdir(tmp_path)) == 1


def test_a_link_is_refused(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "list").symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="new or empty"):
        write_one(tmp_path / "list")


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="no"), new_list_folder(tmp_path / "list"):
        raise ValueError("no")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_nothing(tmp_path):
    with pytest.raises(ServiceError, match="the disk is full"), new_list_folder(tmp_path / "list"):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


def killed_in_the_middle(folder):
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from pipelines.export.list_folder import new_list_folder\n"
        "with new_list_folder(Path(sys.argv[1])) as unfinished:\n"
        "    (unfinished / 'list.csv').write_text('secret'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=False)


def test_what_a_killed_export_left_goes_with_the_next(tmp_path):
    killed_in_the_middle(tmp_path / "list")
    assert len(os.listdir(tmp_path)) == 1
    write_one(tmp_path / "list")
    assert os.listdir(tmp_path) == ["list"]


def test_the_folder_of_a_living_export_is_left_alone(tmp_path):
    with new_list_folder(tmp_path / "list") as first:
        with new_list_folder(tmp_path / "list") as second:
            assert first.exists()
            (second / "list.csv").touch()
        with pytest.raises(UsageError):
            write_one(tmp_path / "list")
        assert first.exists()
        (first / "list.csv").touch()
        os.rename(tmp_path / "list", tmp_path / "faster")
    assert sorted(os.listdir(tmp_path)) == ["faster", "list"]


def test_of_two_exports_at_once_the_slower_is_refused(tmp_path):
    with pytest.raises(UsageError, match="new or empty"), new_list_folder(tmp_path / "list"):
        write_one(tmp_path / "list")
    assert os.listdir(tmp_path) == ["list"]


def test_an_old_folder_without_a_lock_goes_and_a_new_one_stays(tmp_path):
    for name, age in (("old", 3_600), ("new", 0)):
        left = tmp_path / f".list.unfinished-{name}"
        left.mkdir()
        os.utime(left, (time.time() - age,) * 2)
    write_one(tmp_path / "list")
    assert sorted(os.listdir(tmp_path)) == [".list.unfinished-new", "list"]


def test_names_with_signs_of_patterns_are_taken_as_they_are(tmp_path):
    (tmp_path / ".a.unfinished-1").mkdir()
    os.utime(tmp_path / ".a.unfinished-1", (0, 0))
    write_one(tmp_path / "[a]*")
    assert (tmp_path / ".a.unfinished-1").exists()
