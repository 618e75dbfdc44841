"""The keys that verify scanned codes: our own, and those of other issuers.

They lie in the folder `codes` inside the folder of the keys, one file each:

    ID.key         private Ed25519 key that signs posters, PEM; may be taken away after printing
    ID.pub         its public key, PEM; ID is the first two bytes of its SHA-256, in hexadecimal
    ID.json        when it was made, retired and revoked
    nhs-KID.pem    public P-256 key of NHS COVID-19
    clea-NAME.key  secret key of a CLÉA authority, 64 hexadecimal digits
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from pipelines.errors import DataError, permission_denied
from pipelines.times import parse_instant

FOLDER: Final = "codes"
"""The name of the folder inside the folder of the keys."""

SECRET_BYTES: Final = 32

_OWN = re.compile(r"([0-9a-f]{4})\.pub", re.ASCII)
_NHS = re.compile(r"nhs-(.{1,64})\.pem", re.ASCII)
_CLEA = re.compile(r"clea-.{1,64}\.key", re.ASCII)
_ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # order of the curve's group


@dataclass(frozen=True)
class OwnKey:
    """A key that signs our own codes.

    Attributes:
        number: its id, as codes carry it.
        public: 32 bytes, Ed25519.
        revoked_us: codes scanned at or after this instant are refused; None while it is trusted.
    """

    number: int
    public: bytes
    revoked_us: int | None = None


@dataclass(frozen=True)
class CodeKeys:
    """All keys that codes are verified with; compares by value, so it can key a cache of decoded codes.

    Example:
        >>> CodeKeys(own=(OwnKey(0xA1B2, b"k" * 32),)).own_by_number[0xA1B2].revoked_us is None
        True

    Attributes:
        own: keys of our own codes.
        nhs: (kid, DER of a public P-256 key) of NHS COVID-19.
        clea: 32 bytes each, secret keys of CLÉA authorities.
    """

    own: tuple[OwnKey, ...] = ()
    nhs: tuple[tuple[str, bytes], ...] = ()
    clea: tuple[bytes, ...] = field(default=(), repr=False)

    # `cached_property` writes to `__dict__`, which a frozen dataclass allows.
    @cached_property
    def own_by_number(self) -> Mapping[int, OwnKey]:
        """Index our own keys by the number that codes carry."""
        return {key.number: key for key in self.own}

    @cached_property
    def nhs_by_kid(self) -> Mapping[str, bytes]:
        """Index the keys of NHS COVID-19 by their kid."""
        return dict(self.nhs)


NO_KEYS = CodeKeys()
"""No keys: signed codes are refused as `unknown_key`."""


def load_code_keys(keys_folder: Path) -> CodeKeys:
    """Load the folder `codes` of a folder of keys; without such a folder there are none.

    Raises:
        DataError: a file is unreadable or damaged.
    """
    folder = keys_folder / FOLDER
    if not folder.is_dir():
        return NO_KEYS
    # Sorted, so that equal folders give equal values, which serve as cache keys.
    names = sorted(path.name for path in folder.iterdir())
    return CodeKeys(
        own=tuple(load_own_key(folder, match[1]) for name in names if (match := _OWN.fullmatch(name))),
        nhs=tuple((match[1], load_p256(folder / name)) for name in names if (match := _NHS.fullmatch(name))),
        clea=tuple(load_secret(folder / name) for name in names if _CLEA.fullmatch(name)),
    )


def key_number(public: bytes) -> int:
    """Return the id of a public key, as codes carry it."""
    return int.from_bytes(hashlib.sha256(public).digest()[:2], "big")


def load_own_key(folder: Path, key_id: str) -> OwnKey:
    """Load one of our own keys.

    Raises:
        DataError: one of its files is unreadable or damaged.
    """
    path = folder / f"{key_id}.pub"
    key = load_public(path)
    if not isinstance(key, Ed25519PublicKey):
        raise DataError(f"{path} is not an Ed25519 key", "restore the file from a backup")
    public = key.public_bytes_raw()
    number = key_number(public)
    # The name is derived from the key, so mixed-up files are noticed.
    if f"{number:04x}" != key_id:
        raise DataError(f"{path} is not the key of its name", "restore the file from a backup")
    return OwnKey(number, public, load_state(folder, key_id).get("revoked_us"))


def load_state(folder: Path, key_id: str) -> dict[str, int]:
    """Load what happened to a key: `made_us`, `retired_us` and `revoked_us`, each only if it did.

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
    """Read a public P-256 key in PEM and return its DER.

    Raises:
        DataError: the file is unreadable or holds something else.
    """
    key = load_public(path)
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise DataError(f"{path} must be a P-256 public key", "name the key file of the issuer")
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_secret(path: Path) -> bytes:
    """Read the secret key of a CLÉA authority: 32 bytes, written as hexadecimal digits.

    Raises:
        DataError: the file is unreadable or holds something else.
        RefusedError: this account may not read it.
    """
    try:
        secret = bytes.fromhex(path.read_text("ascii"))
    except PermissionError as error:
        raise permission_denied(error, str(path)) from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} must hold a secret key of P-256", "write it as 64 hexadecimal digits"
        ) from error
    if len(secret) != SECRET_BYTES or not 0 < int.from_bytes(secret, "big") < _ORDER_P256:
        raise DataError(f"{path} must hold a secret key of P-256", "write it as 64 hexadecimal digits")
    return secret


def load_public(path: Path) -> PublicKeyTypes:
    """Read a public key in PEM.

    Raises:
        DataError: the file is unreadable or holds something else.
    """
    try:
        return serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read", error.strerror or "check the file") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DataError(f"{path} must be a public key in PEM", "export it as SubjectPublicKeyInfo") from error
