"""What files for other systems share: whom they hold, how a person is named there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.exposure_list import ExposureList
from pipelines.export.list_text import dialled, one_line, person_code, split_name
from pipelines.terminal.output import safe_cell


@dataclass(frozen=True)
class HandoverContact:
    """A first-tier contact as other systems take it.

    Attributes:
        row: of the list, by column.
        code: `p-<16 hexadecimal digits>`.
        first_name: given name of the register, else `F1`.
        last_name: family name of the register, else the code: look-alike placeholders would make
            SORMAS ask at every row.
        phone: digits alone, the opened one before the register's; empty when there is none.
        unsafe: whether a part of the register's name begins with a sign that a spreadsheet executes; the
            name is left out.
    """

    row: dict[str, Any]
    code: str
    first_name: str
    last_name: str
    phone: str
    unsafe: bool


def first_tier(made: ExposureList) -> pa.Array:
    """Which rows are F1; SORMAS has no contacts of contacts, Go.Data wants them in a file of their own."""
    return pc.equal(made.rows["tier"], 1)


def contacts(made: ExposureList) -> Iterator[HandoverContact]:
    """The first-tier contacts of a list, in its order."""
    # Without a register there are no phones at all, and not one for each row.
    phones = made.phones or [""] * made.rows.num_rows
    kept = first_tier(made)
    rows = made.rows.append_column("phone", pa.array(phones, pa.string())).filter(kept)
    # Batches, so that a large list is never one list of dicts.
    for batch in rows.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            yield _contact(row)


def _contact(row: dict[str, Any]) -> HandoverContact:
    code = person_code(row["person"])
    full_name = one_line(row["full_name"] or "")
    given, family = split_name(full_name)
    # No apostrophe here, which other systems would store: an unsafe name is left out instead.
    unsafe = any(safe_cell(part) != part for part in (given, family))
    if unsafe:
        given = family = ""
    revealed = row["identifier"] if row["identifier_kind"] == "phone" else None
    # The opened phone goes before the register's, which somebody typed.
    phone = dialled(revealed) if revealed else "".join(sign for sign in row["phone"] or "" if sign.isdigit())
    return HandoverContact(row, code, given or "F1", family or code, phone, unsafe)
