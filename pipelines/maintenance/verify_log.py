"""Check the log of a table: each entry against itself and the next one, the checkpoints, the cut."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.lake.checkpoints import read_pointer
from pipelines.lake.log import (
    ACTIONS_HASH,
    CHECKPOINT_HASH,
    POINTER,
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
from pipelines.lake.log_cut import Cut
from pipelines.lake.read_errors import DENIED

_Found = Iterator[tuple[str, str]]


def log_problems(url: str) -> _Found:
    """Find what is wrong with the log of the table at `url`.

    Yields:
        (file below the log's folder, problem).
    """
    known = versions(url)
    if not known:
        yield from _pointer_problems(url)
        return
    infos: dict[int, Mapping[str, Any]] = {}
    problems = [problem for version in known for problem in _entry_problems(url, version, infos)]
    yield from _missing_entries(url, known, infos)
    yield from problems
    yield from _pointer_problems(url)


def _missing_entries(url: str, known: list[int], infos: Mapping[int, Mapping[str, Any]]) -> _Found:
    """Name the entries that are gone without an announcement.

    A log may begin where an announced cut ends, or earlier when a process was killed
    while it removed what it had announced, but never later, and never without a checkpoint.
    """
    first = known[0]
    cuts = [cut for said in infos.values() if (cut := Cut.announced(dict(said)))]
    cut = max(cuts, key=lambda one: one.version, default=None)
    # Cut entries are known to readers by a checkpoint only; without one all of them are needed.
    reaches = -1 if cut is None or not any(version >= first for version in checkpoints(url)) else cut.version
    expected = range(reaches + 1, known[-1] + 1)
    for version in sorted(set(expected) - set(known)):
        yield Path(log_entry(url, version)).name, "the entry is missing"
    # If the log begins right after the cut, its first entry holds the hash of the last one cut off.
    if cut and first == cut.version + 1 and infos.get(first, {}).get(PREVIOUS_HASH) != cut.sha256:
        yield Path(log_entry(url, first)).name, "the log before it is not the one that was cut off"


def _entry_problems(url: str, version: int, infos: dict[int, Mapping[str, Any]]) -> _Found:
    """Check an entry's own actions and what it says about the version before; keep its `commitInfo`."""
    name = Path(log_entry(url, version)).name
    try:
        actions = read_entry(log_entry(url, version))
        own_hash = actions_hash(actions)
    except PermissionError:
        yield name, DENIED
        return
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield name, "the entry is damaged"
        return
    said = infos[version] = commit_info(actions)
    # An entry of another writer has no such hash, and is reported too.
    if said.get(ACTIONS_HASH) != own_hash:
        yield name, "its actions are not those that were committed"
    for hash_name, path in (
        (PREVIOUS_HASH, log_entry(url, version - 1)),
        (CHECKPOINT_HASH, checkpoint_file(url, version - 1)),
    ):
        try:
            actual = file_hash(path) if version and hash_name in said else None
        except PermissionError:
            if hash_name == CHECKPOINT_HASH:  # an entry is reported by itself
                yield Path(path).name, DENIED
            continue
        if actual is not None and actual != said[hash_name]:
            # The earlier file has changed; the later entry holds its original hash.
            yield Path(path).name, "bytes have changed since the next commit"


def _pointer_problems(url: str) -> _Found:
    """Check that `_last_checkpoint` names a checkpoint, and the right one."""
    try:
        pointer = read_pointer(url)
    except PermissionError:
        yield POINTER, DENIED
        return
    except (OSError, ValueError):
        yield POINTER, "it is damaged"
        return
    if pointer is None:
        return
    try:
        actual = file_hash(checkpoint_file(url, pointer.version))
    except PermissionError:
        yield Path(checkpoint_file(url, pointer.version)).name, DENIED
        return
    if actual is None:
        yield POINTER, "it names a checkpoint that is missing"
    elif pointer.sha256 not in (None, actual):
        yield POINTER, "it names another checkpoint than the one that is there"
