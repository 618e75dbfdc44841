"""CrowdNotifier (NotifyMe): a protobuf message in the fragment of a link; unsigned.

The ids of a place are hashes of the message as it was received. The
identity-based encryption to these ids is out of scope.
"""

import hashlib
import re
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pipelines.codes.decoded import CodeError, Decoded, venue_code
from pipelines.codes.texts import base64_bytes
from pipelines.codes.trace_location import read_location
from pipelines.privacy.code_keys import CodeKeys

FORMAT: Final = "crowd_notifier"

_TEXT = re.compile(r"https://qr\.notify-me\.ch/?\?v=([34])#(\S*)", re.ASCII)
_ID_DIGITS: Final = 32
_NONCE: Final = 32
_INTERVAL: Final = (3600).to_bytes(4, "big")


def decode(text: str, _keys: CodeKeys) -> Decoded | None:
    """Decode a text; return None for another format.

    Raises:
        CodeError: the text is of this format, and damaged.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    payload = base64_bytes(match[2])
    # The tests of the SDK write version 4.
    place = read_location(payload, (3, 4), sdk_numbers=True)
    if place.end and place.start >= place.end:
        raise CodeError("malformed")
    name = preid(payload).hex()
    return Decoded(
        format=FORMAT,
        authenticity="unsigned",
        venue=venue_code("cn", name[:_ID_DIGITS]),
        name=place.description,
        valid_from_us=place.start_us,
        valid_to_us=place.end_us,
        fields={"description": place.description, "address": place.address, "preid_hex": name},
    )


def preid(payload: bytes) -> bytes:
    """Return the 32-byte id of a place that does not depend on the hour.

    Args:
        payload: the bytes as they were received.
    """
    return hashlib.sha256(b"CN-PREID" + payload + _nonces(payload)[0]).digest()


def hour_id(payload: bytes, start: int) -> bytes:
    """Return the 32-byte id of a place in one hour.

    Args:
        payload: the bytes as they were received.
        start: of the hour, seconds since 1970.
    """
    hour = _INTERVAL + start.to_bytes(8, "big")
    time_key = hashlib.sha256(b"CN-TIMEKEY" + hour + _nonces(payload)[1]).digest()
    return hashlib.sha256(b"CN-ID" + preid(payload) + hour + time_key).digest()


def _nonces(payload: bytes) -> tuple[bytes, bytes]:
    derived = HKDF(SHA256(), 3 * _NONCE, salt=None, info=b"CrowdNotifier_v3").derive(payload)
    # The third part is the notification key, which nothing here needs.
    return derived[:_NONCE], derived[_NONCE : 2 * _NONCE]
