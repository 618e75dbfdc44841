"""The files of the keys that sign our own codes: made, rotated, revoked; and whom else we trust.

A key that is rotated signs no more and its posters hold on. A key that is
revoked is not trusted for scans from an instant on.
"""

import datetime as dt
import os
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
from pipelines.times import SECOND_US
from schemas.tables import INSTANT

ISSUERS: Final = ("nhs", "clea")
"""Whose keys can be trusted beside our own."""

_NAME = re.compile(r"[0-9A-Za-z._-]{1,64}", re.ASCII)
_KEY_ID = re.compile(r"[0-9a-f]{4}", re.ASCII)


def make_key(keys_folder: Path, now_us: int | None = None) -> str:
    """Make a key that signs from now on, and retire those that signed before.

    Returns:
        Its id.

    Raises:
        DataError: the folder holds something that is no key.
        ServiceError: the folder cannot be written.
    """
    folder = keys_folder / FOLDER
    now = _now(now_us)
    try:
        folder.mkdir(0o700, exist_ok=True)
        before = _own_ids(folder)
        private = Ed25519PrivateKey.generate()
        while (key_id := _id_of(private)) in before:
            private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        secret = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write(folder / f"{key_id}.key", secret)
        _write(folder / f"{key_id}.json", _state({"made_us": now}))
        _write(folder / f"{key_id}.pub", public)
        for other in before:
            state = load_state(folder, other)
            if "retired_us" not in state:
                _write(folder / f"{other}.json", _state(state | {"retired_us": now}))
    except OSError as error:
        raise ServiceError(
            f"{folder} cannot be written", error.strerror or "check the disk and its rights"
        ) from error
    return key_id


def revoke_key(keys_folder: Path, key_id: str, at_us: int | None = None) -> None:
    """Trust no code of a key that is scanned from an instant on, by default from now on.

    A revocation can be moved back in time and never forward.

    Raises:
        DataError: there is no such key, or its files are damaged.
        ServiceError: the folder cannot be written.
        UsageError: this is no id of a key.
    """
    folder = keys_folder / FOLDER
    if not _KEY_ID.fullmatch(key_id):
        raise UsageError("the id of a key is 4 hexadecimal digits", "see truyvet qr keys list")
    if key_id not in _own_ids(folder):
        raise DataError(f"there is no key {key_id}", "see truyvet qr keys list")
    state = load_state(folder, key_id)
    at = _now(at_us)
    changed = {"retired_us": at} | state | {"revoked_us": min(at, state.get("revoked_us", at))}
    try:
        _write(folder / f"{key_id}.json", _state(changed))
    except OSError as error:
        raise ServiceError(f"{folder} cannot be written", error.strerror or "check the disk") from error


def trust_key(keys_folder: Path, issuer: str, name: str, source: Path) -> None:
    """Keep a key of another issuer: a PEM of NHS COVID-19 by its kid, or a secret of CLÉA.

    Raises:
        DataError: the file holds no such key.
        ServiceError: the folder cannot be written.
        UsageError: the issuer is unknown, or this is no name.
    """
    if issuer not in ISSUERS or not _NAME.fullmatch(name):
        raise UsageError(
            "this is no issuer and name", f"write one of {' '.join(ISSUERS)}, and the id of its key"
        )
    if issuer == "nhs":
        load_p256(source)
    else:
        load_secret(source)
    folder = keys_folder / FOLDER
    try:
        folder.mkdir(0o700, exist_ok=True)
        _write(folder / f"{issuer}-{name}.{'pem' if issuer == 'nhs' else 'key'}", source.read_bytes())
    except OSError as error:
        raise ServiceError(f"{folder} cannot be written", error.strerror or "check the disk") from error


def signing_key(keys_folder: Path) -> tuple[str, Ed25519PrivateKey]:
    """The key that signs, and its id.

    Raises:
        DataError: there is none, or a file is damaged.
    """
    folder = keys_folder / FOLDER
    for key_id in _own_ids(folder):
        if "retired_us" in load_state(folder, key_id):
            continue
        load_own_key(folder, key_id)
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
    raise DataError("there is no key that signs codes", "make one with truyvet qr keys new")


def list_keys(keys_folder: Path) -> pa.Table:
    """All keys: `key issuer state made_at retired_at revoked_at`.

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
    """The instants of a key as its file has them."""
    said = {
        f"{name.removesuffix('_us')}_at": dt.datetime.fromtimestamp(us / SECOND_US, dt.UTC).isoformat()
        for name, us in state.items()
    }
    return orjson.dumps(said) + b"\n"


def _write(path: Path, content: bytes) -> None:
    """Put a private file in place, whole or not at all."""
    unfinished = path.with_name(f"_tmp-{path.name}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
