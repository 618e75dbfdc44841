"""The manifest of a list: what was asked, what was written, and who signed for it.

`manifest.sig` is the raw Ed25519 signature over the bytes of `manifest.json`, so that

    openssl pkeyutl -verify -rawin -pubin -inkey public.pem -sigfile manifest.sig -in manifest.json

says whether they are as they were signed. A public key that travels beside a
list proves nothing by itself: the reader compares it with one from elsewhere.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from pipelines.privacy.ledger import Head

FORMAT: Final = "truyvet-list-1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
PUBLIC: Final = "public.pem"


@dataclass(frozen=True)
class ListedFile:
    """A file of a list.

    Example:
        >>> ListedFile("list.csv", 12, "ab" * 32, 3).rows
        3

    Attributes:
        name: without a folder.
        bytes: its size.
        sha256: of its bytes, hexadecimal.
        rows: how many persons it holds; None for what is not a table of them.
    """

    name: str
    bytes: int
    sha256: str
    rows: int | None


@dataclass(frozen=True)
class Manifest:
    """What a signed list says about itself.

    Attributes:
        created: RFC 3339, UTC.
        tool_version: of this software.
        lake_version: the newest version of `scans`.
        rule: the id of the rule pack.
        rule_sha256: of the bytes of its TOML file.
        cases: the numbers of the cases asked for, sorted.
        until: how far the question reached; RFC 3339, UTC.
        depth: the last tier.
        humans: whether linked identifiers counted as one person.
        zone: the time zone of local times.
        follow_up_days: how long contacts are followed; None when it was not asked for.
        expires: after which the list must not be used; RFC 3339, UTC.
        tiers: rows by tier.
        revealed: how many identifiers were opened.
        left_out: rows that a format cannot hold, by format.
        files: all files of the folder but the manifest and its signature.
        ledger: the head of the ledger when the question was asked.
        key: SHA-256 of the DER of the public key, hexadecimal.
    """

    created: str
    tool_version: str
    lake_version: int
    rule: str
    rule_sha256: str
    cases: Sequence[str]
    until: str
    depth: int
    humans: bool
    zone: str
    follow_up_days: int | None
    expires: str
    tiers: Mapping[str, int]
    revealed: int
    left_out: Mapping[str, int]
    files: Sequence[ListedFile]
    ledger: Head
    key: str
    format: str = field(default=FORMAT)

    def to_bytes(self) -> bytes:
        """The JSON that is signed."""
        fields = {"format": self.format} | asdict(self)
        # These exact bytes are signed; nothing serialises them a second time.
        return json.dumps(fields, ensure_ascii=False, indent=1).encode() + b"\n"

    @property
    def question(self) -> tuple[tuple[str, ...], str, int, bool]:
        """What makes two lists lists of the same question: cases, rule, depth, humans."""
        return tuple(self.cases), self.rule, self.depth, self.humans

    def expired(self, now: dt.datetime) -> bool:
        """Whether the list must not be used any more."""
        return now >= dt.datetime.fromisoformat(self.expires)


def manifest_from(content: bytes) -> Manifest:
    """The manifest in the bytes of its file.

    Raises:
        ValueError: it is not a manifest of this format.
    """
    # Signed, yet perhaps by another version of this program: only this format is read.
    given = json.loads(content)
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise ValueError(f"format must be {FORMAT}")
    try:
        files = tuple(ListedFile(**file) for file in given.pop("files"))
        head = Head(**given.pop("ledger"))
        # An unknown key is an error too, as it may restrict the list.
        made = Manifest(**given, files=files, ledger=head)
    except (TypeError, KeyError) as error:
        raise ValueError("a field is missing or unknown") from error
    if not _is_sound(made):
        raise ValueError("a field has a value of another type")
    return made


def listed(path: Path, rows: int | None) -> ListedFile:
    """A file as the manifest names it."""
    content = hashlib.sha256()
    with path.open("rb") as file:
        # In blocks: a list of a million rows is not read into memory to be hashed.
        for block in iter(lambda: file.read(1 << 20), b""):
            content.update(block)
    return ListedFile(path.name, path.stat().st_size, content.hexdigest(), rows)


def _is_sound(manifest: Manifest) -> bool:
    """Whether the values that decide something are of their types."""
    checks: list[tuple[Any, type | tuple[type, ...]]] = [
        (manifest.expires, str),
        (manifest.rule, str),
        (manifest.depth, int),
        (manifest.humans, bool),
        (manifest.cases, list),
        (manifest.ledger.seq, int),
        (manifest.ledger.mac, str),
        *((file.name, str) for file in manifest.files),
        *((file.bytes, int) for file in manifest.files),
        *((file.sha256, str) for file in manifest.files),
    ]
    if not all(isinstance(value, kind) for value, kind in checks):
        return False
    try:
        # Without an offset it could not be compared with now.
        return dt.datetime.fromisoformat(manifest.expires).tzinfo is not None
    except ValueError:
        return False
