"""What keys make of identifiers, codes and raw records."""

import hashlib
import hmac
import pickle

import pytest

from pipelines.errors import RefusedError
from pipelines.privacy.keys import create_keys, digest, token, venue_id


@pytest.fixture
def keys(tmp_path):
    return create_keys(tmp_path / "lake.keys")


def signed(raw):
    return int.from_bytes(raw[:8], "big", signed=True)


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


def test_a_pickle_of_keys_holds_no_key(keys):
    pickled = pickle.dumps(keys)
    assert not any(secret in pickled for secret in (keys.token_key, keys.event_key, keys.digest_key))


def test_a_worker_with_other_keys_is_refused(keys, tmp_path, monkeypatch):
    pickled = pickle.dumps(keys)
    keys.folder.rename(tmp_path / "gone")
    create_keys(keys.folder)
    with pytest.raises(RefusedError, match="holds other keys than those of the job"):
        pickle.loads(pickled)


def test_a_worker_finds_its_keys_by_the_variable_where_the_folder_is_not_there(keys, tmp_path, monkeypatch):
    pickled = pickle.dumps(keys)
    keys.folder.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("TRUYVET_KEYS", str(tmp_path / "elsewhere"))
    assert pickle.loads(pickled).token_key == keys.token_key
