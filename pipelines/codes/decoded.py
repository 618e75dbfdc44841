"""What a code says, or why it says nothing."""

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
"""Why a code is refused."""

VENUE_BYTES: Final = 128
"""A longer venue or zone fits no scan."""


class CodeError(Exception):
    """Raised inside a decoder; `decode` turns it into a `Decoded` with the reason.

    Attributes:
        reason: one of `REASONS`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Decoded:
    """What a code says. What names a person is left out of `repr`.

    Attributes:
        format: a name of `FORMATS`, empty when the text is of none of them.
        authenticity: what vouches for the content; empty when it is refused.
        reason: one of `REASONS`, empty when it is not refused.
        venue: venue code, None for codes of no place.
        zone: floor, table or coach.
        name: of the place, as the code has it.
        direction: `in`, `out`, or empty when the code carries none.
        valid_from_us: the instant from which the code holds, None without one.
        valid_to_us: the instant from which it holds no longer, None without one.
        revoked_us: the instant from which the key behind it is no longer trusted.
        person: canonical identifier, for personal codes alone.
        fields: everything else that the format has, by its own names.
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
    """The venue code that stands for a place of a foreign format.

    Raises:
        CodeError: it would be longer than a venue may be.
    """
    code = f"{prefix}:{name}"
    if len(code.encode()) > VENUE_BYTES:
        raise CodeError("too_large")
    return code
