"""A private folder for lists on their way to the browser, in memory where the machine offers that.

A list may hold opened identifiers, so nothing of it may outlive its answer: the folder goes with the request,
what a killed process left goes at the next start, and on Linux it never lies on a disk.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

_PREFIX: Final = "truyvet-serve-"
_LOCK: Final = ".lock"
_MEMORY: Final = "/dev/shm"  # noqa: S108  a private folder is made in it


class ScratchFolder:
    """The private folder of one server."""

    def __init__(self) -> None:
        """Make it, and remove those of servers that have ended."""
        # /dev/shm is memory: what lies there is never written to a disk by us.
        place = _MEMORY if os.path.isdir(_MEMORY) and os.access(_MEMORY, os.W_OK) else tempfile.gettempdir()
        _remove_left(Path(place))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        self._lock: IO[bytes] = (self.path / _LOCK).open("wb")
        # Held as long as the process lives; its end frees it, however it ends.
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """A new folder in it, which goes when its user is done."""
        made = Path(tempfile.mkdtemp(dir=self.path))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _remove_left(place: Path) -> None:
    """Remove folders of our account that no living server holds."""
    for left in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            # Not ours, not yet locked, or a link that leads elsewhere.
            if left.is_symlink() or left.stat().st_uid != os.getuid() or not (left / _LOCK).exists():
                continue
            with (left / _LOCK).open("rb") as lock:
                # A living server holds the lock; BlockingIOError is an OSError, and the folder stays.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
