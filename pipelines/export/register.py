"""The officer's register of people, joined to a list by token and never stored."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipelines.errors import DataError, UsageError
from pipelines.export.list_text import PERSON_PREFIX, one_line
from pipelines.lake import Lake
from pipelines.linkage.human_lake import HumanLake, human_of
from pipelines.privacy.identifiers import canonical_person
from pipelines.privacy.keys import Keys, token
from pipelines.terminal.named_csv import read_named_csv

COLUMNS: Final = ("person", "full_name", "birth_year", "sex", "address", "phone")

# Control signs, bidi marks and overrides, zero-width signs, line separators, byte order marks.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
# A code of a list, or a bare token as machines write it.
_TOKEN = re.compile(r"(?:p-)?([0-9a-fA-F]{16})")
_YEAR = re.compile(r"(1[89]|20)\d{2}")
_SEXES: Final = {
    "male": "male", "m": "male", "nam": "male", "1": "male",
    # Vietnamese and the digits of cards; what is not known stays as it was typed.
    "female": "female", "f": "female", "nữ": "female", "nu": "female", "2": "female",
}  # fmt: skip


@dataclass(frozen=True)
class RegisteredPerson:
    """What the register says of a person; empty where it says nothing."""

    full_name: str = ""
    birth_year: int | None = None
    sex: str = ""
    address: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Register:
    """A register by token.

    Attributes:
        people: by token what is known.
        unreadable: rows whose person could not be read.
        without_year: rows whose year of birth could not be read.
    """

    people: Mapping[int, RegisteredPerson]
    unreadable: int = 0
    without_year: int = 0


def read_register(people: str | Path | Any, keys: Keys) -> Register:
    """Read a register with a column `person` and any of `COLUMNS`.

    `person` is an identifier in any spelling of an input, such as `phone:0905123456`, or
    a code of a list. Control signs become blanks.

    Args:
        people: a CSV file, UTF-8, separated by `,` or `;`; or a table in memory that Arrow reads, such as a
            DataFrame of Polars or pandas.
        keys: of the lake.

    Raises:
        DataError: the file cannot be read, has no column `person`, or names a person twice.
    """
    if not isinstance(people, str | Path):
        return _read_table(pa.table(people), keys)
    return _register(read_named_csv(people, "--people", COLUMNS, ("person",)), f"--people {people}", keys)


def of_humans(register: Register, lake: Lake) -> Register:
    """Return a register by the tokens of humans: of several rows of one human the first that says something.

    Args:
        register: by token.
        lake: whose links say who is one human; a plain one leaves the register as it is.
    """
    if not isinstance(lake, HumanLake):
        return register
    people: dict[int, RegisteredPerson] = {}
    # Ascending tokens, so that it does not depend on the rows' order who speaks first.
    tokens = sorted(register.people)
    for token_, human in zip(tokens, human_of(lake, np.array(tokens, np.int64)).tolist(), strict=True):
        # On the right wins: what an earlier token of the human said.
        said = _said(register.people[token_]) | _said(people.get(human))
        people[human] = RegisteredPerson(**said)
    return replace(register, people=people)


def _said(person: RegisteredPerson | None) -> dict[str, Any]:
    return {} if person is None else {name: value for name, value in vars(person).items() if value}


def _read_table(table: pa.Table, keys: Keys) -> Register:
    names = [name.strip().lower() for name in table.schema.names]
    if "person" not in names:
        raise DataError("the table of people has no column person", f"its columns are {','.join(COLUMNS)}")
    rows = table.rename_columns(names).to_pylist()
    texts = ({name: _text(value) for name, value in row.items()} for row in rows)
    return _register(texts, "the table of people", keys)


def _text(value: Any) -> str:
    """Return a cell of a table as it would stand in a file; a year may come as 1980.0."""
    if value is None or value != value:  # NaN
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _register(rows: Iterable[Mapping[str, str | None]], where: str, keys: Keys) -> Register:
    people: dict[int, RegisteredPerson] = {}
    seen: dict[int, int] = {}
    unreadable = without_year = 0
    # From 2: the head is row 1, as a spreadsheet numbers it.
    for number, row in enumerate(rows, 2):
        cells = {name: _clean(row.get(name) or "") for name in COLUMNS}
        if not any(cells.values()):
            continue
        person = _person(cells["person"], keys)
        if person is None:
            unreadable += 1
            continue
        # By token and not by spelling: two spellings of a phone are one person.
        if person in seen:
            raise DataError(
                f"{where}: rows {seen[person]} and {number} name the same person",
                "keep one of them",
            )
        seen[person] = number
        year = _YEAR.fullmatch(cells["birth_year"])
        without_year += bool(cells["birth_year"]) and year is None
        people[person] = RegisteredPerson(
            cells["full_name"],
            None if year is None else int(year[0]),
            _SEXES.get(cells["sex"].lower(), cells["sex"]),
            cells["address"],
            cells["phone"],
        )
    return Register(people, unreadable, without_year)


def _person(text: str, keys: Keys) -> int | None:
    """The token of a person, or None where the text is neither an identifier nor a token."""
    match = _TOKEN.fullmatch(text)
    # Sixteen digits alone are a token; an identifier has its kind before a colon.
    if match and (text.startswith(PERSON_PREFIX) or len(text) == 16):
        return int.from_bytes(bytes.fromhex(match[1]), "big", signed=True)
    try:
        return token(keys, canonical_person(text))
    except UsageError:
        return None


def _clean(text: str) -> str:
    """One line, its control and direction signs blanks."""
    return one_line(_HIDDEN.sub(" ", text))
