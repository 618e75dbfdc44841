"""What all pictures share: a style in which the same rows are the same bytes, and texts that can be drawn."""

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
"""Colours that are told apart, also in print."""

_DPI = 110
_FONT = "DejaVu Sans"  # has the Vietnamese letters, and comes with matplotlib
_STYLE: Any = {
    "font.family": _FONT,
    "font.size": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "truyvet",  # the same picture is the same bytes
    "hatch.linewidth": 0.5,
    "text.parse_math": False,  # a `$` in a name is a sign like others
}
_NO_GLYPH = "\N{WHITE SQUARE}"


def style() -> Any:
    """The context in which pictures are made and saved."""
    return mpl.rc_context(_STYLE)


def image_of(figure: Figure, kind: str) -> bytes:
    """The bytes of a figure; the same figure gives the same bytes.

    Args:
        figure: made within `style`, as this call is.
        kind: one of `FORMATS`.
    """
    image = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(image, format=kind, dpi=_DPI, metadata=metadata)
    return image.getvalue()


def kind_of(path: str | Path) -> str:
    """The format that the name of a picture asks for.

    Raises:
        UsageError: its ending is unknown.
    """
    return checked_kind(Path(path).suffix.removeprefix(".").lower())


def checked_kind(kind: str) -> str:
    """The format itself.

    Raises:
        UsageError: it is unknown.
    """
    if kind not in FORMATS:
        raise UsageError("the picture's name has an ending that is unknown", "write .svg or .png")
    return kind


def save_picture(image: bytes, path: str | Path) -> Path:
    """Write a picture; only its owner may read it.

    Raises:
        UsageError: the folder cannot be written.
    """
    write_file(image, path, "the picture")
    return Path(path)


def drawable(text: str, longest: int | None = None) -> str:
    """A text as a picture can show it: signs that the font does not have are squares, as are control signs.

    Args:
        text: any text.
        longest: where it is cut, with an ellipsis; None does not cut.
    """
    signs = _signs()
    shown = "".join(sign if ord(sign) in signs else _NO_GLYPH for sign in text)
    if longest is not None and len(shown) > longest:
        shown = shown[: longest - 1].rstrip() + "…"
    return shown


@cache
def _signs() -> frozenset[int]:
    """The code points that the font has and that are no control signs."""
    return frozenset(point for point in get_font(findfont(_FONT)).get_charmap() if chr(point).isprintable())
