"""Check what a reader takes from the log of a table before it is used.

delta-rs parses the log and checks no hash: a flipped digit of a bound would
hide a file from a question in silence. The entries and the checkpoint that a
version is read from are compared with the hashes that `log` keeps, once for
each entry and process, and before delta-rs reads them: a damaged checkpoint
makes it panic, which is no `Exception`. That takes about a millisecond a table.

Logs in object stores are not checked here: it would double the requests, and
stores check their objects themselves. `truyvet verify` checks them too.
"""

import hashlib
import re
from pathlib import Path

from pipelines.errors import DataError
from pipelines.lake import storage
from pipelines.lake.checkpoints import Pointer, read_pointer
from pipelines.lake.log import (
    ACTIONS_HASH,
    CHECKPOINT_HASH,
    PREVIOUS_HASH,
    actions_hash,
    checkpoint_file,
    checkpoints,
    commit_info,
    log_entry,
    parse_entry,
    versions,
)

_REMEDY = "restore it from a backup; truyvet verify names all that is damaged"


def check_before_reading(url: str, version: int | None = None) -> int | None:
    """Check what delta-rs will read a version from, None for the newest.

    Returns:
        The version that was checked, None where there is none to check.

    Raises:
        DataError: as in `check_log`.
        OSError: as there.
    """
    if storage.is_url(url):
        return None
    if version is None:
        version = max(versions(url), default=None)
    if version is not None:
        check_log(url, version)
    return version


def check_log(url: str, version: int, known: int | None = None) -> None:
    """Check the entries and checkpoints from which delta-rs reads a version.

    Args:
        url: of the table.
        version: the version.
        known: a version that has been checked already; None checks from the last checkpoint on.

    Raises:
        DataError: a file is not the one that was committed.
        OSError: a file is gone or cannot be read.
    """
    if storage.is_url(url):
        return
    if known is None:
        # Entries up to the checkpoint are covered by the checkpoint's own hash.
        known = _check_checkpoints(url, version)
    entries = {number: Path(log_entry(url, number)).read_bytes() for number in range(known + 1, version + 1)}
    later = Path(log_entry(url, version + 1))
    if entries and later.exists():  # an older version has been asked for
        entries[version + 1] = later.read_bytes()
    for number, content in entries.items():
        if number > version:
            continue  # read only to check the one before it
        # An entry is checked by the hash in its successor; the newest only by that of its own actions.
        following = entries.get(number + 1)
        if not (_acts_as_committed(content) if following is None else _is_followed(content, following)):
            raise DataError(f"{log_entry(url, number)} is damaged", _REMEDY)


def _check_checkpoints(url: str, version: int) -> int:
    """Check the checkpoints that a version may have been read from; return where its entries begin."""
    pointer = _pointer(url)
    there = [number for number in checkpoints(url) if number <= version]
    if not there:
        return -1  # no checkpoint: delta-rs reads all entries from 0 on
    # delta-rs begins at the pointer, and takes a later checkpoint if the listing shows one.
    first = pointer.version if pointer and pointer.version in there else there[-1]
    for number in there:
        if number >= first:
            _check_checkpoint(url, number, pointer)
    return first


def _pointer(url: str) -> Pointer | None:
    try:
        return read_pointer(url)
    except ValueError:
        return None  # delta-rs does without it as well


def _check_checkpoint(url: str, version: int, pointer: Pointer | None) -> None:
    """Compare a checkpoint with what the next entry, or until there is one the pointer, says about it."""
    try:
        said = _recorded(CHECKPOINT_HASH, Path(log_entry(url, version + 1)).read_bytes())
    except FileNotFoundError:
        said = pointer.sha256 if pointer and pointer.version == version else None
    path = checkpoint_file(url, version)
    if said is not None and hashlib.sha256(storage.read(path)).hexdigest() != said:
        raise DataError(f"{path} is damaged", _REMEDY)


def _is_followed(content: bytes, following: bytes) -> bool:
    """Return whether the next entry knows an entry by its hash; one of another writer may know none."""
    said = _recorded(PREVIOUS_HASH, following)
    return said is None or hashlib.sha256(content).hexdigest() == said


def _recorded(name: str, content: bytes) -> str | None:
    """Return a hash that an entry records, without parsing all of its actions."""
    # JSON never escapes these names or hexadecimal hashes, so a plain search finds them.
    match = re.search(rb'"%b":"([0-9a-f]{64})"' % name.encode(), content)
    return match[1].decode() if match else None


def _acts_as_committed(content: bytes) -> bool:
    """Return whether the actions of the newest entry are those that its commit hashed."""
    try:
        actions = parse_entry(content)
        said = commit_info(actions).get(ACTIONS_HASH)
        return said is None or actions_hash(actions) == said  # None: made by another writer
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
