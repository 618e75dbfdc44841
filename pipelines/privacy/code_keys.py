"""The keys that codes are judged by: our own, and those of others that are trusted.

They lie in the folder `codes` of the keys, one file each:

    ID.key         a private Ed25519 key that signs, PEM; may be taken away after printing
    ID.pub         its public key, PEM; ID is the first two bytes of its SHA-256, in hexadecimal
    ID.json        since when it signs no more, or is trusted no more
    nhs-KID.pem    a public P-256 key of NHS COVID-19
    clea-NAME.key  a secret key of a CLÉA authority, 64 hexadecimal digits
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from pipelines.errors import DataError
from pipelines.times import parse_instant

FOLDER = "codes"
SECRET_BYTES = 32

_OWN = re.compile(r"([0-9a-f]{4})\.pub", re.ASCII)
_NHS = re.compile(r"nhs-(.{1,64})\.pem", re.ASCII)
_CLEA = re.compile(r"clea-.{1,64}\.key", re.ASCII)
_ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class OwnKey:
    """A key of our own codes.

    Attributes:
        number: the id as codes carry it.
        public: 32 bytes, Ed25519.
        revoked_us: codes scanned from this instant on are refused; None when it is trusted.
    """

    number: int
    public: bytes
    revoked_us: int | None = None


@dataclass(frozen=True)
class CodeKeys:
    """All keys that codes are judged by; compares by value, so that what was decoded can be kept.

    Attributes:
        own: keys of our own codes, by number.
        nhs: (kid, DER of a public P-256 key) of NHS COVID-19.
        clea: 32 bytes each, secret keys of CLÉA authorities.
    """

    own: tuple[OwnKey, ...] = ()
    nhs: tuple[tuple[str, bytes], ...] = ()
    clea: tuple[bytes, ...] = field(default=(), repr=False)

    @cached_property
    def own_by_number(self) -> Mapping[int, OwnKey]:
        """Keys of our own codes by the number in the code."""
        return {key.number: key for key in self.own}

    @cached_property
    def nhs_by_kid(self) -> Mapping[str, bytes]:
        """Keys of NHS COVID-19 by their kid."""
        return dict(self.nhs)


NO_KEYS = CodeKeys()
"""Trusts nobody: signed codes are refused as `unknown_key`."""


def load_code_keys(keys_folder: Path) -> CodeKeys:
    """The keys in the folder `codes` of the keys; none when there is no such folder.

    Raises:
        DataError: a file is unreadable or no key.
    """
    folder = keys_folder / FOLDER
    if not folder.is_dir():
        return NO_KEYS
    names = sorted(path.name for path in folder.iterdir())
    return CodeKeys(
        own=tuple(load_own_key(folder, match[1]) for name in names if (match := _OWN.fullmatch(name))),
        nhs=tuple((match[1], load_p256(folder / name)) for name in names if (match := _NHS.fullmatch(name))),
        clea=tuple(load_secret(folder / name) for name in names if _CLEA.fullmatch(name)),
    )


def key_number(public: bytes) -> int:
    """The id of a public key as codes carry it."""
    return int.from_bytes(hashlib.sha256(public).digest()[:2], "big")


def load_own_key(folder: Path, key_id: str) -> OwnKey:
    """One of our own keys.

    Raises:
        DataError: a file of it is unreadable, or no such key.
    """
    path = folder / f"{key_id}.pub"
    key = load_public(path)
    if not isinstance(key, Ed25519PublicKey):
        raise DataError(f"{path} is no Ed25519 key", "restore the file from a backup")
    public = key.public_bytes_raw()
    number = key_number(public)
    if f"{number:04x}" != key_id:
        raise DataError(f"{path} is not the key of its name", "restore the file from a backup")
    return OwnKey(number, public, load_state(folder, key_id).get("revoked_us"))


def load_state(folder: Path, key_id: str) -> dict[str, int]:
    """What happened to a key: `made_us`, `retired_us`, `revoked_us`, each only when it is known.

    Raises:
        DataError: its file is damaged.
    """
    path = folder / f"{key_id}.json"
    if not path.exists():
        return {}
    try:
        said = orjson.loads(path.read_bytes())
        return {f"{name.removesuffix('_at')}_us": parse_instant(said[name]) for name in said}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path} cannot be read", "restore the file from a backup") from error


def load_p256(path: Path) -> bytes:
    """The DER of a public P-256 key in PEM.

    Raises:
        DataError: the file is unreadable or holds something else.
    """
    key = load_public(path)
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise DataError(f"{path} is no key of P-256", "name the key of the issuer")
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_secret(path: Path) -> bytes:
    """A secret key of a CLÉA authority: 32 bytes, written as hexadecimal digits.

    Raises:
        DataError: the file is unreadable or holds something else.
    """
    try:
        secret = bytes.fromhex(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no secret key", "write its 64 hexadecimal digits") from error
    if len(secret) != SECRET_BYTES or not 0 < int.from_bytes(secret, "big") < _ORDER_P256:
        raise DataError(f"{path} is no secret key", "write its 64 hexadecimal digits")
    return secret


def load_public(path: Path) -> PublicKeyTypes:
    """A public key in PEM.

    Raises:
        DataError: the file is unreadable or holds something else.
    """
    try:
        return serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read", error.strerror or "check the file") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DataError(f"{path} is no public key", "write it as PEM") from error
