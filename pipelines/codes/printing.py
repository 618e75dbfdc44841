"""Make our own codes and their posters, for one place or for a whole registry."""

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from pipelines.codes.own import VENUE_BYTES, ZONE_BYTES, CodeContent, make_code
from pipelines.codes.poster import Poster
from pipelines.codes.poster_files import write_pdf, write_png, write_svg
from pipelines.errors import DataError, ServiceError, UsageError
from pipelines.privacy.code_key_folders import signing_key
from pipelines.terminal.output import quoted, replacing
from pipelines.terminal.progress import progress
from pipelines.times import SECOND_US
from schemas.tables import INSTANT

KINDS: Final = ("pdf", "png", "svg")
DIRECTIONS: Final = ("in", "out")

_CODES = pa.schema(
    [
        *((name, pa.string()) for name in ("venue", "zone", "direction")),
        *((name, INSTANT) for name in ("valid_from", "valid_to")),
        *((name, pa.string()) for name in ("key", "code")),
    ]
)
_FILE_NAME = re.compile(r"[^0-9A-Za-z._-]+")


@dataclass(frozen=True)
class Wanted:
    """Which codes to make for a venue, and their validity.

    Attributes:
        zones: whether each zone of a venue gets a code too.
        directions: one code for each of these; without any, one code for both ways.
        valid_from: start of the validity, seconds since 1970, None without one.
        valid_to: end of the validity, exclusive, seconds since 1970, None without one.
    """

    zones: bool = False
    directions: Sequence[str] = ()
    valid_from: int | None = None
    valid_to: int | None = None


def make_codes(
    content: CodeContent, keys_folder: Path, *, rotate_seconds: int | None = None, count: int = 1
) -> pa.Table:
    """Make one signed code of a place, or a series of short-lived ones for a screen.

    Args:
        content: of the first code.
        keys_folder: the folder of the keys, one of which signs.
        rotate_seconds: how long each code of a series is shown. Each is valid twice as long, so
            that a code scanned while it changed still counts.
        count: the number of codes in the series.

    Returns:
        `venue zone direction valid_from valid_to key code`.

    Raises:
        UsageError: the content does not fit, or a series lacks a start.
        DataError: no key signs.
    """
    key_id, private = signing_key(keys_folder)
    series = [content]
    if rotate_seconds is not None:
        if content.valid_from is None or rotate_seconds < 1 or count < 1:
            raise UsageError(
                "rotating codes need a start, and minutes and a count above 0",
                "write --from T --rotate-minutes M --count N",
            )
        begins = itertools.islice(itertools.count(content.valid_from, rotate_seconds), count)
        series = [replace(content, valid_from=at, valid_to=at + 2 * rotate_seconds) for at in begins]
    rows = [
        {
            "venue": one.venue,
            "zone": one.zone or None,
            "direction": one.direction or None,
            "valid_from": None if one.valid_from is None else one.valid_from * SECOND_US,
            "valid_to": None if one.valid_to is None else one.valid_to * SECOND_US,
            "key": key_id,
            "code": make_code(one, private),
        }
        for one in series
    ]
    return pa.Table.from_pylist(rows, _CODES)


def places_to_print(registry: pa.Table, venues: Sequence[str], now: dt.datetime) -> list[dict[str, Any]]:
    """Select the venues named, or all open venues in the order of their codes.

    Args:
        registry: the table `venues`.
        venues: venue codes; empty for all open venues.
        now: venues that closed at or before this instant are left out.

    Raises:
        DataError: a venue named is not registered.
    """
    known = {row["venue_code"]: row for row in registry.to_pylist()}
    if not venues:
        rows = [row for row in known.values() if row["closed_at"] is None or row["closed_at"] > now]
        return sorted(rows, key=lambda row: str(row["venue_code"]))
    unknown = [venue for venue in venues if venue not in known]
    if unknown:
        raise DataError(f"no venue of this lake is {quoted(unknown)}", "see truyvet venues list")
    # In the order given, each once.
    return [known[venue] for venue in dict.fromkeys(venues)]


def posters_of(places: Iterable[dict[str, Any]], wanted: Wanted, keys_folder: Path) -> list[Poster]:
    """Make the posters of places, those of one place together.

    Raises:
        UsageError: a venue or a zone is too long for a code.
        DataError: no key signs.
    """
    key_id, private = signing_key(keys_folder)
    # All contents first: a code that is too long is refused before anything is written.
    contents = [(place, content) for place in places for content in _contents(place, wanted)]
    _refuse_long(contents)
    return [
        Poster(
            code=make_code(content, private),
            venue=content.venue,
            name=place["name"] or "",
            zone=content.zone,
            direction=content.direction,
            key_id=key_id,
            valid_from_us=None if content.valid_from is None else content.valid_from * SECOND_US,
            valid_to_us=None if content.valid_to is None else content.valid_to * SECOND_US,
        )
        for place, content in contents
    ]


def write_posters(posters: Sequence[Poster], output: Path, kind: str) -> list[Path]:
    """Write posters: one PDF of all, or one picture each, several of them into a folder.

    Returns:
        The files written.

    Raises:
        ServiceError: a file cannot be written.
    """
    try:
        with progress("Draw posters", len(posters), "poster") as done:
            if kind == "pdf":
                with replacing(output) as sink:
                    write_pdf(_counted(posters, done), sink)
                return [output]
            write = write_png if kind == "png" else write_svg
            paths = [output] if output.suffix else _names(posters, output, kind)
            for poster, path in zip(_counted(posters, done), paths, strict=True):
                with replacing(path) as sink:
                    write(poster, sink)
            return paths
    except OSError as error:
        raise ServiceError(f"{output} cannot be written", error.strerror or "name another file") from error


def _counted(posters: Iterable[Poster], done: Any) -> Iterator[Poster]:
    for poster in posters:
        yield poster
        done(1)


def _names(posters: Sequence[Poster], folder: Path, kind: str) -> list[Path]:
    """Name one file per poster in a new folder; numbered, since two venue codes may give one file name."""
    folder.mkdir(0o700, parents=True, exist_ok=True)
    width = len(str(len(posters)))
    return [
        folder
        / (
            f"{number:0{width}}-"
            + "-".join(
                _FILE_NAME.sub("_", part) for part in (poster.venue, poster.zone, poster.direction) if part
            )
            + f".{kind}"
        )
        for number, poster in enumerate(posters, 1)
    ]


def _contents(place: dict[str, Any], wanted: Wanted) -> Iterator[CodeContent]:
    # The empty zone is the code of the whole place.
    zones = ["", *(place["zone"] or "").split(";")] if wanted.zones else [""]
    for zone in dict.fromkeys(name.strip() for name in zones):
        for direction in wanted.directions or ("",):
            yield CodeContent(place["venue_code"], zone, direction, wanted.valid_from, wanted.valid_to)


def _refuse_long(contents: Iterable[tuple[dict[str, Any], CodeContent]]) -> None:
    """Check all codes before any poster is written.

    Raises:
        UsageError: a venue or a zone is too long for a code.
    """
    names = [content for _, content in contents]
    venues = {name.venue for name in names if len(name.venue.encode()) > VENUE_BYTES}
    zones = {name.zone for name in names if len(name.zone.encode()) > ZONE_BYTES}
    if venues:
        remedy = f"register them by codes of at most {VENUE_BYTES} bytes"
        raise UsageError(f"{len(venues)} venue codes are too long for a QR code, {min(venues)} first", remedy)
    if zones:
        remedy = f"give them names of at most {ZONE_BYTES} bytes, or print without --zones"
        raise UsageError(f"{len(zones)} zones are too long for a QR code, {min(zones)} first", remedy)
