"""Columns of a list as people see them: local times, codes of persons, words for values."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.exposure_list import ListSettings
from pipelines.export.list_columns import COLUMNS, IDENTIFIER, REGISTER
from pipelines.export.list_text import identifier_text, person_code
from pipelines.export.pages.wording import Wording


def shown_columns(settings: ListSettings) -> list[str]:
    """The columns that a file for people has: those of identifiers and of the register only when filled."""
    hidden = (() if settings.revealed else IDENTIFIER) + (() if settings.with_register else REGISTER)
    return [name for name in COLUMNS.names if name not in hidden]


def local_instants(column: pa.ChunkedArray, zone: ZoneInfo) -> pa.ChunkedArray:
    """Instants as naive local times of whole seconds: microseconds are cut."""
    # The cast alone would refuse to lose microseconds.
    local = pc.local_timestamp(pc.cast(column, pa.timestamp("us", tz=str(zone))))
    return pc.floor_temporal(local, unit="second").cast(pa.timestamp("s"))


def local_times(column: pa.ChunkedArray, zone: ZoneInfo) -> list[dt.datetime | None]:
    """Instants as naive local times, as `local_instants` has them."""
    times: list[dt.datetime | None] = local_instants(column, zone).to_pylist()
    return times


def person_codes(column: pa.ChunkedArray) -> list[str]:
    """Tokens as codes; null is empty."""
    return ["" if token is None else person_code(token) for token in column.to_pylist()]


def identifier_texts(rows: pa.Table) -> list[str]:
    """Identifiers as people read them; null is empty."""
    pairs = zip(rows["identifier_kind"].to_pylist(), rows["identifier"].to_pylist(), strict=True)
    return ["" if kind is None or value is None else identifier_text(kind, value) for kind, value in pairs]


def worded(column: pa.ChunkedArray, words: Wording, section: str) -> list[str]:
    """Values of few kinds in words; null is empty."""
    return [words.value(section, value) for value in column.to_pylist()]


def symptom_texts(column: pa.ChunkedArray, words: Wording) -> list[str]:
    """Lists of symptoms joined by `;` in words."""
    return [
        "; ".join(words.value("symptom", symptom) for symptom in text.split(";")) if text else ""
        for text in column.to_pylist()
    ]


def truth_texts(column: pa.ChunkedArray, words: Wording) -> list[str]:
    """True as a word, false and null as nothing: what is to be seen at a glance is the yes."""
    yes = words("value", "yes")
    return [yes if value else "" for value in column.to_pylist()]


Reading = Callable[[pa.Table, ListSettings], Sequence[Any]]

READINGS: dict[str, Reading] = {
    "person": lambda rows, _: person_codes(rows["person"]),
    "via": lambda rows, _: person_codes(rows["via"]),
    "identifier_kind": lambda rows, given: worded(rows["identifier_kind"], given.words, "kind"),
    "identifier": lambda rows, _: identifier_texts(rows),
    "sex": lambda rows, given: worded(rows["sex"], given.words, "value"),
    "call": lambda rows, given: truth_texts(rows["call"], given.words),
    "symptoms": lambda rows, given: symptom_texts(rows["symptoms"], given.words),
    "change": lambda rows, given: worded(rows["change"], given.words, "value"),
}
"""How people read the columns that machines read otherwise."""


def readable(rows: pa.Table, name: str, settings: ListSettings) -> Sequence[Any]:
    """A column as Python values for people: texts, numbers, naive local times, dates; None is empty."""
    if name in READINGS:
        return READINGS[name](rows, settings)
    column = rows[name]
    if pa.types.is_timestamp(column.type):
        return local_times(column, settings.zone)
    values: list[Any] = column.to_pylist()
    return values
