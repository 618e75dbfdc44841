"""A rotation that is killed, or that must not be: the lake is the old one or the new one."""

import errno
import os
import shutil
import stat
from copy import copy

import pytest

from pipelines.errors import DataError, RefusedError, ServiceError
from pipelines.lake import commit, open_lake, read_table, snapshot, storage, write_data_file
from pipelines.lake.durable_files import disk_error
from pipelines.lake.writer_lock import writing_alone, writing_with_others
from pipelines.privacy import key_rotation
from pipelines.privacy.key_folders import make_key_files
from pipelines.privacy.keys import load_keys
from pipelines.retention import beside_lake
from pipelines.retention import rotate as rotating
from pipelines.retention.rotate import rotate
from schemas.tables import VAULT
from tests.end_to_end.commands import truyvet
from tests.retention.forgetting import Home, differences, tables_of
from tests.retention.killing import killed_at
from tests.retention.test_rotate import left_in, old_tokens, renamed, without_ties

STEPS = (
    (beside_lake, "_exchange"),
    (beside_lake.shutil, "copytree"),
    (key_rotation, "write_keys"),
    (rotating, "take_next"),
    (rotating, "remove_beside"),
    (key_rotation, "_overwrite"),
    (key_rotation.os, "rename"),
)
"""What a rotation does beside commits, and may be killed before and after."""


@pytest.fixture(scope="module")
def whole(shared_folder):
    """A small lake and its home."""
    home = Home(shared_folder, 23, size=2)
    home.inputs = without_ties(home)
    home.run(shared_folder / "lake", home.inputs)
    return home


@pytest.fixture
def made(whole, folder):
    """A copy of both."""
    home = copy(whole)
    home.folder, home.keys = folder, folder / "keys"
    renew(whole, folder)
    return home, folder / "lake"


def renew(whole, folder):
    """Put a lake and its keys back."""
    for name in ("lake", "keys"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(whole.folder / name, folder / name)


def again(home, lake):
    return rotate(str(lake), home.keys / "authority.key", keys=home.keys)


@pytest.mark.parametrize("every", [40, pytest.param(1, marks=pytest.mark.slow)])
def test_a_rotation_that_is_killed_anywhere_leaves_one_lake_and_is_finished_by_the_next(whole, made, every):
    home, lake = made
    before, old = renamed(home, lake), old_tokens(lake)
    steps = killed_at(100_000, lambda: again(home, lake), STEPS)
    exchanged = 0
    numbers = [*range(steps, 0, -every)] if every == 1 else [*range(steps - 12, steps, 5), steps // 2]
    for number in numbers:
        renew(whole, home.folder)
        killed_at(number, lambda: again(home, lake), STEPS)
        open_lake(str(lake), home.keys)  # finishes the change of keys
        assert differences(renamed(home, lake), before) == []
        exchanged += not old[0] & old_tokens(lake)[0]
        again(home, lake)
        assert differences(renamed(home, lake), before) == []
        assert left_in(lake, *old) == []
        assert sorted(path.name for path in lake.parent.glob(".*")) == []
        assert not {path.name for path in home.keys.iterdir()} & {"_next", "_new", "_tmp-new"}
        assert truyvet("verify", "--lake", lake).code == 0
    assert 0 < exchanged < len(numbers)


def refused(home, lake, error, said, **how):
    """A rotation ends with an error, and everything is as it was."""
    before, keys = tables_of(lake), load_keys(home.keys).fingerprint
    with pytest.raises(error, match=said):
        rotate(str(lake), how.get("key", home.keys / "authority.key"), keys=home.keys)
    assert differences(tables_of(lake), before) == []
    assert load_keys(home.keys).fingerprint == keys
    assert not list(lake.parent.glob(".*"))
    assert not (home.keys / "_next").exists()


def test_the_key_of_another_authority_is_refused(made, folder):
    home, lake = made
    make_key_files(folder / "others")
    refused(home, lake, RefusedError, "another authority", key=folder / "others" / "authority.key")
    refused(home, lake, DataError, "is missing: name .* --authority-key", key=folder / "nothing.key")
    refused(home, lake, DataError, "not an X25519 private key", key=home.keys / "authority.pub")


def test_a_vault_that_lacks_a_person_is_refused(made):
    home, lake = made
    opened = open_lake(str(lake))
    base, rows = snapshot(opened, "vault"), read_table(opened, "vault").sort_by("person")
    file = write_data_file(opened, VAULT, {}, rows.slice(rows.num_rows // 2).combine_chunks())
    commit(opened, "vault", [file], remove=base.files, after=base.version)
    refused(home, lake, RefusedError, "the vault lacks")


def test_a_full_disk_leaves_the_lake_as_it_was(made, monkeypatch):
    home, lake = made
    written, put = [], storage.new_file

    def full(folder):
        written.append(folder)
        if len(written) > 20:
            raise disk_error(folder, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        return put(folder)

    monkeypatch.setattr(storage, "new_file", full)
    refused(home, lake, ServiceError, "cannot be written")
    assert len(written) > 20


def test_a_lake_that_is_being_written_is_refused(made, monkeypatch):
    home, lake = made
    monkeypatch.setattr("pipelines.lake.writer_lock.WAIT_SECONDS", 0.1)
    monkeypatch.setattr(rotating, "writing_alone", lambda where: writing_alone(where, 0.1))
    with writing_with_others(open_lake(str(lake))):
        refused(home, lake, RefusedError, "is being written")


def test_a_lake_in_a_store_or_behind_a_link_is_refused(made, folder):
    home, lake = made
    lake.rename(folder / "elsewhere")
    lake.symlink_to(folder / "elsewhere")
    refused(home, lake, RefusedError, "is a link or a mount point")
    with pytest.raises(RefusedError, match="in an object store"):
        beside_lake.check_place(open_lake(str(lake)).__class__("s3://bucket/lake"))


def test_who_has_opened_the_lake_before_is_told_and_never_answered_with_old_tokens(made):
    home, lake = made
    opened = open_lake(str(lake))
    snapshot(opened, "scans")
    again(home, lake)
    with pytest.raises(DataError, match="has been rotated"):
        snapshot(opened, "scans")
    with pytest.raises(RefusedError, match="has been rotated"), writing_with_others(opened):
        pass
    assert snapshot(open_lake(str(lake)), "scans").version > 0


def test_files_of_keys_and_of_the_lake_stay_private(made):
    home, lake = made
    again(home, lake)
    for place in (home.keys, lake):
        for path in (place, *place.rglob("*")):
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path
