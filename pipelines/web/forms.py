"""What forms of pages have in common."""

import re
import threading
import unicodedata
from typing import Final

from flask import request

from pipelines.web.web_errors import PageError

CHANGING: Final = threading.Lock()
"""Held while a change is committed: two pipelines in one process would wait for one another anyway."""


def typed(name: str) -> str:
    """A field of the form without blanks at its ends and without signs that cannot be seen."""
    # Cc are control signs: invisible on the page, yet part of a number or a code.
    return "".join(sign for sign in request.form.get(name, "") if unicodedata.category(sign) != "Cc").strip()


def typed_date(name: str, language: str) -> str:
    """A date of the form; see `local_date`."""
    return local_date(typed(name), language)


def local_date(text: str, language: str) -> str:
    """A date as `YYYY-MM-DD`; what is none stays as it is, to be refused.

    In Vietnamese it may also be written day/month/year, which in English could be read the other way round.

    >>> local_date("5/8/2021", "vi"), local_date("5/8/2021", "en")
    ('2021-08-05', '5/8/2021')
    """
    found = re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", text, re.ASCII)
    if found and language == "vi":
        day, month, year = found.groups()
        return f"{year}-{month:0>2}-{day:0>2}"
    return text


def whole_number(name: str, least: int, most: int) -> int | None:
    """A field that holds a whole number; None if it is empty.

    Raises:
        PageError: it is none, or out of range.
    """
    text = typed(name)
    if not text:
        return None
    # The length is checked before int, which takes time with very long digits.
    if not (text.isascii() and text.isdigit() and len(text) < 9 and least <= int(text) <= most):
        raise PageError(422, "wrong_number")
    return int(text)
