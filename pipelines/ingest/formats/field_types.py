"""What a column of an input must hold, as the wire contract says."""

from functools import cache
from typing import Final

from pipelines.errors import DataError
from pipelines.ingest.formats.streams import unreadable
from schemas.contract import load_contract

TEXT: Final = "text"
TIME: Final = "time"
NUMBER: Final = "number"
WHOLE: Final = "whole"
TRUTH: Final = "truth"
TEXTS: Final = "texts"
"""The kinds of fields: text, an instant (text or UTC microseconds), a number, a whole
number, true or false, and a list of texts, in CSV joined by `;`."""

_BY_TYPE: Final = {
    "timestamp-micros": TIME,
    "double": NUMBER,
    "int": WHOLE,
    "long": WHOLE,
    "boolean": TRUTH,
    "array of string": TEXTS,
}
_EITHER: Final = {"scan": (("person", "person_code"), ("venue", "code"))}
"""Optional columns of each of which one must be there."""
INFORMATIONAL: Final = {
    "venue": frozenset(
        (
            *("name", "province_code", "district_code", "commune_code"),
            *("lat", "lon", "capacity", "registered_at"),
        )
    )
}
"""Fields of a contract that no answer hangs on: an unreadable cell is dropped and its record stands."""


@cache
def kinds_of(contract: str) -> dict[str, str]:
    """The kind of each field of a contract, in its order.

    Args:
        contract: a name of `schemas.contract.INPUTS`.
    """
    kinds = {}
    for field in load_contract(contract).fields:
        known = [_BY_TYPE[name] for name in field.types if name in _BY_TYPE]
        kinds[field.name] = known[0] if known else TEXT
    return kinds


def check_columns(path: str, contract: str, names: list[str]) -> None:
    """See that a file has the columns that its records cannot do without, each once.

    Raises:
        DataError: naming the column, which is a name of the contract.
    """
    fields = load_contract(contract).fields
    for field in fields:
        if names.count(field.name) > 1:
            raise unreadable(path, f"has the column `{field.name}` twice", "leave one of them out")
        if field.required and field.name not in names:
            raise _missing(path, f"`{field.name}`")
    for either in _EITHER.get(contract, ()):
        if not any(name in names for name in either):
            raise _missing(path, " or ".join(f"`{name}`" for name in either))


def _missing(path: str, column: str) -> DataError:
    return unreadable(path, f"has no column {column}", "names of columns are those of the wire contract")
