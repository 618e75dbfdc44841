"""The vault: a token's identifier, sealed so that only the authority can read it.

    sealed = ephemeral public key (32) ‖ wrapped data key (48) ‖ nonce (12) ‖ AES-256-GCM(identifier)

A data key is fresh per `Sealer` and wrapped with AES-256-GCM under
HKDF-SHA-256 of the X25519 secret between an ephemeral key and the authority's
(the construction of RFC 9180, mode base). A row's token is its associated
data, so a sealed identifier cannot be moved to another token.
"""

import hashlib
import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pipelines.errors import DataError
from schemas.tables import VAULT

_LABEL = b"truyvet vault v1"
_PUBLIC = 32
_WRAPPED = 48
_NONCE = 12
_HEAD = _PUBLIC + _WRAPPED
_ONLY_USE = bytes(_NONCE)  # the wrapping key encrypts one message in its life, so its nonce may be constant


class Sealer:
    """Seals identifiers under one data key; threads may share it.

    A pickled sealer leaves its data key behind and makes another one when it
    is loaded: the key never travels with a job.
    """

    def __init__(self, authority_public: bytes) -> None:
        self._authority_public = authority_public
        ephemeral = X25519PrivateKey.generate()
        public = ephemeral.public_key().public_bytes_raw()
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(authority_public))
        data_key = AESGCM.generate_key(256)
        wrapping = AESGCM(_wrapping_key(shared, public, authority_public))
        self._head = public + wrapping.encrypt(_ONLY_USE, data_key, None)
        self._cipher = AESGCM(data_key)
        self._key_id = key_id(authority_public)

    def __reduce__(self) -> tuple[type["Sealer"], tuple[bytes]]:
        return Sealer, (self._authority_public,)

    def seal(self, tokens: npt.NDArray[np.int64], canonical: Sequence[bytes]) -> pa.Table:
        """Seal each identifier to its token.

        Args:
            tokens: int64[n].
            canonical: n canonical identifiers, UTF-8.

        Returns:
            n rows of `schemas.tables.VAULT`, in the order given.
        """
        nonces = os.urandom(_NONCE * len(canonical))
        labels = tokens.astype(">i8").tobytes()
        encrypt = self._cipher.encrypt
        sealed = []
        for row, identifier in enumerate(canonical):
            nonce = nonces[_NONCE * row : _NONCE * (row + 1)]
            sealed.append(self._head + nonce + encrypt(nonce, identifier, labels[8 * row : 8 * (row + 1)]))
        ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(sealed), np.int32)), [self._key_id])
        columns = [pa.array(tokens), pa.array(sealed, pa.binary()), ids.cast(pa.string())]
        return pa.table(columns, schema=VAULT.schema)


def key_id(authority_public: bytes) -> str:
    """16 hexadecimal digits that name a public key."""
    return hashlib.sha256(authority_public).hexdigest()[:16]


def unseal(authority_private: X25519PrivateKey, rows: pa.Table) -> list[str]:
    """The identifiers of rows of the vault, in their order.

    Raises:
        DataError: a row is damaged, or sealed to another key.
    """
    authority_public = authority_private.public_key().public_bytes_raw()
    ciphers: dict[bytes, AESGCM] = {}
    identifiers = []
    for token, sealed in zip(rows["person"].to_pylist(), rows["sealed"].to_pylist(), strict=True):
        head, nonce, text = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        try:
            if head not in ciphers:
                ciphers[head] = _unwrap(authority_private, authority_public, head)
            identifier = ciphers[head].decrypt(nonce, text, token.to_bytes(8, "big", signed=True))
        except (InvalidTag, ValueError) as error:
            raise DataError(
                "a row of the vault cannot be opened", "name the private key that it was sealed to"
            ) from error
        identifiers.append(identifier.decode())
    return identifiers


def _unwrap(authority_private: X25519PrivateKey, authority_public: bytes, head: bytes) -> AESGCM:
    """The cipher of the data key in a row's head.

    Raises:
        InvalidTag: it was wrapped to another key, or is damaged.
        ValueError: it is too short.
    """
    public = head[:_PUBLIC]
    shared = authority_private.exchange(X25519PublicKey.from_public_bytes(public))
    wrapping = AESGCM(_wrapping_key(shared, public, authority_public))
    return AESGCM(wrapping.decrypt(_ONLY_USE, head[_PUBLIC:], None))


def _wrapping_key(shared: bytes, ephemeral_public: bytes, authority_public: bytes) -> bytes:
    info = _LABEL + ephemeral_public + authority_public
    return HKDF(SHA256(), 32, salt=None, info=info).derive(shared)
