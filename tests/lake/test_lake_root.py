import json
import multiprocessing
import os
import pickle
import stat

import pytest

from pipelines.errors import DataError, RefusedError, ServiceError, UsageError
from pipelines.lake import Lake, lake_root, open_lake
from pipelines.privacy.keys import create_keys, load_keys
from tests.lake.rows import make_lake


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_new_lake_is_made_with_keys_beside_it(tmp_path):
    lake = make_lake(tmp_path)
    described = json.loads((tmp_path / "lake" / "lake.json").read_text())
    assert described == {"format": 1, "keys": load_keys(tmp_path / "lake.keys").fingerprint}
    assert lake == Lake(str(tmp_path / "lake"))
    assert lake.table_url("stays") == f"{tmp_path}/lake/stays"
    assert pickle.loads(pickle.dumps(lake)) == lake


def test_only_its_owner_enters_a_lake(tmp_path):
    (tmp_path / "lake").mkdir(0o755)
    lake = make_lake(tmp_path)
    assert mode(lake.url) == 0o700
    assert mode(f"{lake.url}/lake.json") == 0o600
    assert mode(lake.scratch("run/7")) == 0o700
    assert mode(f"{lake.url}/_scratch") == 0o700


def test_a_lake_is_opened_with_its_keys_their_folder_or_none(tmp_path):
    lake = make_lake(tmp_path)
    for keys in (None, tmp_path / "lake.keys", load_keys(tmp_path / "lake.keys")):
        assert open_lake(lake.url, keys) == lake
        assert open_lake(f"file://{lake.url}", keys, create=True) == lake


def test_a_lake_is_named_by_an_absolute_path_wherever_it_is_opened_from(tmp_path, monkeypatch):
    lake = make_lake(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert open_lake("lake") == lake


def test_a_new_lake_takes_keys_that_are_there(tmp_path):
    keys = create_keys(tmp_path / "k")
    open_lake(str(tmp_path / "lake"), tmp_path / "k", create=True)
    assert open_lake(str(tmp_path / "lake"), keys)


def test_a_missing_lake_is_an_error_for_a_reader_and_nothing_is_made(tmp_path):
    with pytest.raises(DataError, match="there is no lake at"):
        open_lake(str(tmp_path / "lake"), tmp_path / "lake.keys")
    assert os.listdir(tmp_path) == []


def test_other_keys_are_refused(tmp_path):
    make_lake(tmp_path)
    create_keys(tmp_path / "other")
    for create in (False, True):
        with pytest.raises(RefusedError, match="was made with other keys"):
            open_lake(str(tmp_path / "lake"), tmp_path / "other", create=create)


@pytest.mark.parametrize("create", [False, True])
def test_keys_are_never_made_beside_a_lake_that_exists(tmp_path, create):
    make_lake(tmp_path)
    (tmp_path / "lake.keys").rename(tmp_path / "away")
    with pytest.raises(RefusedError, match=r"the lake's keys are not in .*lake\.keys"):
        open_lake(str(tmp_path / "lake"), tmp_path / "lake.keys", create=create)
    assert not (tmp_path / "lake.keys").exists()


def test_damaged_keys_make_no_lake(tmp_path):
    create_keys(tmp_path / "k")
    (tmp_path / "k" / "token.key").write_text("short")
    with pytest.raises(DataError, match=r"token\.key"):
        open_lake(str(tmp_path / "lake"), tmp_path / "k", create=True)
    assert not (tmp_path / "lake" / "lake.json").exists()


@pytest.mark.parametrize("folder", ["lake/keys", "lake"])
def test_keys_inside_the_lake_are_refused(tmp_path, folder):
    with pytest.raises(RefusedError, match="must not be inside the lake"):
        open_lake(str(tmp_path / "lake"), tmp_path / folder, create=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("create", [False, True])
def test_a_file_is_not_a_lake(tmp_path, create):
    (tmp_path / "lake").write_text("mine")
    with pytest.raises(DataError, match="lake is a file"):
        open_lake(str(tmp_path / "lake"), tmp_path / "lake.keys", create=create)
    assert os.listdir(tmp_path) == ["lake"]


def test_a_folder_of_other_things_does_not_become_a_lake(tmp_path):
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "letters.txt").write_text("mine")
    with pytest.raises(RefusedError, match="is neither a lake nor empty"):
        make_lake(tmp_path)
    assert os.listdir(tmp_path) == ["lake"]


def test_a_folder_in_which_a_killed_run_began_a_lake_becomes_one(tmp_path):
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "_tmp-1-2-ab").write_text("")
    assert make_lake(tmp_path)


def test_a_lake_that_lost_its_description_is_not_made_again(tmp_path):
    lake = make_lake(tmp_path)
    lake.scratch("x")
    os.unlink(f"{lake.url}/lake.json")
    with pytest.raises(RefusedError, match="is neither a lake nor empty"):
        make_lake(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 1, "keys": 5}', b'{"foRmat": 1, "keys": "x"}', b"\xff"],
)
def test_a_damaged_description_is_named(tmp_path, content):
    lake = make_lake(tmp_path)
    with open(f"{lake.url}/lake.json", "wb") as file:
        file.write(content)
    with pytest.raises(DataError, match=r"lake\.json"):
        open_lake(lake.url)


def test_a_lake_of_a_later_format_is_refused(tmp_path):
    lake = make_lake(tmp_path)
    with open(f"{lake.url}/lake.json", "w") as file:
        json.dump({"format": 2, "keys": "x"}, file)
    with pytest.raises(RefusedError, match="is of another format"):
        open_lake(lake.url)


@pytest.mark.parametrize("url", ["hdfs://cluster/lake", "http://host/lake"])
def test_a_store_that_cannot_be_written_is_named(url, tmp_path):
    with pytest.raises(ServiceError, match=r"unsupported URL scheme (hdfs|http)://: .*s3:// gs:// abfss://"):
        open_lake(url, tmp_path / "k", create=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIASECRET:SECRET@bucket/lake",
        "s3://bucket/lake?X-Amz-Signature=SECRET",
        "s3://bucket/lake#SECRET",
        "s3://bucket/a/../SECRET",
        "s3://bucket/SECRET%20",
        "s3://bucket/by=SECRET",
        "s3:///SECRET",
        "gs://",
        "abfss://account.dfs.core.windows.net/SECRET",
        "abfss://container@account.blob.core.windows.net/SECRET",
        "abfss://container:SECRET@account.dfs.core.windows.net/lake",
    ],
)
def test_a_url_that_is_more_or_less_than_bucket_and_prefix_is_refused_and_not_repeated(url, tmp_path):
    with pytest.raises(UsageError, match=r"--lake .*://… must be a bucket and a prefix") as raised:
        open_lake(url, tmp_path / "k", create=True)
    assert "SECRET" not in str(raised.value)
    assert os.listdir(tmp_path) == []


def test_a_folder_whose_name_the_library_would_decode_is_refused(tmp_path):
    (tmp_path / "50%25").mkdir()
    with pytest.raises(UsageError, match="must not contain a % before two hexadecimal digits"):
        make_lake(tmp_path / "50%25")
    assert os.listdir(tmp_path / "50%25") == []


def test_a_full_disk_makes_no_lake_and_the_next_try_does(tmp_path, monkeypatch):
    create_keys(tmp_path / "lake.keys")

    def full(_handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(lake_root.os, "fsync", full)
        with pytest.raises(ServiceError, match="the disk is full"):
            make_lake(tmp_path)
    assert os.listdir(tmp_path / "lake") == []
    assert make_lake(tmp_path)


def make_and_load(folder):
    make_lake(folder)
    return load_keys(folder / "lake.keys").fingerprint


def test_of_processes_that_make_one_lake_at_once_one_makes_it(tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(make_and_load, [tmp_path] * 6))) == 1
    assert sorted(os.listdir(tmp_path)) == ["lake", "lake.keys"]
    assert os.listdir(tmp_path / "lake") == ["lake.json"]
