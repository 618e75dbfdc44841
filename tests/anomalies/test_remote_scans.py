"""`photographed`: scans inside a scanned stay somewhere else."""

import itertools

import pytest

from pipelines.anomalies.remote_scans import photographed, remote_scans
from tests.anomalies.drawn_scans import drawn, flagged, row_of, units, venues

FAR = venues(["shop"] * 2, lat=[15.1, 15.2], lon=[108.8, 108.8])
NEAR = venues(["shop"] * 2, lat=[15.1, 15.1005], lon=[108.8, 108.8])
NOWHERE = venues(["shop"] * 2)


@pytest.mark.parametrize(
    ("places", "rows", "remote"),
    [
        (FAR, [(1, 0, 0, "in"), (1, 1, 30, "in"), (1, 0, 60, "out")], [30]),
        (NOWHERE, [(1, 0, 0, "in"), (1, 1, 30, "in"), (1, 0, 60, "out")], [30]),
        (NEAR, [(1, 0, 0, "in"), (1, 1, 30, "in"), (1, 0, 60, "out")], []),  # a shop in a mall
        (FAR, [(1, 0, 0, "in"), (1, 1, 30, "in"), (1, 0, 60, "in")], []),  # no exit was scanned
        (FAR, [(1, 0, 0, "out"), (1, 1, 30, "in"), (1, 0, 60, "out")], []),  # nor an entry
        (FAR, [(1, 0, 0, "in"), (2, 1, 30, "in"), (1, 0, 60, "out")], []),  # somebody else
        (FAR, [(1, 0, 0, "in"), (1, 1, 30, "in"), (1, 0, 16 * 60 + 1, "out")], []),  # too long for a stay
        (FAR, [(1, 0, 0, "in"), (1, 1, 0, "in"), (1, 0, 60, "out"), (1, 1, 60, "out")], [60]),
        (FAR, [(1, 0, 0, "in"), (1, 1, 20, "in"), (1, 1, 30, "out"), (1, 0, 60, "out")], []),  # out to lunch
    ],
)
def test_a_scan_inside_a_stay_elsewhere_is_remote(places, rows, remote):
    scans = drawn(rows, places)
    found = scans.occurred_us[remote_scans(scans)]
    minutes = [round((at - scans.occurred_us.min()) / 60e6) for at in found.tolist()]
    assert [minute for minute in minutes if minute] == remote


def pictures(rows, venue=5, share=4):
    """A picture of one venue's code, scanned in the middle of stays elsewhere."""
    stays = [(one, other) for one, other in itertools.pairwise(rows) if other[3] == "out"]
    return [
        (one[0], venue, (one[2] + other[2]) / 2, "in") for one, other in stays[::share] if one[1] != venue
    ]


def test_a_poster_whose_picture_is_passed_around_stands_out(clean):
    rows, places = clean
    scans = drawn(rows + pictures(rows), places)
    found = photographed(units(scans), remote_scans(scans))
    assert flagged(found) == [5]
    assert row_of(found, 5)[0] > 0.5


def test_four_people_behind_one_identifier_stand_out_and_who_scans_a_flagged_poster_does_not(clean):
    rows, places = clean
    shared = [(0 if row[0] < 4 else row[0], *row[1:]) for row in rows]
    scans = drawn(shared + pictures(rows), places)
    remote = remote_scans(scans)
    assert flagged(photographed(units(scans, "person"), remote, flagged_venues(scans, remote))) == [0]


def flagged_venues(scans, remote):
    return flagged(photographed(units(scans), remote))


def test_a_clean_town_has_none(clean):
    scans = drawn(*clean)
    remote = remote_scans(scans)
    assert not remote.any()
    assert flagged(photographed(units(scans), remote)) == []


def test_no_scans_are_none():
    scans = drawn([], venues([]))
    assert photographed(units(scans), remote_scans(scans)).unit.size == 0
