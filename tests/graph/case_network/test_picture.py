"""The picture of a network: what is drawn, and that it is the same bytes each time."""

import stat
import xml.etree.ElementTree as ET

import pytest
from matplotlib.collections import LineCollection, PathCollection

from pipelines.errors import UsageError
from pipelines.graph import draw_network, network_image
from pipelines.graph.case_network.picture import network_figure
from pipelines.terminal.pictures import style
from tests.graph.case_network.networks import HOSTILE, add_stay, add_venue, case_graph, crowded, expose


def small():
    graph = case_graph()
    add_venue(graph, "cafe", "Cà phê Sông Trà")
    add_venue(graph, "shop")
    add_stay(graph, "f0", "cafe", 0, 60)
    add_stay(graph, "f0", "shop", 120, 150, "default")
    expose(graph, "f0", "a", 5, "cafe", case_ids="BN-2")
    expose(graph, "f0", "b", 6)
    expose(graph, "a", "c", 300, "shop")
    return graph


def texts_of(figure):
    (axes,) = figure.axes
    return [text.get_text() for text in axes.texts]


def figure_of(graph):
    with style():
        return network_figure(graph)


def test_a_lane_has_the_name_of_its_venue_and_who_was_exposed_there():
    texts = texts_of(figure_of(small()))
    assert {"Cà phê Sông Trà", "cafe · 1 F1", "shop", "1 F2", "Bluetooth encounters"} <= set(texts)
    assert "no venue · 1 F1" in texts
    assert "Case BN-1" in texts
    assert "rule r-1 · 2 F1, 1 F2 · 10/07/2021" in texts
    assert "BN-2 → 1" in texts


def test_tiers_have_their_colours_and_known_cases_a_ring_and_later_tiers_a_line():
    figure = figure_of(small())
    (axes,) = figure.axes
    dots = [one for one in axes.collections if isinstance(one, PathCollection)]
    lines = [one for one in axes.collections if isinstance(one, LineCollection)]
    assert [len(one.get_offsets()) for one in dots] == [1, 1, 1]  # F1, F1 who is a case, F2
    assert sum(len(one.get_segments()) for one in lines) == 1
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [
        "the case (F0) is there",
        "… enter or exit not scanned",
        "F1",
        "F2",
        "is a known case",
        "venue",
        "exposed by",
    ]


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_graph_is_the_same_picture_and_it_is_private(tmp_path, ending):
    first = draw_network(crowded(60), tmp_path / f"a.{ending}")
    second = draw_network(crowded(60), tmp_path / f"b.{ending}")
    assert first.read_bytes() == second.read_bytes()
    assert stat.S_IMODE(first.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_hostile_names_are_drawn_as_they_are_or_as_squares(kind):
    graph = case_graph(HOSTILE)
    add_venue(graph, HOSTILE, HOSTILE)
    expose(graph, "f0", "a", 5, HOSTILE, case_ids=HOSTILE)
    image = network_image(graph, kind)
    if kind == "svg":
        texts = [element.text or "" for element in ET.fromstring(image).iter()]
        assert any(text.startswith("Chợ $x_1$ <b>&amp;□□□ \"'dài") and text.endswith("…") for text in texts)
        assert max(map(len, texts)) < 200


def test_five_hundred_persons_are_all_drawn_on_one_page():
    figure = figure_of(crowded(500))
    (axes,) = figure.axes
    dots = [one for one in axes.collections if isinstance(one, PathCollection)]
    assert sum(len(one.get_offsets()) for one in dots) == 500
    assert max(figure.get_size_inches()) < 15
    (size,) = {float(one.get_sizes()[0]) for one in dots}
    assert size**0.5 > 4  # points across


def test_a_case_that_met_nobody_is_a_picture_that_says_so():
    graph = case_graph()
    assert "rule r-1 · nobody exposed" in texts_of(figure_of(graph))
    assert network_image(graph, "png").startswith(b"\x89PNG")
    add_venue(graph, "cafe")
    add_stay(graph, "f0", "cafe", 0, 60)
    assert "nobody exposed" in texts_of(figure_of(graph))


@pytest.mark.parametrize("name", ["a.pdf", "a", "nowhere/a.svg"])
def test_a_picture_that_cannot_be_written_is_wrong_usage(tmp_path, name):
    with pytest.raises(UsageError, match="picture"):
        draw_network(case_graph(), tmp_path / name)
