"""Keep libraries from doing in our process what no command needs."""

import logging
import os
import sys


def silence_libraries() -> None:
    """Keep standard error for our own messages: Beam warns on import and logs errors that it also raises."""
    if not os.environ.get("TRUYVET_DEBUG"):
        logging.getLogger().setLevel(logging.CRITICAL)


class _Absent:
    """Says of one package that it is not installed."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, fullname: str, *_: object) -> None:
        """Refuse the package, and leave every other one to the next finder."""
        if fullname == self._package:
            raise ModuleNotFoundError(f"{fullname} is kept out of this process", name=fullname)


def do_without_pandas() -> None:
    """Keep pandas from being imported in this process.

    pyarrow imports it, where it is installed, to see whether a list that becomes an array is one of its
    series (apache/arrow#3893), and Beam for its own type hints: a fifth of a second before each answer.
    """
    sys.meta_path.insert(0, _Absent("pandas"))
