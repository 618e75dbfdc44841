"""`truyvet trace`: F1 to Fk of cases by rule pack, and how far the answer can be trusted."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from pipelines.errors import UsageError
from pipelines.graph.answer_basis import Basis
from pipelines.graph.trace_basis import stayed_at, trust
from pipelines.graph.tracing.compare import compared
from pipelines.graph.tracing.explain import explained, token_of
from pipelines.graph.tracing.infectious_intervals import infectious_intervals
from pipelines.graph.tracing.request import TraceRequest, make_request
from pipelines.graph.tracing.trace import trace_rows, traced_in, with_calls
from pipelines.lake import Lake, opened
from pipelines.terminal.options import add_keys, add_lake, add_output
from pipelines.terminal.output import write_rows
from schemas.rules import DEFAULT_RULE, load_rule

EXAMPLE = """
truyvet trace --lake LAKE --case BN-0001
truyvet trace --lake LAKE --case BN-0001 BN-0002 --rule vn-2020-12 --depth 2 --format csv
truyvet trace --lake LAKE --all-cases --rule cdc-2020-10 --until 2021-07-15 --capacity 50
truyvet trace --lake LAKE --case BN-0001 --explain phone:0905123456
truyvet trace --lake LAKE --case BN-0001 --rule vn-2020-12 --compare vn-2021-12
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument(
        "--case", metavar="ID", nargs="+", action="extend", default=[], help="the numbers of cases"
    )
    parser.add_argument("--all-cases", action="store_true", help="or every case that has a date")
    parser.add_argument(
        "--rule",
        metavar="ID|PATH",
        default=DEFAULT_RULE,
        help=f"the rule pack, see truyvet rules (default: {DEFAULT_RULE})",
    )
    parser.add_argument("--depth", type=int, metavar="K", help="the last tier, instead of the rule's")
    parser.add_argument(
        "--until", metavar="T", help="know nothing from T on (default: the last instant of the lake)"
    )
    parser.add_argument("--capacity", type=int, metavar="N", help="mark the N calls worth most, by score")
    parser.add_argument(
        "--explain", metavar="PERSON", help="print the chain of stays that puts this person there"
    )
    parser.add_argument("--compare", metavar="ID|PATH", help="say who is in under this other rule, and why")
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Print the rows, and on standard error what they rest on."""
    if sum(value is not None for value in (args.explain, args.compare, args.capacity)) > 1:
        raise UsageError("--explain, --compare and --capacity answer different questions", "name one of them")
    lake = opened(args.lake, args.keys)
    asked = _ask(lake, args, args.rule)
    with ThreadPoolExecutor(1) as pool:
        rests_on = pool.submit(_trust, lake, asked)  # on the side
        rows = _answer(lake, args, asked)
        # First: a damaged file refuses the whole answer.
        lines = (*asked.notes(), *rests_on.result().lines(rows.num_rows))
        write_rows(rows, args.format, args.output)
        for line in lines:
            print(line, file=sys.stderr)
    return 0


def _ask(lake: Lake, args: argparse.Namespace, rule: str) -> TraceRequest:
    questions = {"all_cases": args.all_cases, "depth": args.depth, "until": args.until}
    return make_request(lake, load_rule(rule), args.case, **questions)


def _answer(lake: Lake, args: argparse.Namespace, asked: TraceRequest) -> pa.Table:
    """What was asked for: the rows, an explanation or a comparison."""
    question = (asked.cases, asked.rule, asked.depth, asked.until_us)
    if args.compare is not None:
        return compared(lake, asked, _ask(lake, args, args.compare))
    if args.explain is not None:
        person = token_of(lake, args.explain, args.keys)
        links = explained(lake, traced_in(lake, *question), person)
        if person in (case.person for case in asked.cases):
            print("this person is one of the cases, and nobody's contact", file=sys.stderr)
        elif not links.num_rows:
            print("this person is in no tier of this trace", file=sys.stderr)
        return links
    rows = trace_rows(lake, *question)
    return rows if args.capacity is None else with_calls(rows, args.capacity)


def _trust(lake: Lake, asked: TraceRequest) -> Basis:
    """What the answer rests on at the venues where the cases stayed while infectious."""
    intervals = infectious_intervals(asked.cases, asked.rule, asked.until_us)
    return trust(lake, *stayed_at(lake, intervals))
