"""`truyvet qr`: make, print and decode the QR codes of venues, and manage the keys that sign them."""

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
from pipelines.terminal.output import counted, write_rows
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
    """Declare the flags of the command and of its actions."""
    does = parser.add_subparsers(
        dest="does", required=True, metavar="ACTION", help="make, print, decode or keys"
    )
    for name, words, fill in (
        ("make", "sign a code", _add_make),
        ("print", "draw posters", _add_print),
        ("decode", "read a code", _add_decode),
        ("keys", "manage the signing keys", _add_key_actions),
    ):
        fill(does.add_parser(name, description=words, epilog="", help=words))


def run(args: argparse.Namespace) -> int:
    """Carry out the action."""
    return {"make": _make, "print": _print, "decode": _decode, "keys": _keys}[args.does](args)


def decoded_rows(found: list[Decoded], keys: Path | None) -> pa.Table:
    """The contents of codes, one row each; a person appears as a token only.

    Raises:
        DataError: a code holds a person and the keys cannot be read.
    """
    rows = []
    for said in found:
        row = {name: getattr(said, name) or None for name in ("format", "authenticity", "reason")}
        row |= {name: getattr(said, name) or None for name in ("venue", "name", "zone", "direction")}
        ends = {"valid_from": said.valid_from_us, "valid_to": said.valid_to_us}
        rows.append({**row, **ends, "person": _token_of(said, keys)})
    return pa.Table.from_pylist(rows, _DECODED)


def _token_of(said: Decoded, keys: Path | None) -> int | None:
    # A refused code gives nobody; its person was never checked.
    if said.person is None or said.reason or keys is None:
        return None
    return key_files.token(load_keys(keys), canonical_person(said.person))


def _add_lake(parser: argparse.ArgumentParser, what: str) -> None:
    default = os.environ.get("TRUYVET_LAKE") or None
    parser.add_argument(
        "--lake", metavar="URL", default=default, help=f"{what}; TRUYVET_LAKE stands in for the flag"
    )
    add_keys(parser)


def _add_validity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", metavar="T", help="the code is valid from T on")
    parser.add_argument("--to", dest="last", metavar="T", help="the code is valid until T")


def _add_make(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("venue", metavar="VENUE", help="venue code, up to 16 bytes")
    parser.add_argument("--zone", default="", help="floor, table or coach; up to 6 bytes")
    parser.add_argument("--direction", default="", choices=DIRECTIONS, help="for an entrance or an exit")
    _add_validity(parser)
    parser.add_argument(
        "--rotate-minutes",
        type=float,
        metavar="M",
        help="make a series for a screen, one code every M minutes",
    )
    parser.add_argument(
        "--count", type=int, default=1, metavar="N", help="number of codes in the series (default: 1)"
    )
    _add_lake(parser, "the lake beside which the keys lie")
    add_output(parser)


def _add_print(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("venues", nargs="*", metavar="VENUE", help="codes of registered venues")
    parser.add_argument("--all", action="store_true", help="print all venues that are open")
    parser.add_argument("--zones", action="store_true", help="print a poster for each zone as well")
    parser.add_argument(
        "--direction",
        nargs="+",
        action="extend",
        default=[],
        choices=DIRECTIONS,
        help="print a poster for each direction instead of one for both",
    )
    _add_validity(parser)
    _add_lake(parser, "the lake whose registry to print")
    parser.add_argument(
        "--output", required=True, metavar="FILE", help="a .pdf, .png or .svg file, or a folder for pictures"
    )
    parser.add_argument(
        "--kind", choices=KINDS, help="file type (default: by the ending of --output; png in a folder)"
    )


def _add_decode(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "text", metavar="TEXT|IMAGE", help="the text of a code, a picture, or - to read one code per line"
    )
    parser.add_argument("--at", metavar="T", help="when the code was scanned (default: now)")
    _add_lake(parser, "the lake beside which the keys lie")
    add_output(parser)


def _add_key_actions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=_KEY_ACTIONS,
        help="list (the default), new (retires older keys), revoke or trust",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help=f"for revoke: the ID of the key; for trust: {' or '.join(ISSUERS)}, an ID and a file",
    )
    parser.add_argument("--at", metavar="T", help="for revoke: refuse codes scanned from T on (default: now)")
    _add_lake(parser, "the lake beside which the keys lie")
    add_output(parser)


def _make(args: argparse.Namespace) -> int:
    rotate = None if args.rotate_minutes is None else round(args.rotate_minutes * 60)
    first = _seconds(args.first, "--from")
    # A series begins now unless a time is given.
    if rotate is not None and first is None:
        first = int(time.time())
    content = CodeContent(args.venue, args.zone, args.direction, first, _seconds(args.last, "--to"))
    folder = keys_folder(args.keys, args.lake)
    write_rows(make_codes(content, folder, rotate_seconds=rotate, count=args.count), args.format, args.output)
    return 0


def _print(args: argparse.Namespace) -> int:
    if bool(args.venues) == args.all:
        raise UsageError("either venues or --all must be given", "name venues, or add --all")
    if not args.lake:
        raise UsageError("--lake is missing", "name the lake whose registry to print")
    folder, output = keys_folder(args.keys, args.lake), Path(args.output)
    kind = args.kind or output.suffix.lower().removeprefix(".") or "png"
    # A folder may be given for pictures; a PDF is one file.
    if kind not in KINDS or (kind == "pdf" and output.suffix.lower() != ".pdf"):
        raise UsageError("--output has an unknown ending", f"end its name in one of .{' .'.join(KINDS)}")
    registry = read_table(open_lake(args.lake, folder), "venues")
    places = places_to_print(registry, args.venues, dt.datetime.now(dt.UTC))
    ends = (_seconds(args.first, "--from"), _seconds(args.last, "--to"))
    # Each direction once, in the order given.
    posters = posters_of(places, Wanted(args.zones, tuple(dict.fromkeys(args.direction)), *ends), folder)
    if kind != "pdf" and output.suffix and len(posters) != 1:
        raise UsageError(f"{len(posters)} posters do not fit one picture", "name a folder, or a .pdf")
    files = write_posters(posters, output, kind)
    print(f"{len(posters)} posters of {len(places)} venues in {len(files)} files", file=sys.stderr)
    return 0


def _decode(args: argparse.Namespace) -> int:
    # Keys are optional: without them codes are read and graded unsigned.
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
    """The codes in a text, a picture or standard input."""
    if given == "-":
        # Bytes: a code may hold any, and the decoder decides what text it is.
        return [line for line in sys.stdin.buffer.read().splitlines() if line.strip()]
    if not _is_file(given):
        return [given]
    from pipelines.codes.read_picture import read_picture  # loads the reader of pictures

    codes = read_picture(Path(given))
    if not codes:
        raise DataError(f"{given} holds no readable QR code", "take the picture closer and sharper")
    return codes


def _is_file(given: str) -> bool:
    try:
        return Path(given).is_file()
    except PermissionError:
        raise
    except (OSError, ValueError):  # too long or with a zero byte, so not the name of a file
        return False


def _keys(args: argparse.Namespace) -> int:
    folder = keys_folder(args.keys, args.lake)
    if args.action == "new":
        if args.words:
            raise UsageError("qr keys new takes no arguments", "see truyvet qr keys --help")
        # Made where there are none: codes can be printed before the lake exists.
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
    """Make keys before their lake, as `truyvet token` does; never beside a lake that has lost its own."""
    # Opening the lake raises when its keys are gone; new ones would not fit its tokens.
    if folder.name.endswith(".keys") and Path(f"{str(folder)[: -len('.keys')]}", "lake.json").exists():
        open_lake(str(folder)[: -len(".keys")], folder)
    create_keys(folder)


def _words(words: list[str], count: int) -> list[str]:
    if len(words) != count:
        raise UsageError(f"exactly {counted(count, 'argument')} must follow", "see truyvet qr keys --help")
    return words


def _seconds(text: str | None, flag: str) -> int | None:
    return None if text is None else parse_instant(text, flag) // SECOND_US
