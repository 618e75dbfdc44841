"""`truyvet network`: a case's person–venue–time network as GraphML, GEXF or a picture."""

import argparse
import sys
from collections import Counter

from pipelines.answer import NOT_SAFETY
from pipelines.commands.asking import record_question
from pipelines.lake import opened
from pipelines.terminal.options import (
    add_asker,
    add_case,
    add_depth_and_until,
    add_humans,
    add_keys,
    add_lake,
    add_rule,
)
from pipelines.terminal.output import counted

EXAMPLE = """
truyvet network --lake LAKE --case BN-0001 --output BN-0001.svg
truyvet network --lake LAKE --case BN-0001 --rule vn-2020-12 --depth 2 --output BN-0001.gexf
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    add_case(parser)
    add_rule(parser)
    add_depth_and_until(parser)
    add_humans(parser)
    add_asker(parser)
    parser.add_argument(
        "--output",
        metavar="FILE",
        required=True,
        help="the file; its ending is its format: .graphml or .gexf (for Gephi), .svg or .png (a picture)",
    )


def run(args: argparse.Namespace) -> int:
    """Write the file, and say on standard error what is in it and what it rests on."""
    # Here and not above: --help and a mistyped flag should not wait for networkx and matplotlib.
    from pipelines.graph.case_network.export import format_of, save_network
    from pipelines.graph.case_network.graph import network

    # The ending is tested before the question reaches the ledger.
    format_of(args.output)
    lake = opened(args.lake, args.keys)
    record_question("network", args, lake)
    asked = {"depth": args.depth, "until": args.until, "humans": args.humans}
    graph = network(lake, args.case, args.rule, **asked, eager_quality=True)
    save_network(graph, args.output)
    kinds = Counter(kind for _, kind in graph.nodes(data="kind"))
    # The case itself is a person of the graph.
    exposed = kinds["person"] - 1
    people, venues = counted(exposed, "person", "people"), counted(kinds["venue"], "venue")
    quality = () if graph.quality is None else graph.quality.lines()
    for line in (*graph.notes, f"{people} exposed, {venues}", *quality):
        print(line, file=sys.stderr)
    if not exposed:
        print(NOT_SAFETY, file=sys.stderr)
    return 0
