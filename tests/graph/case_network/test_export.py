"""A network as GraphML and GEXF: read again it is the same, whatever signs it holds."""

import io
import stat
import xml.etree.ElementTree as ET

import networkx as nx
import pytest

from pipelines.errors import UsageError
from pipelines.graph import save_network
from pipelines.graph.case_network.export import network_bytes
from pipelines.graph.case_network.graph import clean
from tests.graph.case_network.networks import HOSTILE, add_stay, add_venue, case_graph, crowded, expose


def hostile():
    graph = case_graph(clean(HOSTILE))
    add_venue(graph, clean(HOSTILE), clean(HOSTILE))
    add_stay(graph, "f0", clean(HOSTILE), 0, 60)
    expose(graph, "f0", "0123456789abcdef", 5, clean(HOSTILE), score=0.25)
    expose(graph, "f0", "fedcba9876543210", 6)
    return graph


GRAPHS = {"hostile": hostile, "crowded": lambda: crowded(80), "alone": case_graph}
READERS = {"graphml": lambda file: nx.read_graphml(file, force_multigraph=True), "gexf": nx.read_gexf}


def nodes_of(graph):
    return {
        node: {name: value for name, value in values.items() if name != "viz"}
        for node, values in graph.nodes(data=True)
    }


def edges_of(graph):
    unlike = ("id", "key", "networkx_key", "source", "target")  # what a format adds
    return sorted(
        (one, other, sorted((name, value) for name, value in values.items() if name not in unlike))
        for one, other, values in graph.edges(data=True)
    )


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("name", GRAPHS)
def test_a_file_read_again_is_the_same_network(kind, name):
    graph = GRAPHS[name]()
    again = READERS[kind](io.BytesIO(network_bytes(graph, kind)))
    assert nodes_of(again) == nodes_of(graph)
    assert edges_of(again) == edges_of(graph)
    assert again.is_directed()


@pytest.mark.parametrize("kind", READERS)
def test_the_same_graph_is_the_same_bytes_and_every_id_is_unique(kind):
    content = network_bytes(crowded(80), kind)
    assert content == network_bytes(crowded(80), kind)
    assert b"lastmodified" not in content
    for tag in ("node", "edge"):
        ids = [
            element.get("id") for element in ET.fromstring(content).iter() if element.tag.endswith(f"}}{tag}")
        ]
        assert len(ids) == len(set(ids)) > 80


def test_signs_that_no_xml_may_hold_are_replaced():
    assert clean("a\x00b\x1fc\ud800d\ufffee\tf") == "a\ufffdb\ufffdc\ufffdd\ufffde\tf"


def test_gephi_finds_a_colour_a_tier():
    content = network_bytes(hostile(), "gexf").decode()
    assert content.count("viz:color") == 4


@pytest.mark.parametrize("ending", ["graphml", "GEXF", "svg", "png"])
def test_the_ending_is_the_format_and_the_file_is_private(tmp_path, ending):
    path = save_network(hostile(), tmp_path / f"a.{ending}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == network_bytes(hostile(), ending.lower())


@pytest.mark.parametrize(
    ("name", "said"), [("a.pdf", "ending"), ("a", "ending"), ("no/a.gexf", "cannot be written")]
)
def test_a_file_that_cannot_be_written_is_wrong_usage(tmp_path, name, said):
    with pytest.raises(UsageError, match=said):
        save_network(case_graph(), tmp_path / name)
