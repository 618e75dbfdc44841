"""Checkpoints: the log summed up now and then, so that opening a table stays cheap.

A reader trusts `_last_checkpoint`, so after a power cut it must never name a
checkpoint that is not on the disk. delta-rs makes no such promise: it writes
a checkpoint here in a copy of the log's tail, and the finished file moves into
the log. In an object store what has been written is there.
"""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipelines.errors import ServiceError
from pipelines.lake import storage
from pipelines.lake.durable_files import TEMPORARY, sync_path
from pipelines.lake.lake_root import Lake
from pipelines.lake.log import LOG_FOLDER, checkpoint_file, checkpoints, log_entry, versions

CHECKPOINT_EVERY = 20
"""Commits from one checkpoint to the next."""

_POINTER = "_last_checkpoint"


def write_checkpoint(lake: Lake, name: str, version: int) -> bool:
    """Write a checkpoint of a table; a failure changes nothing, for readers need none.

    Returns:
        Whether there is one now.
    """
    url = lake.table_url(name)
    if storage.is_url(url):
        with contextlib.suppress(OSError, DeltaError):
            DeltaTable(url, version=version, storage_options=storage.delta_options(url)).create_checkpoint()
            return True
        return False
    try:
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
        OSError: the disk is full, or the like.
        DeltaError: the log cannot be read.
    """
    copy.mkdir(0o700)
    log = Path(url, LOG_FOLDER)
    earlier = [known for known in checkpoints(url) if known < version][-1:]
    tail = [known for known in versions(url) if (earlier or [-1])[0] < known <= version]
    needed = [checkpoint_file(url, known) for known in earlier] + [log_entry(url, known) for known in tail]
    for path in map(Path, needed):
        shutil.copy2(path, copy / path.name)
    DeltaTable(copy.parent).create_checkpoint()
    made = Path(checkpoint_file(str(copy.parent), version))
    for path, name in ((made, made.name), (copy / _POINTER, _POINTER)):
        os.chmod(path, 0o600)
        sync_path(path)
        os.replace(path, log / name)
        sync_path(log)


def checkpoint_is_due(url: str, version: int) -> bool:
    """Whether enough commits have come since the last checkpoint."""
    if version % CHECKPOINT_EVERY != CHECKPOINT_EVERY - 1:
        return False
    with contextlib.suppress(OSError, ServiceError):
        return version not in checkpoints(url)
    return False
