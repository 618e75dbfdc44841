"""Checks the log of a table: every entry against itself, its successor and the checkpoints."""

from collections.abc import Iterator
from pathlib import Path

import orjson

from pipelines.lake import storage
from pipelines.lake.log import (
    ACTIONS_HASH,
    CHECKPOINT_HASH,
    LOG_FOLDER,
    PREVIOUS_HASH,
    actions_hash,
    checkpoint_file,
    checkpoints,
    commit_info,
    file_hash,
    log_entry,
    read_entry,
    versions,
)


def log_problems(url: str) -> Iterator[tuple[str, str]]:
    """What is wrong with the log of the table at `url`.

    Yields:
        (file below the log's folder, problem).
    """
    known = versions(url)
    expected = range(known[0] if checkpoints(url) else 0, known[-1] + 1) if known else []
    for version in sorted(set(expected) - set(known)):
        yield Path(log_entry(url, version)).name, "the entry is missing"
    for version in known:
        yield from _entry_problems(url, version)
    yield from _pointer_problems(url)


def _entry_problems(url: str, version: int) -> Iterator[tuple[str, str]]:
    """Check an entry's own actions, and what it says about the version before."""
    name = Path(log_entry(url, version)).name
    try:
        actions = read_entry(log_entry(url, version))
        own_hash = actions_hash(actions)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield name, "the entry is damaged"
        return
    said = commit_info(actions)
    if said.get(ACTIONS_HASH) != own_hash:
        yield name, "its actions are not those that were committed"
    for hash_name, path in (
        (PREVIOUS_HASH, log_entry(url, version - 1)),
        (CHECKPOINT_HASH, checkpoint_file(url, version - 1)),
    ):
        actual = file_hash(path) if version and hash_name in said else None
        if actual is not None and actual != said[hash_name]:
            yield Path(path).name, "bytes have changed since the next commit"


def _pointer_problems(url: str) -> Iterator[tuple[str, str]]:
    """Check that `_last_checkpoint` names a checkpoint."""
    pointer = "_last_checkpoint"
    try:
        version = orjson.loads(storage.read(f"{url}/{LOG_FOLDER}/{pointer}"))["version"]
        named = checkpoint_file(url, version)
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError):
        yield pointer, "it is damaged"
        return
    if not storage.exists(named):
        yield pointer, "it names a checkpoint that is missing"
