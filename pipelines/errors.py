"""The one family of errors that a user can cause and mend.

Each names what is wrong and what to do about it, prints as one line and
carries the exit code of its kind. No text of these errors ever holds a value
out of a record. A broken invariant is no member of the family: it crashes.
"""

from typing import ClassVar

EXIT_DONE = 0


class TruyVetError(Exception):
    """What is wrong and what to do about it.

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
        """One line, whatever line breaks the parts hold."""
        return " ".join(f"{self.what}: {self.remedy}".split())


class UsageError(TruyVetError):
    """A flag, a setting or a key of a configuration file is wrong."""

    exit_code = 2


class DataError(TruyVetError):
    """An input cannot be read or does not hold what it must."""

    exit_code = 3


class ServiceError(TruyVetError):
    """A service or a library that the command needs is missing."""

    exit_code = 4


class RefusedError(TruyVetError):
    """The command is understood and would do harm: other keys, other rules, a newer table."""

    exit_code = 5
