"""`truyvet cases`: list, add and withdraw cases."""

import argparse
import json
import sys

from pipelines.terminal.options import add_keys, add_lake, add_output, add_rule
from pipelines.terminal.output import write_rows

EXAMPLE = """
truyvet cases list --lake province
truyvet cases add BN-0001 --person phone:0905123456 --onset 2021-07-10 --sampled 2021-07-12 --lake province
truyvet cases withdraw BN-0001 --lake province
"""

_DATES = {
    "onset": "onset of symptoms",
    "sampled": "the positive sample",
    "reported": "the report to the authority",
    "isolated": "isolation; a date includes the whole of that day",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command and of its actions."""
    does = parser.add_subparsers(dest="does", required=True, metavar="WHAT", help="list, add, withdraw")
    for name, words, fill in (
        ("list", "list the cases, when they could infect and what scans show of them", _fill_list),
        ("add", "add a case, or replace it", _fill_add),
        ("withdraw", "withdraw a case, which no question counts from then on", _fill_withdraw),
    ):
        part = does.add_parser(name, description=words, epilog="", help=words)
        fill(part)
        add_lake(part)
        add_keys(part)


def run(args: argparse.Namespace) -> int:
    """Print the cases, or the report of a change as one JSON line."""
    if args.does == "list":
        from pipelines.graph.case_listing import list_cases  # needs no Beam

        write_rows(list_cases(args.lake, args.rule, keys=args.keys), args.format, args.output)
        return 0
    if args.does == "withdraw":
        from pipelines.drivers.register_cases import withdraw_case

        version = withdraw_case(args.lake, args.case_id, args.at, keys=args.keys)
        print(json.dumps({"withdrawn": 1, "cases_version": version}))
        return 0
    from pipelines.drivers.register_cases import add_case

    dates = {f"{name}_at": getattr(args, name) for name in _DATES}
    report = add_case(args.lake, {"case_id": args.case_id, "person": args.person, **dates}, keys=args.keys)
    for note in report.notes:
        print(f"truyvet cases: {note}", file=sys.stderr)
    print(json.dumps(report.counts()))
    return 0


def _fill_list(parser: argparse.ArgumentParser) -> None:
    add_rule(parser, "the rule pack that says when a case could infect")
    add_output(parser)


def _fill_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case_id", metavar="ID", help="the authority's number for the case")
    parser.add_argument("--person", metavar="KIND:VALUE", required=True, help="such as phone:0905123456")
    for name, words in _DATES.items():
        parser.add_argument(f"--{name}", metavar="T", help=f"{words}; a date or RFC 3339 with an offset")


def _fill_withdraw(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("case_id", metavar="ID", help="the number of the case")
    parser.add_argument("--at", metavar="T", help="when it was withdrawn (default: now)")
