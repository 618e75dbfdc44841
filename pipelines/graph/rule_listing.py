"""The rule packs as rows: what ships, and the keys of one. The packs are files of `schemas/rules/`."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pyarrow as pa

from pipelines.answer import Answer
from schemas.rules import Rule, load_rule, shipped_rules

RULES = pa.schema(
    [
        ("rule", pa.string()),
        ("title", pa.string()),
        ("valid_from", pa.date32()),
        ("valid_to", pa.date32()),
        ("min_minutes", pa.float64()),
        ("max_tier", pa.int64()),
        ("source", pa.string()),
    ]
)
"""The columns of the list, a row a pack."""

KEYS = pa.schema([("table", pa.string()), ("key", pa.string()), ("value", pa.string())])
"""The columns of one pack, a row a key; a key that the pack leaves out has its default."""


def rules(rule: str | None = None) -> Answer:
    """List the shipped rule packs, or the keys of one.

    Example:
        >>> rules()["rule"].to_pylist()[:2]
        ['cdc-2020-10', 'cwa-2021']
        >>> [row["value"] for row in rules("cdc-2020-10").to_pylist() if row["key"] == "min_minutes"]
        ['15']

    Args:
        rule: a pack, by id or path; None lists all that are shipped.

    Returns:
        Columns of `RULES`, ordered by id, or of `KEYS`.

    Raises:
        UsageError: the rule pack is unknown or wrong.
    """
    if rule is not None:
        return Answer(_keys(load_rule(rule)))
    packs = [load_rule(one) for one in shipped_rules()]
    return Answer(pa.Table.from_pylist([_row(pack) for pack in packs], schema=RULES))


def _row(rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "title": rule.title,
        "valid_from": rule.valid_from,
        "valid_to": rule.valid_to,
        "min_minutes": rule.contact.min_minutes,
        "max_tier": rule.chain.max_tier,
        "source": rule.source,
    }


def _keys(rule: Rule) -> pa.Table:
    rows = [{"table": table, "key": key, "value": value} for table, key, value in _lines(rule)]
    return pa.Table.from_pylist(rows, schema=KEYS)


def _lines(rule: Rule) -> Iterator[tuple[str, str, str | None]]:
    for key in ("id", "title", "source", "valid_from", "valid_to"):
        yield "", key, _text(getattr(rule, key))
    for omitted in rule.omits:
        yield "", "omits", omitted
    for table in ("infectious", "contact", "chain"):
        yield from _of_table(table, getattr(rule, table))
    for override in rule.overrides:
        yield "override", "venue_type", override.venue_type
        yield from _of_table("override", override.contact)


def _of_table(name: str, table: Any) -> Iterator[tuple[str, str, str | None]]:
    for field in fields(table):
        yield name, field.name, _text(getattr(table, field.name))


def _text(value: str | float | bool | dt.date | None) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return None if value is None else str(value)
