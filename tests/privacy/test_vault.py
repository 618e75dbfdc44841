import pickle
import threading

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from pipelines.errors import DataError
from pipelines.privacy.vault import Sealer, key_id, unseal
from schemas.tables import VAULT

IDENTIFIERS = ["phone:+84905123456", "passport:Đ1", "device:" + "x" * 120]
TOKENS = np.array([-(2**63), 0, 2**63 - 1], np.int64)


@pytest.fixture
def authority():
    return X25519PrivateKey.generate()


@pytest.fixture
def sealer(authority):
    return Sealer(authority.public_key().public_bytes_raw())


def seal(sealer, tokens=TOKENS, identifiers=IDENTIFIERS):
    return sealer.seal(tokens, [text.encode() for text in identifiers])


def with_sealed(rows, sealed):
    return rows.set_column(1, "sealed", pa.array(sealed, pa.binary()))


def test_what_is_sealed_is_unsealed_with_the_private_key(authority, sealer):
    assert unseal(authority, seal(sealer)) == IDENTIFIERS


def test_rows_are_rows_of_the_vault_in_the_order_given(authority, sealer):
    rows = seal(sealer)
    assert rows.schema.equals(VAULT.schema)
    assert rows["person"].to_pylist() == TOKENS.tolist()
    assert set(rows["key_id"].to_pylist()) == {key_id(authority.public_key().public_bytes_raw())}


def test_no_rows_are_a_table_without_rows(authority, sealer):
    rows = sealer.seal(TOKENS[:0], [])
    assert rows.schema.equals(VAULT.schema)
    assert unseal(authority, rows) == []


def test_a_sealed_row_is_92_bytes_and_a_tag_longer_than_its_identifier(sealer):
    lengths = [len(sealed) for sealed in seal(sealer)["sealed"].to_pylist()]
    assert lengths == [32 + 48 + 12 + 16 + len(text.encode()) for text in IDENTIFIERS]


def test_the_data_key_is_sealed_by_the_standard(authority, sealer):
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    for sealed, text in zip(seal(sealer)["sealed"].to_pylist(), IDENTIFIERS, strict=True):
        data_key = suite.decrypt(sealed[:80], authority, info=b"truyvet vault v2")
        token = int(TOKENS[IDENTIFIERS.index(text)]).to_bytes(8, "big", signed=True)
        assert AESGCM(data_key).decrypt(sealed[80:92], sealed[92:], token) == text.encode()


def test_no_identifier_and_no_nonce_shows_twice(sealer):
    rows = seal(sealer, TOKENS, [IDENTIFIERS[0]] * 3)["sealed"].to_pylist()
    assert not any(b"84905123456" in sealed for sealed in rows)
    assert len({sealed[80:92] for sealed in rows}) == 3
    assert len({sealed[92:] for sealed in rows}) == 3


def test_another_authority_cannot_open_a_row(sealer):
    with pytest.raises(DataError, match="a row of the vault cannot be opened") as raised:
        unseal(X25519PrivateKey.generate(), seal(sealer))
    assert "905" not in str(raised.value)


def test_a_row_of_another_token_cannot_be_opened(authority, sealer):
    rows = seal(sealer)
    with pytest.raises(DataError, match="cannot be opened"):
        unseal(authority, rows.set_column(0, "person", pa.array(TOKENS[::-1])))


@pytest.mark.parametrize("at", [0, 31, 32, 79, 80, 91, 92, -1])
def test_every_part_of_a_row_is_authenticated(authority, sealer, at):
    rows = seal(sealer)
    damaged = []
    for sealed in rows["sealed"].to_pylist():
        changed = bytearray(sealed)
        changed[at] ^= 1
        damaged.append(bytes(changed))
    with pytest.raises(DataError, match="cannot be opened"):
        unseal(authority, with_sealed(rows, damaged))


@pytest.mark.parametrize("length", [0, 10, 32, 79, 80, 91, 92, 100])
def test_a_row_cut_short_cannot_be_opened(authority, sealer, length):
    rows = seal(sealer)
    with pytest.raises(DataError, match="cannot be opened"):
        unseal(authority, with_sealed(rows, [sealed[:length] for sealed in rows["sealed"].to_pylist()]))


def test_each_sealer_has_a_data_key_of_its_own_and_all_open(authority, sealer):
    other = Sealer(authority.public_key().public_bytes_raw())
    rows = pa.concat_tables([seal(sealer), seal(other)])
    assert len({sealed[:80] for sealed in rows["sealed"].to_pylist()}) == 2
    assert unseal(authority, rows) == IDENTIFIERS * 2


def test_a_pickled_sealer_leaves_its_data_key_behind(authority, sealer):
    travelled = pickle.loads(pickle.dumps(sealer))
    assert seal(travelled)["sealed"][0].as_py()[:80] != seal(sealer)["sealed"][0].as_py()[:80]
    assert unseal(authority, seal(travelled)) == IDENTIFIERS


def test_threads_share_a_sealer(authority, sealer):
    tokens = np.arange(2000)
    texts = [f"device:{n}" for n in range(2000)]
    found = []
    threads = [threading.Thread(target=lambda: found.append(seal(sealer, tokens, texts))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(unseal(authority, rows) == texts for rows in found)
