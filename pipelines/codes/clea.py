"""CLÉA (TousAntiCovid Signal): a code that only the authority can open.

    header 17 bytes ‖ AES-256-GCM(44 bytes, or 109 with a contact message) ‖ tag 16 ‖ C0 33

Only the header can be read without the authority's secret key, so a code is
refused as `unknown_key` where no such key is trusted.
"""

import hashlib
import hmac
import re
import uuid
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipelines.codes.decoded import CodeError, Decoded, venue_code
from pipelines.codes.texts import base64_bytes
from pipelines.privacy.code_keys import CodeKeys
from pipelines.times import SECOND_US

FORMAT: Final = "clea"

_TEXT = re.compile(r"https://tac\.gouv\.fr/?\?v=0(?:&t=[0-9]{1,12})?#(\S*)", re.ASCII)
# Fixed by the format. It is safe only because C0, and with it the key, is made for each code.
_IV: Final = bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFB")
_HEADER, _PLAIN, _CONTACT, _TAG, _POINT = 17, 44, 65, 16, 33
# NTP counts from 1900.
_NTP_TO_UNIX: Final = 2_208_988_800
_HOUR: Final = 3600
_UNLIMITED_HOURS: Final = 255
_STATIC: Final = 31


def decode(text: str, keys: CodeKeys) -> Decoded | None:
    """Decode a text; return None for another format.

    Raises:
        CodeError: the text is of this format, and damaged or sealed to a key that is not trusted.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    raw = base64_bytes(match[1])
    bare = _HEADER + _PLAIN + _TAG + _POINT
    if len(raw) not in (bare, bare + _CONTACT) or raw[0] >> 2:  # only version 0 and type 0 exist
        raise CodeError("malformed")
    said = location_of(_opened(raw, keys))
    name = raw[1:_HEADER]
    # The name is a MAC under the secret in the sealed part: the two must belong together.
    if not hmac.compare_digest(hmac.digest(said.pop("key"), b"1", "sha256")[: len(name)], name):
        raise CodeError("bad_signature")
    # The flag and the size must say the same of the contact message.
    if said.pop("contact") != (len(raw) > bare):
        raise CodeError("malformed")
    first, last = _validity(said)
    return Decoded(
        format=FORMAT,
        authenticity="mac_valid",
        venue=venue_code("clea", str(uuid.UUID(bytes=name))),
        valid_from_us=first,
        valid_to_us=last,
        fields={"ltid": str(uuid.UUID(bytes=name)), **said},
    )


def location_of(plain: bytes) -> dict[str, Any]:
    """Split the opened message into its fields; `key` is the place's secret and must not leave `decode`."""
    # The first 96 of 352 bits; the other 256 are the key.
    bits = int.from_bytes(plain[:_PLAIN], "big") >> 256

    def field(end: int, size: int) -> int:
        # Fields are named by the number of their last bit, counted from the left.
        return bits >> (96 - end) & (1 << size) - 1

    return {
        "staff": field(1, 1),
        "contact": bool(field(2, 1)),
        "cri_exponent": field(19, 5),
        "venue_type": field(24, 5),
        "venue_category1": field(28, 4),
        "venue_category2": field(32, 4),
        "period_duration_hours": field(40, 8),
        "ct_period_start": field(64, 24),
        "t_qr_start": field(96, 32),
        "key": plain[12:_PLAIN],
    }


def _opened(raw: bytes, keys: CodeKeys) -> bytes:
    """Open the message with the first key that fits."""
    if not keys.clea:
        raise CodeError("unknown_key")
    try:
        point = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw[-_POINT:])
    except ValueError as error:
        raise CodeError("malformed") from error
    for secret in keys.clea:
        # ECDH gives the x-coordinate; the four zero bytes are the counter of the key derivation.
        shared = _private_key(secret).exchange(ECDH(), point)
        key = hashlib.sha256(raw[-_POINT:] + shared + bytes(4)).digest()
        try:
            return AESGCM(key).decrypt(_IV, raw[_HEADER:-_POINT], raw[:_HEADER])
        except InvalidTag:
            continue
    raise CodeError("bad_signature")


def _validity(said: dict[str, Any]) -> tuple[int, int | None]:
    """Return start and end of the validity in microseconds: the period, cut to the renewal interval."""
    first = said["ct_period_start"] * _HOUR
    last = None
    if said["period_duration_hours"] != _UNLIMITED_HOURS:
        last = first + said["period_duration_hours"] * _HOUR
    if said["cri_exponent"] != _STATIC:
        # The exponent is that of the renewal interval in seconds: 2^10 is 17 minutes.
        renewed = said["t_qr_start"] + (1 << said["cri_exponent"])
        first = max(first, said["t_qr_start"])
        last = renewed if last is None else min(last, renewed)
    shown = [None if instant is None else (instant - _NTP_TO_UNIX) * SECOND_US for instant in (first, last)]
    return shown[0] or 0, shown[1]


@lru_cache(maxsize=16)
def _private_key(secret: bytes) -> EllipticCurvePrivateKey:
    return derive_private_key(int.from_bytes(secret, "big"), SECP256R1())
