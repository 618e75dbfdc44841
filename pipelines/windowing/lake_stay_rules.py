"""The durations that a lake's stays are made with: its own file, or the shipped `stays.toml`.

A lake has a file of its own after `truyvet recompute --stays FILE`. The marks
of `stays` say which durations made them, so a lake whose file has changed is
refused until everything has been recomputed.
"""

import os
from pathlib import Path
from typing import Final

from pipelines.errors import DataError, RefusedError, UsageError
from pipelines.lake import Lake, snapshot, storage
from pipelines.lake.durable_files import sync_path, unfinished, writing
from schemas.stay_rules import StayRules, load_stay_rules, parse_stay_rules
from schemas.toml_file import read_toml_text

STAYS_FILE: Final = "stays.toml"
"""Name of the lake's own file, beside `lake.json`."""

_STORE_AGAIN: Final = "store a whole file again with truyvet recompute --stays FILE"


def stay_rules_of(lake: Lake) -> StayRules:
    """Return the durations of a lake: those of its own file, or else the shipped ones.

    Raises:
        DataError: the lake's own file is damaged.
        ServiceError: the store of the lake cannot be reached.
    """
    place = _place(lake)
    try:
        text = storage.read(place).decode("utf-8")
    except FileNotFoundError:
        return load_stay_rules()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{place} cannot be read", "store it again: truyvet recompute --stays FILE"
        ) from error
    try:
        return parse_stay_rules(text, place)
    except UsageError as error:
        raise DataError(error.what, _STORE_AGAIN) from error


def store_stay_rules(lake: Lake, path: Path) -> StayRules:
    """Check a file of durations and make it the lake's own.

    Store first, rewrite afterwards: a lake that is killed in between refuses
    all other writers until `truyvet recompute` has finished the work.

    Raises:
        UsageError: the file breaks a rule; nothing is stored.
        ServiceError: the lake cannot be written.
    """
    # Parsed before it is stored: a lake never holds a file that breaks a rule.
    text = read_toml_text(path)
    rules = parse_stay_rules(text, str(path))
    place = _place(lake)
    with writing(place):
        if storage.is_url(place):
            storage.put(place, text.encode())
        else:
            _replace(Path(place), text.encode())
    return rules


def check_stay_rules(lake: Lake, rules: StayRules | None = None) -> None:
    """Make sure that the lake's stays were made with these durations.

    Args:
        lake: which lake.
        rules: None are the lake's own.

    Raises:
        RefusedError: they were made with others.
    """
    rules = rules or stay_rules_of(lake)
    pinned = snapshot(lake, "stays").marks.get("stay_rules")
    if pinned is not None and pinned != rules.mark:
        raise RefusedError(
            f"the lake's stays were made with other durations than those of stays.toml {rules.version}",
            "rewrite them with truyvet recompute, or restore the file that they were made with",
        )


def _place(lake: Lake) -> str:
    return f"{lake.url}/{STAYS_FILE}"


def _replace(path: Path, content: bytes) -> None:
    """Replace a file so that a power cut leaves the old or the new one."""
    with unfinished(path.parent) as (file, temporary):
        file.write(content)
        # Content before name: a rename that survives a power cut must not lead to an empty file.
        os.fsync(file.fileno())
        os.replace(temporary, path)
    # A rename is on the disk only when its folder is.
    sync_path(path.parent)
