"""Folders of keys: made whole or not at all, read with errors that name the file and never a key.

A folder of keys lies outside the lake and holds

    token.key       32 bytes, hexadecimal: identifiers to tokens
    event.key       32 bytes, hexadecimal: event keys, scanners, digests of refused records, landed files;
                    a line more for each rotation
    authority.pub   X25519, PEM: the vault is sealed to it
    authority.key   X25519, PEM: opens the vault; lies here only until the authority takes it away
    list.key        Ed25519, PEM: signs exposure lists, see `pipelines.privacy.list_key`
    codes/          see `pipelines.privacy.code_keys`
    _next/ _new/    while a rotation goes on, see `pipelines.privacy.key_rotation`

Folders are 0700 and files 0600, from the first byte on.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from pipelines.errors import DataError, ServiceError
from pipelines.privacy.list_key import LIST_KEY, new_list_key

TOKEN_KEY: Final = "token.key"  # noqa: S105 - a file name
EVENT_KEY: Final = "event.key"
AUTHORITY_PUBLIC: Final = "authority.pub"
AUTHORITY_PRIVATE: Final = "authority.key"
_AUTHORITY_REMEDY: Final = "name the file of the authority's private key with --authority-key"
NEXT_KEYS: Final = "_next"
"""Folder of keys that a rotation has made and that no lake has yet."""
NEW_KEYS: Final = "_new"
"""The same folder once the lake has them: then they replace those beside it."""

_KEY_BYTES: Final = 32


@dataclass(frozen=True)
class KeyFiles:
    """What the files of a folder hold, but for the authority's private key.

    Attributes:
        token_key: 32 bytes.
        event_key: 32 bytes, of the first generation.
        generations: those that rotations have added, 32 bytes each, oldest first.
        authority_public: 32 bytes, X25519.
    """

    token_key: bytes = field(repr=False)
    event_key: bytes = field(repr=False)
    authority_public: bytes
    generations: tuple[bytes, ...] = field(default=(), repr=False)


def make_key_files(folder: Path) -> None:
    """Fill a folder with new keys, unless it already holds something.

    The keys are written under a temporary name and then renamed, so the folder
    appears whole or not at all; of two processes at once, one makes it.

    Raises:
        ServiceError: the folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, because a rename needs the same file system.
        unfinished = Path(tempfile.mkdtemp(prefix=f"_tmp-{folder.name}-", dir=folder.parent))
        try:
            _fill(unfinished)
            _rename_unless_filled(unfinished, folder)
            sync_folder(folder.parent)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)  # nothing left if it was renamed
    except OSError as error:
        raise ServiceError(
            f"keys cannot be made in {folder}", error.strerror or "name a folder that can be written"
        ) from error


def read_key_files(folder: Path) -> KeyFiles:
    """Read the keys of a folder; the authority's private key need not be there.

    Raises:
        DataError: a file is missing, unreadable or damaged.
    """
    # Until a rotation has tidied up, its new keys count and those beside them are being destroyed.
    secret = folder / NEW_KEYS if (folder / NEW_KEYS).is_dir() else folder
    return read_rotating_keys(secret, folder)


def read_rotating_keys(secret: Path, folder: Path) -> KeyFiles:
    """Read the keys that a rotation changes from one folder, and the others from another.

    Raises:
        DataError: a file is missing, unreadable or damaged.
    """
    # `event.key` holds the original first, then one generation per rotation.
    (token_key,), (event_key, *generations) = (
        _read_keys(secret / TOKEN_KEY, 1),
        _read_keys(secret / EVENT_KEY),
    )
    public = _read_public(folder / AUTHORITY_PUBLIC)
    return KeyFiles(token_key, event_key, public, tuple(generations))


def load_authority(path: Path) -> X25519PrivateKey:
    """Read the authority's private key, a PEM file; only `--reveal` and rotation need it.

    Raises:
        DataError: the file is missing, unreadable or not an X25519 private key.
    """
    try:
        key = serialization.load_pem_private_key(_read(path, _AUTHORITY_REMEDY), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DataError(f"{path} is not an X25519 private key", "name the file authority.key") from error
    if not isinstance(key, X25519PrivateKey):
        raise DataError(f"{path} is not an X25519 private key", "name the file authority.key")
    return key


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 and replace an older one, whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    unfinished = path.with_name(f"_tmp-{path.name}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)
    sync_folder(path.parent)


def new_key() -> bytes:
    """Draw 32 bytes."""
    return os.urandom(_KEY_BYTES)


def write_keys(path: Path, keys: Sequence[bytes]) -> None:
    """Write keys as hexadecimal digits, one a line, mode 0600.

    Raises:
        OSError: the folder cannot be written.
    """
    write_private(path, b"".join(key.hex().encode() + b"\n" for key in keys))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: fsync of a file does not cover its name.

    Raises:
        OSError: the folder cannot be opened or synchronised.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fill(folder: Path) -> None:
    """Write the files of a new folder."""
    authority = X25519PrivateKey.generate()
    private = authority.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = authority.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_keys(folder / TOKEN_KEY, [new_key()])
    write_keys(folder / EVENT_KEY, [new_key()])
    write_private(folder / AUTHORITY_PUBLIC, public)
    write_private(folder / AUTHORITY_PRIVATE, private)
    write_private(folder / LIST_KEY, new_list_key())


def _rename_unless_filled(unfinished: Path, folder: Path) -> None:
    """Give new keys their name; rename(2) fails on a folder that holds something."""
    try:
        os.rename(unfinished, folder)
    except OSError as error:
        # Another process was faster, or it is a file: it is read next, and refused if unfit.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise


def _read(path: Path, remedy: str = "name the folder of the keys with --keys") -> bytes:
    """Read a key file.

    Raises:
        DataError: it is missing or unreadable.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing", remedy) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read", error.strerror or "check the file") from error


def _read_keys(path: Path, at_most: int | None = None) -> list[bytes]:
    """Read keys of 32 bytes written as hexadecimal digits, one a line, at least one.

    Raises:
        DataError: the file is missing or holds something else.
    """
    try:
        keys = [bytes.fromhex(line) for line in _read(path).decode("ascii").split("\n") if line.strip()]
    except ValueError:
        keys = []
    # `at_most` None allows any number.
    if not keys or len(keys) > (at_most or len(keys)) or any(len(key) != _KEY_BYTES for key in keys):
        raise DataError(
            f"{path} must hold {2 * _KEY_BYTES} hexadecimal digits", "restore the file from a backup"
        )
    return keys


def _read_public(path: Path) -> bytes:
    """Read the 32 bytes of an X25519 public key in PEM.

    Raises:
        DataError: the file is missing or holds something else.
    """
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DataError(f"{path} is not an X25519 public key", "restore the file from a backup") from error
    if not isinstance(key, X25519PublicKey):
        raise DataError(f"{path} is not an X25519 public key", "restore the file from a backup")
    return key.public_bytes_raw()
