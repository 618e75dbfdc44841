"""A copy of a lake beside it that takes its place in one move: a kill leaves the one or the other."""

import ctypes
import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from pipelines.errors import RefusedError
from pipelines.lake import Lake, storage
from pipelines.lake.durable_files import sync_path, writing
from pipelines.lake.lake_root import SCRATCH

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2

_UNFINISHED: Final = "_tmp-rotation"

_LINKED: Final = (".parquet", ".arrow")
"""Files that are never changed, only removed; others are copied, so the copy may replace them."""


def check_place(lake: Lake) -> None:
    """Refuse a lake that cannot be exchanged in one move.

    Raises:
        RefusedError: it lies in an object store, is a mount point, or its file system has no such move.
        ServiceError: the folder around it cannot be written.
    """
    if storage.is_url(lake.url):
        raise RefusedError(
            "a lake in an object store cannot be rotated, for nothing there changes all tables at once",
            "copy it to a folder, rotate it there, and copy it back under a new prefix",
        )
    if os.path.islink(lake.url) or os.path.ismount(lake.url):
        raise RefusedError(f"{lake.url} is a link or a mount point", "name the folder of the lake itself")
    parent = Path(lake.url).parent
    with writing(parent):
        # Try it with two empty folders: only the file system itself knows.
        one, other = (tempfile.mkdtemp(prefix=".rotation-", dir=parent) for _ in range(2))
        try:
            _exchange(one, other)
        except OSError as error:
            raise RefusedError(
                f"the file system of {parent} cannot exchange two folders in one move",
                "move the lake to a disk of this machine, such as ext4, XFS or Btrfs",
            ) from error
        finally:
            os.rmdir(one)
            os.rmdir(other)


def copy_beside(lake: Lake) -> Lake:
    """Copy a lake beside itself, data files as hard links, in place of what an earlier copy has left.

    Raises:
        ServiceError: the disk is full or cannot be written.
    """
    copy = _beside(lake)
    remove_beside(lake)
    with writing(copy):
        # Made inside the lake, so that it inherits the group that was let into it: to give a folder to a
        # group needs membership, which a writer does not have, and so does setting the bit again.
        inside = Path(lake.url, _UNFINISHED)
        _make_like(lake.url, inside)
        os.rename(inside, copy)
        for folder, folders, names in os.walk(lake.url):
            here = copy / os.path.relpath(folder, lake.url)
            if folder == lake.url:
                # `walk` does not enter what is taken off its list.
                folders[:] = [name for name in folders if name != SCRATCH]
            else:
                _make_like(folder, here)
            for name in names:
                _link_or_copy(os.path.join(folder, name), str(here / name))
    return Lake(str(copy))


def take_place(lake: Lake) -> None:
    """Exchange a lake and the copy beside it.

    Raises:
        ServiceError: the folder around them cannot be written.
    """
    copy = _beside(lake)
    with writing(copy):
        # Deepest first: the content of a folder is durable before its name.
        for folder, _, names in os.walk(copy, topdown=False):
            for name in names:
                # Data files were synced when written, and a hard link shares their bytes.
                if not name.endswith(_LINKED):
                    sync_path(os.path.join(folder, name))
            sync_path(folder)
        # The copy is durable; from here on it is the lake.
        _exchange(lake.url, str(copy))
        sync_path(copy.parent)


def remove_beside(lake: Lake) -> None:
    """Remove what lies beside the lake: a copy that was not finished, or the lake of before.

    Raises:
        ServiceError: it cannot be removed.
    """
    if storage.is_url(lake.url):
        return
    for path in (Path(lake.url, _UNFINISHED), _beside(lake)):
        if path.exists():
            with writing(path):
                shutil.rmtree(path)


def _beside(lake: Lake) -> Path:
    path = Path(lake.url)
    return path.with_name(f".{path.name}.rotation")


def _make_like(folder: str, made: Path) -> None:
    """Make a folder with the mode of another one; the bit of the group comes from the folder around it."""
    mode = stat.S_IMODE(os.stat(folder).st_mode)
    made.mkdir(mode & 0o777)
    # Only where it differs, as in the vault: who is not in the group loses its bit by any `chmod`.
    if stat.S_IMODE(made.stat().st_mode) != mode:
        made.chmod(mode)


def _link_or_copy(source: str, target: str) -> None:
    # Checkpoints end in .parquet too, but belong to the log, which the copy changes.
    if source.endswith(_LINKED) and "_delta_log" not in source:
        try:
            os.link(source, target)
        except OSError as error:
            # No hard links here, too many to this file, or another device: copy instead.
            if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV):
                raise
        else:
            return
    shutil.copy2(source, target)


def _exchange(one: str, other: str) -> None:
    """Exchange two folders in one move, renameat2(2); Python has no function for it.

    Raises:
        OSError: the system or the file system cannot.
    """
    # None opens this process, which has loaded the C library.
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    names = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
