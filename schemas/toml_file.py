"""Reading a TOML file of settings so that every mistake names its key."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError


def read_toml(path: Path) -> dict[str, Any]:
    """The tables and keys of a TOML file.

    Raises:
        UsageError: the file is missing, unreadable, not UTF-8 or not TOML.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read", error.strerror or "check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8", "save it as UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML", str(error)) from error


def refuse_unknown(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse keys that nobody would read.

    Args:
        where: file and table, for the error.
        given: what the file holds.
        known: the keys that mean something.

    Raises:
        UsageError: naming the unknown keys and the known ones.
    """
    known = list(known)
    unknown = [key for key in given if key not in known]
    if unknown:
        raise UsageError(f"{where}: unknown key {', '.join(unknown)}", f"known are {' '.join(known)}")


def table_of(where: str, given: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The table under a key; an absent one is empty.

    Raises:
        UsageError: the key holds something else than a table.
    """
    value = given.get(key, {})
    if not isinstance(value, dict):
        raise UsageError(f"{where}: {key} is no table", f"write [{key}] and its keys below")
    return value


def text_of(where: str, given: Mapping[str, Any], key: str) -> str:
    """The text under a key that must be there and not be empty.

    Raises:
        UsageError: the key is absent or no text.
    """
    value = given.get(key)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{where}: {key} is missing", f'write {key} = "…"')
    return value
