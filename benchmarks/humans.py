"""Humans: who is one person by a million links, beside connected components of networkx.

The world holds no shared phone and no link that would merge two people, for networkx knows no such rule: so
both must find the same components.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from benchmarks.measure import report
from pipelines.linkage.humans import Links, humans_of
from pipelines.privacy.identifiers import KINDS

_LINKS = 1_000_000
_PEOPLE = 250_000
_DAYS = 21
_KINDS = ("cccd", "phone", "bhyt", "qid", "device")
_ROUNDS = 3


def measure(_work: Path, _scans: int) -> None:
    """Measure processor seconds on one thread; ours the best of a few rounds, after kernels are compiled."""
    links = links_of(np.random.default_rng(17))
    humans_of(links)
    ours, found = _best(lambda: humans_of(links))
    theirs, components = _best(lambda: _components(links), rounds=1)
    expected = {token: min(group) for group in components for token in group}
    if expected != dict(zip(found.person.tolist(), found.human.tolist(), strict=True)):
        raise AssertionError("networkx finds other components")
    report(
        "humans",
        [
            {"what": f"humans of {_LINKS:,} links, seconds", "figure": ours},
            {"what": "connected components of networkx, seconds", "figure": theirs, "ratio": theirs / ours},
            {"what": "tokens", "figure": found.person.size},
            {"what": "humans", "figure": np.unique(found.human).size},
        ],
    )


def links_of(dice: np.random.Generator) -> Links:
    """Make links between two identifiers of a person, drawn at random, on random days."""
    person = dice.integers(0, _PEOPLE, _LINKS)
    one = dice.integers(0, len(_KINDS), _LINKS)
    other = (one + dice.integers(1, len(_KINDS), _LINKS)) % len(_KINDS)
    token = dice.permutation(_PEOPLE * len(_KINDS)).reshape(_PEOPLE, len(_KINDS)) * 14_757_395_258_967
    kind = np.array([KINDS.index(name) for name in _KINDS])
    day = dice.integers(0, _DAYS, _LINKS)
    of_one, of_other = token[person, one], token[person, other]
    return Links(of_one, of_other, kind[one], kind[other], day, np.ones(_LINKS, np.bool_))


def _components(links: Links) -> list[set[int]]:
    graph: Any = nx.Graph()
    graph.add_edges_from(zip(links.one.tolist(), links.other.tolist(), strict=True))
    return list(nx.connected_components(graph))


def _best(work: Callable[[], Any], rounds: int = _ROUNDS) -> tuple[float, Any]:
    """Return the processor seconds of the fastest of a few rounds, and the last result."""
    seconds, result = [], None
    for _ in range(rounds):
        begun = time.process_time()
        result = work()
        seconds.append(time.process_time() - begun)
    return min(seconds), result
