"""What all pictures share: a style that turns the same rows into the same bytes, and drawable texts."""

import io
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from pipelines.errors import UsageError
from pipelines.terminal.output import write_file

FORMATS = ("svg", "png")

COLOURS = (
    "#3b6fb6", "#d1812c", "#4f9a55", "#b5473f", "#7f62a8",
    "#8a6a4f", "#c46fa5", "#7d8b2e", "#3a9aa8",
)  # fmt: skip
"""Colours that can be told apart, also in print."""

_DPI = 110
_FONT = "DejaVu Sans"  # covers Vietnamese and ships with matplotlib
_STYLE: Any = {
    "font.family": _FONT,
    "font.size": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "truyvet",  # else ids, and so the bytes, would differ from run to run
    "hatch.linewidth": 0.5,
    "text.parse_math": False,  # a `$` in a name does not start a formula
}
_NO_GLYPH = "\N{WHITE SQUARE}"


def style() -> Any:
    """Return the context in which to make and save pictures."""
    return mpl.rc_context(_STYLE)


def image_of(figure: Figure, kind: str) -> bytes:
    """Render a figure as bytes; the same figure gives the same bytes.

    Args:
        figure: made inside `style`, like this call.
        kind: one of `FORMATS`.
    """
    image = io.BytesIO()
    # Both would hold a time or a version, and change the bytes.
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(image, format=kind, dpi=_DPI, metadata=metadata)
    return image.getvalue()


def kind_of(path: str | Path) -> str:
    """Return the format that the ending of a file name asks for.

    Raises:
        UsageError: no format has this ending.
    """
    return checked_kind(Path(path).suffix.removeprefix(".").lower())


def checked_kind(kind: str) -> str:
    """Return the format if it is one of `FORMATS`.

    Raises:
        UsageError: it is not.
    """
    if kind not in FORMATS:
        raise UsageError("the file name of a picture must have a known ending", "write .svg or .png")
    return kind


def save_picture(image: bytes, path: str | Path) -> Path:
    """Write a picture that only its owner may read.

    Raises:
        UsageError: it cannot be written.
    """
    write_file(image, path, "the picture")
    return Path(path)


def drawable(text: str, longest: int | None = None) -> str:
    """Replace every character that the font lacks or that controls the layout with a square.

    Args:
        text: any text.
        longest: the length to cut it to, ellipsis included; None leaves it whole.
    """
    glyphs = _glyphs()
    # Every sign that the font lacks becomes one square; layout controls, too.
    shown = "".join(letter if ord(letter) in glyphs else _NO_GLYPH for letter in text)
    if longest is not None and len(shown) > longest:
        shown = shown[: longest - 1].rstrip() + "…"
    return shown


@cache
def _glyphs() -> frozenset[int]:
    """Return the printable code points that the font has."""
    return frozenset(point for point in get_font(findfont(_FONT)).get_charmap() if chr(point).isprintable())
