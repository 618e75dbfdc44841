"""The layout of a poster: one for every kind of file, in millimetres on an A4 page."""

import datetime as dt
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from pipelines.codes.symbols import Modules, symbol
from pipelines.times import LOCAL_TIMEZONE

PAGE: Final = (210.0, 297.0)
"""Width and height of A4."""

CODE_SIZE: Final = 150.0
CODE_AT: Final = (30.0, 72.0)
"""Left and upper edge of the code; the quiet zone around it stays empty."""

POINT: Final = 25.4 / 72
"""Millimetres in a typographic point."""

_MARGIN: Final = 15.0
_ELLIPSIS: Final = "…"
_TITLES: Final = {
    "": ("QUÉT MÃ KHI ĐẾN", "Scan when you arrive"),
    "in": ("LỐI VÀO – QUÉT MÃ KHI VÀO", "Entrance: scan when you come in"),
    "out": ("LỐI RA – QUÉT MÃ KHI RA", "Exit: scan when you leave"),
}
_LAST_STEPS: Final = {
    "": "3. Chờ báo thành công. Khi ra về, xin quét lại một lần nữa.",
    "in": "3. Chờ báo thành công. Khi ra về, xin quét mã ở lối ra.",
    "out": "3. Chờ báo thành công rồi ra về. Xin cảm ơn!",
}
_STEPS: Final = (
    "1. Mở ứng dụng quét mã QR trên điện thoại.",
    "2. Hướng máy ảnh vào mã, cách khoảng nửa mét.",
)
_WITHOUT_PHONE: Final = "Không có điện thoại? Xin đưa thẻ căn cước hoặc mã QR cá nhân cho nhân viên."


@dataclass(frozen=True)
class Poster:
    """What a poster says.

    Attributes:
        code: the text of the QR code.
        venue: venue code.
        name: what people call the place; empty to show the venue code alone.
        zone: floor, table or coach; empty for none.
        direction: `in`, `out`, or empty.
        key_id: id of the key that signed it.
        valid_from_us: start of the validity, None without one.
        valid_to_us: end of the validity, exclusive, None without one.
    """

    code: str
    venue: str
    name: str = ""
    zone: str = ""
    direction: str = ""
    key_id: str = ""
    valid_from_us: int | None = None
    valid_to_us: int | None = None


@dataclass(frozen=True)
class Line:
    """A line of text, centred on the page.

    Attributes:
        baseline: millimetres from the upper edge.
        points: type size.
        light: whether it is white on black.
    """

    text: str
    baseline: float
    points: float
    bold: bool = False
    light: bool = False


@dataclass(frozen=True)
class Band:
    """A rectangle across the page between two heights, filled or outlined.

    Example:
        >>> Band(12.0, 32.0, filled=True).right
        195.0
    """

    top: float
    bottom: float
    filled: bool

    @property
    def left(self) -> float:
        """Its left edge."""
        return _MARGIN

    @property
    def right(self) -> float:
        """Its right edge."""
        return PAGE[0] - _MARGIN


@dataclass(frozen=True)
class PosterLayout:
    """A page: the band behind the title, the lines of text, and the symbol at `CODE_AT`."""

    band: Band
    lines: tuple[Line, ...]
    modules: Modules


def lay_out(poster: Poster) -> PosterLayout:
    """Place everything on the page; text that is too long is wrapped, then shrunk, then cut."""
    title, english = _TITLES[poster.direction]
    filled = poster.direction != "out"
    lines = [Line(title, 22.0, 24, bold=True, light=filled), Line(english, 28.5, 11, light=filled)]
    lines += _name_lines(poster.name or poster.venue)
    if poster.zone:
        lines.append(_fitted(Line(f"Khu vực: {poster.zone}", 57.0, 16, bold=True)))
    for place, step in enumerate((*_STEPS, _LAST_STEPS[poster.direction])):
        lines.append(Line(step, 241.0 + 8.0 * place, 14))
    lines.append(Line(_WITHOUT_PHONE, 268.0, 11))
    lines.append(_fitted(Line(_small_print(poster), 284.0, 9)))
    return PosterLayout(Band(12.0, 32.0, filled), tuple(lines), symbol(poster.code))


@cache
def font_file(bold: bool) -> Path:
    """Return the file of DejaVu Sans, a free font with all Vietnamese letters, which matplotlib ships."""
    # Found, not imported: only its fonts are wanted.
    found = find_spec("matplotlib")
    folder = Path((found and found.origin) or "").with_name("mpl-data") / "fonts/ttf"
    return folder / f"DejaVuSans{'-Bold' if bold else ''}.ttf"


@cache
def font_name(bold: bool) -> str:
    """Register the font with reportlab and return its name there."""
    name = font_file(bold).stem
    pdfmetrics.registerFont(TTFont(name, str(font_file(bold))))
    return name


def width_of(text: str, points: float, bold: bool) -> float:
    """Return the width of a line in millimetres."""
    return float(pdfmetrics.stringWidth(text, font_name(bold), points)) * POINT


def _name_lines(name: str) -> list[Line]:
    """Set the name in one line of large type, or in two lines of smaller type."""
    room = PAGE[0] - 2 * _MARGIN
    if width_of(name, 20, True) <= room:
        return [Line(name, 46.0, 20, bold=True)]
    words = name.split()
    breaks = [(" ".join(words[:cut]), " ".join(words[cut:])) for cut in range(1, len(words))] or [(name, "")]
    # Where the longer of the two lines is shortest.
    upper, lower = min(breaks, key=lambda pair: max(map(len, pair)))
    return [_fitted(Line(upper, 42.5, 15, bold=True)), _fitted(Line(lower, 49.5, 15, bold=True))]


def _fitted(line: Line) -> Line:
    """Shrink a line down to 8 points, then cut it, until it fits the page."""
    room = PAGE[0] - 2 * _MARGIN
    width = width_of(line.text, line.points, line.bold)
    points = max(8.0, min(line.points, line.points * room / width if width else line.points))
    text = line.text
    while text and width_of(text, points, line.bold) > room:
        # The ellipsis of the round before goes with the last letter.
        text = text[:-2] + _ELLIPSIS if len(text) > 1 else ""
    return Line(text, line.baseline, points, line.bold, line.light)


def _small_print(poster: Poster) -> str:
    parts = [f"Mã địa điểm: {poster.venue}"]
    if poster.valid_from_us is not None:
        parts.append(f"từ {_local(poster.valid_from_us)}")
    if poster.valid_to_us is not None:
        parts.append(f"đến {_local(poster.valid_to_us)}")
    if poster.key_id:
        parts.append(f"khóa {poster.key_id}")
    return "  ·  ".join([*parts, "Truy Vết"])


def _local(at_us: int) -> str:
    return dt.datetime.fromtimestamp(at_us / 1_000_000, LOCAL_TIMEZONE).strftime("%H:%M %d/%m/%Y")
