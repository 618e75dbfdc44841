"""The one decoder: a table of formats, each a module of its own.

A new format is a module here with its name and a `decode` function, and a row of `FORMATS`.
"""

import string
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pipelines.codes import (
    clea,
    corona_warn_app,
    crowd_notifier,
    luca,
    nhs_covid_19,
    nz_covid_tracer,
    own,
    safe_entry,
    vietnam,
)
from pipelines.codes.decoded import CodeError, Decoded
from pipelines.privacy.code_keys import NO_KEYS, CodeKeys
from schemas.wire_text import BLANKS

MAX_BYTES: Final = 4096

_AROUND: Final = string.whitespace + BLANKS
"""What a scanner or a copied text may put around a code."""

FORMATS: Final[dict[str, Callable[[str, CodeKeys], Decoded | None]]] = {
    own.FORMAT: own.decode,
    nz_covid_tracer.FORMAT: nz_covid_tracer.decode,
    nhs_covid_19.FORMAT: nhs_covid_19.decode,
    corona_warn_app.FORMAT: corona_warn_app.decode,
    crowd_notifier.FORMAT: crowd_notifier.decode,
    clea.FORMAT: clea.decode,
    luca.FORMAT: luca.decode,
    luca.MEETING: luca.decode_meeting,
    luca.GUEST: luca.decode_guest,
    safe_entry.FORMAT: safe_entry.decode,
    vietnam.PERSON: vietnam.decode_person,
    vietnam.CARD: vietnam.decode_card,
    vietnam.PLACE: vietnam.decode_place,
}
"""The formats by name, in the order in which they are tried. A decoder returns None for a text
of another format, and raises `CodeError` for one of its own that must be refused."""


def decode(text: str | bytes, keys: CodeKeys = NO_KEYS) -> Decoded:
    """Decode the raw text of a code; never raises.

    Validity depends on when the code was scanned, so it is checked by `valid_at`.

    >>> decode("https://qr.pccovid.gov.vn/A1b2C3").venue
    'A1b2C3'
    >>> decode("hello").reason
    'unknown_format'

    Args:
        text: what the scanner read; bytes are UTF-8. White space around it is ignored.
        keys: those that are trusted.
    """
    try:
        raw = text if isinstance(text, bytes) else text.encode()
        if len(raw) > MAX_BYTES:
            return Decoded("", reason="too_large")
        shown = raw.decode().strip(_AROUND)
    except UnicodeError:
        return Decoded("", reason="malformed")
    for name, decoder in FORMATS.items():
        try:
            # The first that knows the text decides, and no other gets to read what it refuses.
            decoded = decoder(shown, keys)
        except CodeError as refusal:
            return Decoded(name, reason=refusal.reason)
        if decoded is not None:
            return decoded
    return Decoded("", reason="unknown_format")


def valid_at(decoded: Decoded, at_us: int) -> Decoded:
    """Refuse a code that was not valid when it was scanned.

    Args:
        decoded: from `decode`.
        at_us: when the code was scanned, microseconds UTC.
    """
    if decoded.reason:
        return decoded
    if decoded.valid_from_us is not None and at_us < decoded.valid_from_us:
        return _refused(decoded, "not_yet_valid")
    if decoded.valid_to_us is not None and at_us >= decoded.valid_to_us:
        return _refused(decoded, "expired")
    if decoded.revoked_us is not None and at_us >= decoded.revoked_us:
        return _refused(decoded, "revoked_key")
    return decoded


def _refused(decoded: Decoded, reason: str) -> Decoded:
    return replace(decoded, authenticity="", reason=reason)
