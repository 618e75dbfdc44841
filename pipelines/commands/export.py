"""`truyvet export`: a signed exposure list, or the check of one."""

import argparse
import sys
from pathlib import Path

from pipelines.errors import DataError, UsageError
from pipelines.export.format_names import ALL, DEFAULT, EXPIRES_DAYS, FORMATS
from pipelines.terminal.options import add_asker, add_keys, add_lake, add_trace_question
from pipelines.terminal.output import counted

EXAMPLE = """
truyvet export --lake LAKE --case BN-0001 --output list --reveal --authority-key authority.key
truyvet export --lake LAKE --case BN-0001 --output list-2 --since list --people people.csv --capacity 50
truyvet export --lake LAKE --all-cases --output all --format csv xlsx godata --lang en --follow-up-days 14
truyvet export --check list --fingerprint 5f2b0d...
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser, required=False)
    add_keys(parser)
    _add_question(parser)
    _add_look(parser)
    _add_sormas(parser)
    add_asker(parser)
    parser.add_argument("--check", metavar="DIR", help="check the list in DIR instead of writing one")
    parser.add_argument("--key", metavar="FILE", help="with --check: the public key of the signer")
    parser.add_argument("--fingerprint", metavar="HEX", help="with --check: or the SHA-256 of that key")


def _add_question(parser: argparse.ArgumentParser) -> None:
    add_trace_question(parser)
    parser.add_argument("--since", metavar="DIR", help="an earlier list: say what has changed since")


def _add_look(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", metavar="DIR", help="the folder of the list; new or empty")
    parser.add_argument(
        "--format",
        metavar="F",
        nargs="+",
        action="extend",
        default=[],
        help=f"some of {' '.join(FORMATS)}, or {ALL} (default: {' '.join(DEFAULT)})",
    )
    parser.add_argument("--lang", metavar="L", default="vi", help="vi or en (default: vi)")
    parser.add_argument(
        "--separator", metavar="S", default=",", help="field separator of CSV files: , or ; (default: ,)"
    )
    parser.add_argument("--reveal", action="store_true", help="open the identifiers; needs --authority-key")
    parser.add_argument("--authority-key", metavar="FILE", help="the authority's private key")
    parser.add_argument(
        "--people", metavar="FILE", help="your register, CSV: person,full_name,birth_year,sex,address,phone"
    )
    parser.add_argument("--follow-up-days", type=int, metavar="N", help="how long contacts are followed")
    parser.add_argument(
        "--expires-days",
        type=int,
        metavar="N",
        default=EXPIRES_DAYS,
        help=f"how long the list may be used (default: {EXPIRES_DAYS})",
    )


def _add_sormas(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--disease", metavar="D", default="", help="for sormas: its name of the disease")
    parser.add_argument("--region", metavar="R", default="", help="for sormas: its name of the region")
    parser.add_argument("--district", metavar="D", default="", help="for sormas: its name of the district")
    parser.add_argument(
        "--case-uuid", metavar="UUID", default="", help="for sormas: of the source case there, instead"
    )
    parser.add_argument(
        "--date-order",
        metavar="O",
        default="",
        help="for sormas: dmy or mdy, as the importing user writes",
    )


def run(args: argparse.Namespace) -> int:
    """Write a list, or check one."""
    return _check(args) if args.check is not None else _export(args)


def _export(args: argparse.Namespace) -> int:
    """Write a list and say where it lies, whose signature it has, and what must be said beside it."""
    from pipelines.commands.asking import asker_of
    from pipelines.export import ListOptions, SormasSettings, export

    # Neither is required by argparse, since --check needs none of them.
    if not args.lake:
        raise UsageError("--lake is missing", "name the lake, or set TRUYVET_LAKE")
    if not args.output:
        raise UsageError("--output is missing", "name the folder of the list")
    if args.key or args.fingerprint:
        raise UsageError("--key and --fingerprint go with --check", "leave them out")
    options = ListOptions(
        formats=args.format,
        lang=args.lang,
        separator=args.separator,
        reveal=args.reveal,
        authority_key=args.authority_key,
        people=args.people,
        follow_up_days=args.follow_up_days,
        since=args.since,
        expires_days=args.expires_days,
        capacity=args.capacity,
        humans=args.humans,
        sormas=SormasSettings(args.disease, args.region, args.district, args.case_uuid, args.date_order),
    )
    made = export(
        args.lake,
        args.case,
        args.rule,
        output=args.output,
        all_cases=args.all_cases,
        depth=args.depth,
        until=args.until,
        keys=args.keys,
        options=options,
        asker=asker_of(args),
    )
    people = sum(made.manifest.tiers.values())
    print(
        f"{made.folder}: {counted(people, 'person', 'people')}, {counted(len(made.manifest.files), 'file')}"
    )
    for file in made.manifest.files:
        print(f"  {file.name}")
    print(f"signed by key {made.manifest.key}")
    for note in made.notes:
        print(note, file=sys.stderr)
    return 0


def _check(args: argparse.Namespace) -> int:
    """Check a list and say what is known of it.

    Raises:
        DataError: it is damaged or has expired, or the ledger does not hold its line.
        RefusedError: it is signed by another key.
    """
    from pipelines.export import check_list
    from pipelines.privacy.ledger_check import check_ledger

    checked = check_list(args.check, key=args.key, fingerprint_hex=args.fingerprint)
    manifest = checked.manifest
    # The list is a witness: its head must be a line of that ledger.
    if args.ledger:
        _, flaw = check_ledger(Path(args.ledger), [manifest.ledger])
        if flaw is not None:
            raise DataError(
                f"the ledger {args.ledger} does not fit the list: {flaw}", "see truyvet ledger check"
            )
    print(f"{checked.folder}: signature and {counted(len(manifest.files), 'file')} are sound")
    print(
        f"cases {' '.join(manifest.cases)}, rule {manifest.rule}, made {manifest.created}, "
        f"expires {manifest.expires}"
    )
    # A key that travels with the list proves nothing.
    if not checked.known_key:
        print(
            f"signed by an unknown key, {checked.key}: compare it with one that you have from elsewhere, "
            "with --key or --fingerprint",
            file=sys.stderr,
        )
    return 0
