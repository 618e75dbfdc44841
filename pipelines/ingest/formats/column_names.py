"""The names of a file's columns beside those of the contract: what is read, missing, unknown or near."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

import orjson

from pipelines.errors import DataError
from pipelines.ingest.formats.blocks import ColumnNames, Columns, Lines
from pipelines.ingest.formats.discovery.streams import unreadable
from schemas.contract import load_contract

SAMPLED_LINES: Final = 64
"""Lines of a block of NDJSON whose names are looked at."""

EITHER: Final = {"scan": (("person", "person_code"), ("venue", "code"))}
"""Groups of columns of which a record needs one."""

_SAMPLED_BYTES: Final = 1 << 17
_NEAR: Final = 0.6
_SHOWN = re.compile(r"[^\W\d][\w ./()-]{0,63}")
_LIKE_A_VALUE = re.compile(r"\d{5}")
_UNSHOWN: Final = "…"
_UNKNOWN_AT_MOST: Final = 32


def fields_of(contract: str) -> tuple[str, ...]:
    """Return the names of a contract's fields, in its order."""
    return tuple(field.name for field in load_contract(contract).fields)


def in_any_case(names: Sequence[str], contract: str) -> tuple[list[str], ColumnNames]:
    """Take names that people typed for the fields that they equal but for case.

    >>> in_any_case(["Case_ID", "person", "Person", "age"], "case")[0]
    ['case_id', 'person', 'Person', 'age']

    Args:
        names: of a header.
        contract: a name of `schemas.contract.INPUTS`.

    Returns:
        The names, those of fields spelled as the contract does, and what is to be said about them.
    """
    spelled = {field.casefold(): field for field in fields_of(contract)}
    fields = [spelled.get(name.casefold(), name) for name in names]
    # `Person` beside `person`: only the exact name is certain.
    fields = [name if field in names else field for name, field in zip(names, fields, strict=True)]
    taken = [(name, field) for name, field in zip(names, fields, strict=True) if name != field]
    return fields, ColumnNames(unknown_among(fields, contract), tuple(taken))


def unknown_among(names: Iterable[str], contract: str) -> tuple[str, ...]:
    """Return the names that a contract does not know, each once, fit to be shown.

    A name that could be a value of a record (a header that is missing, a map
    keyed by phone numbers) is shown as `…`. Of very many only the first are returned.
    """
    known = set(fields_of(contract))
    unknown = dict.fromkeys(_shown(name) for name in names if name and name not in known)
    return tuple(unknown)[:_UNKNOWN_AT_MOST]


def sampled_names(block: Lines, contract: str) -> ColumnNames:
    """Look for unknown names in the first lines of a block of NDJSON.

    A slip is in all records of a writer, so `SAMPLED_LINES` of every block
    (32 MB) show it. A name that only later records have is not seen.
    """
    names: dict[str, None] = {}
    # The last piece of the split is the rest of the sample, and is cut off.
    for line in block.data[:_SAMPLED_BYTES].tobytes().split(b"\n", SAMPLED_LINES)[:SAMPLED_LINES]:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(record, dict):
            names |= dict.fromkeys(record)
    return ColumnNames(unknown_among(names, contract))


def column_names(block: Lines | Columns, contract: str) -> ColumnNames:
    """Return what is to be said about the names of a block's columns."""
    return sampled_names(block, contract) if isinstance(block, Lines) else block.names


def nearest_field(name: str, contract: str) -> str | None:
    """Return the field whose name is nearest to an unknown one, None where none is near.

    >>> nearest_field("isolated_date", "case"), nearest_field("temperature", "case")
    ('isolated_at', None)
    """
    near = get_close_matches(re.sub(r"\W+", "_", name.casefold()), fields_of(contract), 1, _NEAR)
    return near[0] if near else None


def check_columns(path: str, contract: str, names: Sequence[str]) -> None:
    """Check that a file has the columns that its records need, and each field once.

    Raises:
        DataError: naming the column.
    """
    for field in load_contract(contract).fields:
        if list(names).count(field.name) > 1:
            raise unreadable(path, f"has the column `{field.name}` twice", "leave one of them out")
        if field.required and field.name not in names:
            raise _missing(path, [field.name], names)
    for group in EITHER.get(contract, ()):
        known = [field for field in group if field in fields_of(contract)]
        if not any(field in names for field in known):
            raise _missing(path, known, names)


def _missing(path: str, fields: Sequence[str], names: Sequence[str]) -> DataError:
    near = [found for field in fields for found in get_close_matches(field, names, 1, _NEAR)]
    # Shown only if it cannot be a value of a record, as where the header is missing.
    guess = f", but `{near[0]}`" if near and _shown(near[0]) == near[0] else ""
    column = " or ".join(f"`{field}`" for field in fields)
    return unreadable(path, f"has no column {column}{guess}", "name columns as the wire contract does")


def _shown(name: str) -> str:
    return name if _SHOWN.fullmatch(name) and not _LIKE_A_VALUE.search(name) else _UNSHOWN
