"""Writers' schemas of Avro, made safe to read files and messages of strangers with.

fastavro turns instants into `datetime` objects, so one past the year 9999
fails a whole block: here they stay numbers, UTC microseconds whatever unit
the writer chose. Its compiled reader recurses on the C stack without a limit
(some 10,000 nested records end the process with a segmentation fault) and
loops over items that take no bytes as often as a hostile count says: here
recursion is unrolled to `DEPTH` levels and such items cannot be read.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Final

import numpy as np
from fastavro import parse_schema
from fastavro.read import LOGICAL_READERS

DEPTH: Final = 16
"""How often a record may hold a record of its own type."""

_NAMED: Final = ("record", "error", "enum", "fixed")
_UNREADABLE: Final = {"type": "fixed", "size": 1 << 40}
"""A type that is longer than any block, so reading one is an error."""


class Opaque:
    """Stands for a value of a `fixed` type: bytes that are not text."""


def _micros_of_millis(value: int, *_: Any) -> int:
    return value * 1000


def _micros_of_nanos(value: int, *_: Any) -> int:
    return value // 1000


def _day_text(value: int, *_: Any) -> str:
    return str(np.datetime64(value, "D"))


def _opaque(*_: Any) -> type[Opaque]:
    return Opaque


_OWN_TYPES: Final[dict[str, Callable[..., Any]]] = {
    "long-truyvet-millis": _micros_of_millis,
    "long-truyvet-nanos": _micros_of_nanos,
    "int-truyvet-date": _day_text,
    "fixed-truyvet-opaque": _opaque,
}
LOGICAL_READERS.update(_OWN_TYPES)  # fastavro's way to define logical types of one's own

_UNITS: Final = {"timestamp-millis": "truyvet-millis", "timestamp-nanos": "truyvet-nanos"}


def plain_schema(definition: str, dates: Collection[str] = ()) -> Any:
    """Return a parsed schema for untrusted bytes, in which instants are UTC microseconds.

    >>> schema = plain_schema('{"type": "long", "logicalType": "timestamp-micros"}')
    >>> schema["type"], "logicalType" in schema
    ('long', False)

    Args:
        definition: the writer's schema, JSON.
        dates: fields of the record whose dates become text `YYYY-MM-DD`; others stay numbers.

    Raises:
        Exception: it is not a schema; fastavro has a class for every way.
    """
    return parse_schema(_Rewriting(dates).rewritten(parse_schema(json.loads(definition))))


def logical_types(schema: Any, field: str) -> set[str]:
    """Return the logical types of a field's values, those of a union's branches included.

    Args:
        schema: of a record, as JSON has it.
        field: a name.
    """
    (type_,) = (given["type"] for given in schema["fields"] if given["name"] == field)
    branches = type_ if isinstance(type_, list) else [type_]
    return {str(branch.get("logicalType", "")) for branch in branches if isinstance(branch, dict)}


class _Rewriting:
    """Rewrites a schema whose names are full and whose types are defined before they are used."""

    def __init__(self, dates: Collection[str]) -> None:
        self._dates = dates
        self._definitions: dict[str, Any] = {}
        self._open: Counter[str] = Counter()
        self._made: set[str] = set()

    def rewritten(self, schema: Any, *, date: bool = False) -> Any:
        """Return what stands for a schema; `date` makes its dates text."""
        if isinstance(schema, list):
            return [self.rewritten(branch, date=date) for branch in schema]
        if isinstance(schema, str):
            return self._named(schema) if schema in self._definitions else schema
        kind = schema["type"]
        if kind in _NAMED:
            self._definitions[schema["name"]] = schema
            return self._named(schema["name"])
        if kind == "array":
            items = self.rewritten(schema["items"])
            # A hostile count of items without bytes would be looped over; no block is long enough for these.
            return {"type": "array", "items": self._unreadable() if self._is_empty(items) else items}
        if kind == "map":
            # Keys take bytes, so values may be empty.
            return {"type": "map", "values": self.rewritten(schema["values"])}
        plain = {"type": self.rewritten(kind)}
        logical = schema.get("logicalType")
        if kind == "long" and logical in _UNITS:
            plain["logicalType"] = _UNITS[logical]
        # fastavro would make a `date`, and none exists past the year 9999: a wanted one becomes text.
        if kind == "int" and logical == "date" and date:
            plain["logicalType"] = "truyvet-date"
        return plain

    def _named(self, name: str) -> Any:
        """Return the definition of a named type where it comes first, its name from then on."""
        schema = self._definitions[name]
        # How many records of this name are open: each level of a recursion becomes a type of its own.
        level = self._open[name]
        if level > DEPTH:
            return self._unreadable()
        own = f"{name}__{level}" if level else name
        if own in self._made:
            return own
        self._made.add(own)
        if schema["type"] == "enum":
            return {"type": "enum", "name": own, "symbols": schema["symbols"]}
        if schema["type"] == "fixed":
            # Read as bytes, but never taken for text.
            return {"type": "fixed", "name": own, "size": schema["size"], "logicalType": "truyvet-opaque"}
        self._open[name] += 1
        # Only fields of the record itself are columns; a nested field of the same name is not.
        outermost = sum(self._open.values()) == 1
        fields = []
        for field in schema["fields"]:
            type_ = self.rewritten(field["type"], date=outermost and field["name"] in self._dates)
            fields.append({key: field[key] for key in ("name", "default") if key in field} | {"type": type_})
        self._open[name] -= 1
        return {"type": "record", "name": own, "fields": fields}

    def _unreadable(self) -> dict[str, Any]:
        name = f"truyvet_unreadable_{len(self._made)}"
        self._made.add(name)
        return {**_UNREADABLE, "name": name}

    def _is_empty(self, schema: Any) -> bool:
        """Tell whether values take no bytes; a type that is known by its name is supposed to take some."""
        if not isinstance(schema, dict):
            return bool(schema == "null")
        if schema["type"] == "record":
            return all(self._is_empty(field["type"]) for field in schema["fields"])
        return bool(schema["type"] == "null" or schema.get("size") == 0)
