"""Error texts for files of the lake that cannot be read: a missing permission is not damage."""

import os
from pathlib import Path

from pipelines.errors import DataError, UnreadableError

VERIFY = "run truyvet verify"
DENIED = "permission denied"
_ALLOW = "run as a user who may read it, or ask the lake's owner for read access"


def denied(path: str | Path) -> UnreadableError:
    """Return the error about a file or folder that this user may not read.

    >>> print(denied("/lake/lake.json"))
    permission denied: /lake/lake.json: run as a user who may read it, or ask the lake's owner for read access
    """
    return UnreadableError(f"{DENIED}: {path}", _ALLOW)


def unreadable(path: str | Path, error: BaseException | None = None, remedy: str = VERIFY) -> DataError:
    """Return the error about a file that cannot be read.

    Args:
        path: the file.
        error: what reading it raised. Arrow says ENOENT for a file in a folder that may not be entered,
            so the file is asked for once more.
        remedy: what to do if permission is not what is missing.
    """
    if isinstance(error, PermissionError) or is_denied(path):
        return denied(path)
    return DataError(f"{path} cannot be read", remedy)


def is_denied(path: str | Path) -> bool:
    """Return whether this user lacks the permission to read a local file, or to look into a folder."""
    if "://" in str(path):
        return False
    try:
        # Try it instead of reading the mode, which knows nothing of ACLs and root.
        if os.path.isdir(path):
            os.listdir(path)
        else:
            os.close(os.open(path, os.O_RDONLY))
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def first_denied(folder: str | Path) -> str | None:
    """Return the first of a folder and its files that this user may not read, None if there is none."""
    if is_denied(folder):
        return str(folder)
    if not os.path.isdir(folder):
        return None
    paths = (os.path.join(folder, name) for name in sorted(os.listdir(folder)))
    return next((path for path in paths if is_denied(path)), None)
