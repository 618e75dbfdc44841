"""The result of decoding a code: what it says, or why it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Authenticity = Literal["", "unsigned", "mac_valid", "signed_valid"]

REASONS: Final = (
    "unknown_format",
    "too_large",
    "too_deep",
    "malformed",
    "bad_algorithm",
    "unknown_key",
    "bad_signature",
    "revoked_key",
    "masked_id",
    "not_yet_valid",
    "expired",
)
"""Reasons for which a code is refused."""

VENUE_BYTES: Final = 128
"""The longest venue or zone that a scan may hold."""


class CodeError(Exception):
    """Raised by the decoder of a format; `decode` turns it into a `Decoded` with the reason.

    Attributes:
        reason: one of `REASONS`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Decoded:
    """What a code says; `repr` leaves out everything that names a person.

    Example:
        >>> Decoded("vn_person", "unsigned", person="qid:162979388586171100")
        Decoded(format='vn_person', authenticity='unsigned', reason='', venue=None, zone=None, \
name=None, direction='', valid_from_us=None, valid_to_us=None, revoked_us=None)

    Attributes:
        format: a name of `FORMATS`, empty for a text of no known format.
        authenticity: what vouches for the content; empty when the code is refused.
        reason: one of `REASONS`, empty when the code is not refused.
        venue: venue code; None when the code does not name a place.
        zone: floor, table or coach.
        name: name of the place, as the code has it.
        direction: `in`, `out`, or empty when the code has none.
        valid_from_us: start of the validity, None without one.
        valid_to_us: end of the validity, exclusive, None without one.
        revoked_us: the code is refused when scanned at or after this instant, for its key was revoked.
        person: canonical identifier, of personal codes only.
        fields: everything else in the format, by its own names.
    """

    format: str
    authenticity: Authenticity = ""
    reason: str = ""
    venue: str | None = None
    zone: str | None = None
    name: str | None = None
    direction: str = ""
    valid_from_us: int | None = None
    valid_to_us: int | None = None
    revoked_us: int | None = None
    person: str | None = field(default=None, repr=False)
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)


def venue_code(prefix: str, name: str) -> str:
    """Return the venue code of a place that a foreign format names.

    >>> venue_code("nz", "7000000243950")
    'nz:7000000243950'

    Raises:
        CodeError: the code would be longer than a venue may be.
    """
    code = f"{prefix}:{name}"
    if len(code.encode()) > VENUE_BYTES:
        raise CodeError("too_large")
    return code
