"""The vault: the identifier behind each token, sealed so that only the authority can read it.

    sealed = HPKE(data key) (80 bytes) ‖ nonce (12) ‖ AES-256-GCM(identifier)

Each `Sealer` draws one data key and seals it to the authority's public key with
HPKE (RFC 9180, base mode: X25519, HKDF-SHA256, AES-256-GCM). A row's token is its
associated data, so a sealed identifier cannot be moved to another token.
"""

import hashlib
import os
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from pipelines.errors import DataError
from schemas.tables import VAULT

_HPKE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO: Final = b"truyvet vault v2"
_HEAD: Final = 32 + 32 + 16  # encapsulated key, data key, tag
_NONCE: Final = 12


class Sealer:
    """Seals identifiers under one data key; safe to share between threads.

    Pickling drops the data key and unpickling draws a new one, so that the key
    never travels with a job.

    Example:
        >>> authority = X25519PrivateKey.generate()
        >>> sealer = Sealer(authority.public_key().public_bytes_raw())
        >>> rows = sealer.seal(np.array([7]), [b"device:bracelet-7"])
        >>> unseal(authority, rows)
        ['device:bracelet-7']
    """

    def __init__(self, authority_public: bytes) -> None:
        self._authority_public = authority_public
        data_key = AESGCM.generate_key(256)
        self._head = _HPKE.encrypt(data_key, X25519PublicKey.from_public_bytes(authority_public), info=_INFO)
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
        # One call for all nonces.
        nonces = os.urandom(_NONCE * len(canonical))
        # Associated data: the tokens, 8 bytes each, big-endian.
        labels = tokens.astype(">i8").tobytes()
        encrypt = self._cipher.encrypt
        sealed = []
        for row, identifier in enumerate(canonical):
            nonce = nonces[_NONCE * row : _NONCE * (row + 1)]
            sealed.append(self._head + nonce + encrypt(nonce, identifier, labels[8 * row : 8 * (row + 1)]))
        # All rows share one key id.
        ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(sealed), np.int32)), [self._key_id])
        columns = [pa.array(tokens), pa.array(sealed, pa.binary()), ids.cast(pa.string())]
        return pa.table(columns, schema=VAULT.schema)


def key_id(authority_public: bytes) -> str:
    """Name a public key by 16 hexadecimal digits."""
    return hashlib.sha256(authority_public).hexdigest()[:16]


def unseal(authority_private: X25519PrivateKey, rows: pa.Table) -> list[str]:
    """Open rows of the vault and return their identifiers in the same order.

    Raises:
        DataError: a row is damaged, or was sealed to another key.
    """
    # Cache by sealed data key: one HPKE decryption per `Sealer`, not per row.
    ciphers: dict[bytes, AESGCM] = {}
    identifiers = []
    for token, sealed in zip(rows["person"].to_pylist(), rows["sealed"].to_pylist(), strict=True):
        head, nonce, text = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        try:
            if head not in ciphers:
                ciphers[head] = AESGCM(_HPKE.decrypt(head, authority_private, info=_INFO))
            identifier = ciphers[head].decrypt(nonce, text, token.to_bytes(8, "big", signed=True))
        except (InvalidTag, ValueError) as error:
            raise DataError(
                "a row of the vault cannot be opened", "name the private key that it was sealed to"
            ) from error
        identifiers.append(identifier.decode())
    return identifiers
