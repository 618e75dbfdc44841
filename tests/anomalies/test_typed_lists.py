"""`typed_late`: the rhythm of lists, and lists that come in hours after the rest."""

import numpy as np

from pipelines.anomalies.typed_lists import delays_of, typed_late
from tests.anomalies.drawn_scans import drawn, flagged, row_of, units, venues

PLACES = venues(["shop"] * 12)


def at_random(scanner, count=30, days=5, seed=0):
    """Scans of a guard's device through the day, at random instants."""
    dice = np.random.default_rng((seed, scanner))
    return [
        (int(dice.integers(9999)), scanner, day * 1440 + minute, "in", "guard", scanner)
        for day in range(days)
        for minute in np.sort(dice.uniform(480, 1080, count))
    ]


def typed(scanner, count=30, seconds=8.0):
    """A list typed from 19 o'clock on, a line every few seconds."""
    minutes = [1140 + (one * seconds + one % 2) / 60 for one in range(count)]
    return [(one, scanner, minute, "in", "guard", scanner) for one, minute in enumerate(minutes)]


def of_scanners(rows):
    scans = drawn(rows, PLACES)
    return typed_late(units(scans, "scanner"), delays_of(scans))


def test_a_list_typed_in_one_rhythm_stands_out():
    rows = [row for scanner in range(1, 11) for row in at_random(scanner)] + typed(11)
    found = of_scanners(rows)
    assert flagged(found) == [11]
    value, expected, p = row_of(found, 11)
    assert value == 1.0
    assert 0.15 < expected < 0.3  # of gaps at random one in five lies so near to the median
    assert p < 1e-4


def test_most_lists_being_typed_hides_none_of_them_from_the_others():
    rows = [row for scanner in range(1, 8) for row in at_random(scanner)]
    assert flagged(of_scanners(rows + typed(9) + typed(10) + typed(11))) == [9, 10, 11]


def test_guards_who_scan_at_random_are_not_flagged():
    assert flagged(of_scanners([row for one in range(1, 12) for row in at_random(one, seed=4)])) == []


def live(rows, minutes=1):
    """The same scans, each received within a minute with the others of that minute."""
    return [(*row, float(np.ceil(row[2] / minutes) * minutes)) for row in rows]


def test_a_list_that_comes_in_hours_after_the_rest_stands_out():
    others = live([row for scanner in range(1, 6) for row in at_random(scanner)], minutes=30)
    late = [(*row[:6], day) for row in at_random(6, days=1) for day in (1080.0,)]
    found = of_scanners(others + [row for row in late if row[2] < 700])
    assert flagged(found) == [6]
    value, expected, _ = row_of(found, 6)
    assert (value, expected) == (1.0, 0.0)


def test_a_backfill_flags_nobody():
    rows = [row for scanner in range(1, 8) for row in at_random(scanner, days=2 if scanner < 4 else 5)]
    assert flagged(of_scanners([(*row, 20 * 1440.0) for row in rows])) == []


def test_scans_by_phone_are_no_list():
    rows = [(one, 0, 1140 + one * 8 / 60, "in", "self") for one in range(60)]
    scans = drawn(rows, PLACES)
    assert typed_late(units(scans), delays_of(scans)).unit.size == 0


def test_no_scans_are_no_units():
    assert of_scanners([]).unit.size == 0
