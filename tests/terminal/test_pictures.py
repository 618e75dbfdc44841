"""What all pictures share."""

import stat
import xml.etree.ElementTree as ET

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipelines.errors import UsageError
from pipelines.terminal.pictures import (
    COLOURS,
    checked_kind,
    drawable,
    image_of,
    kind_of,
    save_picture,
    style,
)

HOSTILE = "Cà phê $x^2$ <b>&\x00\x1b[0m\u202e🎉漢\ud800 \"'"


def figure_with(text):
    figure = Figure(figsize=(3, 1))
    FigureCanvasAgg(figure)
    figure.text(0.1, 0.5, text)
    return figure


def test_signs_that_the_font_does_not_have_are_squares_and_so_are_control_signs():
    assert drawable("Nhà văn hoá Đức Phổ") == "Nhà văn hoá Đức Phổ"
    assert drawable(HOSTILE) == "Cà phê $x^2$ <b>&□□[0m□□□□ \"'"
    assert drawable("") == ""


def test_long_texts_are_cut_with_an_ellipsis():
    assert drawable("x" * 600, 10) == "x" * 9 + "…"
    assert drawable("abc def ghi", 5) == "abc…"
    assert drawable("abcde", 5) == "abcde"


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_hostile_texts_are_drawn_without_a_warning_and_the_same_bytes_each_time(kind):
    with style():
        first = image_of(figure_with(drawable(HOSTILE)), kind)
        assert image_of(figure_with(drawable(HOSTILE)), kind) == first
    if kind == "svg":
        texts = [
            element.text for element in ET.fromstring(first).iter() if element.text and "phê" in element.text
        ]
        assert texts == ["Cà phê $x^2$ <b>&□□[0m□□□□ \"'"]


def test_a_picture_is_private_and_its_ending_is_its_format(tmp_path):
    path = save_picture(b"x", tmp_path / "a.svg")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kind_of("A.SVG") == "svg"
    for wrong in ("a.pdf", "a", ".svg"):
        with pytest.raises(UsageError, match=r"write \.svg or \.png"):
            kind_of(wrong)
    with pytest.raises(UsageError, match="ending"):
        checked_kind("jpg")
    with pytest.raises(UsageError, match="the picture cannot be written"):
        save_picture(b"x", tmp_path / "nowhere" / "a.svg")


def test_colours_are_told_apart():
    assert len(set(COLOURS)) == len(COLOURS)
