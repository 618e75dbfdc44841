"""`truyvet trace`: F1 to Fk of cases by rule pack, and how far the answer can be trusted."""

import argparse

from pipelines.answer import Answer
from pipelines.commands.asking import record_question
from pipelines.commands.printing import print_answer
from pipelines.errors import UsageError
from pipelines.lake import opened
from pipelines.terminal.options import add_asker, add_keys, add_lake, add_output, add_trace_question

EXAMPLE = """
truyvet trace --lake LAKE --case BN-0001
truyvet trace --lake LAKE --case BN-0001 BN-0002 --rule vn-2020-12 --depth 2 --format csv
truyvet trace --lake LAKE --all-cases --rule cdc-2020-10 --until 2021-07-15 --capacity 50
truyvet trace --lake LAKE --case BN-0001 --stability 20
truyvet trace --lake LAKE --case BN-0001 --explain phone:0905123456
truyvet trace --lake LAKE --case BN-0001 --rule vn-2020-12 --compare vn-2021-12
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    add_trace_question(parser)
    parser.add_argument(
        "--explain", metavar="PERSON", help="print the chain of stays that puts this person there"
    )
    parser.add_argument("--compare", metavar="ID|PATH", help="say who is in under this other rule, and why")
    parser.add_argument(
        "--stability",
        type=int,
        metavar="N",
        help="in N draws leave out a tenth of the scans, of the visits and of the people, and add the "
        "share of draws that keep each row",
    )
    add_asker(parser)
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the rows, and on standard error what they rest on."""
    return print_answer(_answer(args), args)


def _answer(args: argparse.Namespace) -> Answer:
    """The answer to the one of three questions that the flags ask."""
    # Here and not above: --help and a mistyped flag should not wait for the kernels.
    from pipelines.graph.tracing.compare import compare
    from pipelines.graph.tracing.explain import explain
    from pipelines.graph.tracing.trace import trace

    # At most one of the three; without any it is the list.
    if sum(value is not None for value in (args.explain, args.compare, args.capacity)) > 1:
        raise UsageError("--explain, --compare and --capacity answer different questions", "name one of them")
    if args.stability is not None and (args.explain is not None or args.compare is not None):
        raise UsageError("--stability belongs to the list", "leave out --explain and --compare")
    # Flags are checked first, so that a refused question leaves no line in the ledger.
    lake = opened(args.lake, args.keys)
    record_question("trace", args, lake)
    common = {"all_cases": args.all_cases, "depth": args.depth, "until": args.until}
    common |= {"humans": args.humans, "eager_quality": True}
    if args.compare is not None:
        return compare(lake, args.compare, args.case, args.rule, **common)
    if args.explain is not None:
        return explain(lake, args.explain, args.case, args.rule, keys=args.keys, **common)
    return trace(lake, args.case, args.rule, capacity=args.capacity, stability=args.stability, **common)
