"""A check and its result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pipelines.checkup.said import Said
from pipelines.errors import RefusedError, TruyVetError, is_denial

OK: Final = "ok"
WARN: Final = "warn"
BAD: Final = "bad"


@dataclass(frozen=True)
class Check:
    """What one check found.

    >>> Check("disk", WARN, "4 % free", "make room").state
    'warn'

    Attributes:
        check: its name.
        state: `ok`, `warn` or `bad`.
        detail: what was found, a `Said` where it holds values; never a value of a record.
        remedy: what to do, likewise; empty where nothing needs to be done.
    """

    check: str
    state: str
    detail: str
    remedy: str = ""


def examine(name: str, look: Callable[[], Check]) -> Check:
    """Make a check, and turn what keeps it from being made into its result.

    Args:
        name: of the check.
        look: makes it.
    """
    try:
        return look()
    except TruyVetError as error:
        # A missing permission is not a fault of the lake.
        if isinstance(error, RefusedError) or "permission denied" in error.what:
            return Check(name, WARN, Said("not checked: {what}", what=error.what), error.remedy)
        return Check(name, BAD, error.what, error.remedy)
    except OSError as error:
        if is_denial(error):
            return Check(
                name, WARN, "not checked: permission denied", "run it as an account that may look there"
            )
        what = error.strerror or "Input/output error"
        return Check(name, BAD, Said("not checked: {what}", what=what), "check the disk")
