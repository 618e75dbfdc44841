"""Who may write a lake: batches together, or one purge, erasure or rotation alone.

A purge removes persons whom a running batch may have found sealed already, and files that it has written
and not committed. So a batch holds the lock with others for as long as it runs, and a purge holds it alone.
The system releases a lock when its process ends, however it ends. A lake in an object store is locked
on each machine by itself. Who waits while the lake is rotated is refused: its keys are gone.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipelines.errors import RefusedError
from pipelines.lake import storage
from pipelines.lake.durable_files import make_private, writing
from pipelines.lake.lake_root import SCRATCH, Lake, is_same

WAIT_SECONDS: Final = 60.0
_STEP_SECONDS: Final = 0.05
_LOCK: Final = "writers.lock"

_alone: dict[str, int] = {}
"""The threads of this process that write a lake alone, by its URL."""


@contextlib.contextmanager
def writing_with_others(lake: Lake) -> Iterator[None]:
    """Wait until nobody else writes alone, and write beside other batches.

    Raises:
        RefusedError: the lake has been rotated since it was opened.
        ServiceError: the lake cannot be written.
    """
    # This thread holds the exclusive lock; `flock` on a second handle would deadlock.
    if _alone.get(lake.url) == threading.get_ident():
        yield
        return
    with _opened(lake) as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        # Checked under the lock: a rotation may have finished while we waited.
        _check_place(lake)
        yield


@contextlib.contextmanager
def writing_alone(lake: Lake, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Wait until no batch is being written, and keep others out.

    Args:
        lake: which lake.
        wait_seconds: how long to wait for batches that run.

    Raises:
        RefusedError: the lake is still being written after that time, or has been rotated.
        ServiceError: the lake cannot be written.
    """
    until = time.monotonic() + wait_seconds
    with _opened(lake) as handle:
        while True:
            try:
                # Polled, because `flock` has no timeout.
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    raise RefusedError(
                        f"the lake {lake.url} is being written", "run it again when the other run has ended"
                    ) from error
                time.sleep(_STEP_SECONDS)
        _check_place(lake)
        # Lets `writing_with_others` of this thread pass.
        _alone[lake.url] = threading.get_ident()
        try:
            yield
        finally:
            del _alone[lake.url]


def _check_place(lake: Lake) -> None:
    """Refuse to write a lake in whose place there is another one.

    Raises:
        RefusedError: there is.
    """
    if not is_same(lake):
        raise RefusedError(f"the lake {lake.url} has been rotated", "run it again, with the new keys")


@contextlib.contextmanager
def _opened(lake: Lake) -> Iterator[int]:
    folder = Path(storage.local(lake.url), SCRATCH)
    with writing(folder):
        make_private(folder)
        # CLOEXEC: a child process must not inherit the lock.
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)
