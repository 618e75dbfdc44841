"""The log of a table as files: entries that check one another.

Delta's log has no checksums. So each commit says what its own actions hash to
and what the entry before it, and a checkpoint at that version, hashed to as
files. A flipped byte is found in every entry but for what the newest one
says about itself beside its actions.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from pipelines.lake import storage

LOG_FOLDER = "_delta_log"
COMMIT_ID = "commit"
ACTIONS_HASH = "actions_sha256"
PREVIOUS_HASH = "previous_sha256"
CHECKPOINT_HASH = "checkpoint_sha256"

_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")


def log_entry(url: str, version: int) -> str:
    """The path of a version's entry."""
    return f"{url}/{LOG_FOLDER}/{version:020d}.json"


def checkpoint_file(url: str, version: int) -> str:
    """The path of the checkpoint at a version."""
    return f"{url}/{LOG_FOLDER}/{version:020d}.checkpoint.parquet"


def versions(url: str) -> list[int]:
    """The versions whose entries the log still has, ascending."""
    return _numbers(url, _ENTRY)


def checkpoints(url: str) -> list[int]:
    """The versions at which there is a checkpoint, ascending."""
    return _numbers(url, _CHECKPOINT)


def _numbers(url: str, pattern: re.Pattern[str]) -> list[int]:
    matches = map(pattern.fullmatch, storage.names(f"{url}/{LOG_FOLDER}"))
    return sorted(int(match[1]) for match in matches if match)


def read_entry(path: str) -> list[dict[str, Any]]:
    """The actions of an entry, each under its name.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    actions = [orjson.loads(line) for line in storage.read(path).splitlines() if line]
    if not all(isinstance(action, dict) for action in actions):
        raise ValueError("an action is no object")
    return actions


def commit_info(actions: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What an entry says about its commit."""
    for action in actions:
        info = action.get("commitInfo")
        if isinstance(info, dict):
            return info
    return {}


def file_hash(path: str) -> str | None:
    """The SHA-256 of a file, or None when there is none."""
    try:
        return hashlib.sha256(storage.read(path)).hexdigest()
    except FileNotFoundError:
        return None


def actions_hash(actions: Iterable[dict[str, Any]]) -> str:
    """The SHA-256 of what the actions of an entry do, whatever order and spelling they are written in.

    Args:
        actions: as `read_entry` returns them; what says nothing about files and marks is left out.
    """
    essence = sorted(orjson.dumps(said) for said in _essence(actions))
    return hashlib.sha256(b"\n".join(essence)).hexdigest()


def _essence(actions: Iterable[dict[str, Any]]) -> Iterator[list[Any]]:
    for action in actions:
        for kind, said in action.items():
            if kind == "add":
                yield [kind, *_file(said), said["modificationTime"], said["stats"]]
            elif kind == "remove":
                yield [kind, *_file(said), said["deletionTimestamp"]]
            elif kind == "txn":
                yield [kind, said["appId"], said["version"]]


def _file(said: dict[str, Any]) -> list[Any]:
    return [said["path"], said["size"], sorted(said["partitionValues"].items()), said["dataChange"]]


def hashes_before(url: str, version: int) -> dict[str, str]:
    """What the entry after `version` says about the files of that version."""
    found = {
        PREVIOUS_HASH: file_hash(log_entry(url, version)),
        CHECKPOINT_HASH: file_hash(checkpoint_file(url, version)),
    }
    return {name: value for name, value in found.items() if value is not None}
