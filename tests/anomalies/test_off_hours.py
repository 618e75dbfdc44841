"""`off_hours` and `peak_drop`: the week of a venue beside that of its type."""

from pipelines.anomalies.off_hours import off_hours, peak_drop
from tests.anomalies.drawn_scans import drawn, flagged, row_of, units, venues


def test_a_hundred_people_at_a_zoo_before_it_opens_stand_out(clean):
    rows, places = clean
    night = [(1000 + one, 5, 3 * 1440 + 240 + one) for one in range(100)]
    found = off_hours(units(drawn(rows + night, places)))
    assert flagged(found) == [5]
    value, expected, p = row_of(found, 5)
    assert value in (100.0, 101.0)  # some of the town are early
    assert expected < 2
    assert p < 1e-100


def test_who_is_open_every_night_is_not_flagged(clean):
    rows, places = clean
    nights = [(1000 + one, 5, day * 1440 + 240 + one * 2) for day in range(7) for one in range(30)]
    assert flagged(off_hours(units(drawn(rows + nights, places)))) == []


def test_a_rush_hour_without_a_scan_stands_out(clean):
    rows, places = clean
    hours = [int(row[2] // 60 % 24) for row in rows if row[1] != 5]
    peak = max(set(hours), key=hours.count)
    kept = [row for row in rows if row[1] != 5 or int(row[2] // 60 % 24) != peak]
    found = peak_drop(units(drawn(kept, places)))
    assert flagged(found) == [5]
    value, expected, _ = row_of(found, 5)
    assert value == 0
    assert expected > 10


def test_a_clean_town_has_neither(clean):
    scans = units(drawn(*clean))
    assert flagged(off_hours(scans)) == flagged(peak_drop(scans)) == []


def test_one_venue_alone_has_nobody_to_be_compared_with():
    scans = units(drawn([(one, 0, one) for one in range(200)], venues(["shop"])))
    assert off_hours(scans).unit.size == peak_drop(scans).unit.size == 0


def test_no_scans_are_no_units():
    scans = units(drawn([], venues([])))
    assert off_hours(scans).unit.size == peak_drop(scans).unit.size == 0
