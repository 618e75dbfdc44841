"""`truyvet qr`: make, print and decode the codes of places, and keep the keys that sign them."""

import argparse
import datetime as dt
import os
import sys
import time
from pathlib import Path
from typing import Final

import pyarrow as pa

from pipelines.codes.decoded import Decoded
from pipelines.codes.decoder import decode, valid_at
from pipelines.codes.own import CodeContent
from pipelines.codes.printing import (
    DIRECTIONS,
    KINDS,
    Wanted,
    make_codes,
    places_to_print,
    posters_of,
    write_posters,
)
from pipelines.errors import DataError, UsageError
from pipelines.lake import open_lake, read_table
from pipelines.privacy import keys as key_files
from pipelines.privacy.code_key_folders import ISSUERS, list_keys, make_key, revoke_key, trust_key
from pipelines.privacy.code_keys import NO_KEYS, load_code_keys
from pipelines.privacy.identifiers import canonical_person
from pipelines.privacy.keys import create_keys, load_keys
from pipelines.terminal.options import add_keys, add_output, keys_folder
from pipelines.terminal.output import write_rows
from pipelines.times import SECOND_US, parse_instant
from schemas.tables import INSTANT

EXAMPLE = """
truyvet qr keys new --keys province.keys
truyvet qr make QNG-000001 --zone T2 --direction in --keys province.keys
truyvet qr print --all --lake province --output posters.pdf
truyvet qr decode --keys province.keys --format json poster.png
"""

_KEY_ACTIONS: Final = ("list", "new", "revoke", "trust")
_DECODED = pa.schema(
    [
        *((name, pa.string()) for name in ("format", "authenticity", "reason", "venue", "name")),
        *((name, INSTANT) for name in ("valid_from", "valid_to")),
        *((name, pa.string()) for name in ("zone", "direction")),
        ("person", pa.int64()),
    ]
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the command and of what it can do."""
    does = parser.add_subparsers(dest="does", required=True, metavar="WHAT", help="make, print, decode, keys")
    _add_make(does.add_parser("make", description="sign a code", epilog="", help="sign a code"))
    _add_print(does.add_parser("print", description="draw posters", epilog="", help="draw posters"))
    _add_decode(does.add_parser("decode", description="read a code", epilog="", help="read a code"))
    _add_key_actions(does.add_parser("keys", description="keep the keys", epilog="", help="keep the keys"))


def run(args: argparse.Namespace) -> int:
    """Do what is asked for."""
    return {"make": _make, "print": _print, "decode": _decode, "keys": _keys}[args.does](args)


def decoded_rows(found: list[Decoded], keys: Path | None) -> pa.Table:
    """What codes say, a row each; of a person nothing but the token.

    Raises:
        DataError: a person is asked for a token, and the keys cannot be read.
    """
    rows = []
    for said in found:
        row = {name: getattr(said, name) or None for name in ("format", "authenticity", "reason")}
        row |= {name: getattr(said, name) or None for name in ("venue", "name", "zone", "direction")}
        ends = {"valid_from": said.valid_from_us, "valid_to": said.valid_to_us}
        rows.append({**row, **ends, "person": _token_of(said, keys)})
    return pa.Table.from_pylist(rows, _DECODED)


def _token_of(said: Decoded, keys: Path | None) -> int | None:
    if said.person is None or said.reason or keys is None:
        return None
    return key_files.token(load_keys(keys), canonical_person(said.person))


def _add_lake(parser: argparse.ArgumentParser, what: str) -> None:
    default = os.environ.get("TRUYVET_LAKE") or None
    parser.add_argument("--lake", metavar="URL", default=default, help=f"{what}; or TRUYVET_LAKE")
    add_keys(parser)


def _add_validity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", metavar="T", help="the code holds from then on")
    parser.add_argument("--to", dest="last", metavar="T", help="the code holds until then")


def _add_make(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("venue", metavar="VENUE", help="venue code, up to 16 bytes")
    parser.add_argument("--zone", default="", help="floor, table or coach, up to 6 bytes")
    parser.add_argument("--direction", default="", choices=DIRECTIONS, help="of an entrance or an exit")
    _add_validity(parser)
    parser.add_argument(
        "--rotate-minutes", type=float, metavar="M", help="make a series for a screen, a code every M minutes"
    )
    parser.add_argument("--count", type=int, default=1, metavar="N", help="codes of the series (default: 1)")
    _add_lake(parser, "the lake beside which the keys lie")
    add_output(parser)


def _add_print(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("venues", nargs="*", metavar="VENUE", help="venue codes that are registered")
    parser.add_argument("--all", action="store_true", help="all venues that are open")
    parser.add_argument("--zones", action="store_true", help="also a poster for each zone")
    parser.add_argument(
        "--direction",
        nargs="+",
        action="extend",
        default=[],
        choices=DIRECTIONS,
        help="a poster for each, instead of one for both ways",
    )
    _add_validity(parser)
    _add_lake(parser, "the lake whose registry is printed")
    parser.add_argument(
        "--output", required=True, metavar="FILE", help="a .pdf, .png or .svg, or a folder for pictures"
    )
    parser.add_argument("--kind", choices=KINDS, help="of the files (default: by the name, in a folder png)")


def _add_decode(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "text", metavar="TEXT|IMAGE", help="the text of a code, a picture, or - for a line a code"
    )
    parser.add_argument("--at", metavar="T", help="when it was scanned (default: now)")
    _add_lake(parser, "the lake beside which the keys lie")
    add_output(parser)


def _add_key_actions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", default="list", choices=_KEY_ACTIONS, help="new retires those before"
    )
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help=f"revoke: ID; trust: {' or '.join(ISSUERS)}, its id, a file"
    )
    parser.add_argument("--at", metavar="T", help="revoke: codes scanned from then on (default: now)")
    _add_lake(parser, "the lake beside which the keys lie")
    add_output(parser)


def _make(args: argparse.Namespace) -> int:
    rotate = None if args.rotate_minutes is None else round(args.rotate_minutes * 60)
    first = _seconds(args.first, "--from")
    if rotate is not None and first is None:
        first = int(time.time())
    content = CodeContent(args.venue, args.zone, args.direction, first, _seconds(args.last, "--to"))
    folder = keys_folder(args.keys, args.lake)
    write_rows(make_codes(content, folder, rotate_seconds=rotate, count=args.count), args.format, args.output)
    return 0


def _print(args: argparse.Namespace) -> int:
    if bool(args.venues) == args.all:
        raise UsageError("it is not said what to print", "name venues, or --all")
    if not args.lake:
        raise UsageError("--lake is missing", "name the lake whose registry is printed")
    folder, output = keys_folder(args.keys, args.lake), Path(args.output)
    kind = args.kind or output.suffix.lower().removeprefix(".") or "png"
    if kind not in KINDS or (kind == "pdf" and output.suffix.lower() != ".pdf"):
        raise UsageError("--output has no kind", f"end its name with one of .{' .'.join(KINDS)}")
    registry = read_table(open_lake(args.lake, folder), "venues")
    places = places_to_print(registry, args.venues, dt.datetime.now(dt.UTC))
    ends = (_seconds(args.first, "--from"), _seconds(args.last, "--to"))
    posters = posters_of(places, Wanted(args.zones, tuple(dict.fromkeys(args.direction)), *ends), folder)
    if kind != "pdf" and output.suffix and len(posters) != 1:
        raise UsageError(f"{len(posters)} posters fit no single picture", "name a folder, or a .pdf")
    files = write_posters(posters, output, kind)
    print(f"{len(posters)} posters of {len(places)} venues in {len(files)} files", file=sys.stderr)
    return 0


def _decode(args: argparse.Namespace) -> int:
    folder = keys_folder(args.keys, args.lake) if args.keys or args.lake else None
    if folder is not None and not folder.is_dir():
        if args.keys:
            raise DataError(f"{folder} is missing", "name the folder of the keys with --keys")
        folder = None
    trusted = NO_KEYS if folder is None else load_code_keys(folder)
    at_us = time.time_ns() // 1000 if args.at is None else parse_instant(args.at, "--at")
    found = [valid_at(decode(text, trusted), at_us) for text in _texts(args.text)]
    write_rows(decoded_rows(found, folder), args.format, args.output)
    return 0


def _texts(given: str) -> list[str] | list[bytes]:
    """The codes that a text, a picture or standard input holds."""
    if given == "-":
        return [line for line in sys.stdin.buffer.read().splitlines() if line.strip()]
    if not _is_file(given):
        return [given]
    from pipelines.codes.read_picture import read_picture  # the reader is loaded where a picture is

    codes = read_picture(Path(given))
    if not codes:
        raise DataError(f"{given} holds no QR code", "take the picture nearer and sharper")
    return codes


def _is_file(given: str) -> bool:
    try:
        return Path(given).is_file()
    except (OSError, ValueError):  # too long, or with a zero byte: no name of a file
        return False


def _keys(args: argparse.Namespace) -> int:
    folder = keys_folder(args.keys, args.lake)
    if args.action == "new":
        if args.words:
            raise UsageError("qr keys new takes no words", "see truyvet qr keys --help")
        if not folder.is_dir():
            _make_folder(folder)
        print(make_key(folder))
        return 0
    if not folder.is_dir():
        raise DataError(f"{folder} is missing", "name the folder of the keys with --keys")
    if args.action == "revoke":
        [key_id] = _words(args.words, 1)
        revoke_key(folder, key_id, None if args.at is None else parse_instant(args.at, "--at"))
    elif args.action == "trust":
        issuer, name, source = _words(args.words, 3)
        trust_key(folder, issuer, name, Path(source))
    write_rows(list_keys(folder), args.format, args.output)
    return 0


def _make_folder(folder: Path) -> None:
    """Keys of a lake to be, as `truyvet token` makes them; never beside a lake that has lost its own."""
    if folder.name.endswith(".keys") and Path(f"{str(folder)[: -len('.keys')]}", "lake.json").exists():
        open_lake(str(folder)[: -len(".keys")], folder)
    create_keys(folder)


def _words(words: list[str], count: int) -> list[str]:
    if len(words) != count:
        raise UsageError(f"{count} words are needed", "see truyvet qr keys --help")
    return words


def _seconds(text: str | None, flag: str) -> int | None:
    return None if text is None else parse_instant(text, flag) // SECOND_US
