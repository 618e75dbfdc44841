"""Changes of the registry: each goes through `run`, and is checked, committed and recomputed as files are."""

import datetime as dt
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from pipelines.drivers.run import Report, run
from pipelines.errors import DataError, RefusedError, UsageError
from pipelines.ingest.reference_tables import VENUE_SOURCE, read_venues, upsert
from pipelines.lake import open_lake, read_table, snapshot
from pipelines.privacy.keys import load_keys
from pipelines.registry.lookalikes import Row, lookalikes, unjudged_provinces, unprintable, wrong_districts
from pipelines.terminal.options import keys_folder
from schemas.contract import load_contract

VEHICLE: Final = "public_transport"
"""The type of venues that move."""

_FIELDS: Final = tuple(field.name for field in load_contract("venue").fields)
_NOTICES: Final = 10


def import_venues(
    lake: str, paths: Sequence[str], *, keys: str | None = None, any_district: bool = False
) -> Report:
    """Register all venues of files; the last received of a code wins.

    Args:
        lake: folder or URL; it is made when there is none.
        paths: files, folders, globs or URLs.
        keys: folder of the keys; None is `LAKE.keys`.
        any_district: do not refuse districts that are not shipped.

    Raises:
        DataError: nothing is committed, since a file cannot be read or a district does not exist.
    """
    folder = keys_folder(keys, lake)
    opened = open_lake(lake, folder, create=True)
    registry = read_table(opened, "venues")
    given = read_venues(paths, load_keys(folder), registry)
    new = given.rows.to_pylist()
    wrong = [] if any_district else wrong_districts(new)
    if wrong:
        raise DataError(
            f"{len(wrong)} venues lie in districts that do not exist, {wrong[0]} first",
            "correct district_code and province_code, or import with --any-district",
        )
    report = run(lake, venues=paths, keys=keys)
    _notify(new, upsert(registry, given, VENUE_SOURCE).to_pylist())
    return report


def add_venue(
    lake: str, venue: Mapping[str, Any], *, keys: str | None = None, replace: bool = False
) -> Report:
    """Register a venue. Its earlier scans count from then on.

    Args:
        lake: folder or URL; it is made when there is none.
        venue: its fields as the contract names them; None is absent.
        keys: folder of the keys; None is `LAKE.keys`.
        replace: allow a code that is registered already, and forget what was registered.

    Raises:
        RefusedError: the code is registered already.
        UsageError: a field breaks its rule.
        DataError: it lies in a district that does not exist.
    """
    if not replace and venue["venue"] in _rows_if_any(lake, keys):
        raise RefusedError("the venue code is registered already", "choose another, or say --replace")
    return _put(lake, [venue], keys)


def close_venues(
    lake: str, venues: Sequence[str], at: str | None = None, *, keys: str | None = None
) -> Report:
    """Close venues from an instant on, by default from now on; later scans are unregistered.

    Raises:
        DataError: one of them is not registered.
    """
    known = _rows(lake, keys)
    _find(known, venues)
    closed_at = at or _now()
    return _put(lake, [_record(known[venue]) | {"closed_at": closed_at} for venue in venues], keys)


def move_venue(lake: str, venue: str, place: Mapping[str, Any], *, keys: str | None = None) -> Report:
    """Say where a vehicle is now; where it was stays in the history.

    Args:
        lake: folder or URL.
        venue: its code.
        place: the fields that change: `lat lon province_code district_code commune_code`.
        keys: folder of the keys; None is `LAKE.keys`.

    Raises:
        DataError: it is not registered.
        RefusedError: it is no vehicle.
        UsageError: nothing is said to change.
    """
    if not place:
        raise UsageError("it is not said where to", "name --lat and --lon, or another place")
    known = _rows(lake, keys)
    _find(known, [venue])
    if known[venue]["type"] != VEHICLE:
        raise RefusedError(
            f"only venues of type {VEHICLE} move",
            "close this one and add another, or correct it with add --replace",
        )
    return _put(lake, [{**_record(known[venue]), **place}], keys)


def _put(lake: str, records: Sequence[Mapping[str, Any]], keys: str | None) -> Report:
    """Import records as if they came in a file."""
    lines = [
        orjson.dumps({name: one[name] for name in _FIELDS if one.get(name) is not None}) for one in records
    ]
    with tempfile.TemporaryDirectory(prefix="truyvet-venues-") as folder:
        path = Path(folder, "venues.ndjson")
        path.write_bytes(b"\n".join([*lines, b""]))
        report = import_venues(lake, [str(path)], keys=keys)
    refused = report.others["venues"]["reasons"]
    if refused:
        raise UsageError(
            f"the venue is refused as {' and '.join(refused)}",
            "see the limits of its fields in schemas/DATA_DICTIONARY.md",
        )
    return report


def _rows(lake: str, keys: str | None) -> dict[str, Row]:
    opened = open_lake(lake, keys_folder(keys, lake))
    if snapshot(opened, "venues").version < 0:
        return {}
    return {row["venue_code"]: row for row in read_table(opened, "venues").to_pylist()}


def _rows_if_any(lake: str, keys: str | None) -> dict[str, Row]:
    try:
        return _rows(lake, keys)
    except DataError:  # there is no lake yet
        return {}


def _find(known: Mapping[str, Row], venues: Sequence[str]) -> None:
    """Make sure that venues are registered.

    Raises:
        DataError: some are not.
    """
    missing = sum(venue not in known for venue in venues)
    if missing:
        raise DataError(f"{missing} of the venues are not registered", "see truyvet venues list")


def _record(row: Row) -> dict[str, Any]:
    """A row of the table as a record of the contract."""
    record = {name: row.get(name) for name in _FIELDS} | {"venue": row["venue_code"]}
    return {
        name: value.isoformat() if isinstance(value, dt.datetime) else value for name, value in record.items()
    }


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


def _notify(new: Sequence[Row], registry: Sequence[Row]) -> None:
    """Point out on standard error what may be a mistake."""
    for words in _notices(new, registry):
        print(f"truyvet venues: {words}", file=sys.stderr)


def _notices(new: Sequence[Row], registry: Sequence[Row]) -> Iterator[str]:
    pairs = list(lookalikes(new, registry))
    for one, other in pairs[:_NOTICES]:
        yield f"{one} and {other} have the same name and place"
    if len(pairs) > _NOTICES:
        yield f"{len(pairs) - _NOTICES} more pairs have the same name and place"
    if count := unjudged_provinces(new):
        yield f"{count} venues lie in provinces whose districts are not known here"
    venues, zones = unprintable(new)
    if venues or zones:
        yield f"{venues} venue codes and {zones} zones are too long to be printed as QR codes"
