"""luca: printed places, private meetings and codes of guests; all unsigned.

Meetings and guests are people, not places: they are recognised, and none of their data is kept.
"""

import base64
import hashlib
import re
from typing import Any, Final

from pipelines.codes import corona_warn_app
from pipelines.codes.decoded import CodeError, Decoded, venue_code
from pipelines.codes.texts import base64_bytes, json_object, one_line, text_of
from pipelines.privacy.code_keys import CodeKeys

FORMAT: Final = "luca"
MEETING: Final = "luca_meeting"
GUEST: Final = "luca_guest"

_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PLACE = re.compile(rf"https://app\.luca-app\.de/webapp/({_UUID})/?(?:#(\S*))?", re.ASCII)
_MEETING = re.compile(rf"https://app\.luca-app\.de/webapp/meeting/{_UUID}/?#(\S*)", re.ASCII)
_CWA_TAIL: Final = "/CWA1/"
# A hundred bytes, in either alphabet.
_BASE32 = re.compile(r"[A-Z2-7]{160}", re.ASCII)
_Z85 = re.compile(r"[0-9A-Za-z.\-:+=^!/*?&<>()\[\]{}@%$#]{125}", re.ASCII)
_Z85_SIGNS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_VALUE_OF: Final = {sign: value for value, sign in enumerate(_Z85_SIGNS)}
_GUEST_VERSION: Final = 3
_CHECKSUM: Final = 4


def decode(text: str, _keys: CodeKeys) -> Decoded | None:
    """Decode the code of a place; return None for another format.

    Raises:
        CodeError: the text is of this format, and damaged.
    """
    match = _PLACE.fullmatch(text)
    if match is None:
        return None
    # Behind the mark stands a whole code of Corona-Warn-App.
    details, tail, payload = (match[2] or "").partition(_CWA_TAIL)
    said = json_object(base64_bytes(details)) if details else {}
    fields: dict[str, Any] = {**said, "scanner_id": match[1].lower()}
    other = corona_warn_app.decode_payload(base64_bytes(payload)) if tail else None
    if other is not None:
        fields["corona_warn_app"] = dict(other.fields)
    return Decoded(
        format=FORMAT,
        authenticity="unsigned",
        venue=venue_code("luca", match[1].lower()),
        zone=_zone(said.get("table")),
        name=other.name if other else None,
        fields=fields,
    )


def decode_meeting(text: str, _keys: CodeKeys) -> Decoded | None:
    """Recognise a private meeting; return None for another format.

    Raises:
        CodeError: the text is of this format, and damaged.
    """
    match = _MEETING.fullmatch(text)
    if match is None:
        return None
    said = json_object(base64_bytes(match[1]))
    for name in ("fn", "ln"):
        text_of(said, name)
    return Decoded(format=MEETING, authenticity="unsigned")


def decode_guest(text: str, _keys: CodeKeys) -> Decoded | None:
    """Recognise the code of a guest, in base32 or Z85; return None for another format.

    Raises:
        CodeError: the text is of this format, and damaged.
    """
    if _BASE32.fullmatch(text):
        raw: bytes | None = base64.b32decode(text)
    else:
        raw = z85_bytes(text) if _Z85.fullmatch(text) else None
    # Other texts have this size and alphabet: without the version it is of another format.
    if raw is None or raw[0] != _GUEST_VERSION:
        return None
    body, checksum = raw[:-_CHECKSUM], raw[-_CHECKSUM:]
    if hashlib.sha256(body).digest()[:_CHECKSUM] != checksum:
        raise CodeError("malformed")
    return Decoded(format=GUEST, authenticity="unsigned")


def z85_bytes(text: str) -> bytes | None:
    """Decode Z85, five characters for four bytes; return None for a group above 2^32.

    >>> z85_bytes("HelloWorld").hex()
    '864fd26fb559f75b'
    """
    raw = b""
    for at in range(0, len(text), 5):
        value = 0
        for sign in text[at : at + 5]:
            value = value * len(_Z85_SIGNS) + _VALUE_OF[sign]
        if value >> 32:
            return None
        raw += value.to_bytes(4, "big")
    return raw


def _zone(table: Any) -> str | None:
    """Return a table's number or name as a zone."""
    if table is None:
        return None
    if isinstance(table, bool) or not isinstance(table, int | str):
        raise CodeError("malformed")
    zone = one_line(str(table))
    if len(zone.encode(errors="surrogatepass")) > 64:
        raise CodeError("too_large")
    return zone or None
