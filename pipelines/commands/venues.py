"""`truyvet venues`: register, close, move and list venues, and find codes that are not registered."""

import argparse
import json
import sys

from pipelines.terminal.options import add_keys, add_lake, add_output
from pipelines.terminal.output import write_rows
from pipelines.times import parse_instant
from schemas.stay_rules import VENUE_TYPES

EXAMPLE = """
truyvet venues add QNG-000001 --lake province --name "Chợ-Thu-Lộ" --type market --zone A1 A2 --district 522
truyvet venues import venues.csv --lake province
truyvet venues move BUS-76B --lake province --lat 15.12 --lon 108.8
truyvet venues close QNG-000001 --lake province --at 2021-08-01
truyvet venues list --lake province --history
truyvet venues unregistered --lake province
"""

_UNREGISTERED = (
    "list codes that were scanned and are not registered, with the registered code that was probably "
    "meant; a code that looks like an identifier of a person is not kept and is listed by its hash"
)
_PLACE = {
    "lat": "latitude, degrees",
    "lon": "longitude, degrees",
    "province": "code of the province",
    "district": "code of the district",
    "commune": "code of the commune",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command and of its actions."""
    does = parser.add_subparsers(
        dest="does", required=True, metavar="WHAT", help="add, import, list, close, move, unregistered"
    )
    for name, words, fill in (
        ("add", "register a venue", _fill_add),
        ("import", "register the venues of files", _fill_import),
        ("list", "show the registry", _fill_list),
        ("close", "close venues", _fill_close),
        ("move", "set where a vehicle is", _fill_move),
        ("unregistered", _UNREGISTERED, add_output),
    ):
        part = does.add_parser(name, description=words, epilog="", help=words)
        fill(part)
        add_lake(part)
        add_keys(part)


def run(args: argparse.Namespace) -> int:
    """Print rows of the registry, or the report of a change as one JSON line."""
    if args.does == "unregistered":
        from pipelines.registry.unregistered_codes import list_unregistered

        write_rows(list_unregistered(args.lake, keys=args.keys), args.format, args.output)
        return 0
    if args.does == "list":
        from pipelines.registry.listing import list_history, list_venues  # neither needs Beam

        if args.history:
            rows = list_history(args.lake, args.venues, keys=args.keys)
        else:
            rows = list_venues(args.lake, args.venues, keys=args.keys, district=args.district, kind=args.type)
        write_rows(rows, args.format, args.output)
        return 0
    print(json.dumps(_changed(args)))
    return 0


def _changed(args: argparse.Namespace) -> dict[str, object]:
    """Change the registry and return the report of the run that did it."""
    from pipelines.drivers.register_venues import add_venue, close_venues, import_venues, move_venue

    if args.does == "import":
        report = import_venues(args.lake, args.paths, keys=args.keys, any_district=args.any_district)
    elif args.does == "close":
        # Checked here: the driver takes the text as a cell of a registry.
        if args.at is not None:
            parse_instant(args.at, "--at")
        report = close_venues(args.lake, args.venues, args.at, keys=args.keys)
    else:
        place = {"lat": args.lat, "lon": args.lon}
        place |= {f"{name}_code": getattr(args, name) for name in ("province", "district", "commune")}
        # Only what was given, so that a move leaves the rest of the venue alone.
        place = {name: value for name, value in place.items() if value is not None}
        if args.does == "move":
            report = move_venue(args.lake, args.venue, place, keys=args.keys)
        else:
            said = {name: getattr(args, name) for name in ("venue", "name", "type", "capacity", "timezone")}
            dates = {"registered_at": args.registered_at}
            zones = {"zone": ";".join(args.zone) or None}
            report = add_venue(args.lake, said | zones | place | dates, keys=args.keys, replace=args.replace)
    for note in report.notes:
        print(f"truyvet venues: {note}", file=sys.stderr)
    return report.counts()


def _fill_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("venue", metavar="VENUE", help="its code; up to 16 bytes fit into a printed QR code")
    parser.add_argument("--name", help="what people call the place")
    parser.add_argument("--type", required=True, choices=VENUE_TYPES, help="sets how long a stay lasts")
    parser.add_argument(
        "--zone", nargs="+", action="extend", default=[], help="floors, tables or coaches, up to 6 bytes each"
    )
    _fill_place(parser)
    parser.add_argument("--capacity", type=int, metavar="N", help="people it holds")
    parser.add_argument("--timezone", metavar="NAME", help="IANA name (default: Asia/Ho_Chi_Minh)")
    parser.add_argument("--registered-at", metavar="T", help="for information only")
    parser.add_argument("--replace", action="store_true", help="replace a venue that is registered already")


def _fill_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files as truyvet run --venues takes them")
    parser.add_argument("--any-district", action="store_true", help="accept unknown districts")


def _fill_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("venues", nargs="*", metavar="VENUE", help="list only these venues")
    parser.add_argument("--district", metavar="CODE", help="only venues of this district")
    parser.add_argument("--type", choices=VENUE_TYPES, help="only venues of this type")
    parser.add_argument("--history", action="store_true", help="show a row for each change instead")
    add_output(parser)


def _fill_close(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("venues", nargs="+", metavar="VENUE", help="venue codes")
    parser.add_argument(
        "--at", metavar="T", help="closed from then on (default: now); an earlier closing stands"
    )


def _fill_move(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("venue", metavar="VENUE", help="the code of a vehicle")
    _fill_place(parser)


def _fill_place(parser: argparse.ArgumentParser) -> None:
    for name, words in _PLACE.items():
        kind = float if name in ("lat", "lon") else str
        parser.add_argument(f"--{name}", type=kind, metavar="X" if kind is float else "CODE", help=words)
