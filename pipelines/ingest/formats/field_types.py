"""What a column of an input must hold, as the wire contract says."""

from functools import cache
from typing import Final

from schemas.contract import load_contract

TEXT: Final = "text"
TIME: Final = "time"
NUMBER: Final = "number"
WHOLE: Final = "whole"
TRUTH: Final = "truth"
TEXTS: Final = "texts"
"""Kinds of fields: text, an instant (text or UTC microseconds), a number, a whole number,
true or false, and a list of texts, in CSV joined by `;`."""

_BY_TYPE: Final = {
    "timestamp-micros": TIME,
    "double": NUMBER,
    "int": WHOLE,
    "long": WHOLE,
    "boolean": TRUTH,
    "array of string": TEXTS,
}
INFORMATIONAL: Final = {
    "venue": frozenset(
        (
            *("name", "zone", "province_code", "district_code", "commune_code"),
            *("lat", "lon", "capacity", "registered_at"),
        )
    )
}
"""Fields of a contract that no answer depends on: an unreadable cell is dropped and its record is kept."""


@cache
def kinds_of(contract: str) -> dict[str, str]:
    """Return the kind of each field of a contract, in its order.

    >>> kinds_of("case")["onset_at"]
    'time'

    Args:
        contract: a name of `schemas.contract.INPUTS`.
    """
    kinds = {}
    for field in load_contract(contract).fields:
        known = [_BY_TYPE[name] for name in field.types if name in _BY_TYPE]
        kinds[field.name] = known[0] if known else TEXT
    return kinds
