"""The keys of a lake and what they make: tokens, event keys and digests.

The keys are four files in a folder outside the lake. `token.key` turns
identifiers into tokens, `event.key` identifies scans and refused records and
outlives a rotation of the first. `authority.pub` seals the vault;
`authority.key` opens it and lies here only until the authority takes it away.
Beside them lies the folder `codes` of `pipelines.privacy.code_keys`.
"""

import errno
import hashlib
import hmac
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from pipelines.errors import DataError, RefusedError, ServiceError
from pipelines.privacy.code_keys import NO_KEYS, CodeKeys, load_code_keys

TOKEN_KEY = "token.key"  # noqa: S105 - a file name
EVENT_KEY = "event.key"
AUTHORITY_PUBLIC = "authority.pub"
AUTHORITY_PRIVATE = "authority.key"

_KEY_BYTES = 32
_DIGEST_LABEL = b"truyvet digest v1"
_LANDING_LABEL = b"truyvet landing v1"
_FINGERPRINT_LABEL = b"truyvet keys v1"


@dataclass(frozen=True)
class Keys:
    """What ingest needs; the authority's private key is never among it.

    Pickled keys are the name of their folder: a job's description holds no key,
    and a worker reads its own files.

    Attributes:
        folder: where the files lie.
        token_key: 32 bytes; identifiers to tokens.
        event_key: 32 bytes; the sub-key of `scans.event_key`.
        digest_key: 32 bytes, derived from the event key; refused records.
        authority_public: 32 bytes, X25519; the vault is sealed to it.
        fingerprint: 32 hexadecimal digits that the lake stores; says nothing about the keys.
        codes: what scanned codes are judged by; no part of the fingerprint, since they come and go.
    """

    folder: Path
    token_key: bytes = field(repr=False)
    event_key: bytes = field(repr=False)
    digest_key: bytes = field(repr=False)
    authority_public: bytes
    fingerprint: str
    codes: CodeKeys = NO_KEYS

    def __reduce__(self) -> tuple[Callable[[str, str], "Keys"], tuple[str, str]]:
        return _read_again, (os.path.abspath(self.folder), self.fingerprint)

    @property
    def landing_key(self) -> bytes:
        """32 bytes, derived from the event key; messages that wait for their commit are sealed with it."""
        return hmac.digest(self.event_key, _LANDING_LABEL, "sha256")


def create_keys(folder: Path) -> Keys:
    """Make new keys, or load those of another process that was faster.

    The folder appears whole or not at all: it is filled under another name
    and renamed, which fails when there is something in the folder already.

    Raises:
        DataError: the folder holds something else than keys.
        ServiceError: the folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f"_tmp-{folder.name}-", dir=folder.parent))
        try:
            _fill(unfinished)
            _rename_unless_filled(unfinished, folder)
            _sync_folder(folder.parent)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise ServiceError(
            f"keys cannot be made in {folder}", error.strerror or "name a folder that can be written"
        ) from error
    return load_keys(folder)


def load_keys(folder: Path) -> Keys:
    """Read the keys of a folder; the authority's private key need not be there.

    Raises:
        DataError: a file is missing, unreadable or no key.
    """
    token_key = _read_key(folder / TOKEN_KEY)
    event_key = _read_key(folder / EVENT_KEY)
    return Keys(
        folder=folder,
        token_key=token_key,
        event_key=event_key,
        digest_key=hmac.digest(event_key, _DIGEST_LABEL, "sha256"),
        authority_public=_read_public(folder / AUTHORITY_PUBLIC),
        fingerprint=hashlib.sha256(_FINGERPRINT_LABEL + token_key + event_key).hexdigest()[:32],
        codes=load_code_keys(folder),
    )


def _read_again(folder: str, fingerprint: str) -> Keys:
    """The keys of a job, where a worker reads them: in the folder named, else in `TRUYVET_KEYS`.

    Raises:
        DataError: they are in neither.
        RefusedError: they are others than those the job was made with.
    """
    own = os.environ.get("TRUYVET_KEYS")
    keys = load_keys(Path(own if own and not os.path.isdir(folder) else folder))
    if keys.fingerprint != fingerprint:
        raise RefusedError(f"{keys.folder} holds other keys than the job", "give every worker the lake's own")
    return keys


def load_authority(path: Path) -> X25519PrivateKey:
    """The authority's private key, a PEM file; only `--reveal` and rotation read it.

    Raises:
        DataError: the file is missing, unreadable or no X25519 private key.
    """
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DataError(f"{path} is no X25519 private key", "name the file authority.key") from error
    if not isinstance(key, X25519PrivateKey):
        raise DataError(f"{path} is no X25519 private key", "name the file authority.key")
    return key


def token(keys: Keys, canonical: str) -> int:
    """The token of a canonical identifier: the first 8 bytes of its HMAC, big-endian, signed."""
    mac = hmac.digest(keys.token_key, canonical.encode(), "sha256")
    return int.from_bytes(mac[:8], "big", signed=True)


def venue_id(code: str) -> int:
    """The id of a venue code: the first 8 bytes of its SHA-256, big-endian, signed; no key."""
    return int.from_bytes(hashlib.sha256(code.encode()).digest()[:8], "big", signed=True)


def digest(keys: Keys, raw: bytes) -> bytes:
    """The 32 bytes that stand for a refused record in `rejects`."""
    return hmac.digest(keys.digest_key, raw, "sha256")


def _fill(folder: Path) -> None:
    """Write four new key files of mode 0600 into a folder of mode 0700."""
    authority = X25519PrivateKey.generate()
    private = authority.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = authority.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write(folder / TOKEN_KEY, os.urandom(_KEY_BYTES).hex().encode() + b"\n")
    _write(folder / EVENT_KEY, os.urandom(_KEY_BYTES).hex().encode() + b"\n")
    _write(folder / AUTHORITY_PUBLIC, public)
    _write(folder / AUTHORITY_PRIVATE, private)
    _sync_folder(folder)


def _rename_unless_filled(unfinished: Path, folder: Path) -> None:
    """Give the new keys their name; a folder that holds something already stays as it is."""
    try:
        os.rename(unfinished, folder)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> bytes:
    """The bytes of a key file.

    Raises:
        DataError: it is missing or unreadable.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing", "name the folder of the keys with --keys") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read", error.strerror or "check the file") from error


def _read_key(path: Path) -> bytes:
    """32 bytes, written as hexadecimal digits.

    Raises:
        DataError: the file is missing or holds something else.
    """
    try:
        key = bytes.fromhex(_read(path).decode("ascii"))
    except ValueError as error:
        raise DataError(f"{path} is no key", "restore the file from a backup") from error
    if len(key) != _KEY_BYTES:
        raise DataError(f"{path} is no key of {_KEY_BYTES} bytes", "restore the file from a backup")
    return key


def _read_public(path: Path) -> bytes:
    """The 32 bytes of an X25519 public key in PEM.

    Raises:
        DataError: the file is missing or holds something else.
    """
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DataError(f"{path} is no X25519 public key", "restore the file from a backup") from error
    if not isinstance(key, X25519PublicKey):
        raise DataError(f"{path} is no X25519 public key", "restore the file from a backup")
    return key.public_bytes_raw()
