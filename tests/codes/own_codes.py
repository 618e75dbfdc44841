"""Keys and codes of our own for tests."""

import datetime as dt

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.codes.own import CodeContent, make_code
from pipelines.privacy.code_keys import CodeKeys, OwnKey, key_number

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"2" * 32)


def trusted(*private: Ed25519PrivateKey, revoked_us: int | None = None) -> CodeKeys:
    """Return keys that trust these, PRIVATE when none is named."""
    publics = [key.public_key().public_bytes_raw() for key in private or (PRIVATE,)]
    return CodeKeys(own=tuple(OwnKey(key_number(public), public, revoked_us) for public in publics))


def code(venue: str = "QNG-0001", private: Ed25519PrivateKey = PRIVATE, **content: object) -> str:
    """Return a code that PRIVATE signed, its instants given as RFC 3339."""
    for name in ("valid_from", "valid_to"):
        if isinstance(content.get(name), str):
            content[name] = int(dt.datetime.fromisoformat(str(content[name])).timestamp())
    return make_code(CodeContent(venue, **content), private)
