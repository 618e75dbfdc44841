"""Folders of keys: made whole, read with care, never shown."""

import multiprocessing
import os
import stat
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pipelines.errors import DataError, ServiceError
from pipelines.privacy import key_folders
from pipelines.privacy.key_folders import load_authority
from pipelines.privacy.keys import create_keys, load_keys


@pytest.fixture
def keys(tmp_path):
    return create_keys(tmp_path / "lake.keys")


def test_the_folder_holds_five_files_that_only_their_owner_may_read(keys):
    names = sorted(path.name for path in keys.folder.iterdir())
    assert names == ["authority.key", "authority.pub", "event.key", "list.key", "token.key"]
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.folder.iterdir()} == {0o600}


def test_loaded_keys_are_those_that_were_made(keys):
    assert load_keys(keys.folder) == keys


def test_keys_are_loaded_without_the_authority_s_private_key(keys):
    (keys.folder / "authority.key").unlink()
    assert load_keys(keys.folder) == keys


def test_two_lakes_have_nothing_in_common(tmp_path):
    first, second = create_keys(tmp_path / "a"), create_keys(tmp_path / "b")
    for name in ("token_key", "event_key", "digest_key", "authority_public", "fingerprint"):
        assert getattr(first, name) != getattr(second, name)


def test_making_keys_where_there_are_some_loads_them(keys):
    assert create_keys(keys.folder) == keys


def test_of_many_threads_that_make_the_same_keys_one_makes_them(tmp_path):
    made = []
    threads = [threading.Thread(target=lambda: made.append(create_keys(tmp_path / "k"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({keys.fingerprint for keys in made}) == 1
    assert os.listdir(tmp_path) == ["k"]


def test_of_two_processes_that_make_the_same_keys_one_makes_them(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        made = pool.map(create_keys, [tmp_path / "k"] * 6)
    assert len({keys.fingerprint for keys in made}) == 1


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "k").mkdir()
    assert create_keys(tmp_path / "k").folder == tmp_path / "k"
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o700


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "letters.txt").write_text("mine")
    with pytest.raises(DataError, match=r"token\.key is missing"):
        create_keys(tmp_path / "k")
    assert os.listdir(tmp_path / "k") == ["letters.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "k").write_text("mine")
    with pytest.raises(DataError, match=r"token\.key cannot be read"):
        create_keys(tmp_path / "k")


def test_a_disk_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(key_folders.os, "fsync", full)
    with pytest.raises(ServiceError, match=r"keys cannot be made in .*k: No space left on device"):
        create_keys(tmp_path / "k")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("token.key", b"", "must hold 64 hexadecimal digits"),
        ("token.key", b"ab" * 31, "must hold 64 hexadecimal digits"),
        ("event.key", b"zz" * 32, "must hold 64 hexadecimal digits"),
        ("event.key", "é".encode() * 64, "must hold 64 hexadecimal digits"),
        ("authority.pub", b"-----BEGIN PUBLIC KEY-----", "is not an X25519 public key"),
    ],
)
def test_a_damaged_key_is_named_and_never_shown(keys, name, content, problem):
    (keys.folder / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} {problem}") as raised:
        load_keys(keys.folder)
    assert str(content) not in str(raised.value)


def test_a_public_key_of_another_kind_is_refused(keys):
    other = Ed25519PrivateKey.generate().public_key()
    (keys.folder / "authority.pub").write_bytes(
        other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(DataError, match="is not an X25519 public key"):
        load_keys(keys.folder)


def test_the_authority_s_key_belongs_to_its_public_key(keys):
    private = load_authority(keys.folder / "authority.key")
    assert private.public_key().public_bytes_raw() == keys.authority_public


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
    ids=["empty", "text", "another kind"],
)
def test_a_file_that_is_not_a_private_key_is_refused(tmp_path, content):
    (tmp_path / "authority.key").write_bytes(content)
    with pytest.raises(DataError, match="is not an X25519 private key"):
        load_authority(tmp_path / "authority.key")
