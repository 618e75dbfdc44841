"""Read TOML files of settings so that every mistake is reported with its key."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError


def read_toml(path: Path) -> dict[str, Any]:
    """Read the tables and keys of a TOML file.

    Raises:
        UsageError: the file is missing, unreadable, not UTF-8 or not TOML.
    """
    return parse_toml(read_toml_text(path), str(path))


def read_toml_text(path: Path) -> str:
    """Read the text of a TOML file without parsing it.

    Raises:
        UsageError: the file is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")  # the Editor of Windows writes a mark
    except OSError as error:
        raise UsageError(f"{path} cannot be read", error.strerror or "check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8", "save it as UTF-8 text") from error


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Parse the text of a TOML file.

    Args:
        text: the content of the file.
        where: its path, for the error.

    Raises:
        UsageError: the text is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where} is not TOML", str(error)) from error


def refuse_unknown(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse unknown keys, which would be ignored otherwise.

    Args:
        where: file and table, for the error.
        given: the content of the table.
        known: all keys with a meaning.

    Raises:
        UsageError: naming the unknown keys and the known ones.
    """
    known = list(known)
    unknown = [key for key in given if key not in known]
    if unknown:
        raise UsageError(f"{where}: unknown key {', '.join(unknown)}", f"known are {' '.join(known)}")


def table_of(where: str, given: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the table under a key; an absent one is empty.

    Raises:
        UsageError: the value is not a table.
    """
    value = given.get(key, {})
    if not isinstance(value, dict):
        raise UsageError(f"{where}: {key} must be a table", f"write [{key}] and its keys below")
    return value


def text_of(where: str, given: Mapping[str, Any], key: str) -> str:
    """Return the text under a required key.

    Raises:
        UsageError: the key is absent, or its value is empty or not text.
    """
    value = given.get(key)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{where}: {key} is missing", f'write {key} = "…"')
    return value
