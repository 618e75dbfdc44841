"""Corona-Warn-App: a protobuf message in the fragment of a link; not signed."""

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
    """Decode a text; None when it is of another format.

    Raises:
        CodeError: it is of this format and broken.
    """
    match = _TEXT.fullmatch(text)
    return None if match is None else decode_payload(base64_bytes(match[1]))


def decode_payload(payload: bytes) -> Decoded:
    """Decode the message as it was received; its id is a hash of these very bytes.

    Raises:
        CodeError: it is no such message.
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
    """32 bytes that name a place, of the message as it was received."""
    return hashlib.sha256(_ID_LABEL + payload).digest()


def _is_consistent(place: TraceLocation, kind: int, minutes: int) -> bool:
    """Whether times and length are those that the type asks for."""
    if kind > _LAST_TYPE or minutes > _DAY_MINUTES or (place.end and place.start >= place.end):
        return False
    if kind in _PERMANENT:
        return not place.start and not place.end and minutes > 0
    return kind not in _TEMPORARY or 0 < place.start < place.end
