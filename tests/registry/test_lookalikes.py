import pytest

from pipelines.registry.lookalikes import lookalikes, unjudged_provinces, unprintable, wrong_districts


def venue(code, name=None, district=None, province=None, lat=None, lon=None, zone=None, closed_at=None):
    return {
        "venue_code": code,
        "name": name,
        "district_code": district,
        "province_code": province,
        "lat": lat,
        "lon": lon,
        "zone": zone,
        "closed_at": closed_at,
    }


@pytest.mark.parametrize(
    ("district", "province", "wrong"),
    [
        (None, None, False),
        (None, "51", False),
        ("522", None, False),
        ("522", "51", False),
        ("523", "51", True),
        ("523", None, True),
        ("526", "51", True),
        ("522", "48", False),
        ("490", "48", False),
        (" 522", "51", True),
    ],
)
def test_a_district_must_be_one_of_its_province_where_those_are_known(district, province, wrong):
    assert wrong_districts([venue("A", district=district, province=province)]) == (["A"] if wrong else [])


def test_provinces_whose_districts_are_not_known_are_counted():
    assert unjudged_provinces([venue("A", province="48"), venue("B", province="51"), venue("C")]) == 1


PAIR = {"name": "Chợ Thu Lộ", "district": "522", "lat": 15.12, "lon": 108.8}


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (PAIR, True),
        (PAIR | {"name": "chợ  THU lộ"}, True),
        (PAIR | {"name": "Chợ Thu Lo"}, False),
        (PAIR | {"district": "524"}, False),
        (PAIR | {"lat": 15.1205}, True),
        (PAIR | {"lat": 15.122}, False),
        (PAIR | {"lon": 108.8008}, True),
        (PAIR | {"lon": 108.802}, False),
        (PAIR | {"lat": None, "lon": None}, True),
        (PAIR | {"closed_at": "2021"}, False),
        (PAIR | {"name": None}, False),
    ],
)
def test_places_of_one_name_that_are_near_are_alike(other, alike):
    held, new = venue("A", **PAIR), venue("B", **other)
    assert list(lookalikes([new], [held, new])) == ([("A", "B")] if alike else [])


def test_two_old_rows_that_are_alike_are_not_reported():
    rows = [venue("A", **PAIR), venue("B", **PAIR), venue("C", name="Khác")]
    assert list(lookalikes(rows[2:], rows)) == []


def test_codes_and_zones_that_fit_no_code_of_our_own_are_counted():
    assert unprintable([venue("V" * 17, zone="T2;Tầng 2"), venue("V" * 16, zone="T2")]) == (1, 1)
