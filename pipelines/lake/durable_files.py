"""Private folders and durable files: what a power cut leaves is old or new, never half.

Folders are made 0700 and files 0600 whatever the umask, which cannot be
changed safely in a process of several threads.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipelines.errors import ServiceError, TruyVetError

TEMPORARY = "_tmp-"
"""How the name of an unfinished file begins; readers never look at it."""

_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and run again",
    errno.EDQUOT: "the quota is used up; free some space and run again",
    errno.EROFS: "the disk is read-only; name a lake that can be written",
    errno.EACCES: "permission denied; run as the lake's owner",
    errno.EPERM: "permission denied; run as the lake's owner",
}


@contextlib.contextmanager
def writing(where: str | Path) -> Iterator[None]:
    """Turn the failures of a disk into one line that names the place.

    Raises:
        ServiceError: full, read-only or forbidden, or any other error of the disk.
    """
    try:
        yield
    except TruyVetError:
        raise
    except OSError as error:
        raise disk_error(where, error) from error


def disk_error(where: str | Path, error: OSError) -> ServiceError:
    """The one line about a write that failed."""
    remedy = _REMEDIES.get(error.errno or 0) or error.strerror or "check the disk and run again"
    return ServiceError(f"{where} cannot be written", remedy)


def make_private(folder: str | Path) -> None:
    """Make a folder and its missing parents, each 0700."""
    folder = Path(folder)
    if folder.is_dir():
        return
    make_private(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(0o700)


@contextlib.contextmanager
def unfinished(folder: str | Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A new file `_tmp-…` of mode 0600 that vanishes unless it has been renamed."""
    path = Path(folder) / f"{TEMPORARY}{os.getpid()}-{threading.get_ident()}-{os.urandom(4).hex()}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            yield file, path
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def sync_path(path: str | Path) -> None:
    """Wait until a file or a folder's entries lie on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
