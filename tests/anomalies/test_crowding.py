"""`over_capacity`: the peak of a venue against what it holds."""

import numpy as np
import pyarrow as pa
import pytest

from pipelines.anomalies.crowding import over_capacity, peaks
from schemas.tables import FOOTFALL
from tests.anomalies.drawn_scans import drawn, row_of, units, venues
from tests.lakes import at, new_lake, put, venue_id


def with_peak(capacity, peak):
    scans = drawn([(1, 0, 0)], venues(["shop"], capacity=[capacity]))
    return over_capacity(units(scans), np.array([0]), np.array([peak]))


def test_three_times_the_capacity_surprises_nobody_and_six_times_does():
    value, expected, p = row_of(with_peak(20, 60), 0)
    assert (value, expected) == (60.0, 20.0)
    assert p == pytest.approx(0.51717, abs=1e-5)
    assert row_of(with_peak(20, 120), 0)[2] < 1e-9


def test_a_venue_without_capacity_or_without_people_is_not_tested():
    assert with_peak(0, 60).unit.size == with_peak(20, 0).unit.size == 0


def test_peaks_are_the_largest_of_the_windows_that_begin_in_the_span(tmp_path):
    lake = new_lake(tmp_path)
    rows = [("cafe", "10 08:00", 4), ("cafe", "10 08:15", 9), ("hall", "11 08:00", 2)]
    cells = [
        {
            "venue": venue_id(venue),
            "window_start": at(when),
            "window_end": at(when) + 900_000_000,
            "entries": 1,
            "exits": 1,
            "people": peak,
            "peak": peak,
            "person_seconds": 1,
        }
        for venue, when, peak in rows
    ]
    put(lake, "footfall", pa.Table.from_pylist(cells, schema=FOOTFALL.file_schema), day_of="window_start")
    assert dict(zip(*(found.tolist() for found in peaks(lake)), strict=True)) == {
        venue_id("cafe"): 9,
        venue_id("hall"): 2,
    }
    assert peaks(lake, at("10 08:00"), at("10 08:15"))[1].tolist() == [4]
    assert peaks(lake, at("12 00:00"), at("13 00:00"))[1].tolist() == []
