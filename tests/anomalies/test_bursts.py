"""`burst`: the busiest minute against those of other days."""

from pipelines.anomalies.bursts import bursts
from tests.anomalies.drawn_scans import drawn, flagged, row_of, units, venues


def days(count, venue=0, mode="self", scanner=None):
    """One scan a minute from 8 to 9 on each day."""
    return [
        (minute, venue, day * 1440 + 480 + minute, "in", mode, scanner)
        for day in range(count)
        for minute in range(60)
    ]


def test_forty_scans_within_a_minute_stand_out_beside_the_other_days():
    burst = [(1000 + one, 0, 1440 + 900 + one / 60) for one in range(40)]
    found = bursts(units(drawn(days(7) + burst, venues(["shop"]))))
    value, expected, p = row_of(found, 0)
    assert (value, expected) == (40.0, 1.0)
    assert p < 1e-20


def test_a_school_where_all_arrive_within_a_minute_every_day_has_none():
    bell = [(one, 0, day * 1440 + 420 + one / 60) for day in range(7) for one in range(40)]
    value, expected, p = row_of(bursts(units(drawn(bell, venues(["school"])))), 0)
    assert (value, expected) == (40.0, 40.0)
    assert p == 1.0


def test_a_minute_is_half_open_and_belongs_to_one_unit():
    rows = [(1, 0, 0), (2, 0, 1), (3, 1, 0.5), (4, 1, 1.49), (5, 0, 1440)]
    found = bursts(units(drawn(rows, venues(["shop", "shop"]))))
    assert [row_of(found, venue)[0] for venue in (0, 1)] == [1.0, 2.0]


def test_on_a_single_day_other_venues_of_the_type_tell():
    rows = [row for venue in range(6) for row in days(1, venue)] + [(900 + one, 0, 600) for one in range(40)]
    assert flagged(bursts(units(drawn(rows, venues(["shop"] * 6))))) == [0]


def test_more_than_thirty_a_minute_cannot_be_made_by_one_guard():
    crowd = [
        (one, 0, day * 1440 + 420 + one / 200, "in", "guard", 7) for day in range(7) for one in range(90)
    ]
    value, expected, p = row_of(bursts(units(drawn(crowd, venues(["school"])), "scanner")), 7)
    assert (value, expected) == (90.0, 30.0)
    assert p < 1e-9
    at_a_gate = [(*row[:4], "nfc", 7) for row in crowd]
    assert row_of(bursts(units(drawn(at_a_gate, venues(["school"])), "scanner")), 7)[2] == 1.0


def test_a_clean_town_has_none(clean):
    assert flagged(bursts(units(drawn(*clean)))) == []


def test_no_scans_are_no_units():
    assert bursts(units(drawn([], venues([])))).unit.size == 0
