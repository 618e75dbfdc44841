"""The folder of a list: filled under another name, and renamed when it is whole.

A process that fills one holds a lock on a file in it. A lock ends with its
process, however that ends, so the next export beside it sees which folders are
left over and removes them.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pipelines.errors import UsageError
from pipelines.lake.durable_files import sync_path, writing

_LOCK: Final = ".lock"
_UNLOCKED_SECONDS = 60  # a living process has locked its folder, or renamed it, long before


def check_new(folder: Path) -> None:
    """Refuse a folder that holds something, before any work is done.

    Raises:
        UsageError: it is not new and not empty.
    """
    if folder.is_symlink() or (folder.exists() and not _is_empty(folder)):
        raise UsageError(f"--output {folder} must be new or empty", "name another folder")


@contextlib.contextmanager
def new_list_folder(folder: Path) -> Iterator[Path]:
    """A private folder to write to, which takes its name when the work in it has ended well.

    Args:
        folder: the name; new, or an empty folder.

    Yields:
        `.NAME.unfinished-…` beside it, 0700.

    Raises:
        UsageError: the folder is not new and not empty.
        ServiceError: the disk is full, read-only or forbidden.
    """
    # Absolute: the folder is made beside its name even if the working directory changes.
    folder = Path(os.path.abspath(folder))
    # Again: minutes of work may lie between the first check and this one.
    check_new(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_over(folder)
        # mkdtemp makes it 0700 whatever the umask is; the dot hides it from globs.
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.unfinished-", dir=folder.parent))
    try:
        with writing(folder), (unfinished / _LOCK).open("wb") as lock:
            # Held until the process ends: what has no lock holder is left over.
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield unfinished
            # The lock file is no part of the list and must be gone before the rename.
            (unfinished / _LOCK).unlink()
            _make_durable(unfinished)
            _rename(unfinished, folder)
            # The new name is on the disk only with its parent folder.
            sync_path(folder.parent)
    finally:
        # After the rename there is nothing under this name; before it, nothing half-written may stay.
        shutil.rmtree(unfinished, ignore_errors=True)


def _make_durable(folder: Path) -> None:
    """Files 0600, whatever wrote them, and on the disk."""
    # Data first, then the folder that names it.
    for path in folder.iterdir():
        path.chmod(0o600)
        sync_path(path)
    sync_path(folder)


def _rename(unfinished: Path, folder: Path) -> None:
    """Give the folder its name.

    Raises:
        UsageError: another process was faster.
    """
    try:
        # rename replaces an empty folder in one step, and refuses one that holds something.
        os.rename(unfinished, folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise UsageError(f"--output {folder} must be new or empty", "name another folder") from error
        raise


def _remove_left_over(folder: Path) -> None:
    """Remove the unfinished folders of this name whose process has ended."""
    # A name may hold the signs of a glob.
    for left in folder.parent.glob(f".{_escaped(folder.name)}.unfinished-*"):
        with contextlib.suppress(OSError):
            if not (left / _LOCK).exists():  # killed just before it was locked, or just before the rename
                if time.time() - left.stat().st_mtime > _UNLOCKED_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)
                continue
            with (left / _LOCK).open("rb") as lock:
                # Fails at once while its process lives; suppressed, and the folder stays.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _is_empty(folder: Path) -> bool:
    try:
        return folder.is_dir() and not any(folder.iterdir())
    except OSError:
        return False
