"""A case's network as a file: GraphML and GEXF for Gephi and others, or the picture."""

import io
from pathlib import Path

import networkx as nx
from networkx.readwrite.gexf import GEXFWriter

from pipelines.errors import UsageError
from pipelines.graph.case_network.picture import network_image, tier_colour
from pipelines.terminal.output import write_file
from pipelines.terminal.pictures import FORMATS as PICTURES

FORMATS = ("graphml", "gexf", *PICTURES)

_VENUE_COLOUR = "#333333"
_SIZES = {"person": 6.0, "venue": 14.0}
_CASE_SIZE = 20.0


def save_network(graph: nx.MultiDiGraph, path: str | Path) -> Path:
    """Write a graph of `network` in the format of the path's ending; only its owner may read the file.

    Args:
        graph: the network.
        path: `.graphml`, `.gexf`, `.svg` or `.png`.

    Returns:
        The path.

    Raises:
        UsageError: the path has another ending, or cannot be written.
    """
    kind = format_of(path)
    write_file(network_bytes(graph, kind), path, "the network")
    return Path(path)


def format_of(path: str | Path) -> str:
    """Return the format that the ending of a path names.

    Raises:
        UsageError: the ending is unknown.
    """
    kind = Path(path).suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        endings = ", ".join(f".{name}" for name in FORMATS)
        raise UsageError("--output has an ending that is unknown", f"name a file that ends in {endings}")
    return kind


def network_bytes(graph: nx.MultiDiGraph, kind: str) -> bytes:
    """Serialise a network; the same graph gives the same bytes."""
    if kind in PICTURES:
        return network_image(graph, kind)
    buffer = io.BytesIO()
    if kind == "graphml":
        # `write_graphml` would take lxml where it is installed: the bytes must not depend on that.
        nx.write_graphml_xml(graph, buffer, prettyprint=True)
    else:
        _write_gexf(graph, buffer)
    return buffer.getvalue()


def _write_gexf(graph: nx.MultiDiGraph, buffer: io.BytesIO) -> None:
    """Write GEXF with a colour for each tier, and without the date, which would change the bytes."""
    writer = GEXFWriter(encoding="utf-8", prettyprint=True)
    writer.add_graph(_coloured(graph))
    del writer.xml.find("meta").attrib["lastmodifieddate"]
    writer.write(buffer)


def _coloured(graph: nx.MultiDiGraph) -> nx.MultiDiGraph:
    """Copy the graph and give its nodes the colours and sizes that Gephi reads."""
    # A copy, for `viz` is a dictionary, which GraphML could not hold.
    copy = graph.copy()
    for _, values in copy.nodes(data=True):
        venue = values["kind"] == "venue"
        colour = _VENUE_COLOUR if venue else tier_colour(values["tier"])
        red, green, blue = (int(colour[first : first + 2], 16) for first in (1, 3, 5))
        size = _SIZES[values["kind"]] if venue or values["tier"] else _CASE_SIZE
        values["viz"] = {"color": {"r": red, "g": green, "b": blue}, "size": size}
    return copy
