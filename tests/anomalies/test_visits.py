"""`once_a_day`, `silent_exits` and `one_scanner`."""

from pipelines.anomalies.visits import once_a_day, one_scanner, silent_exits, visits_of
from tests.anomalies.drawn_scans import drawn, flagged, row_of, units, venues


def guarded(rows, venue=5, mode="guard", scanner=99):
    """The rows of a town in which a guard scans each visitor of one venue once a day."""
    seen, kept = set(), []
    for row in rows:
        who = row[0], row[2] // 1440
        if row[1] != venue:
            kept.append(row)
        elif who not in seen and row[3] == "in":
            seen.add(who)
            kept.append((*row, mode, scanner))
    return kept


def test_a_guard_who_scans_once_a_day_stands_out_as_venue_and_as_device(clean):
    rows, places = clean
    scans = drawn(guarded(rows), places)
    of_venues = once_a_day(units(scans), visits_of(scans), "venue")
    assert flagged(of_venues) == [5]
    assert row_of(of_venues, 5)[0] == 1.0
    assert 0.2 < row_of(of_venues, 5)[1] < 0.4  # 30 % leave without a scan
    assert flagged(once_a_day(units(scans, "scanner"), visits_of(scans), "scanner")) == [99]
    assert flagged(silent_exits(units(scans))) == [5]


def test_a_paper_list_tells_of_arrivals_only_and_is_not_tested(clean):
    rows, places = clean
    scans = drawn(guarded(rows, mode="manual"), places)
    assert 5 not in once_a_day(units(scans), visits_of(scans), "venue").unit
    assert 5 not in silent_exits(units(scans)).unit


def test_visits_count_people_with_two_scans_elsewhere_on_that_local_day():
    rows = [(1, 0, 10), (1, 1, 20), (1, 2, 30), (2, 0, 10), (2, 1, 20), (3, 0, 10), (3, 1, 20), (3, 1, 1440)]
    visits = visits_of(drawn(rows, venues(["shop"] * 3)))
    assert visits.single.tolist() == [True] * 3  # those of person 1


def test_a_venue_without_directions_is_tested_for_neither():
    rows = [(one, venue, one * 9 + venue, "unknown") for one in range(90) for venue in range(3)]
    scans = drawn(rows, venues(["shop"] * 3))
    assert once_a_day(units(scans), visits_of(scans), "venue").unit.size == 0
    assert silent_exits(units(scans)).unit.size == 0


def test_a_device_whose_people_nobody_else_has_seen_stands_out(clean):
    rows, places = clean
    honest = [(*row, "kiosk", 50 + row[1]) for row in rows if row[1] < 8]
    invented = [(5000 + one, 9, one * 3, "in", "guard", 99) for one in range(60)]
    scans = drawn([*rows, *honest, *invented], places)
    found = one_scanner(units(scans, "scanner"))
    assert flagged(found) == [99]
    value, expected, _ = row_of(found, 99)
    assert (value, expected) == (1.0, 0.0)


def test_a_single_device_has_nobody_to_be_compared_with():
    scans = drawn([(one, 0, one, "in", "guard", 7) for one in range(50)], venues(["shop"]))
    assert one_scanner(units(scans, "scanner")).unit.size == 0


def test_a_clean_town_has_none(clean):
    scans = drawn(*clean)
    assert flagged(once_a_day(units(scans), visits_of(scans), "venue")) == []
    assert flagged(silent_exits(units(scans))) == []


def test_no_scans_are_no_units():
    scans = drawn([], venues([]))
    assert once_a_day(units(scans), visits_of(scans), "venue").unit.size == 0
    assert silent_exits(units(scans)).unit.size == one_scanner(units(scans, "scanner")).unit.size == 0
