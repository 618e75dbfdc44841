"""`impossible_travel`: where nobody can have gone from one scan to the next."""

import numpy as np
import pytest

from pipelines.anomalies.travel import distance_km, travel_of_persons, travel_of_venues, travel_pairs
from tests.anomalies.drawn_scans import drawn, flagged, row_of, units, venues

HANOI, SAIGON = (21.0285, 105.8542), (10.8231, 106.6297)


def pairs_of(minutes, *, types=("shop", "shop"), north=1.0):
    """The pairs of a person at two venues some degrees apart, some minutes one after the other."""
    places = venues(types, lat=[15.0, 15.0 + north], lon=[108.8, 108.8])
    return travel_pairs(drawn([(1, 0, 0), (1, 1, minutes)], places))


def test_the_way_from_hanoi_to_saigon():
    (lat, lon) = zip(HANOI, SAIGON, strict=True)
    places = venues(["shop"] * 2, lat=lat, lon=lon)
    assert distance_km(places, np.array([0]), np.array([1]))[0] == pytest.approx(1138, abs=3)


@pytest.mark.parametrize(
    ("minutes", "km", "impossible"),
    [
        (60, 141.0, False),  # 120 km/h over 60 + 10 minutes are 140 km, and 2 km of coordinates
        (60, 143.0, True),
        (0, 1.9, False),
        (0, 2.1, True),  # at one instant no clock helps
        (0.001, 21.9, False),
        (0.001, 22.1, True),
    ],
)
def test_the_limits_of_what_is_possible(minutes, km, impossible):
    assert pairs_of(minutes, north=km / 111.19492664).impossible.tolist() == [impossible]


def test_scans_on_board_and_at_unknown_places_are_no_pairs():
    assert pairs_of(1, types=("shop", "public_transport")).person.size == 0
    assert pairs_of(1, north=float("nan")).person.size == 0
    assert travel_pairs(drawn([(1, 0, 0), (2, 1, 1)], venues(["shop"] * 2))).person.size == 0


def test_a_venue_at_a_wrong_place_is_flagged_and_neither_its_neighbours_nor_its_visitors(clean):
    rows, places = clean
    moved = venues(["shop"] * 40, lat=np.where(np.arange(40) == 7, 17.5, places.lat), lon=places.lon)
    scans = drawn(rows, moved)
    pairs = travel_pairs(scans)
    of_venues = travel_of_venues(units(scans), pairs)
    assert flagged(of_venues) == [7]
    assert row_of(of_venues, 7)[0] > 0.5
    assert row_of(of_venues, 7)[1] == 0.0
    assert flagged(travel_of_persons(pairs, of_venues)) == []


def test_a_person_in_two_cities_at_once_is_flagged(clean):
    rows, places = clean
    far = venues(["shop"] * 41, lat=[*places.lat, 21.0], lon=[*places.lon, 105.8])
    twice = [(5, 40, day * 1440 + 720) for day in range(3)]
    others = [(1000 + one, 40, day * 1440 + 600 + one) for one in range(60) for day in range(3)]
    scans = drawn(rows + twice + others, far)
    pairs = travel_pairs(scans)
    found = travel_of_persons(pairs, travel_of_venues(units(scans), pairs))
    assert flagged(found) == [5]
    assert row_of(found, 5)[0] >= 3


def test_one_impossible_pair_among_three_people_stands_out():
    places = venues(["shop"] * 2, lat=[HANOI[0], SAIGON[0]], lon=[HANOI[1], SAIGON[1]])
    scans = drawn([(1, 0, 0), (1, 1, 30), (2, 0, 0), (2, 1, 3000), (3, 0, 0), (3, 1, 3000)], places)
    pairs = travel_pairs(scans)
    found = travel_of_persons(pairs, travel_of_venues(units(scans), pairs))
    assert flagged(found) == [1]


def test_a_clean_town_has_none(clean):
    scans = drawn(*clean)
    pairs = travel_pairs(scans)
    of_venues = travel_of_venues(units(scans), pairs)
    assert not pairs.impossible.any()
    assert flagged(of_venues) == flagged(travel_of_persons(pairs, of_venues)) == []
