"""Our own code of a place, version 1.

    base32 of  magic (1) ‖ key id (2) ‖ form (1) ‖ valid from (4) ‖ valid to (4) ‖ zone (0-6)
               ‖ venue (1-16) ‖ Ed25519 signature (64)

`form` holds the direction (2 bits: 0 none, 1 in, 2 out) and the size of the
zone (3 bits); its other bits are 0. Instants are seconds since 1970, big-endian;
0 and 2^32 - 1 stand for no limit. The signature is over a label and all that
precedes it. At most 98 bytes are 157 signs of the alphanumeric alphabet of
QR codes: version 8 at error correction Q. Base32 is RFC 4648's, without padding.
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
"""As many fit a QR code of version 8 at error correction Q."""

_MAGIC: Final = 0xA9  # base32 makes V and one of E-H of it
_HEAD: Final = 12
_SIGNATURE: Final = 64
_MIN_SIGNS: Final = 124
_LABEL: Final = b"truyvet qr v1"
_NEVER: Final = 0xFFFF_FFFF
_DIRECTIONS: Final = ("", "in", "out")
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_DIGITS: Final = b"0123456789abcdefghijklmnopqrstuv"
_VALUES: Final = dict(zip(_ALPHABET, _DIGITS, strict=True))
_TO_DIGITS: Final = bytes(_VALUES.get(sign, ord("!")) for sign in range(256))
_FROM_DIGITS: Final = bytes.maketrans(_DIGITS, _ALPHABET)


@dataclass(frozen=True)
class CodeContent:
    """What a code of a place says.

    Attributes:
        venue: venue code.
        zone: floor, table or coach; empty for none.
        direction: `in`, `out`, or empty.
        valid_from: seconds since 1970 from which it holds, None for ever since.
        valid_to: seconds since 1970 from which it holds no longer, None for ever.
    """

    venue: str
    zone: str = ""
    direction: str = ""
    valid_from: int | None = None
    valid_to: int | None = None


def make_code(content: CodeContent, key: Ed25519PrivateKey) -> str:
    """The text of a signed code.

    Raises:
        UsageError: the content does not fit.
    """
    venue, zone = content.venue.encode(), content.zone.encode()
    if not 0 < len(venue) <= VENUE_BYTES:
        raise UsageError(
            f"a venue code of {len(venue)} bytes fits no QR code",
            f"register a shorter one, 1 to {VENUE_BYTES} bytes",
        )
    if len(zone) > ZONE_BYTES:
        raise UsageError(
            f"a zone of {len(zone)} bytes fits no QR code", f"give it a name of up to {ZONE_BYTES} bytes"
        )
    first = 0 if content.valid_from is None else content.valid_from
    last = _NEVER if content.valid_to is None else content.valid_to
    if not 0 <= first < last <= _NEVER:
        raise UsageError("the validity is empty or out of range", "write a --from before --to, until 2106")
    number = key_number(key.public_key().public_bytes_raw())
    form = _DIRECTIONS.index(content.direction) << 6 | len(zone) << 3
    head = bytes([_MAGIC]) + number.to_bytes(2, "big") + bytes([form])
    said = head + first.to_bytes(4, "big") + last.to_bytes(4, "big") + zone + venue
    return _base32(said + key.sign(_LABEL + said))


def decode(text: str, keys: CodeKeys) -> Decoded | None:
    """Decode a text; None when it is of another format.

    Raises:
        CodeError: it is of this format, and not to be accepted.
    """
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
    key = keys.own_by_number.get(raw[1] << 8 | raw[2])
    if key is None:
        raise CodeError("unknown_key")
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
    """RFC 4648's base32 without padding.

    Python reads and writes numbers of base 32 twenty times faster than `base64` does.
    """
    signs = (len(raw) * 8 + 4) // 5
    value = int.from_bytes(raw, "big") << (signs * 5 - len(raw) * 8)
    digits = bytes(_DIGITS[value >> 5 * place & 31] for place in reversed(range(signs)))
    return digits.translate(_FROM_DIGITS).decode()


def _from_base32(text: str) -> bytes:
    """The bytes of base32 in its one spelling.

    Raises:
        CodeError: it is none, or some last bits are not 0.
    """
    size, rest = divmod(len(text) * 5, 8)
    if rest > 4 or not text.isascii():
        raise CodeError("malformed")
    try:
        value = int(text.encode().translate(_TO_DIGITS), 32)
    except ValueError as error:
        raise CodeError("malformed") from error
    if value & (1 << rest) - 1:
        raise CodeError("malformed")
    return (value >> rest).to_bytes(size, "big")
