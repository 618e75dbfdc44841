"""A peer of `trace` in plain Python: a networkx graph of persons and venue-hours.

    python -m benchmarks.peer_networkx --stays FILE… --question DIR --out FILE

A stay is an edge in each hour that it touches, so that the walk visits few
stays that do not overlap. Any contact counts.
"""

import json
from collections.abc import Iterator

import duckdb
import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peer_trace import arguments, timed

_HOUR_US = 3_600_000_000

Found = dict[int, int]
"""When each person was exposed, microseconds UTC."""


def main() -> None:
    """Load, search, write the rows, and print the cost of the search as one JSON line."""
    args = arguments(__doc__).parse_args()
    graph = _graph(args.stays)
    question = json.loads((args.question / "question.json").read_text())
    tables = {
        name: pq.read_table(args.question / f"{name}.parquet") for name in ("sources", "cases", "isolated")
    }
    rows: list[tuple[int, int, int]] = []

    def search() -> int:
        rows.extend(_rows(graph, tables, question["depth"], question["until_us"]))
        return len(rows)

    cost = timed(search)
    columns = [pa.array(column, pa.int64()) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, names=["tier", "person", "exposed_us"]), args.out)
    print(json.dumps(cost))


def _graph(stays: list[str]) -> nx.MultiGraph:
    query = (
        "SELECT person, venue, epoch_us(enter), epoch_us(exit) "
        "FROM read_parquet($1, hive_partitioning = false)"
    )
    graph = nx.MultiGraph()
    for person, venue, enter_us, exit_us in duckdb.connect().execute(query, [stays]).fetchall():
        for hour in range(enter_us // _HOUR_US, (exit_us - 1) // _HOUR_US + 1):
            graph.add_edge(("person", person), (venue, hour), stay=(person, enter_us, exit_us))
    return graph


def _rows(
    graph: nx.MultiGraph, tables: dict[str, pa.Table], depth: int, until_us: int
) -> Iterator[tuple[int, int, int]]:
    closed = set(tables["cases"]["person"].to_pylist())
    isolated = dict(zip(*(column.to_pylist() for column in tables["isolated"].columns), strict=True))
    sources = list(zip(*(column.to_pylist() for column in tables["sources"].columns), strict=True))
    best: Found = {}
    for tier in range(1, depth + 1):
        found = _found(graph, sources, closed)
        earlier = {person: us for person, us in found.items() if us < best.get(person, until_us)}
        yield from ((tier, person, us) for person, us in earlier.items() if person not in best)
        best |= earlier
        ends = {person: min(until_us, isolated.get(person, until_us)) for person in earlier}
        sources = [(person, us, ends[person]) for person, us in earlier.items() if us < ends[person]]


def _found(graph: nx.MultiGraph, sources: list[tuple[int, int, int]], closed: set[int]) -> Found:
    """Return the people whom the sources expose, with the earliest instant."""
    found: Found = {}
    for person, from_us, to_us in sources:
        if ("person", person) not in graph:
            continue
        for _, place, (_, own_enter_us, own_exit_us) in graph.edges(("person", person), data="stay"):
            start_us, end_us = max(own_enter_us, from_us), min(own_exit_us, to_us)
            if start_us >= end_us:
                continue
            for _, _, (other, enter_us, exit_us) in graph.edges(place, data="stay"):
                at_us = max(start_us, enter_us)
                if at_us < min(end_us, exit_us) and other != person and other not in closed:
                    found[other] = min(at_us, found.get(other, at_us))
    return found


if __name__ == "__main__":
    main()
