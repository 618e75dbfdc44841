"""`network.graphml`: persons, who exposed whom, and where they stayed; for Gephi, yEd and Cytoscape."""

from pathlib import Path
from typing import Any, Final

import networkx as nx

from pipelines.export.exposure_list import ExposureList, WrittenFile
from pipelines.graph.case_network.graph import clean
from pipelines.terminal.output import token_text, utc_text

GRAPHML: Final = "network.graphml"


def write_graphml(made: ExposureList, folder: Path) -> list[WrittenFile]:
    """Write `network.graphml`; ids of persons are 16 hexadecimal digits, of venues `venue:` and the code."""
    # A multigraph: a person may stay at a venue several times.
    graph: Any = nx.MultiDiGraph()
    for case in made.cases:
        # F0 has no row; everybody else gets the tier of a row below.
        graph.add_node(token_text(case.person), kind="person", tier=0)
    columns = ("person", "via", "tier", "exposed_at", "last_contact", "seconds_direct", "seconds_indirect",
               "seconds_imputed", "score", "rule")  # fmt: skip
    for values in zip(*(made.rows[name].to_pylist() for name in columns), strict=True):
        row = dict(zip(columns, values, strict=True))
        graph.add_node(token_text(row["person"]), kind="person", tier=row["tier"])
        seconds = {name: row[name] for name in ("seconds_direct", "seconds_indirect", "seconds_imputed")}
        times = {name: utc_text(row[name]) for name in ("exposed_at", "last_contact")}
        graph.add_edge(
            token_text(row["via"]), token_text(row["person"]), kind="exposed", score=row["score"],
            # XML 1.0 has no control signs, which a venue's name may hold.
            rule=clean(row["rule"]), **seconds, **times,
        )  # fmt: skip
    for stay in made.stays.to_pylist():
        # The prefix keeps a code apart from a token that reads the same.
        venue = f"venue:{clean(stay['venue'])}"
        graph.add_node(venue, kind="venue", name=clean(stay["name"] or ""))
        times = {name: utc_text(stay[name]) for name in ("enter", "exit")}
        kinds = {name: stay[name] for name in ("enter_kind", "exit_kind")}
        graph.add_edge(token_text(stay["person"]), venue, kind="stayed", **times, **kinds)
    nx.write_graphml(graph, folder / GRAPHML, encoding="utf-8")
    return [WrittenFile(GRAPHML, made.rows.num_rows)]


def read_graphml(folder: Path) -> list[str]:
    """The tokens of the exposed persons, for comparison."""
    graph: Any = nx.read_graphml(folder / GRAPHML)
    return [node for node, data in graph.nodes(data=True) if data["kind"] == "person" and data["tier"] > 0]
