"""The wire contract v1: the fields of each input, read from the `.avsc` files."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

WIRE_FOLDER = Path(__file__).with_name("wire")

INPUTS = ("scan", "venue", "case", "encounter", "declaration", "link")
"""The kinds of input records, by the names of their contracts."""


@dataclass(frozen=True)
class Field:
    """A field of a record.

    Attributes:
        required: whether a record without the field is refused.
        types: the Avro types it may have, without null; logical types by their own name.
    """

    name: str
    required: bool
    types: tuple[str, ...]
    doc: str


@dataclass(frozen=True)
class Contract:
    """An input record, its fields in the order of the contract.

    Example:
        >>> [field.name for field in load_contract("scan").fields if field.required]
        ['occurred_at']
    """

    name: str
    doc: str
    fields: tuple[Field, ...]


@cache
def load_contract(name: str) -> Contract:
    """Load the contract of one of `INPUTS`."""
    schema = json.loads((WIRE_FOLDER / f"{name}.avsc").read_text(encoding="utf-8"))
    return Contract(name, schema["doc"], tuple(_field_of(field) for field in schema["fields"]))


def _field_of(field: dict[str, Any]) -> Field:
    union = field["type"] if isinstance(field["type"], list) else [field["type"]]
    types = tuple(_type_name(kind) for kind in union if kind != "null")
    # Avro has no word for required: it is a field that cannot be null.
    return Field(field["name"], "null" not in union, types, field["doc"])


def _type_name(kind: str | dict[str, Any]) -> str:
    if isinstance(kind, str):
        return kind
    if "items" in kind:
        return f"{kind['type']} of {_type_name(kind['items'])}"
    return str(kind.get("logicalType", kind["type"]))
