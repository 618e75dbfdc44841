"""The data dictionary, made from the contracts, the table schemas and `stays.toml`.

`python -m schemas.dictionary` rewrites `DATA_DICTIONARY.md`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from schemas.contract import INPUTS, Contract, load_contract
from schemas.stay_rules import VENUE_TYPES, load_stay_rules
from schemas.tables import INTERNAL_TABLES, TABLES, Table

DICTIONARY = Path(__file__).with_name("DATA_DICTIONARY.md")

_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US


def data_dictionary() -> str:
    """The whole document, Markdown."""
    lines = [
        "# Data dictionary",
        "",
        "Made by `python -m schemas.dictionary` from the schemas; do not edit.",
        "",
        "Times are UTC, intervals are half-open. A token is an int64 in the lake and 16 lower-case",
        "hexadecimal digits in text.",
        "",
        "# What comes in (wire contract v1)",
        "",
    ]
    for name in INPUTS:
        lines += _contract_lines(load_contract(name))
    lines += ["# What lies in the lake", ""]
    for table in TABLES.values():
        lines += _table_lines(table)
    lines += [
        "# What a lake keeps for itself",
        "",
        "Tables behind commands, not among the views of `connect`.",
        "",
    ]
    for table in INTERNAL_TABLES.values():
        lines += _table_lines(table)
    lines += _stay_lines()
    return "\n".join(lines)


def _contract_lines(contract: Contract) -> Iterator[str]:
    yield from (f"## {contract.name}", "", contract.doc, "")
    yield from _grid(
        ("field", "type", "required", "meaning"),
        (
            (f"`{field.name}`", " or ".join(field.types), "yes" if field.required else "", field.doc)
            for field in contract.fields
        ),
    )


def _table_lines(table: Table) -> Iterator[str]:
    partition = ", ".join(f"`{name}`" for name in table.partition) or "nothing"
    order = ", ".join(f"`{name}`" for name in table.sorted_by)
    yield from (f"## {table.name}", "", f"One row: {table.doc}.", "")
    yield from (f"Partitioned by {partition}; sorted by {order}.", "")
    yield from _grid(
        ("column", "type", "null", "meaning"),
        (
            (f"`{field.name}`", _type_text(field), "yes" if field.nullable else "", _doc_of(field))
            for field in table.schema
        ),
    )


def _stay_lines() -> Iterator[str]:
    rules = load_stay_rules()
    yield from ("# How long a stay lasts", "")
    yield from (f"`stays.toml`, version {rules.version}: chosen, not measured.", "")
    yield from (
        f"`bounce_seconds` is {rules.bounce_us // _SECOND_US}: an `out` that begins a stay and that an `in`",
        "follows within this time is one arrival, read by two antennas, and makes no stay.",
        "",
    )
    yield from _grid(
        ("venue type", "dwell, minutes", "longest stay, minutes"),
        (
            (f"`{name}`", str(dwell_us // _MINUTE_US), str(max_stay_us // _MINUTE_US))
            for name, dwell_us, max_stay_us in zip(
                VENUE_TYPES, rules.dwell_us.tolist(), rules.max_stay_us.tolist(), strict=True
            )
        ),
    )


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def _type_text(field: pa.Field) -> str:
    return "int64 token" if b"token" in field.metadata else str(field.type)


def _doc_of(field: pa.Field) -> str:
    return str(field.metadata[b"doc"].decode())


if __name__ == "__main__":
    DICTIONARY.write_text(data_dictionary(), encoding="utf-8")
