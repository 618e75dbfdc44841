"""Who may write a lake: batches together, or one purge or erasure alone.

A purge removes persons whom a running batch may have found sealed already, and files that it has written
and not committed. So a batch holds the lock with others for as long as it runs, and a purge holds it alone.
The system releases a lock when its process ends, however it ends. A lake in an object store is locked
on each machine by itself.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipelines.errors import RefusedError
from pipelines.lake import storage
from pipelines.lake.durable_files import make_private, writing
from pipelines.lake.lake_root import SCRATCH, Lake

WAIT_SECONDS: Final = 60.0
_STEP_SECONDS: Final = 0.05
_LOCK: Final = "writers.lock"


@contextlib.contextmanager
def writing_with_others(lake: Lake) -> Iterator[None]:
    """Wait until nobody writes alone, and write beside other batches.

    Raises:
        ServiceError: the lake cannot be written.
    """
    with _opened(lake) as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def writing_alone(lake: Lake, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Wait until no batch is being written, and keep others out.

    Args:
        lake: which lake.
        wait_seconds: how long to wait for batches that run.

    Raises:
        RefusedError: the lake is still being written after that time.
        ServiceError: the lake cannot be written.
    """
    until = time.monotonic() + wait_seconds
    with _opened(lake) as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise RefusedError(
                        f"the lake {lake.url} is being written", "run it again when the other run has ended"
                    ) from error
                time.sleep(_STEP_SECONDS)
        yield


@contextlib.contextmanager
def _opened(lake: Lake) -> Iterator[int]:
    folder = Path(storage.local(lake.url), SCRATCH)
    with writing(folder):
        make_private(folder)
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)
