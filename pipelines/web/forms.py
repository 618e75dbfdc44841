"""What forms of pages have in common."""

import threading
import unicodedata
from typing import Final

from flask import request

from pipelines.web.web_errors import PageError

CHANGING: Final = threading.Lock()
"""Held while a change is committed: two pipelines in one process would wait for one another anyway."""


def typed(name: str) -> str:
    """A field of the form without blanks at its ends and without signs that cannot be seen."""
    return "".join(sign for sign in request.form.get(name, "") if unicodedata.category(sign) != "Cc").strip()


def whole_number(name: str, least: int, most: int) -> int | None:
    """A field that holds a whole number; None if it is empty.

    Raises:
        PageError: it is none, or out of range.
    """
    text = typed(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most):
        raise PageError(422, "wrong_number")
    return int(text)
