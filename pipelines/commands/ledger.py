"""`truyvet ledger`: the questions asked of a lake, and whether the record of them is whole."""

import argparse
import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.errors import DataError
from pipelines.privacy.ledger import ledger_folder
from pipelines.privacy.ledger_check import check_ledger, entries
from pipelines.terminal.options import add_lake, add_output
from pipelines.terminal.output import counted, write_rows
from schemas.tables import INSTANT

EXAMPLE = """
truyvet ledger show --lake province
truyvet ledger check --lake province --list list-2021-08-01 list-2021-08-02
truyvet ledger head --lake province
"""

_COLUMNS = (
    *("seq", "at", "actor", "role", "purpose", "command", "cases", "rule"),
    *("lake_version", "arguments", "previous", "mac"),
)
_TYPES = {"seq": pa.int64(), "lake_version": pa.int64(), "at": INSTANT}
_SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in _COLUMNS])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command and of its actions."""
    does = parser.add_subparsers(dest="does", required=True, metavar="WHAT", help="show, check, head")
    for name, words, fill in (
        ("show", "list the questions: who asked, when and why", add_output),
        ("check", "find the first line that was changed, dropped, swapped, doubled or cut off", _fill_check),
        ("head", "print the end of the chain, for a witness to keep", None),
    ):
        part = does.add_parser(name, description=words, epilog="", help=words)
        if fill is not None:
            fill(part)
        add_lake(part)
        part.add_argument("--ledger", metavar="DIR", help="folder of the ledger (default: LAKE.ledger)")


def run(args: argparse.Namespace) -> int:
    """Print lines of the ledger, whether it is whole, or its head as one JSON line."""
    folder = ledger_folder(args.lake, args.ledger)
    if args.does == "show":
        write_rows(_rows(folder), args.format, args.output)
        return 0
    from pipelines.export import check_list  # needs what lists are made with, which the others need not

    # Lists are checked themselves before they witness anything.
    witnesses = [check_list(path).manifest.ledger for path in getattr(args, "list", [])]
    head, flaw = check_ledger(folder, witnesses)
    if flaw is not None:
        raise DataError(f"the ledger {folder} is damaged: {flaw}", "keep it as it is and restore a backup")
    if args.does == "head":
        print(json.dumps({"seq": head.seq, "mac": head.mac}))
    else:
        beside = f", and {counted(len(witnesses), 'list')} agree" if witnesses else ""
        print(f"{folder}: {counted(head.seq, 'line')}, all sound{beside}")
    return 0


def _fill_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--list",
        metavar="DIR",
        nargs="+",
        action="extend",
        default=[],
        help="exposure lists, which carry the head of the ledger and show a tail that was cut off",
    )


def _rows(folder: Path) -> pa.Table:
    """The lines as rows; `cases` joined by `;`, `arguments` as JSON.

    Raises:
        DataError: a line is none of a ledger.
    """
    try:
        return pa.Table.from_pylist([_row(entry) for entry in entries(folder)], _SCHEMA)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the ledger {folder} is damaged", "see truyvet ledger check") from error


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **entry,
        "at": dt.datetime.fromisoformat(entry["at"]),
        "cases": ";".join(entry["cases"]),
        "arguments": json.dumps(entry["arguments"], ensure_ascii=False, sort_keys=True),
    }
