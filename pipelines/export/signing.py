"""Sign the manifest of a list, and check a list that was received."""

import contextlib
import datetime as dt
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pipelines.errors import DataError, RefusedError, UsageError
from pipelines.export.manifest import MANIFEST, PUBLIC, SIGNATURE, Manifest, manifest_from
from pipelines.terminal.output import counted

# No separator, no leading dot: a name cannot leave the folder or hide in it.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")
_SIGNATURE_BYTES = 64
# A manifest has a line a file; anything this large is an attack.
_MOST_MANIFEST_BYTES = 64 << 20


@dataclass(frozen=True)
class CheckedList:
    """A list whose signature and files are sound.

    Attributes:
        folder: where it lies.
        manifest: what it says.
        key: SHA-256 of the signer's public key, hexadecimal.
        known_key: whether the key is one that the reader named.
    """

    folder: Path
    manifest: Manifest
    key: str
    known_key: bool


def fingerprint(public: Ed25519PublicKey) -> str:
    """SHA-256 of the DER of a public key (SubjectPublicKeyInfo), hexadecimal."""
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def write_public(folder: Path, key: Ed25519PrivateKey) -> Path:
    """Write `public.pem`; it is one of the files that the manifest lists."""
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    path = folder / PUBLIC
    path.write_bytes(pem)
    return path


def write_manifest(folder: Path, manifest: Manifest, key: Ed25519PrivateKey) -> None:
    """Write the manifest and its signature."""
    # Signed and written from one variable, never from what is read back.
    content = manifest.to_bytes()
    (folder / MANIFEST).write_bytes(content)
    (folder / SIGNATURE).write_bytes(key.sign(content))


def check_list(
    folder: str | Path,
    *,
    key: str | Path | None = None,
    fingerprint_hex: str | None = None,
    now: dt.datetime | None = None,
    allow_expired: bool = False,
) -> CheckedList:
    """Check a list: its signature first, then every file that it names, then whether it still holds.

    Args:
        folder: of the list.
        key: a PEM file with the public key that it must be signed with.
        fingerprint_hex: or the SHA-256 of that key's DER.
        now: the instant that expiry is judged at; by default now.
        allow_expired: take an expired list as well.

    Raises:
        DataError: a file is missing, unlisted, damaged or another than was signed; or the list has expired.
        RefusedError: the list is signed with another key than the one named.
        UsageError: the fingerprint is not 64 hexadecimal digits.
    """
    folder = Path(folder)
    wanted = _wanted(key, fingerprint_hex)
    with _reading(folder):
        manifest, own = _signed_manifest(folder)
        # Only now, for a signature that does not fit says nothing of its key.
        if wanted is not None and own != wanted:
            raise RefusedError(
                f"{folder} is signed with another key", "ask the sender for the fingerprint of the list key"
            )
        _check_files(folder, manifest)
    # Last, so that damage is told even of a list that has expired.
    if not allow_expired and manifest.expired(now or dt.datetime.now(dt.UTC)):
        raise DataError(f"{folder} has expired ({manifest.expires})", "ask for a new list")
    return CheckedList(folder, manifest, own, wanted is not None)


def _signed_manifest(folder: Path) -> tuple[Manifest, str]:
    """The manifest, once its signature is found sound, and the fingerprint of the key.

    Raises:
        DataError: the signature does not fit, or what was signed is no manifest.
    """
    path = folder / MANIFEST
    # Before it is read: its size is the sender's choice.
    if path.stat().st_size > _MOST_MANIFEST_BYTES:
        raise DataError(f"{path} is too large", "ask for the list again")
    content, signature = path.read_bytes(), (folder / SIGNATURE).read_bytes()
    public = _public_key(folder / PUBLIC)
    try:
        if len(signature) != _SIGNATURE_BYTES:
            raise InvalidSignature
        public.verify(signature, content)
    except InvalidSignature as error:
        raise DataError(f"{path} is not what was signed", "ask for the list again") from error
    try:
        manifest = manifest_from(content)
    except ValueError as error:
        raise DataError(f"{path} is signed, but {error}", "check which tool made it") from error
    own = fingerprint(public)
    # The signature fits public.pem; that must also be the key which was signed for.
    if manifest.key != own:
        raise DataError(f"{folder / PUBLIC} is not the key that {MANIFEST} names", "ask for the list again")
    return manifest, own


def _check_files(folder: Path, manifest: Manifest) -> None:
    """Compare the folder with the files that the manifest lists; no name is trusted before.

    Raises:
        DataError: a name has a path, or a file is missing, unlisted or another.
    """
    # A dict drops doubles; they are counted below.
    listed = {file.name: file for file in manifest.files}
    for name in listed:
        if not _NAME.fullmatch(name) or name in (MANIFEST, SIGNATURE):
            raise DataError(f"{folder / MANIFEST} lists a name that no list has", "do not use this list")
    if len(listed) != len(manifest.files):
        raise DataError(f"{folder / MANIFEST} lists a file twice", "do not use this list")
    # Exactly the files that are listed: one more could be opened by mistake.
    there = set(os.listdir(folder)) - {MANIFEST, SIGNATURE}
    if unlisted := sorted(there - listed.keys()):
        raise DataError(f"{folder} holds {counted(len(unlisted), 'file')} not listed", "do not use them")
    for name, file in listed.items():
        path = folder / name
        # A link could lead to another file after the check.
        if name not in there or path.is_symlink() or not path.is_file():
            raise DataError(f"{path} is missing", "ask for the list again")
        with path.open("rb") as opened:
            # Size first, the cheaper test.
            same = path.stat().st_size == file.bytes and _sha256(opened) == file.sha256
        if not same:
            raise DataError(f"{path} was changed after the list was signed", "ask for the list again")


def _sha256(file: "os.PathLike[str] | object") -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _wanted(key: str | Path | None, fingerprint_hex: str | None) -> str | None:
    """The fingerprint that the signer must have.

    Raises:
        DataError: the key file is missing or holds something else.
        UsageError: the fingerprint is not one.
    """
    if fingerprint_hex is not None:
        wanted = fingerprint_hex.replace(":", "").strip().lower()
        # As openssl prints it, with colons, is taken too.
        if not re.fullmatch(r"[0-9a-f]{64}", wanted):
            raise UsageError(
                "--fingerprint must be 64 hexadecimal digits", "take them from manifest.json, key"
            )
        return wanted
    return None if key is None else fingerprint(_public_key(Path(key)))


def _public_key(path: Path) -> Ed25519PublicKey:
    """An Ed25519 public key in PEM.

    Raises:
        DataError: the file is missing or holds something else.
    """
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read", error.strerror or "check the file") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise DataError(
            f"{path} must be an Ed25519 public key in PEM", "ask the sender for public.pem"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise DataError(f"{path} must be an Ed25519 public key in PEM", "ask the sender for public.pem")
    return key


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Turn what cannot be read into one line.

    Raises:
        DataError: a file of the list is missing or cannot be read.
    """
    try:
        yield
    except FileNotFoundError as error:
        missing = Path(str(error.filename)).name if error.filename else MANIFEST
        raise DataError(f"{folder} has no {missing}", "name the folder of a whole list") from error
    except OSError as error:
        raise DataError(f"{folder} cannot be read", error.strerror or "check its rights") from error
