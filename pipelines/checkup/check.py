"""A check and its result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

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
        detail: what was found; never a value of a record.
        remedy: what to do; empty where nothing needs to be done.
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
        if isinstance(error, RefusedError) or "permission denied" in error.what:
            return Check(name, WARN, f"not checked: {error.what}", error.remedy)
        return Check(name, BAD, error.what, error.remedy)
    except OSError as error:
        if is_denial(error):
            return Check(
                name, WARN, "not checked: permission denied", "run it as an account that may look there"
            )
        return Check(name, BAD, f"not checked: {error.strerror or 'input or output error'}", "check the disk")


def size_text(size: float) -> str:
    """Return a number of bytes for people.

    >>> size_text(1_500_000), size_text(12)
    ('1.5 MB', '12 B')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def age_text(seconds: float) -> str:
    """Return a duration for people, in its largest whole unit.

    >>> age_text(90), age_text(200_000)
    ('1 minute', '2 days')
    """
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        number = int(seconds // length)
        if number:
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{max(int(seconds), 0)} seconds"
