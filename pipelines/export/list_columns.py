"""The columns of an exposure list, in their order."""

from typing import Final

import pyarrow as pa

from schemas.tables import INSTANT

_TOKEN: Final = {"token": "1"}

COLUMNS: Final = pa.schema(
    [
        ("no", pa.int64()),
        pa.field("person", pa.int64(), metadata=_TOKEN),
        ("identifier_kind", pa.string()),
        ("identifier", pa.string()),
        ("full_name", pa.string()),
        ("birth_year", pa.int64()),
        ("sex", pa.string()),
        ("address", pa.string()),
        ("tier", pa.int64()),
        ("case_ids", pa.string()),
        pa.field("via", pa.int64(), metadata=_TOKEN),
        ("exposed_at", INSTANT),
        ("last_contact", INSTANT),
        ("seconds_direct", pa.int64()),
        ("seconds_indirect", pa.int64()),
        ("seconds_imputed", pa.int64()),
        ("venues", pa.string()),
        ("venue_names", pa.string()),
        ("score", pa.float64()),
        ("call", pa.bool_()),
        ("rule", pa.string()),
        ("symptoms", pa.string()),
        ("declared_at", INSTANT),
        ("follow_up_until", pa.date32()),
        ("day", pa.int64()),
        ("change", pa.string()),
    ]
)
"""`case_ids`, `venues` and `venue_names` are joined by `;`; the names stand in the order of the codes."""

IDENTIFIER: Final = ("identifier_kind", "identifier")
"""Columns that only a revealed list shows to people."""

REGISTER: Final = ("full_name", "birth_year", "sex", "address")
"""Columns that the officer's register fills."""

HANDWRITING: Final = ("outcome", "notes")
"""Empty columns of what is printed."""

SCREEN_ONLY: Final = (
    *("identifier_kind", "case_ids", "seconds_indirect", "seconds_imputed", "venues"),
    *("score", "rule", "declared_at"),
)
"""Columns for machines and for a closer look: left out of the printed report, folded in the sheet. All of
them on a page of A4 would be too small to read."""
