"""Likely mistakes in a registry: districts that do not exist, venues that are registered twice."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pipelines.codes.own import VENUE_BYTES, ZONE_BYTES
from schemas.districts import provinces_by_district

Row = Mapping[str, Any]
"""A row of the table `venues`, by column."""

_SAME_PLACE_METRES: Final = 100.0
_METRES_A_DEGREE: Final = 111_320.0


def wrong_districts(rows: Iterable[Row]) -> list[str]:
    """Return the codes of venues in districts that do not exist.

    Only provinces whose districts are shipped can be judged. A district without a
    province must be one of theirs.
    """
    return [row["venue_code"] for row in rows if not _may_exist(row["district_code"], row["province_code"])]


def unjudged_provinces(rows: Iterable[Row]) -> int:
    """Count the venues in provinces whose districts are not shipped."""
    shipped = set(provinces_by_district().values())
    return sum(row["province_code"] is not None and row["province_code"] not in shipped for row in rows)


def lookalikes(new: Iterable[Row], registry: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Find pairs of venue codes with the same name and place, at least one of them new.

    The registry names no owners, so only name and place are compared: the same
    letters regardless of case and blanks, in one district, and within 100 metres if
    both have coordinates. Closed venues do not count.

    Args:
        new: rows that were added or changed.
        registry: all rows, the new ones included.
    """
    fresh = {row["venue_code"] for row in new}
    by_name: dict[tuple[str, str | None], list[Row]] = {}
    for row in registry:
        if row["name"] and row["closed_at"] is None:
            key = (" ".join(row["name"].casefold().split()), row["district_code"])
            by_name.setdefault(key, []).append(row)
    for rows in by_name.values():
        for place, row in enumerate(rows):
            for other in rows[place + 1 :]:
                first, second = sorted((row["venue_code"], other["venue_code"]))
                if fresh.intersection((first, second)) and _near(row, other):
                    yield first, second


def unprintable(rows: Iterable[Row]) -> tuple[int, int]:
    """Count the venue codes and the zones that are too long for an own QR code."""
    zones = {zone for row in rows for zone in (row["zone"] or "").split(";")}
    venues = sum(len(row["venue_code"].encode()) > VENUE_BYTES for row in rows)
    return venues, sum(len(zone.strip().encode()) > ZONE_BYTES for zone in zones)


def _near(one: Row, other: Row) -> bool:
    """Tell whether two venues may be the same place; without coordinates they may."""
    where = [row[axis] for row in (one, other) for axis in ("lat", "lon")]
    if None in where:
        return True
    # Flat geometry will do within a hundred metres.
    north = (where[0] - where[2]) * _METRES_A_DEGREE
    east = (where[1] - where[3]) * _METRES_A_DEGREE * math.cos(math.radians(where[0]))
    return math.hypot(north, east) <= _SAME_PLACE_METRES


def _may_exist(district: str | None, province: str | None) -> bool:
    known = provinces_by_district()
    if district is None or (province is not None and province not in known.values()):
        return True
    return district in known and province in (None, known[district])
