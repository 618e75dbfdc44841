"""Text for terminals whose encoding lacks some characters."""

import codecs
import io
import os
import sys
import unicodedata
from typing import Final

REPLACING: Final = "truyvet-replacing"
"""Error handler for `encode`: what the encoding lacks is replaced, nothing fails."""

_LOOKALIKES: Final = {
    "…": "...", "─": "-", "–": "-", "—": "-", "→": "->", "▶": ">", "≥": ">=", "≤": "<=", "×": "x",
    "‘": "'", "’": "'", "“": '"', "”": '"', "µ": "u", "đ": "d", "Đ": "D",
}  # fmt: skip


def replace_unencodable() -> None:
    """Let standard output and standard error replace characters that their encoding lacks.

    `PYTHONIOENCODING=cp1252` has no `ễ` and no `≥`. A stream that was closed before
    the start becomes one that swallows everything.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            # Both streams stay what they are; only the handling of errors changes.
            stream.reconfigure(errors=REPLACING)


def lookalike(text: str) -> str:
    """Return ASCII that looks like the text: accents dropped, `?` where nothing is like it.

    >>> lookalike("mốc dịch tễ → F1 …")
    'moc dich te -> F1 ...'
    """
    # đ has no decomposition in Unicode, so NFKD leaves it; the table has it.
    plain = "".join(_LOOKALIKES.get(letter, letter) for letter in text)
    # NFKD splits a letter from its accents, which are then dropped.
    bases = [letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter)]
    return "".join(letter if letter.isascii() else "?" for letter in bases)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    # Replaces the whole run that cannot be encoded, and goes on behind it.
    return lookalike(error.object[error.start : error.end]), error.end


# Registered by name, for `reconfigure` and `encode` take nothing else.
codecs.register_error(REPLACING, _replace)
