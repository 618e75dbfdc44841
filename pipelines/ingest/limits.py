"""The fields of a scan by number, and the bounds that a record must keep."""

from typing import Final

from schemas.contract import load_contract

FIELDS = tuple(field.name for field in load_contract("scan").fields)
"""The names of the fields in the order of the contract; a field's number is its position."""

EVENT_ID, PERSON, PERSON_CODE, VENUE, CODE, DIRECTION, OCCURRED_AT, ZONE, SCAN_MODE, SCANNER = range(
    len(FIELDS)
)

RECORD_BYTES = 16 * 1024
"""The longest record; a longer one is refused without being parsed."""

EVENT_ID_BYTES = 64
CODE_BYTES = 4096
TEXT_BYTES = 128
"""The longest tidy text of a field, in UTF-8; TEXT_BYTES is for fields without a limit of their own."""

MAX_AGE_DAYS: Final = 60
"""How old a record may be unless a flag says otherwise."""

MAX_AHEAD_DAYS: Final = 1
"""How far in the future a record may lie unless a flag says otherwise."""
