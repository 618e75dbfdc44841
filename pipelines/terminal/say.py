"""Lines for people, on standard error."""

import sys
from collections.abc import Callable

Say = Callable[[str], None]
"""Takes a line that tells a person what happens."""


def sayer(command: str) -> Say:
    """Return a function that prints lines under the name of a command."""

    def say(line: str) -> None:
        print(f"truyvet {command}: {line}", file=sys.stderr, flush=True)

    return say
