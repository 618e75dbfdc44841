"""Private folders and durable files: a power cut leaves the old file or the new one, never half of it.

Folders are made 0700 and files 0600 whatever the umask is: to change that is
not safe in a process of several threads. Below a folder of mode 2750, which
`runner_config/set_modes.sh` makes of a lake, they are 2750 and 0640: a group
reads the lake, and what is written into it later too.
"""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipelines.errors import ServiceError, TruyVetError

TEMPORARY = "_tmp-"
"""Prefix of unfinished files, which readers ignore."""

_PRIVATE, _SHARED = 0o600, 0o2750

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
        ServiceError: the disk is full or read-only, permission is denied, or anything else fails.
    """
    try:
        yield
    except TruyVetError:
        raise
    except OSError as error:
        raise disk_error(where, error) from error


def disk_error(where: str | Path, error: OSError) -> ServiceError:
    """Return the error about a write that failed."""
    remedy = _REMEDIES.get(error.errno or 0) or error.strerror or "check the disk and run again"
    return ServiceError(f"{where} cannot be written", remedy)


def file_mode(folder: str | Path) -> int:
    """Return the mode of files of a folder: 0640 in one that a group was let into, else 0600."""
    return 0o640 if stat.S_IMODE(os.stat(folder).st_mode) == _SHARED else 0o600


def make_private(folder: str | Path) -> None:
    """Make a folder and its missing parents, each 0700, or 2750 in one that a group was let into."""
    folder = Path(folder)
    if folder.is_dir():  # a folder that is there keeps its mode
        return
    make_private(folder.parent)
    with contextlib.suppress(FileExistsError):
        # The bit of the group is inherited; to set it needs membership, which a writer does not have.
        folder.mkdir(0o700 if file_mode(folder.parent) == _PRIVATE else 0o750)


@contextlib.contextmanager
def unfinished(folder: str | Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Open a new file `_tmp-…` of mode 0600, which is removed at the end unless it has been renamed."""
    path = Path(folder) / f"{TEMPORARY}{os.getpid()}-{threading.get_ident()}-{os.urandom(4).hex()}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if (mode := file_mode(folder)) != _PRIVATE:
            os.fchmod(handle, mode)  # unlike the mode of `open`, not subject to the umask
        with os.fdopen(handle, "wb", buffering=0) as file:
            yield file, path
    finally:
        with contextlib.suppress(FileNotFoundError):  # the block has renamed it
            path.unlink()


def sync_path(path: str | Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
