"""Adoption for the public: small counts of people and scans hidden, the release registered."""

import pytest

from pipelines import adoption, publish_adoption, statistics
from pipelines.cli import main
from pipelines.disclosure.published_adoption import PUBLISHED_ADOPTION
from pipelines.errors import RefusedError, UsageError
from tests.disclosure.test_published_counts import VENUES, crowd, rows_of
from tests.lakes import assert_one_line, new_lake, put_scans, put_venues

ON = "2021-07-20"


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, VENUES)
    put_scans(lake, crowd(people=150)[0])
    return lake


def test_small_counts_are_hidden_others_rounded_and_rates_made_of_the_rounded(lake):
    exact, published = rows_of(adoption(lake, on=ON)), rows_of(publish_adoption(lake, on=ON))
    assert publish_adoption(lake, on=ON).schema == PUBLISHED_ADOPTION
    assert list(exact) == list(published)
    assert {row["people_7d"] is None for row in published.values()} == {True, False}
    for area, row in exact.items():
        for name in ("people_7d", "scans_7d", "unregistered_scans"):
            expected = None if 1 <= row[name] <= 10 else 5 * ((row[name] + 2) // 5)
            assert published[area][name] == expected
        assert published[area]["active_7d"] == row["active_7d"]
    city = published["522"]
    assert city["people_per_100"] == pytest.approx(100 * city["people_7d"] / city["population"])
    assert city["scans_per_active_point"] == pytest.approx(city["scans_7d"] / city["active_7d"])
    assert published["524"]["scans_per_active_point"] is None
    assert "guard_share" not in city


def test_a_release_of_adoption_bars_other_cuts_and_they_bar_it(lake, tmp_path):
    first = publish_adoption(lake, on=ON)
    assert publish_adoption(lake, on=ON).equals(first)
    with pytest.raises(RefusedError, match="adoption by district on 2021-07-20"):
        publish_adoption(lake, on="2021-07-19")
    for measure in ("people", "scans"):
        with pytest.raises(RefusedError):
            statistics(lake, measure=measure)
    put_scans(lake, "person|venue|occurred_at\nan|cafe|29 01:00")
    statistics(lake, measure="scans")
    with pytest.raises(RefusedError, match="scans by district and week"):
        publish_adoption(lake, on=ON)


def test_a_list_of_venues_is_not_published(lake):
    with pytest.raises(UsageError, match="--publish does not go with --by venue"):
        publish_adoption(lake, by="venue")


def test_an_area_that_was_not_released_shows_no_counts(lake, tmp_path):
    publish_adoption(lake, on=ON, by="type")
    put_venues(lake, VENUES.replace("restaurant", "worship"))
    row = rows_of(publish_adoption(lake, on=ON, by="type"))["worship"]
    assert row["active_7d"] == 1
    assert (row["people_7d"], row["scans_7d"]) == (None, None)


@pytest.mark.parametrize("name", ["a.csv", "a.svg"])
def test_the_command_writes_rows_and_pictures(lake, tmp_path, capsys, name):
    words = ["adoption", "--lake", lake.url, "--on", ON, "--publish", "--output", str(tmp_path / name)]
    assert main(words) == 0
    assert "people and scans from 1 to 10 are hidden" in capsys.readouterr().err
    assert (tmp_path / name).stat().st_size > 500
    assert main([*words[:3], "--publish", "--by", "venue"]) == 2
    assert_one_line(capsys.readouterr(), "--by venue")
