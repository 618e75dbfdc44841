"""Make, rotate and revoke the keys that sign our own codes; keep the keys of other issuers.

A rotated (retired) key no longer signs, and posters signed with it stay valid. A
revoked key is not trusted for scans at or after the instant of revocation.
"""

import datetime as dt
import re
import time
from pathlib import Path
from typing import Final

import orjson
import pyarrow as pa
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.errors import DataError, ServiceError, UsageError
from pipelines.privacy.code_keys import (
    FOLDER,
    key_number,
    load_code_keys,
    load_own_key,
    load_p256,
    load_secret,
    load_state,
)
from pipelines.privacy.key_folders import write_private
from pipelines.times import SECOND_US
from schemas.tables import INSTANT

ISSUERS: Final = ("nhs", "clea")
"""Issuers whose keys can be trusted beside our own."""

_NAME = re.compile(r"[0-9A-Za-z._-]{1,64}", re.ASCII)
_KEY_ID = re.compile(r"[0-9a-f]{4}", re.ASCII)


def make_key(keys_folder: Path, now_us: int | None = None) -> str:
    """Make a key that signs from now on, and retire the older ones.

    Returns:
        Its id.

    Raises:
        DataError: a key in the folder is damaged.
        ServiceError: the folder cannot be written.
    """
    folder = keys_folder / FOLDER
    now = _now(now_us)
    try:
        folder.mkdir(0o700, exist_ok=True)
        before = _own_ids(folder)
        private = Ed25519PrivateKey.generate()
        # An id has only 16 bits: draw again if it is taken.
        while (key_id := _id_of(private)) in before:
            private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        secret = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        # The public key last: a key exists once its .pub does, so a kill leaves none half made.
        write_private(folder / f"{key_id}.key", secret)
        write_private(folder / f"{key_id}.json", _state({"made_us": now}))
        write_private(folder / f"{key_id}.pub", public)
        for other in before:
            state = load_state(folder, other)
            if "retired_us" not in state:  # the first retirement stands
                write_private(folder / f"{other}.json", _state(state | {"retired_us": now}))
    except OSError as error:
        raise ServiceError(
            f"{folder} cannot be written", error.strerror or "check the disk and its rights"
        ) from error
    return key_id


def revoke_key(keys_folder: Path, key_id: str, at_us: int | None = None) -> None:
    """Refuse codes of a key that are scanned at or after an instant, by default now.

    A revocation can be moved back in time, never forward.

    Raises:
        DataError: there is no such key, or its files are damaged.
        ServiceError: the folder cannot be written.
        UsageError: the id is malformed.
    """
    folder = keys_folder / FOLDER
    if not _KEY_ID.fullmatch(key_id):
        raise UsageError("the id of a key must be 4 hexadecimal digits", "see truyvet qr keys list")
    if key_id not in _own_ids(folder):
        raise DataError(f"there is no key {key_id}", "see truyvet qr keys list")
    state = load_state(folder, key_id)
    at = _now(at_us)
    # An earlier retirement stands; a revocation only moves back in time.
    changed = {"retired_us": at} | state | {"revoked_us": min(at, state.get("revoked_us", at))}
    try:
        write_private(folder / f"{key_id}.json", _state(changed))
    except OSError as error:
        raise ServiceError(f"{folder} cannot be written", error.strerror or "check the disk") from error


def trust_key(keys_folder: Path, issuer: str, name: str, source: Path) -> None:
    """Copy a key of another issuer: a PEM of NHS COVID-19 by its kid, or a secret key of CLÉA.

    Raises:
        DataError: the file does not hold such a key.
        ServiceError: the folder cannot be written.
        UsageError: the issuer is unknown, or the name malformed.
    """
    if issuer not in ISSUERS or not _NAME.fullmatch(name):
        raise UsageError(
            f"the issuer must be one of {' '.join(ISSUERS)}, the id of its key 1 to 64 of A-Z a-z 0-9 . _ -",
            "write truyvet qr keys trust ISSUER ID FILE",
        )
    # Loaded only to refuse files that hold no such key.
    if issuer == "nhs":
        load_p256(source)
    else:
        load_secret(source)
    folder = keys_folder / FOLDER
    try:
        folder.mkdir(0o700, exist_ok=True)
        write_private(folder / f"{issuer}-{name}.{'pem' if issuer == 'nhs' else 'key'}", source.read_bytes())
    except OSError as error:
        raise ServiceError(f"{folder} cannot be written", error.strerror or "check the disk") from error


def signing_key(keys_folder: Path) -> tuple[str, Ed25519PrivateKey]:
    """Return the id and the private key that signs now.

    Raises:
        DataError: no key signs, or a file is damaged.
    """
    folder = keys_folder / FOLDER
    states = {key_id: load_state(folder, key_id) for key_id in _own_ids(folder)}
    signing = [key_id for key_id, state in states.items() if "retired_us" not in state]
    if not signing:
        raise DataError("no key signs codes", "make one with truyvet qr keys new")
    # The newest: a kill in the middle of `make_key` leaves the one before without its retirement.
    key_id = max(signing, key=lambda one: states[one].get("made_us", 0))
    load_own_key(folder, key_id)  # raises if the public key does not match its id
    path = folder / f"{key_id}.key"
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DataError(
            f"{path} cannot be read", "restore the file, or make a key with truyvet qr keys new"
        ) from error
    if not isinstance(private, Ed25519PrivateKey) or _id_of(private) != key_id:
        raise DataError(f"{path} is not the key of its name", "restore the file from a backup")
    return key_id, private


def list_keys(keys_folder: Path) -> pa.Table:
    """List all keys: `key issuer state made_at retired_at revoked_at`.

    Raises:
        DataError: a file is damaged.
    """
    folder = keys_folder / FOLDER
    known = load_code_keys(keys_folder)
    rows: list[dict[str, str | int | None]] = []
    for key_id in _own_ids(folder):
        state = load_state(folder, key_id)
        word = "revoked" if "revoked_us" in state else "retired" if "retired_us" in state else "signs"
        times = {f"{name}_at": state.get(f"{name}_us") for name in ("made", "retired", "revoked")}
        rows.append({"key": key_id, "issuer": "own", "state": word, **times})
    rows += [{"key": kid, "issuer": "nhs", "state": "trusted"} for kid, _ in known.nhs]
    names = sorted(path.stem.removeprefix("clea-") for path in folder.glob("clea-*.key"))
    rows += [{"key": name, "issuer": "clea", "state": "trusted"} for name in names]
    texts = [(name, pa.string()) for name in ("key", "issuer", "state")]
    times_schema = [(name, INSTANT) for name in ("made_at", "retired_at", "revoked_at")]
    return pa.Table.from_pylist(rows, schema=pa.schema(texts + times_schema))


def _own_ids(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.pub") if _KEY_ID.fullmatch(path.stem))


def _id_of(private: Ed25519PrivateKey) -> str:
    return f"{key_number(private.public_key().public_bytes_raw()):04x}"


def _now(at_us: int | None) -> int:
    return time.time_ns() // 1000 if at_us is None else at_us


def _state(state: dict[str, int]) -> bytes:
    """Serialise the instants of a key for its file."""
    said = {
        f"{name.removesuffix('_us')}_at": dt.datetime.fromtimestamp(us / SECOND_US, dt.UTC).isoformat()
        for name, us in state.items()
    }
    return orjson.dumps(said) + b"\n"
