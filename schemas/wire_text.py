"""Text of the wire contract: its one spelling, and the characters that it must not hold."""

import re
import unicodedata
from typing import Final

BLANKS: Final = (
    "\t \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
    "\u180e\u200b\u200c\u200d\u2060\ufeff"
)
"""Blanks that text is trimmed of: tab and Unicode's space separators, then the zero-width ones."""

NOTHING: Final = frozenset(("", "nan", "n/a", "na", "none", "null", "-"))
"""What an optional field without a value may hold, in lower case."""

_HIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def tidy(text: str) -> str:
    r"""Return the one spelling of a text: in NFC, without blanks at its ends.

    >>> tidy(" Tâ\u0300ng 2\u00a0")
    'Tầng 2'
    """
    text = text.strip(BLANKS)
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def holds_hidden(text: str) -> bool:
    r"""Tell whether a text holds control or bidi characters, which show something other than what is stored.

    >>> holds_hidden("T1"), holds_hidden("T1\u202e")
    (False, True)
    """
    return _HIDDEN.search(text) is not None


def is_nothing(text: str) -> bool:
    """Tell whether a tidy text stands for no value in an optional field.

    >>> is_nothing("N/A"), is_nothing("K1")
    (True, False)
    """
    # No word is longer, so long texts are not copied.
    return len(text) <= 4 and text.lower() in NOTHING


def zone_name(text: str) -> str:
    """Return the one spelling of a zone, so that zones compare without case: every word capitalised.

    >>> zone_name("k1"), zone_name("K1"), zone_name("TẦNG 2")
    ('K1', 'K1', 'Tầng 2')
    """
    return unicodedata.normalize("NFC", text.casefold().title())
