"""Corona-Warn-App: a protobuf message in the fragment of a link; unsigned."""

import hashlib
import re
from typing import Final

from pipelines.codes.decoded import CodeError, Decoded, venue_code
from pipelines.codes.protobuf import number, read_message
from pipelines.codes.texts import base64_bytes
from pipelines.codes.trace_location import TraceLocation, read_location
from pipelines.privacy.code_keys import CodeKeys

FORMAT: Final = "corona_warn_app"

_TEXT = re.compile(r"https://e\.coronawarn\.app/?\?v=1#(\S*)", re.ASCII)
_ID_LABEL: Final = b"CWA-GUID"
_ID_DIGITS: Final = 32
_LAST_TYPE: Final = 12
_PERMANENT: Final = (1, *range(3, 9))
_TEMPORARY: Final = (2, *range(9, 13))
_DAY_MINUTES: Final = 1440


def decode(text: str, _keys: CodeKeys) -> Decoded | None:
    """Decode a text; return None for another format.

    Raises:
        CodeError: the text is of this format, and damaged.
    """
    match = _TEXT.fullmatch(text)
    return None if match is None else decode_payload(base64_bytes(match[1]))


def decode_payload(payload: bytes) -> Decoded:
    """Decode a message as it was received.

    Raises:
        CodeError: the bytes are not such a message.
    """
    place = read_location(payload, (1,), sdk_numbers=False)
    vendor = read_message(place.vendor)
    kind, minutes = number(vendor, 2), number(vendor, 3)
    if number(vendor, 1) != 1 or not _is_consistent(place, kind, minutes):
        raise CodeError("malformed")
    guid = location_id(payload)
    return Decoded(
        format=FORMAT,
        authenticity="unsigned",
        venue=venue_code("cwa", guid.hex()[:_ID_DIGITS]),
        name=place.description,
        valid_from_us=place.start_us,
        valid_to_us=place.end_us,
        fields={
            "description": place.description,
            "address": place.address,
            "type": kind,
            "default_length_minutes": minutes,
            "location_id_hex": guid.hex(),
            "published_hash_hex": hashlib.sha256(guid).hexdigest(),
        },
    )


def location_id(payload: bytes) -> bytes:
    """Return the 32-byte id of a place.

    Args:
        payload: the bytes as they were received: a message that is encoded again may differ.
    """
    return hashlib.sha256(_ID_LABEL + payload).digest()


def _is_consistent(place: TraceLocation, kind: int, minutes: int) -> bool:
    """Tell whether times and length suit the type: permanent places have no times, events need both."""
    if kind > _LAST_TYPE or minutes > _DAY_MINUTES or (place.end and place.start >= place.end):
        return False
    if kind in _PERMANENT:
        return not place.start and not place.end and minutes > 0
    # Type 0 is unspecified, and may have times or not.
    return kind not in _TEMPORARY or 0 < place.start < place.end
