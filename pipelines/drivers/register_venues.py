"""Changes of the registry: each goes through `run`, and is checked, committed and recomputed as files are."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pipelines.drivers.records_file import records_file
from pipelines.drivers.run import Report, run
from pipelines.errors import DataError, RefusedError, UsageError
from pipelines.ingest.reference_tables import UpsertedInput, read_venues
from pipelines.lake import Lake, open_lake, read_table, snapshot
from pipelines.privacy.keys import load_keys
from pipelines.registry.lookalikes import Row, lookalikes, unjudged_provinces, unprintable, wrong_districts
from pipelines.terminal.options import keys_folder
from pipelines.terminal.output import quoted
from schemas.contract import load_contract

VEHICLE: Final = "public_transport"
"""The type of venues that move."""

_FIELDS: Final = tuple(field.name for field in load_contract("venue").fields)
_NOTICES: Final = 10


def import_venues(
    lake: str,
    paths: Sequence[str],
    *,
    keys: str | None = None,
    any_district: bool = False,
) -> Report:
    """Register all venues of files; of a venue's fields the last received counts.

    Args:
        lake: folder or URL; it is made if it does not exist.
        paths: files, folders, globs or URLs.
        keys: folder of the keys; None is `LAKE.keys`.
        any_district: do not refuse districts that are not shipped.

    Returns:
        The report of the run, its notes followed by what else may be a mistake.

    Raises:
        DataError: a file cannot be read or a district does not exist; nothing is committed.
    """
    # A first reading before the run: with a wrong district nothing must be committed.
    opened, given = _read(lake, paths, keys)
    new = given.rows.to_pylist()
    wrong = [] if any_district else wrong_districts(new)
    if wrong:
        raise DataError(
            f"{len(wrong)} venues lie in districts that do not exist, {wrong[0]} first",
            "correct district_code and province_code, or import with --any-district",
        )
    report = run(lake, venues=paths, keys=keys)
    return _with_notes(report, _notices(new, read_table(opened, "venues").to_pylist()))


def add_venue(
    lake: str, venue: Mapping[str, Any], *, keys: str | None = None, replace: bool = False
) -> Report:
    """Register a venue. Its earlier scans count from then on.

    Args:
        lake: folder or URL; it is made if it does not exist.
        venue: its fields as the contract names them; None is absent.
        keys: folder of the keys; None is `LAKE.keys`.
        replace: allow a code that is registered already, and forget what was registered.

    Raises:
        RefusedError: the code is registered already.
        UsageError: a field breaks its rule.
        DataError: it lies in a district that does not exist.
    """
    if not replace and venue["venue"] in _rows_if_any(lake, keys):
        words = f"the venue code {quoted([venue['venue']])} is registered already"
        raise RefusedError(words, "choose another, or add --replace")
    # With `replace` all fields are sent: an empty cell clears what is known, an absent one keeps it.
    whole = {name: venue.get(name) for name in _FIELDS}
    return _put(lake, [whole if replace else _without_nulls(whole)], keys)


def close_venues(
    lake: str, venues: Sequence[str], at: str | None = None, *, keys: str | None = None
) -> Report:
    """Close venues from an instant on, by default from now on; later scans are unregistered.

    A venue that is closed already from an earlier instant on stays closed from then on.

    Raises:
        DataError: one of them is not registered.
    """
    known = _rows(lake, keys)
    _check_registered(known, venues)
    closed_at = at or _now()
    # `type` is a required field; the absent ones keep what is known.
    rows = [{"venue": venue, "type": known[venue]["type"], "closed_at": closed_at} for venue in venues]
    report = _put(lake, rows, keys)
    now_known = _rows(lake, keys)
    # An unchanged row means that an earlier closing stands.
    earlier = [venue for venue in dict.fromkeys(venues) if now_known[venue] == known[venue]]
    if earlier:
        words = f"closed by then already, and the earlier closing stands: {quoted(earlier)}"
        report = _with_notes(report, [words])
    return report


def move_venue(lake: str, venue: str, place: Mapping[str, Any], *, keys: str | None = None) -> Report:
    """Set where a vehicle is now; where it was stays in the history.

    Args:
        lake: folder or URL.
        venue: its code.
        place: the fields that change: `lat lon province_code district_code commune_code`.
        keys: folder of the keys; None is `LAKE.keys`.

    Raises:
        DataError: it is not registered.
        RefusedError: it is not a vehicle.
        UsageError: no field changes.
    """
    if not place:
        raise UsageError("the new place is missing", "give --lat and --lon, or another part of a place")
    known = _rows(lake, keys)
    _check_registered(known, [venue])
    if known[venue]["type"] != VEHICLE:
        raise RefusedError(
            f"only venues of type {VEHICLE} move",
            "close this one and add another, or correct it with add --replace",
        )
    return _put(lake, [{"venue": venue, "type": VEHICLE, **place}], keys)


def _read(lake: str, paths: Sequence[str], keys: str | None) -> tuple[Lake, UpsertedInput]:
    """Open the lake, or make it, and read a registry beside its own."""
    folder = keys_folder(keys, lake)
    opened = open_lake(lake, folder, create=True)
    return opened, read_venues(paths, load_keys(folder), read_table(opened, "venues"))


def _put(lake: str, records: Sequence[Mapping[str, Any]], keys: str | None) -> Report:
    """Import records as if they came in a file; what a file would drop is an error here.

    Raises:
        UsageError: a field breaks its rule; nothing is committed.
    """
    with records_file("venues", records) as path:
        _, given = _read(lake, [path], keys)
        wrong = [*(given.faults or given.reasons), *(f"an unreadable {name}" for name in given.dropped)]
        if wrong:
            raise UsageError(
                f"the venue is refused for {' and '.join(wrong)}",
                "; ".join(given.faults.values())
                or "see the limits of its fields in schemas/DATA_DICTIONARY.md",
            )
        return import_venues(lake, [path], keys=keys)


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


def _check_registered(known: Mapping[str, Row], venues: Sequence[str]) -> None:
    """Make sure that venues are registered.

    Raises:
        DataError: some are not.
    """
    missing = [venue for venue in dict.fromkeys(venues) if venue not in known]
    if missing:
        raise DataError(f"no venue of this lake is {quoted(missing)}", "see truyvet venues list")


def _without_nulls(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def _with_notes(report: Report, notes: Iterable[str]) -> Report:
    return replace(report, notes=(*report.notes, *notes))


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


def _notices(new: Sequence[Row], registry: Sequence[Row]) -> Iterator[str]:
    """Point out what may be a mistake."""
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
