import hashlib
import hmac
import multiprocessing
import os
import pickle
import stat
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pipelines.errors import DataError, ServiceError
from pipelines.privacy import keys as keys_module
from pipelines.privacy.keys import create_keys, digest, load_authority, load_keys, token, venue_id


@pytest.fixture
def keys(tmp_path):
    return create_keys(tmp_path / "lake.keys")


def signed(raw):
    return int.from_bytes(raw[:8], "big", signed=True)


def test_the_folder_holds_four_files_that_only_their_owner_may_read(keys):
    names = sorted(path.name for path in keys.folder.iterdir())
    assert names == ["authority.key", "authority.pub", "event.key", "token.key"]
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

    monkeypatch.setattr(keys_module.os, "fsync", full)
    with pytest.raises(ServiceError, match=r"keys cannot be made in .*k: No space left on device"):
        create_keys(tmp_path / "k")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("token.key", b"", "is no key of 32 bytes"),
        ("token.key", b"ab" * 31, "is no key of 32 bytes"),
        ("event.key", b"zz" * 32, "is no key"),
        ("event.key", "é".encode() * 64, "is no key"),
        ("authority.pub", b"-----BEGIN PUBLIC KEY-----", "is no X25519 public key"),
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
    with pytest.raises(DataError, match="is no X25519 public key"):
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
def test_what_is_no_private_key_is_refused(tmp_path, content):
    (tmp_path / "authority.key").write_bytes(content)
    with pytest.raises(DataError, match="is no X25519 private key"):
        load_authority(tmp_path / "authority.key")


def test_a_token_is_the_begin_of_the_keyed_hash_of_the_canonical_text(keys):
    text = "passport:Đ12345"
    assert token(keys, text) == signed(hmac.digest(keys.token_key, text.encode(), hashlib.sha256))


def test_a_venue_id_needs_no_key():
    assert venue_id("CHỢ-1") == signed(hashlib.sha256("CHỢ-1".encode()).digest())


def test_a_digest_is_of_32_bytes_under_a_key_of_its_own(keys):
    assert digest(keys, b"raw") == hmac.digest(keys.digest_key, b"raw", hashlib.sha256)
    assert len({keys.token_key, keys.event_key, keys.digest_key}) == 3


def test_no_key_is_shown_and_keys_travel_to_workers(keys):
    assert keys.token_key.hex() not in repr(keys)
    assert repr(keys.event_key) not in repr(keys)
    assert pickle.loads(pickle.dumps(keys)) == keys
