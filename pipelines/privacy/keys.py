"""The keys of a lake and what they make: the tokens of persons, event keys and digests.

`token_key` turns identifiers into tokens, and a rotation replaces it. `event_key` identifies scans,
scanners and refused records; a rotation keeps it and adds a generation, by which what was made with
those before is hashed once more. What must survive rotations hangs on the first generation alone. The
files behind them are those of `pipelines.privacy.key_folders`.
"""

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipelines.errors import RefusedError
from pipelines.privacy.code_keys import NO_KEYS, CodeKeys, load_code_keys
from pipelines.privacy.key_folders import KeyFiles, make_key_files, read_key_files

# Changing a label changes the key derived with it, and nothing hashed before is found.
_DIGEST_LABEL: Final = b"truyvet digest v1"
_LANDING_LABEL: Final = b"truyvet landing v1"
_ERASURE_LABEL: Final = b"truyvet erasure v1"
_LINKED_LABEL: Final = b"truyvet erasure of a token v1"
_SCANNER_LABEL: Final = b"truyvet scanner v1"
_FINGERPRINT_LABEL: Final = b"truyvet keys v1"


@dataclass(frozen=True)
class Keys:
    """What ingest needs; the authority's private key is never among it.

    Pickling stores the folder and the fingerprint, never a key: a job's
    description holds no secret, and each worker reads its own files.

    Example:
        >>> keys = Keys(Path("lake.keys"), b"t" * 32, b"e" * 32, b"d" * 32, b"a" * 32, "0" * 32)
        >>> "token_key" in repr(keys)
        False

    Attributes:
        folder: where the files lie.
        token_key: 32 bytes; identifiers to tokens.
        event_key: 32 bytes; the first generation of the sub-key of `scans.event_key`.
        digest_key: 32 bytes, derived from the event key; refused records.
        authority_public: 32 bytes, X25519; the vault is sealed to it.
        fingerprint: 32 hexadecimal digits that the lake stores; reveals nothing about the keys.
        codes: what scanned codes are verified with; not part of the fingerprint, since it changes.
        generations: 32 bytes for each rotation, oldest first; see `pipelines.ingest.validate.generations`.
    """

    folder: Path
    token_key: bytes = field(repr=False)
    event_key: bytes = field(repr=False)
    digest_key: bytes = field(repr=False)
    authority_public: bytes
    fingerprint: str
    codes: CodeKeys = NO_KEYS
    generations: tuple[bytes, ...] = field(default=(), repr=False)

    def __reduce__(self) -> tuple[Callable[[str, str], "Keys"], tuple[str, str]]:
        # Absolute, because a worker may run in another folder.
        return _load_again, (os.path.abspath(self.folder), self.fingerprint)

    @property
    def landing_key(self) -> bytes:
        """32 bytes, derived from the event key; seal messages that wait for their commit."""
        return hmac.digest(self.event_key, _LANDING_LABEL, "sha256")

    @property
    def erasure_key(self) -> bytes:
        """32 bytes, derived from the event key; hashes erased persons."""
        return hmac.digest(self.event_key, _ERASURE_LABEL, "sha256")

    @property
    def linked_key(self) -> bytes:
        """32 bytes, derived from the event key; hashes tokens that were erased with a linked person."""
        return hmac.digest(self.event_key, _LINKED_LABEL, "sha256")

    @property
    def scanner_key(self) -> bytes:
        """32 bytes, derived from the event key; the first generation of the tokens of scanners."""
        return hmac.digest(self.event_key, _SCANNER_LABEL, "sha256")


def create_keys(folder: Path) -> Keys:
    """Make new keys, or load those that the folder already holds.

    Raises:
        DataError: the folder holds something other than keys.
        ServiceError: the folder cannot be written.
    """
    make_key_files(folder)
    return load_keys(folder)


def load_keys(folder: Path) -> Keys:
    """Load the keys of a folder; the authority's private key need not be there.

    Raises:
        DataError: a file is missing, unreadable or damaged.
    """
    return keys_of(folder, read_key_files(folder))


def keys_of(folder: Path, files: KeyFiles) -> Keys:
    """Return the keys of a folder whose files have been read."""
    # Exactly the keys that rows depend on; keys of codes come and go.
    secret = files.token_key + files.event_key + b"".join(files.generations)
    return Keys(
        folder=folder,
        token_key=files.token_key,
        event_key=files.event_key,
        digest_key=hmac.digest(files.event_key, _DIGEST_LABEL, "sha256"),
        authority_public=files.authority_public,
        fingerprint=hashlib.sha256(_FINGERPRINT_LABEL + secret).hexdigest()[:32],
        codes=load_code_keys(folder),
        generations=files.generations,
    )


def scanner_key_of(generation: bytes) -> bytes:
    """Return the key by which a generation hashes tokens of scanners once more, 32 bytes."""
    return hmac.digest(generation, _SCANNER_LABEL, "sha256")


def token(keys: Keys, canonical: str) -> int:
    """Return the token of a canonical identifier: 8 bytes of its HMAC-SHA-256, big-endian, signed."""
    # Keyed: a plain hash of a nine-digit phone number falls in minutes.
    mac = hmac.digest(keys.token_key, canonical.encode(), "sha256")
    return int.from_bytes(mac[:8], "big", signed=True)


def venue_id(code: str) -> int:
    """Return the id of a venue code: 8 bytes of its SHA-256, big-endian, signed; no key.

    >>> venue_id("QNG-000001")
    -8555614813845145601
    """
    return int.from_bytes(hashlib.sha256(code.encode()).digest()[:8], "big", signed=True)


def digest(keys: Keys, raw: bytes) -> bytes:
    """Return the 32 bytes that stand for a refused record in `rejects`."""
    return hmac.digest(keys.digest_key, raw, "sha256")


def erasure_hash(keys: Keys, canonical: bytes) -> str:
    """Return the 64 hexadecimal digits that stand for an erased person once the token is gone."""
    return hmac.digest(keys.erasure_key, canonical, "sha256").hex()


def linked_hash(keys: Keys, person: int) -> str:
    """Return the 64 hexadecimal digits that stand for an erased token whose identifier nobody named."""
    return hmac.digest(keys.linked_key, person.to_bytes(8, "big", signed=True), "sha256").hex()


def _load_again(folder: str, fingerprint: str) -> Keys:
    """Load the keys of a job on its worker: from the folder named, else from `TRUYVET_KEYS`.

    Raises:
        DataError: they are in neither.
        RefusedError: they are not those that the job was made with.
    """
    own = os.environ.get("TRUYVET_KEYS")
    # The launcher's folder may not exist on a worker.
    keys = load_keys(Path(own if own and not os.path.isdir(folder) else folder))
    if keys.fingerprint != fingerprint:
        raise RefusedError(
            f"{keys.folder} holds other keys than those of the job", "give every worker the lake's own keys"
        )
    return keys
