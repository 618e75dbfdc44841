"""The errors that a user can cause and fix.

Each names what is wrong and what to do about it, prints as one line and
carries the exit code of its kind. No text of these errors ever holds a value
from a record. A broken invariant is not a member of the family: it crashes.
"""

import errno
import os
import pwd
import re
from typing import ClassVar

EXIT_DONE = 0


class TruyVetError(Exception):
    """What is wrong and what to do about it.

    >>> str(UsageError("--depth must be an integer ≥ 1 (1 = F1)", "write --depth 2"))
    '--depth must be an integer ≥ 1 (1 = F1): write --depth 2'

    Attributes:
        what: the flag, file, key or service concerned and what is wrong with it.
        remedy: what to try next.
    """

    exit_code: ClassVar[int]

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        """Render the error as one line, even if its parts hold line breaks."""
        return " ".join(f"{self.what}: {self.remedy}".split())


class UsageError(TruyVetError):
    """A flag, a setting or a key of a configuration file is wrong."""

    exit_code = 2


class DataError(TruyVetError):
    """An input cannot be read or does not hold what it must."""

    exit_code = 3


class UnreadableError(DataError):
    """This account may not read a file, which may well be sound."""


class ServiceError(TruyVetError):
    """A service or a library that the command needs is missing."""

    exit_code = 4


class RefusedError(TruyVetError):
    """The command is understood and would do harm: other keys, other rules, a newer table."""

    exit_code = 5


def permission_denied(error: OSError, path: str | None = None) -> RefusedError:
    """Return the message and remedy for a file or folder that this account may not read or write.

    Args:
        error: of the operating system; `is_denial` holds for it.
        path: the file as the user knows it; by default the one that the error names.
    """
    reason = "read-only file system" if error.errno == errno.EROFS else "permission denied"
    remedy = "run the command as an account that has access, or ask for it"
    # The file as the user named it, else as the system did.
    path = path or _path_of(error)
    if path is None:
        return RefusedError(reason, remedy)
    return RefusedError(f"{reason}: {path}", f"{_barrier(os.path.abspath(path))}{remedy}")


def _path_of(error: OSError) -> str | None:
    """Return the file that the error names; Arrow names it in its message only."""
    if isinstance(error.filename, str | bytes):
        return os.fsdecode(error.filename)
    # Arrow's OSError has no filename.
    quoted = re.search(r"'(/[^']+)'", str(error))
    return quoted.group(1) if quoted else None


def is_denial(error: BaseException) -> bool:
    """Tell whether the operating system refused access, which is neither damage nor a bug."""
    return isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


def write_failure(what: str, error: OSError, path: str) -> str:
    """Say why a write failed: `permission denied: PATH` where that is it, else what failed and the reason.

    Args:
        what: such as `the ledger FOLDER`.
        error: of the operating system.
        path: the file or folder, where access was refused.
    """
    if is_denial(error):
        return permission_denied(error, path).what
    return f"{what} cannot be written ({error.strerror or 'unknown error'})"


def _barrier(path: str) -> str:
    """Find the nearest visible file or folder on the way to `path`, with its owner and mode."""
    # Climbs until something can be seen: the folder that bars the way, and whose it is.
    while True:
        try:
            status = os.stat(path)
            break
        except OSError:
            if path == os.path.dirname(path):
                return ""
            path = os.path.dirname(path)
    try:
        owner = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:  # an account of another machine
        owner = f"uid {status.st_uid}"
    return f"{path} belongs to {owner}, mode {status.st_mode & 0o777:03o}; "
