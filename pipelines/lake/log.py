"""The commit log of a table as files, and the hashes by which its entries check one another.

Delta's log has no checksums. So each commit records the hash of its own
actions, the hash of the entry before it and, if there is a checkpoint at that
version, the hash of the checkpoint. A flipped bit is found anywhere but in what
the newest entry says about itself beside its actions.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from pipelines.lake import storage

LOG_FOLDER = "_delta_log"
POINTER = "_last_checkpoint"
COMMIT_ID = "commit"
ACTIONS_HASH = "actions_sha256"
PREVIOUS_HASH = "previous_sha256"
CHECKPOINT_HASH = "checkpoint_sha256"

_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")


def log_entry(url: str, version: int) -> str:
    """Return the path of the entry of a version.

    >>> log_entry("/lake/scans", 7)
    '/lake/scans/_delta_log/00000000000000000007.json'
    """
    return f"{url}/{LOG_FOLDER}/{version:020d}.json"


def checkpoint_file(url: str, version: int) -> str:
    """Return the path of the checkpoint at a version."""
    return f"{url}/{LOG_FOLDER}/{version:020d}.checkpoint.parquet"


def versions(url: str) -> list[int]:
    """Return the versions whose entries the log still has, ascending."""
    return _numbers(url, _ENTRY)


def checkpoints(url: str) -> list[int]:
    """Return the versions that have a checkpoint, ascending."""
    return _numbers(url, _CHECKPOINT)


def _numbers(url: str, pattern: re.Pattern[str]) -> list[int]:
    # `fullmatch` skips entries that delta-rs has only staged, named `…json#1`.
    matches = map(pattern.fullmatch, storage.names(f"{url}/{LOG_FOLDER}"))
    return sorted(int(match[1]) for match in matches if match)


def read_entry(path: str) -> list[dict[str, Any]]:
    """Read the actions of an entry, each a dictionary with the action's name as its only key.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged.
    """
    return parse_entry(storage.read(path))


def parse_entry(content: bytes) -> list[dict[str, Any]]:
    """Parse the bytes of an entry.

    Raises:
        ValueError: they are damaged.
    """
    actions = [orjson.loads(line) for line in content.splitlines() if line]
    if not all(isinstance(action, dict) for action in actions):
        raise ValueError("an action must be a JSON object")
    return actions


def commit_info(actions: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the `commitInfo` of an entry, empty if it has none."""
    # `commitInfo` may stand anywhere among the actions.
    for action in actions:
        info = action.get("commitInfo")
        if isinstance(info, dict):
            return info
    return {}


def file_hash(path: str) -> str | None:
    """Return the SHA-256 of a file, or None if there is none."""
    try:
        return hashlib.sha256(storage.read(path)).hexdigest()
    except FileNotFoundError:
        return None


def actions_hash(actions: Iterable[dict[str, Any]]) -> str:
    """Hash what the actions of an entry do, independent of their order and spelling.

    Args:
        actions: as `read_entry` returns them. Only those count that decide what a reader
            sees: files, marks, and the columns of the table.
    """
    # Sorted, because delta-rs chooses the order of the actions.
    essence = sorted(orjson.dumps(part, option=orjson.OPT_SORT_KEYS) for part in _essence(actions))
    return hashlib.sha256(b"\n".join(essence)).hexdigest()


def _essence(actions: Iterable[dict[str, Any]]) -> Iterator[list[Any]]:
    for action in actions:
        for kind, said in action.items():
            # Other actions (`commitInfo`, `protocol`) are covered only by the hash in the next entry.
            if kind == "add":
                yield [kind, *_file(said), said["modificationTime"], said["stats"]]
            elif kind == "remove":
                yield [kind, *_file(said), said["deletionTimestamp"]]
            elif kind == "txn":
                yield [kind, said["appId"], said["version"]]
            elif kind == "metaData":
                yield [kind, orjson.loads(said["schemaString"]), said["partitionColumns"]]


def _file(said: dict[str, Any]) -> list[Any]:
    return [said["path"], said["size"], sorted(said["partitionValues"].items()), said["dataChange"]]


def hashes_before(url: str, version: int) -> dict[str, str]:
    """Return the hashes of the files of `version` that the entry after it records."""
    # A missing file (cut off, no checkpoint, no commit before) is simply not recorded.
    hashes = {
        PREVIOUS_HASH: file_hash(log_entry(url, version)),
        CHECKPOINT_HASH: file_hash(checkpoint_file(url, version)),
    }
    return {name: value for name, value in hashes.items() if value is not None}
