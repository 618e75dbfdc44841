"""Posters are read back by machine as people would hold a camera to them."""

import io
import random
import re
import xml.etree.ElementTree as ET

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from pipelines.codes.poster import CODE_AT, CODE_SIZE, PAGE, POINT, Poster, lay_out, width_of
from pipelines.codes.poster_files import write_pdf, write_png, write_svg
from pipelines.codes.read_picture import read_codes, read_picture
from pipelines.codes.symbols import symbol
from pipelines.errors import DataError
from tests.codes.own_codes import code

LONG = "Trường Trung học phổ thông chuyên Lê Khiết – cơ sở Nghĩa Lộ, thành phố Quảng Ngãi"


def poster(venue="QNG-000001", zone="", direction="", name="Chợ Thu Lộ"):
    text = code(venue, zone=zone, direction=direction)
    return Poster(text, venue, name, zone, direction, "1a2b", None, 1_640_995_200_000_000)


POSTERS = [
    poster(),
    poster("V" * 16, "T2-B14", "in", LONG),
    poster("QNG-2", "A1", "out", "Nguyễn " * 40),
    poster("Q", name=""),
]


def png(one):
    sink = io.BytesIO()
    write_png(one, sink)
    return Image.open(sink)


def pages(*posters, scale=300 / 72):
    sink = io.BytesIO()
    write_pdf(posters, sink)
    document = pypdfium2.PdfDocument(sink.getvalue())
    shown = [page.render(scale=scale).to_pil().convert("L") for page in document]
    document.close()
    return shown


def read(picture):
    return [raw.decode() for raw in read_codes(picture)]


def covered(one, seed):
    """Cover a tenth of the poster's code with grey tape, outside the finder patterns."""
    picture = np.array(png(one))
    modules = len(symbol(one.code))
    unit = CODE_SIZE / modules
    side = round((0.1 * modules * modules) ** 0.5)
    dice = random.Random(seed)
    while True:
        column, row = dice.randint(0, modules - side), dice.randint(0, modules - side)
        edge = modules - 8 - side
        if not ((column < 8 and (row < 8 or row > edge)) or (column > edge and row < 8)):
            break
    pixels = 300 / 25.4
    left, top = ((at + unit * place) * pixels for at, place in zip(CODE_AT, (column, row), strict=True))
    picture[
        round(top) : round(top + side * unit * pixels), round(left) : round(left + side * unit * pixels)
    ] = 128
    return Image.fromarray(picture)


@pytest.mark.parametrize("one", POSTERS, ids=lambda one: one.venue)
def test_a_png_is_read_at_print_resolution_and_at_a_third_of_its_size(one):
    picture = png(one)
    assert picture.size == (2480, 3508)
    assert read(picture) == [one.code]
    small = picture.resize((picture.width * 3 // 10, picture.height * 3 // 10), Image.Resampling.BILINEAR)
    assert read(small) == [one.code]


@pytest.mark.parametrize("degrees", [7, 45, 90, 180, 271])
def test_a_rotated_poster_is_read(degrees):
    picture = png(POSTERS[1]).rotate(degrees, Image.Resampling.BILINEAR, expand=True, fillcolor=255)
    assert read(picture) == [POSTERS[1].code]


@pytest.mark.parametrize("seed", range(6))
def test_a_poster_is_read_with_a_tenth_of_its_code_covered(seed):
    assert read(covered(POSTERS[1], seed)) == [POSTERS[1].code]


def test_every_page_of_a_pdf_is_read_at_print_resolution_and_at_a_third():
    expected = [[one.code] for one in POSTERS]
    assert [read(page) for page in pages(*POSTERS)] == expected
    assert [read(page) for page in pages(*POSTERS, scale=90 / 72)] == expected


def test_a_pdf_is_a4_with_a_code_of_15_centimetres_and_an_embedded_font():
    sink = io.BytesIO()
    write_pdf(POSTERS[:1], sink)
    document = pypdfium2.PdfDocument(sink.getvalue())
    assert document[0].get_size() == pytest.approx((595.28, 841.89), abs=0.01)
    text = document[0].get_textpage().get_text_range()
    document.close()
    assert "QUÉT MÃ KHI ĐẾN" in text
    assert "Chợ Thu Lộ" in text
    assert re.search(rb"/FontName /\w+\+DejaVuSans\b", sink.getvalue())
    assert b"/FontFile2" in sink.getvalue()
    dark = np.array(pages(POSTERS[0])[0]) < 128
    columns = np.flatnonzero(dark[round((CODE_AT[1] + 1) / 25.4 * 300)])
    assert (columns[-1] - columns[0] + 1) / 300 * 25.4 == pytest.approx(CODE_SIZE, abs=0.2)


def test_the_same_posters_are_the_same_bytes():
    first, second = io.BytesIO(), io.BytesIO()
    write_pdf(POSTERS, first)
    write_pdf(POSTERS, second)
    assert first.getvalue() == second.getvalue()


def test_an_svg_says_what_the_poster_says_and_draws_the_symbol():
    sink = io.BytesIO()
    write_svg(poster(name="<b>&'Chợ'"), sink)
    root = ET.fromstring(sink.getvalue())
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "<b>&'Chợ'" in texts
    [path] = [
        element for element in root.iter("{http://www.w3.org/2000/svg}path") if "transform" in element.attrib
    ]
    modules = symbol(poster().code)
    drawn = np.zeros_like(modules)
    for column, row, size in re.findall(r"M(\d+) (\d+)h(\d+)", path.attrib["d"]):
        drawn[int(row), int(column) : int(column) + int(size)] = True
    assert (drawn == modules).all()


@pytest.mark.parametrize("one", POSTERS, ids=lambda one: one.venue)
def test_no_line_leaves_the_page_and_none_touches_the_quiet_zone(one):
    layout = lay_out(one)
    quiet = 4 * CODE_SIZE / len(layout.modules)
    for line in layout.lines:
        assert width_of(line.text, line.points, line.bold) <= PAGE[0] - 30 + 0.01
        lowest, highest = line.baseline + line.points * POINT * 0.25, line.baseline - line.points * POINT
        assert lowest < CODE_AT[1] - quiet or highest > CODE_AT[1] + CODE_SIZE + quiet


def test_a_file_that_is_not_a_picture_is_a_data_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"a\.png is not a readable picture"):
        read_picture(tmp_path / "a.png")


def test_a_picture_that_would_unpack_to_too_much_is_refused(tmp_path):
    Image.new("1", (11_000, 10_000)).save(tmp_path / "bomb.png")
    with pytest.raises(DataError):
        read_picture(tmp_path / "bomb.png")
