from collections import Counter

import numpy as np
import pytest

from pipelines.simulate import habits
from pipelines.simulate.places import districts, make_places, place_codes
from pipelines.simulate.settings import DEFAULT_START, Knobs, Settings
from schemas.stay_rules import VENUE_TYPES


def places_of(venues, households=26, **knobs):
    settings = Settings(100, venues, 4, 1, DEFAULT_START, Knobs(**knobs))
    return make_places(settings, np.full(13, households // 13, np.int64))


def test_the_types_are_those_of_the_provincial_letter():
    assert sorted(habits.TYPES) == sorted(VENUE_TYPES)


def test_each_table_of_habits_has_a_row_for_each_type():
    tables = (habits.MOST_ZONES, habits.ZONE_LETTERS, habits.CAPACITIES, habits.VISIT_MINUTES, habits.WEIGHTS)
    assert {len(table) for table in tables} == {len(habits.TYPES)}
    assert sum(habits.SHARES) < 1.0
    assert abs(sum(habits.ROLE_SHARES) - 1.0) < 1e-9


def test_the_province_has_the_thirteen_districts_of_the_census():
    found = districts()
    assert len(found) == 13
    assert sum(district.population for district in found) == 1_231_697
    assert all(14.5 < district.lat < 15.5 and 108.2 < district.lon < 109.3 for district in found)


@pytest.mark.parametrize("venues", [17, 50, 1_000])
def test_there_is_a_place_of_every_type_once_there_are_seventeen(venues):
    places = places_of(venues)
    assert places.venues == venues
    assert set(places.table["kind"].tolist()) == set(range(len(habits.TYPES)))
    assert (places.table["kind"] != habits.HOME).sum() == venues


def test_the_only_place_of_a_tiny_world_is_a_shop():
    assert places_of(1).table["kind"].tolist()[0] == habits.SHOP


def test_districts_have_places_by_their_people():
    places = places_of(20_000)
    public = places.table[: places.venues]
    share = np.bincount(public["district"], minlength=13) / places.venues
    people = np.array([district.population for district in districts()])
    assert np.abs(share - people / people.sum()).max() < 0.005


def test_the_span_of_a_type_and_district_holds_its_places_and_no_others():
    places = places_of(300)
    for kind in range(len(habits.TYPES)):
        for district in range(13):
            first, number = places.span[kind, district]
            rows = places.table[first : first + number]
            assert (rows["kind"] == kind).all()
            assert (rows["district"] == district).all()
    assert places.span[:, :, 1].sum() == places.table.size


def test_codes_are_short_and_all_different():
    codes = place_codes(places_of(5_000, households=13_000)).tolist()
    assert len(set(codes)) == len(codes)
    assert max(map(len, codes)) <= 16


def test_the_registry_forgets_and_closes_as_many_places_as_asked():
    table = places_of(1_000, unregistered=0.1, closed=0.2).table[:1_000]
    assert (table["known"] == 0).sum() == 100
    assert (table["closed"] >= 0).sum() == 200
    assert not ((table["known"] == 0) & (table["closed"] >= 0)).any()


def test_in_a_world_of_twenty_places_one_is_unknown_and_one_closed():
    assert Counter(places_of(20).table["known"][:20].tolist())[0] == 1
    assert (places_of(20).table["closed"] >= 0).sum() == 1


def test_zones_and_ways_of_scanning_follow_their_knobs():
    table = places_of(20_000, zoned=0.5, one_way=0.3, guarded=0.2).table[:20_000]
    shares = np.bincount(table["mode"], minlength=6) / 20_000
    assert abs(shares[1] - 0.3) < 0.02
    assert abs(shares[2] - 0.2) < 0.02
    may = np.array(habits.MOST_ZONES)[table["kind"]]
    assert abs((table["zones"][may > 0] > 0).mean() - 0.5) < 0.02
    assert (table["zones"] <= may).all()
    assert not places_of(500, zoned=0.0).table["zones"].any()
