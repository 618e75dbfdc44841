"""Our own signed code of a place, version 1.

    base32 of  magic (1) ‖ key id (2) ‖ form (1) ‖ valid from (4) ‖ valid to (4) ‖ zone (0-6)
               ‖ venue (1-16) ‖ Ed25519 signature (64)

`form` holds the direction (2 bits: 0 none, 1 in, 2 out) and the size of the
zone (3 bits); its other bits are 0. Instants are seconds since 1970, big-endian;
0 and 2^32 - 1 mean no limit. The signature covers a label and everything before
it. The longest code, 98 bytes, has 157 characters in the alphanumeric mode of QR
codes, which fit version 8 at error correction Q. Base32 is that of RFC 4648, unpadded.
"""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ed25519_zebra import ed_verify

from pipelines.codes.decoded import CodeError, Decoded
from pipelines.codes.texts import one_line
from pipelines.errors import UsageError
from pipelines.privacy.code_keys import CodeKeys, key_number
from pipelines.times import SECOND_US

FORMAT: Final = "truyvet_v1"
VENUE_BYTES: Final = 16
ZONE_BYTES: Final = 6
MAX_SIGNS: Final = 157
"""Characters that fit a QR code of version 8 at error correction Q."""

_MAGIC: Final = 0xA9  # in base32 a V and one of E to H
_HEAD: Final = 12
_SIGNATURE: Final = 64
_MIN_SIGNS: Final = 124
_LABEL: Final = b"truyvet qr v1"
_NEVER: Final = 0xFFFF_FFFF
_DIRECTIONS: Final = ("", "in", "out")
# `int` reads base 32 with the digits 0-9a-v: codes are translated to and from these.
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DIGITS: Final = b"0123456789abcdefghijklmnopqrstuv"
_VALUES: Final = dict(zip(_ALPHABET, _DIGITS, strict=True))
# Every other sign becomes `!`: `int` takes blanks, signs and underscores, and a code has one spelling.
_TO_DIGITS: Final = bytes(_VALUES.get(sign, ord("!")) for sign in range(256))
_FROM_DIGITS: Final = bytes.maketrans(_DIGITS, _ALPHABET)


@dataclass(frozen=True)
class CodeContent:
    """What a code of a place says.

    Example:
        >>> private = Ed25519PrivateKey.generate()
        >>> make_code(CodeContent("QNG-000001", zone="T2", direction="in"), private)[0]
        'V'

    Attributes:
        venue: venue code.
        zone: floor, table or coach; empty for none.
        direction: `in`, `out`, or empty.
        valid_from: start of the validity, seconds since 1970, None without one.
        valid_to: end of the validity, exclusive, seconds since 1970, None without one.
    """

    venue: str
    zone: str = ""
    direction: str = ""
    valid_from: int | None = None
    valid_to: int | None = None


def make_code(content: CodeContent, key: Ed25519PrivateKey) -> str:
    """Return the text of a signed code.

    Raises:
        UsageError: the content does not fit.
    """
    venue, zone = content.venue.encode(), content.zone.encode()
    if not 0 < len(venue) <= VENUE_BYTES:
        raise UsageError(
            f"a venue code for a QR code must have 1 to {VENUE_BYTES} bytes, not {len(venue)}",
            "register the venue by a shorter code",
        )
    if len(zone) > ZONE_BYTES:
        raise UsageError(
            f"a zone for a QR code must have at most {ZONE_BYTES} bytes, not {len(zone)}",
            "give it a shorter name",
        )
    first = 0 if content.valid_from is None else content.valid_from
    last = _NEVER if content.valid_to is None else content.valid_to
    if not 0 <= first < last <= _NEVER:
        raise UsageError("--from must lie before --to, and both before 2106", "correct the validity")
    number = key_number(key.public_key().public_bytes_raw())
    form = _DIRECTIONS.index(content.direction) << 6 | len(zone) << 3
    head = bytes([_MAGIC]) + number.to_bytes(2, "big") + bytes([form])
    said = head + first.to_bytes(4, "big") + last.to_bytes(4, "big") + zone + venue
    return _base32(said + key.sign(_LABEL + said))


def decode(text: str, keys: CodeKeys) -> Decoded | None:
    """Decode a text; return None for another format.

    Raises:
        CodeError: the text is of this format, and damaged or not signed with a known key.
    """
    # The first two signs and the size tell the format; from here on a defect is one of the code.
    if len(text) < 2 or text[0] != "V" or text[1] not in "EFGH" or not _MIN_SIGNS <= len(text) <= MAX_SIGNS:
        return None
    raw = _from_base32(text)
    said, form = raw[:-_SIGNATURE], raw[3]
    zone_end = _HEAD + (form >> 3 & 7)
    if (
        form & 7
        or form >> 6 > 2
        or not 0 < len(said) - zone_end <= VENUE_BYTES
        or zone_end > _HEAD + ZONE_BYTES
    ):
        raise CodeError("malformed")
    # Before anything is verified: the code may only choose among trusted keys.
    key = keys.own_by_number.get(raw[1] << 8 | raw[2])
    if key is None:
        raise CodeError("unknown_key")
    # The label keeps a signature of another kind by the same key from passing for a code.
    if not ed_verify(raw[-_SIGNATURE:], _LABEL + said, key.public):
        raise CodeError("bad_signature")
    first, last = int.from_bytes(said[4:8], "big"), int.from_bytes(said[8:12], "big")
    try:
        zone, venue = said[_HEAD:zone_end].decode(), said[zone_end:].decode()
    except UnicodeDecodeError as error:
        raise CodeError("malformed") from error
    return Decoded(
        format=FORMAT,
        authenticity="signed_valid",
        venue=one_line(venue),
        zone=one_line(zone) or None,
        direction=_DIRECTIONS[form >> 6],
        valid_from_us=first * SECOND_US if first else None,
        valid_to_us=last * SECOND_US if last != _NEVER else None,
        revoked_us=key.revoked_us,
    )


def _base32(raw: bytes) -> str:
    """Encode base32 (RFC 4648) without padding.

    Python's integers convert from and to base 32 twenty times as fast as `base64` does.
    """
    signs = (len(raw) * 8 + 4) // 5
    # Zeros fill up the last sign, whose bits may reach beyond the last byte.
    value = int.from_bytes(raw, "big") << (signs * 5 - len(raw) * 8)
    digits = bytes(_DIGITS[value >> 5 * place & 31] for place in reversed(range(signs)))
    return digits.translate(_FROM_DIGITS).decode()


def _from_base32(text: str) -> bytes:
    """Decode base32 in its only spelling.

    Raises:
        CodeError: the text is not base32, or its unused last bits are not 0.
    """
    size, rest = divmod(len(text) * 5, 8)
    if rest > 4 or not text.isascii():
        raise CodeError("malformed")
    try:
        value = int(text.encode().translate(_TO_DIGITS), 32)
    except ValueError as error:
        raise CodeError("malformed") from error
    # Or the last sign could be changed without changing the bytes.
    if value & (1 << rest) - 1:
        raise CodeError("malformed")
    return (value >> rest).to_bytes(size, "big")
