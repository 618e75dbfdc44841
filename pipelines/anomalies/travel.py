"""`impossible_travel`: two scans of a person so far apart that nobody can have gone from one to the other.

A venue whose registered place is wrong makes all its visitors look so fast. So venues come first: each such
pair of scans counts for that one of its two venues that has the larger share of them, and the pairs of a
venue that stands out no longer count for persons.
"""

from typing import Final, NamedTuple

import numpy as np

from pipelines.anomalies.scan_table import ScanTable, VenueTable
from pipelines.anomalies.tested_units import FlagTest, Units, flag_test, numbered, others_share
from pipelines.kernels.significance import FALSE_DISCOVERY_RATE, log_binomial_tail, log_poisson_tail, q_values
from pipelines.kernels.types import Bool, Float64, Int64
from pipelines.times import HOUR_US, MINUTE_US

KM_AN_HOUR: Final = 120.0
SLACK_KM: Final = 2.0
"""Coordinates of venues may be so wrong."""

SLACK_US: Final = 10 * MINUTE_US
"""Clocks of devices may be so wrong; two scans at the very same instant are not helped by that."""

MOVING: Final = ("railway_station", "wharf", "bus_station", "public_transport")
"""Types whose scans may be made on board, anywhere."""

RATE_AT_LEAST: Final = 1e-6
"""One pair in a million is taken for an error of the data, where the others have none."""

_TOLERANCE: Final = 3.0
_VENUE_SHARE_AT_LEAST: Final = 0.3  # a place that is wrong by a hundred kilometres makes more impossible
_EARTH_KM: Final = 6371.0088


class TravelPairs(NamedTuple):
    """Scans of a person that follow one another at two places.

    Attributes:
        person: int64[p], tokens, ascending.
        from_venue, to_venue: int64[p], numbers.
        impossible: bool[p].
    """

    person: Int64
    from_venue: Int64
    to_venue: Int64
    impossible: Bool


def travel_pairs(scans: ScanTable) -> TravelPairs:
    """Return the pairs of consecutive scans of a person at two venues of known places that do not move."""
    at = scans.by_person
    venue, person = scans.venue[at], scans.person_number[at]
    venues = scans.venues
    moving = np.isin(np.array(venues.types, dtype=object), MOVING)
    placed = ~np.isnan(venues.lat) & ~np.isnan(venues.lon)
    if moving.size:
        placed &= ~moving[venues.kind]
    is_placed = placed[venue]

    # Neighbours in (person, time) at two venues of known places.
    pair = np.flatnonzero(
        (person[1:] == person[:-1]) & (venue[1:] != venue[:-1]) & is_placed[1:] & is_placed[:-1]
    )
    occurred_us = scans.occurred_us[at]
    apart_us = occurred_us[pair + 1] - occurred_us[pair]
    too_far = distance_km(venues, venue[pair], venue[pair + 1]) - SLACK_KM
    # At one instant no clock error helps, so only the 2 km of slack remain.
    hours = np.where(apart_us == 0, 0, apart_us + SLACK_US) / HOUR_US
    return TravelPairs(scans.person[at[pair]], venue[pair], venue[pair + 1], too_far > KM_AN_HOUR * hours)


def distance_km(venues: VenueTable, one: Int64, other: Int64) -> Float64:
    """Compute the length of the great circle between venues; NaN where one has no place."""
    lat, lon = np.radians(venues.lat), np.radians(venues.lon)
    cosine = np.cos(lat)
    # Haversine: exact for small distances, where the cosine formula cancels.
    half = (
        np.sin((lat[other] - lat[one]) / 2) ** 2
        + cosine[one] * cosine[other] * np.sin((lon[other] - lon[one]) / 2) ** 2
    )
    length: Float64 = 2 * _EARTH_KM * np.arcsin(np.minimum(np.sqrt(half), 1.0))
    return length


def travel_of_venues(units: Units, pairs: TravelPairs) -> FlagTest:
    """Test the pairs of each venue; `value` is the share that is impossible, `expected` that of the others.

    Args:
        units: venues.
        pairs: as of `travel_pairs`.
    """
    places = units.scans.venues.ids.size
    hit = pairs.impossible
    whole = np.bincount(pairs.from_venue, minlength=places) + np.bincount(pairs.to_venue, minlength=places)
    touching = np.bincount(pairs.from_venue[hit], minlength=places) + np.bincount(
        pairs.to_venue[hit], minlength=places
    )
    # Each impossible pair is blamed on one end only, the one with more such pairs among its own.
    raw = touching / np.maximum(whole, 1)
    one, other = pairs.from_venue[hit], pairs.to_venue[hit]
    part = np.bincount(np.where(raw[one] >= raw[other], one, other), minlength=places)
    # From all places of the registry to those with scans.
    part, whole = part[units.ids], whole[units.ids]
    expected = others_share(part, whole, np.zeros(units.ids.size, np.int64))
    null = np.minimum(np.maximum(_TOLERANCE * np.nan_to_num(expected), _VENUE_SHARE_AT_LEAST), 1.0)
    log_p = log_binomial_tail(part, whole, null)
    value = part / np.maximum(whole, 1)
    return flag_test("impossible_travel", units.ids, value, expected, log_p, np.flatnonzero(whole > 0))


def travel_of_persons(pairs: TravelPairs, of_venues: FlagTest) -> FlagTest:
    """Test the pairs of each person; `value` counts the impossible ones, at the others' rate `expected`.

    Args:
        pairs: as of `travel_pairs`.
        of_venues: as of `travel_of_venues`; the pairs of its significant venues are left out.
    """
    # Only venues that stand out after Benjamini-Hochberg lose their pairs.
    q = q_values(np.exp(of_venues.log_p), of_venues.log_p.size)
    wrong = of_venues.unit[q <= FALSE_DISCOVERY_RATE]
    kept = ~(np.isin(pairs.from_venue, wrong) | np.isin(pairs.to_venue, wrong))
    number, persons = numbered(pairs.person[kept])
    whole = np.bincount(number, minlength=persons.size)
    part = np.bincount(number, pairs.impossible[kept], persons.size).astype(np.int64)
    # The rate of all other persons together; a person's own pairs are left out.
    rate = (part.sum() - part) / np.maximum(whole.sum() - whole, 1)
    expected = whole * np.maximum(rate, RATE_AT_LEAST)
    log_p = log_poisson_tail(part, expected)
    each = np.arange(persons.size)
    return flag_test("impossible_travel", persons, part.astype(np.float64), expected, log_p, each)
