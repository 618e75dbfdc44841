"""The registered code that a scanned one was probably meant to be, and how the two differ.

Codes are compared without what a keyboard or a spreadsheet changes by itself:
hidden characters, blanks, full-width forms, case, dashes and accents.
"""

import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

from rapidfuzz import process
from rapidfuzz.distance import OSA

_DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_FORM: Final = "Unicode form"
_CHARACTERS_A_DIFFERENCE: Final = 4
_DIFFERENCES_AT_MOST: Final = 3


def _without_hidden(text: str) -> str:
    """Remove soft hyphens, zero-width blanks, direction marks and the like."""
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def _without_blanks(text: str) -> str:
    return "".join(text.split())


def _full_width(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _dashes(text: str) -> str:
    return text.translate(_DASHES)


def _without_accents(text: str) -> str:
    plain = unicodedata.normalize("NFD", text).translate({ord("đ"): "d", ord("Đ"): "D"})
    return "".join(character for character in plain if not unicodedata.combining(character))


_FOLDS: Final[dict[str, Callable[[str], str]]] = {
    "hidden characters": _without_hidden,
    "dashes": _dashes,
    "full-width characters": _full_width,
    "blanks": _without_blanks,
    "case": str.casefold,
    "accents": _without_accents,
}
"""What is left out of a comparison, in the order in which it is removed."""


def folded(code: str, keeping: str = "") -> str:
    r"""Return a code without what is left out of comparisons.

    >>> folded(" QNĐ\u00ad–０１２ ")
    'qnd-012'

    Args:
        code: a venue code.
        keeping: a key of `_FOLDS` that is not applied.
    """
    for name, fold in _FOLDS.items():
        if name != keeping:
            code = fold(code)
    return code


def differences(one: str, other: str) -> str:
    """Name how two codes differ.

    >>> differences("qng-000123", "QNG‑000123")
    'dashes, case'
    >>> differences("QNG-000124", "QNG-000123")
    '1 character'
    """
    if folded(one) == folded(other):
        names = [name for name in _FOLDS if folded(one, name) != folded(other, name)]
        # Each of two folds composes accents, so leaving out one of them may show nothing.
        return ", ".join(names) or _FORM
    count = OSA.distance(folded(one), folded(other))
    return "1 character" if count == 1 else f"{count} characters"


class CodeSearch:
    """The codes of a registry, prepared for searches."""

    def __init__(self, codes: Iterable[str]) -> None:
        """Fold all codes; of those that fold to the same text the first in order stands."""
        self._by_folded: dict[str, str] = {}
        for code in sorted(codes):
            self._by_folded.setdefault(folded(code), code)
        self._folded = list(self._by_folded)

    def nearest(self, code: str) -> str | None:
        """Find the registered code that differs least, None when none is near.

        A code may differ in one character of four, and in three at most.
        """
        wanted = folded(code)
        if wanted in self._by_folded:
            return self._by_folded[wanted]
        # In a short code every character counts: below four characters none may differ.
        most = min(len(wanted) // _CHARACTERS_A_DIFFERENCE, _DIFFERENCES_AT_MOST)
        if most == 0:
            return None
        found = process.extractOne(wanted, self._folded, scorer=OSA.distance, score_cutoff=most)
        return None if found is None else self._by_folded[found[0]]
