"""Checkpoints: the state of a table written now and then, so that opening it stays cheap.

A reader trusts `_last_checkpoint`, so after a power cut it must never name a
checkpoint that is not on the disk. delta-rs makes no such promise (it calls no
fsync). So a checkpoint is written in a copy of the log's tail, and the finished
file moves into the log. Objects in a store are durable once they are written.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import orjson
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipelines.errors import ServiceError
from pipelines.lake import storage
from pipelines.lake.durable_files import TEMPORARY, file_mode, sync_path
from pipelines.lake.lake_root import Lake
from pipelines.lake.log import LOG_FOLDER, POINTER, checkpoint_file, checkpoints, log_entry, versions

CHECKPOINT_EVERY = 20
"""Number of commits from one checkpoint to the next."""


@dataclass(frozen=True)
class Pointer:
    """What `_last_checkpoint` says.

    >>> Pointer.parse(b'{"version": 19, "tags": {"sha256": "ab"}}')
    Pointer(version=19, sha256='ab')

    Attributes:
        version: of the newest checkpoint.
        sha256: of its file; None where another writer has put the pointer.
    """

    version: int
    sha256: str | None

    @classmethod
    def parse(cls, content: bytes) -> "Pointer":
        """Read a pointer.

        Raises:
            ValueError: it is damaged.
        """
        said = orjson.loads(content)
        tags = said.get("tags") if isinstance(said, dict) else None
        if not isinstance(said, dict) or not isinstance(said.get("version"), int):
            raise ValueError("a pointer must name a version")
        sha256 = tags.get("sha256") if isinstance(tags, dict) else None
        return cls(said["version"], sha256 if isinstance(sha256, str) else None)


def read_pointer(url: str) -> Pointer | None:
    """Read the pointer of a table's log, None if there is none.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    try:
        return Pointer.parse(storage.read(f"{url}/{LOG_FOLDER}/{POINTER}"))
    except FileNotFoundError:
        return None


def write_checkpoint(lake: Lake, name: str, version: int) -> bool:
    """Write a checkpoint of a table. A failure changes nothing, for readers do not need one.

    Returns:
        Whether it has been written.
    """
    url = lake.table_url(name)
    if storage.is_url(url):
        with contextlib.suppress(OSError, DeltaError):
            DeltaTable(url, version=version, storage_options=storage.delta_options(url)).create_checkpoint()
            return True
        return False
    try:
        # In the lake's own folder, so that the finished file can be renamed into the log.
        scratch = tempfile.mkdtemp(prefix=TEMPORARY, dir=lake.scratch("checkpoints"))
    except OSError:
        return False
    try:
        _write_in(Path(scratch, LOG_FOLDER), url, version)
    except (OSError, DeltaError):
        return False
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True


def _write_in(copy: Path, url: str, version: int) -> None:
    """Write the checkpoint in `copy` and move it into the log of the table at `url`.

    Raises:
        OSError: the disk is full or fails otherwise.
        DeltaError: the log cannot be read.
    """
    copy.mkdir(0o700)
    log = Path(url, LOG_FOLDER)
    # The last earlier checkpoint and the entries since then: all that delta-rs has to replay.
    earlier = [known for known in checkpoints(url) if known < version][-1:]
    tail = [known for known in versions(url) if (earlier or [-1])[0] < known <= version]
    needed = [checkpoint_file(url, known) for known in earlier] + [log_entry(url, known) for known in tail]
    for path in map(Path, needed):
        shutil.copy2(path, copy / path.name)
    DeltaTable(copy.parent).create_checkpoint()
    made = Path(checkpoint_file(str(copy.parent), version))
    _sign(copy / POINTER, made)
    # The checkpoint first, then the pointer to it; each is durable before the next step.
    for path, name in ((made, made.name), (copy / POINTER, POINTER)):
        os.chmod(path, file_mode(log))
        sync_path(path)
        os.replace(path, log / name)
        sync_path(log)


def _sign(pointer: Path, checkpoint: Path) -> None:
    """Let the pointer say what the checkpoint hashes to: until the next commit, no entry does.

    `tags` is the place that Delta's protocol leaves for what is not in it.
    """
    said = orjson.loads(pointer.read_bytes())
    said["tags"] = {"sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest()}
    pointer.write_bytes(orjson.dumps(said))


def checkpoint_is_due(url: str, version: int) -> bool:
    """Return whether a checkpoint should follow the commit of a version."""
    # Versions 19, 39, …: entries count from 0.
    if version % CHECKPOINT_EVERY != CHECKPOINT_EVERY - 1:
        return False
    with contextlib.suppress(OSError, ServiceError):
        return version not in checkpoints(url)
    return False
