"""Graphs as `network` makes them, without a lake."""

import datetime as dt

import networkx as nx
import numpy as np

HOSTILE = "Chợ $x_1$ <b>&amp;\x07\u202e🎉 \"'" + "dài " * 150


def time_at(minutes):
    moment = dt.datetime(2021, 7, 10, 1) + dt.timedelta(minutes=minutes)
    return moment.isoformat() + "Z"


def case_graph(case="BN-1"):
    graph = nx.MultiDiGraph(name=f"case {case}", case=case, rule="r-1", depth=2, until=time_at(0))
    graph.add_node("f0", kind="person", label=case, tier=0, case_ids=case)
    return graph


def add_venue(graph, code, name=None, tier=0):
    names = {"name": name} if name else {}
    graph.add_node(f"venue:{code}", kind="venue", label=name or code, code=code, tier=tier, **names)


def add_stay(graph, person, code, start, end, exit_kind="scanned"):
    times = {"enter": time_at(start), "exit": time_at(end), "enter_kind": "scanned", "exit_kind": exit_kind}
    tier = graph.nodes[person]["tier"]
    graph.add_edge(
        person, f"venue:{code}", key=f"stay:{person}{code}{start}", kind="stay", tier=tier, **times
    )


def expose(graph, via, person, at, code=None, **values):
    tier = graph.nodes[via]["tier"] + 1
    graph.add_node(person, kind="person", label=person, tier=tier, exposed_at=time_at(at), via=via, **values)
    place = {"place": f"venue:{code}"} if code else {}
    exposure = {"kind": "exposure", "tier": tier, "exposed_at": time_at(at), "seconds": 900}
    graph.add_edge(via, person, key=f"exposure:{person}", **exposure, **place)


def crowded(persons, venues=12, seed=1):
    """Return a case that exposed this number of persons, half of them through others, over three days."""
    dice = np.random.default_rng(seed)
    graph = case_graph()
    for number in range(venues):
        add_venue(graph, f"V-{number}", f"Nơi {number}")
    first = persons // 2
    for number in range(first):
        venue, at = int(dice.integers(0, venues // 2)), int(dice.integers(0, 3) * 600 + dice.integers(0, 90))
        add_stay(graph, "f0", f"V-{venue}", at // 600 * 600, at // 600 * 600 + 120)
        expose(
            graph,
            "f0",
            f"p{number}",
            at,
            f"V-{venue}",
            **({"case_ids": f"BN-{number}"} if number < 5 else {}),
        )
    for number in range(first, persons):
        via = f"p{int(dice.geometric(0.1)) % first}"
        venue, at = int(dice.integers(0, venues)), int(dice.integers(2000, 4000))
        expose(graph, via, f"p{number}", at, f"V-{venue}")
    return graph
