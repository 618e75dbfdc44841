"""The wire contract v1: what the fields of each input are, read from the `.avsc` files."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

WIRE_FOLDER = Path(__file__).with_name("wire")

INPUTS = ("scan", "venue", "case", "encounter", "declaration")
"""The records that can come in, by the name of their contract."""


@dataclass(frozen=True)
class Field:
    """A field of a record.

    Attributes:
        required: whether a record without it is refused.
        types: the Avro types it may have, null aside, logical types by their own name.
    """

    name: str
    required: bool
    types: tuple[str, ...]
    doc: str


@dataclass(frozen=True)
class Contract:
    """A record that comes in, its fields in the order of the contract."""

    name: str
    doc: str
    fields: tuple[Field, ...]


@cache
def load_contract(name: str) -> Contract:
    """The contract of one of `INPUTS`."""
    schema = json.loads((WIRE_FOLDER / f"{name}.avsc").read_text(encoding="utf-8"))
    return Contract(name, schema["doc"], tuple(_field_of(field) for field in schema["fields"]))


def _field_of(field: dict[str, Any]) -> Field:
    union = field["type"] if isinstance(field["type"], list) else [field["type"]]
    types = tuple(_type_name(kind) for kind in union if kind != "null")
    return Field(field["name"], "null" not in union, types, field["doc"])


def _type_name(kind: str | dict[str, Any]) -> str:
    if isinstance(kind, str):
        return kind
    if "items" in kind:
        return f"{kind['type']} of {_type_name(kind['items'])}"
    return str(kind.get("logicalType", kind["type"]))
