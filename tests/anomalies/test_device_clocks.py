"""`clock`: scans from the future, and scans that lag by whole hours."""

import numpy as np
import pytest

from pipelines.anomalies.device_clocks import clock
from pipelines.anomalies.typed_lists import delays_of
from tests.anomalies.drawn_scans import drawn, flagged, row_of, units, venues


def live(shifts, minutes=5):
    """Scans of devices 1, 2, … whose clocks are ahead by that many minutes; batches are received all day."""
    dice = np.random.default_rng(2)
    rows = []
    for device, ahead in enumerate(shifts, 1):
        for true in dice.uniform(420, 1260, 60):
            received = float(np.ceil(true / minutes) * minutes) + 0.2
            rows.append((int(dice.integers(500)), device, true + ahead, "in", "guard", device, received))
    return rows


def of_scanners(rows):
    scans = drawn(rows, venues(["shop"] * 20))
    return clock(units(scans, "scanner"), delays_of(scans), "scanner")


@pytest.mark.parametrize("ahead", [15, 45, 7 * 60, -7 * 60])
def test_a_clock_ahead_or_in_another_zone_is_found(ahead):
    found = of_scanners(live([0] * 14 + [ahead]))
    assert flagged(found) == [15]
    value, expected, p = row_of(found, 15)
    assert value > 0.8
    assert expected < 0.01
    assert p < 1e-20


def test_right_clocks_are_not_flagged():
    assert flagged(of_scanners(live([0] * 15))) == []


def test_a_backfill_flags_nobody():
    shifts = [0] * 12 + [7 * 60, -7 * 60, 15]
    assert of_scanners([(*row[:6], 9 * 1440.0) for row in live(shifts)]).unit.size == 0


def test_of_persons_only_their_own_phones_count():
    rows = [
        (device, venue, at, way, "self", None, received)
        for _, venue, at, way, _, device, received in live([0] * 9 + [20])
    ]
    scans = drawn(rows, venues(["shop"] * 20))
    assert flagged(clock(units(scans, "person"), delays_of(scans), "person")) == [10]
    scans = drawn(live([0] * 9 + [20]), venues(["shop"] * 20))
    assert clock(units(scans, "person"), delays_of(scans), "person").unit.size == 0


def test_no_scans_are_no_units():
    assert of_scanners([]).unit.size == 0
