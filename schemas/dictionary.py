"""Make the data dictionary from the contracts, the table schemas and `stays.toml`.

`python -m schemas.dictionary` rewrites `DATA_DICTIONARY.md`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from schemas.contract import INPUTS, Contract, load_contract
from schemas.stay_rules import VENUE_TYPES, load_stay_rules
from schemas.tables import INTERNAL_TABLES, TABLES, Table
from schemas.wire_text import NOTHING

DICTIONARY = Path(__file__).with_name("DATA_DICTIONARY.md")

_SECOND_US = 1_000_000
_MINUTE_US = 60 * _SECOND_US

_PERSONS = (
    (
        "`phone`",
        "A mobile number, 03 05 07 08 or 09 and eight digits; a landline, 02 and nine digits; of another "
        "country + and 8 to 15 digits. Blanks, dots, dashes and brackets may stand between the digits, and "
        "+84, 0084 or 84 before them; a decimal such as 381234567.0 is refused.",
        "E.164, `+84905123456`; an eleven-digit mobile of before 2018 is its successor, 0168… `+8438…`",
    ),
    ("`qid`", "The QID of a personal code.", "as given"),
    ("`cccd`", "Citizen card, 12 digits.", "as given"),
    ("`cmnd`", "Old identity card, 9 digits.", "as given"),
    ("`bhyt`", "Health insurance: the 15 characters of the card, or the last 10.", "the last ten digits"),
    ("`passport`", "5 to 20 letters and digits.", "capitals without blanks"),
    ("`device`", "A device's own number or name.", "as given"),
)

_RELEASES = (
    "# What was published",
    "",
    "`LAKE.releases` beside a lake, mode 0700: a file `MEASURE-VERSION.json` for each measure (`people`,",
    "`scans`, `stays`) and version of `scans`, an array with an object for each table that",
    "`truyvet statistics` or `truyvet adoption --publish` released. It holds nothing that was not published.",
    "",
    "| key | meaning |",
    "| --- | --- |",
    "| `cut` | what was counted, and by what |",
    "| `protection` | `k`: 1 to k - 1 are hidden; `base`: of rounding; `epsilon`: of noise, or null |",
    "| `versions` | of `scans`, `stays` and `venues` |",
    "| `columns` | names of the columns; the first holds the names of rows |",
    "| `rows` | the cells; null is hidden |",
)


_STABILITY = (
    "# Stability of a row of `trace`",
    "",
    "`trace --stability N` adds `stability_scans stability_visits stability_people`: the share of N draws",
    "that still list the person. Draw i keeps a key when the first 8 bytes of SHA-256(seed, unit, i, key),",
    "read as a big-endian number, lie below 0.9 * 2^64. The parts follow one another without a separator.",
    "Index cases are never left out as people; encounters are left out with their people alone.",
    "",
    "| part | bytes |",
    "| --- | --- |",
    "| seed | 8 bytes, big-endian: 0 |",
    "| unit | `scans`, `visits` or `people`, ASCII |",
    "| i | 8 bytes, big-endian: the number of the draw, from 0 |",
    "| key | `event_key` of a scan (16 bytes); `stay_id` or `person` (8 bytes, big-endian, signed) |",
    "",
)


def data_dictionary() -> str:
    """Return the whole document in Markdown."""
    words = " ".join(f"`{word}`" for word in sorted(NOTHING) if word)
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
        "Text is trimmed of blanks at both ends, no-break and zero-width ones included, and kept in NFC. In",
        f"a field that is not required {words}, in any case, mean that it is empty.",
        "Control and bidi characters are refused.",
        "",
    ]
    for name in INPUTS:
        lines += _contract_lines(load_contract(name))
    lines += [
        "## Persons",
        "",
        "A person is `KIND:VALUE`; two spellings of one identifier are one person.",
        "",
    ]
    lines += _grid(("kind", "value", "canonical spelling"), _PERSONS)
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
    lines += [*_STABILITY, *_RELEASES, ""]
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
