"""Write posters as PDF, PNG and SVG, all from the same layout."""

from collections.abc import Iterable
from html import escape
from typing import IO, Any, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from pipelines.codes.poster import (
    CODE_AT,
    CODE_SIZE,
    PAGE,
    POINT,
    Poster,
    PosterLayout,
    font_file,
    font_name,
    lay_out,
)
from pipelines.codes.symbols import dark_runs

DPI: Final = 300
"""Resolution of pictures, for print."""

_PIXELS: Final = DPI / 25.4
_OUTLINE: Final = 0.8


def write_pdf(posters: Iterable[Poster], sink: IO[bytes]) -> int:
    """Write one page per poster, with an embedded font, and return the number of pages.

    The same posters give the same bytes.
    """
    rl_config.useA85 = 0  # ASCII85 would take a fifth of the time, and the sink takes bytes
    canvas = Canvas(sink, tuple(side / POINT for side in PAGE), pageCompression=1, invariant=1)
    canvas.setTitle("Mã QR địa điểm")
    count = 0
    for poster in posters:
        _draw_page(canvas, lay_out(poster))
        canvas.showPage()
        count += 1
    canvas.save()
    return count


def write_png(poster: Poster, sink: IO[bytes]) -> None:
    """Write a page in black and white at print resolution; the edges of modules fall on pixels."""
    layout = lay_out(poster)
    page = Image.new("L", (round(PAGE[0] * _PIXELS), round(PAGE[1] * _PIXELS)), 255)
    pen = ImageDraw.Draw(page)
    band = layout.band
    corners = [round(edge * _PIXELS) for edge in (band.left, band.top, band.right, band.bottom)]
    pen.rectangle(corners, 0 if band.filled else 255, 0, round(_OUTLINE * _PIXELS))
    for line in layout.lines:
        size = line.points * POINT * _PIXELS
        # BASIC draws the same pixels whether or not libraqm is installed.
        font = ImageFont.truetype(str(font_file(line.bold)), size, layout_engine=ImageFont.Layout.BASIC)
        at = (page.width / 2, line.baseline * _PIXELS)
        pen.text(at, line.text, 255 if line.light else 0, font, anchor="ms")
    # Whole pixels a module, so that none is blurred; the code is centred, since rounding changes its size.
    scale = round(CODE_SIZE * _PIXELS / len(layout.modules))
    dots = np.where(np.kron(layout.modules, np.ones((scale, scale), bool)), 0, 255).astype(np.uint8)
    left = (page.width - len(dots)) // 2
    page.paste(Image.fromarray(dots), (left, round(CODE_AT[1] * _PIXELS)))
    page.save(sink, "PNG", dpi=(DPI, DPI))


def write_svg(poster: Poster, sink: IO[bytes]) -> None:
    """Write a page as SVG; text stays text, in DejaVu Sans or the viewer's substitute for it."""
    layout = lay_out(poster)
    band = layout.band
    fill = "#000" if band.filled else "#fff"
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{PAGE[0]:g}mm" height="{PAGE[1]:g}mm" '
        f'viewBox="0 0 {PAGE[0]:g} {PAGE[1]:g}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<rect x="{band.left:g}" y="{band.top:g}" width="{band.right - band.left:g}" '
        f'height="{band.bottom - band.top:g}" fill="{fill}" stroke="#000" stroke-width="{_OUTLINE:g}"/>',
    ]
    for line in layout.lines:
        rows.append(
            f'<text x="{PAGE[0] / 2:g}" y="{line.baseline:g}" text-anchor="middle" '
            f'font-family="DejaVu Sans, Arial, sans-serif" font-size="{line.points * POINT:.3f}" '
            f'font-weight="{"bold" if line.bold else "normal"}" fill="{"#fff" if line.light else "#000"}">'
            f"{escape(line.text)}</text>"
        )
    unit = CODE_SIZE / len(layout.modules)
    path = "".join(f"M{column} {row}h{size}v1h-{size}z" for row, column, size in dark_runs(layout.modules))
    place = f"translate({CODE_AT[0]:g} {CODE_AT[1]:g}) scale({unit:.6f})"
    rows.append(f'<path transform="{place}" shape-rendering="crispEdges" d="{path}"/>')
    sink.write("\n".join([*rows, "</svg>\n"]).encode())


def _draw_page(canvas: Any, layout: PosterLayout) -> None:
    """Draw a page; the origin of a PDF page is its lower left corner."""
    band, height = layout.band, PAGE[1]
    canvas.setLineWidth(_OUTLINE / POINT)
    corner = (band.left / POINT, (height - band.bottom) / POINT)
    size = ((band.right - band.left) / POINT, (band.bottom - band.top) / POINT)
    canvas.rect(*corner, *size, stroke=1, fill=int(band.filled))
    for line in layout.lines:
        canvas.setFillGray(1 if line.light else 0)
        canvas.setFont(font_name(line.bold), line.points)
        canvas.drawCentredString(PAGE[0] / 2 / POINT, (height - line.baseline) / POINT, line.text)
    canvas.setFillGray(0)
    unit = CODE_SIZE / len(layout.modules) / POINT
    canvas.saveState()
    canvas.translate(CODE_AT[0] / POINT, (height - CODE_AT[1]) / POINT)
    # Rows of the symbol count downwards, so the axis is turned round.
    canvas.scale(unit, -unit)
    runs = (f"{column} {row} {columns} 1 re" for row, column, columns in dark_runs(layout.modules))
    canvas.addLiteral(" ".join([*runs, "f"]))  # a path object of reportlab takes four times as long
    canvas.restoreState()
