"""All reasons to refuse a record, as the wire contract has them, in the order of their checks."""

from typing import Final

REASONS: Final = (
    "",
    "malformed",
    "too_large",
    "too_deep",
    "bad_text",
    "missing_field",
    "bad_person",
    "bad_time",
    "bad_code",
    "conflicting_event_id",
    "too_old",
    "too_new",
    "past_retention",
    "erased",
)
"""A reason's code (uint8) is its position; 0 means accepted. Of several defects the smallest code counts."""

MALFORMED: Final = 1
TOO_LARGE: Final = 2
TOO_DEEP: Final = 3
BAD_TEXT: Final = 4
MISSING_FIELD: Final = 5
BAD_PERSON: Final = 6
BAD_TIME: Final = 7
BAD_CODE: Final = 8
CONFLICTING_EVENT_ID: Final = 9
TOO_OLD: Final = 10
TOO_NEW: Final = 11
PAST_RETENTION: Final = 12
ERASED: Final = 13
