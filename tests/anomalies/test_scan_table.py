"""Scans as columns: of registered and open venues, in two orders."""

import numpy as np

from pipelines.anomalies.scan_table import mode_is, read_scan_table, read_venues
from tests.anomalies.drawn_scans import MONDAY_US, drawn, venues
from tests.lakes import at, new_lake, put_scans, put_venues


def test_scans_ascend_by_venue_and_time_and_unregistered_or_closed_venues_have_none(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code | type | closed_at\ncafe | restaurant |\nhall | other | 10 12:00")
    put_scans(
        lake,
        """
        person | venue  | occurred_at | scan_mode | scanner
        an     | hall   | 10 11:59    | guard     | r1
        an     | hall   | 10 12:00    |           |
        binh   | cafe   | 11 09:00    | self      |
        an     | cafe   | 10 08:00    |           |
        an     | street | 10 08:00    |           |
        """,
    )
    scans = read_scan_table(lake)
    codes = scans.venues.codes.take(scans.venue).to_pylist()
    seen = list(zip(codes, scans.occurred_us.tolist(), strict=True))
    cafe = [("cafe", at("10 08:00")), ("cafe", at("11 09:00"))]
    assert sorted(seen) == [*cafe, ("hall", at("10 11:59"))]
    assert [one for one in seen if one[0] == "cafe"] == cafe
    assert scans.has_scanner.sum() == 1
    assert scans.has_scanner[codes.index("hall")]


def test_a_span_holds_its_start_and_not_its_end(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(lake, "venue_code | type\ncafe | restaurant")
    put_scans(lake, "person | venue | occurred_at\nan | cafe | 10 08:00\nan | cafe | 11 08:00")
    assert read_scan_table(lake, at("10 08:00"), at("11 08:00")).occurred_us.tolist() == [at("10 08:00")]


def test_an_empty_lake_has_neither_scans_nor_venues(tmp_path):
    scans = read_scan_table(new_lake(tmp_path))
    assert scans.venue.size == scans.by_person.size == scans.venues.ids.size == 0


def test_a_venue_without_place_or_capacity_has_neither(tmp_path):
    lake = new_lake(tmp_path)
    put_venues(
        lake, "venue_code | type | lat | lon | capacity\ncafe | shop | 15.1 | 108.8 | 40\nhall | shop | | |"
    )
    found = read_venues(lake)
    hall = found.codes.to_pylist().index("hall")
    assert np.isnan([found.lat[hall], found.lon[hall]]).all()
    assert (found.capacity[hall], found.capacity[1 - hall], found.lat[1 - hall]) == (0, 40, 15.1)


def test_local_days_begin_at_seven_hours_before_utc_midnight():
    scans = drawn([(1, 0, -1), (1, 0, 0), (1, 0, 59), (1, 0, 60)], venues(["shop"]))
    assert np.diff(scans.day).tolist() == [1, 0, 0]
    assert scans.hour.tolist() == [23, 0, 0, 1]
    assert scans.occurred_us[1] == MONDAY_US


def test_of_one_person_at_one_instant_the_exit_comes_first():
    scans = drawn([(1, 0, 5, "in"), (1, 1, 5, "out"), (1, 1, 1, "in")], venues(["shop", "shop"]))
    assert scans.venue[scans.by_person].tolist() == [1, 1, 0]


def test_a_mode_that_is_not_named_is_the_empty_one():
    scans = drawn([(1, 0, 1, "in", None), (1, 0, 2, "in", "guard")], venues(["shop"]))
    assert mode_is(scans, [""]).tolist() == [True, False]
    assert mode_is(scans, ["guard", "self"]).tolist() == [False, True]
