"""What is planted in a world: in its scans, in its registry, and in the truth."""

from collections import Counter

import numpy as np

from tests.simulate.worlds import made, perfect, rows_of, scans_of


def anomalies(folder, why="planted"):
    """Pairs of a unit and a flag, by kind of unit."""
    found = {}
    for row in rows_of(folder, "truth/anomalies.csv"):
        if row["why"] == why:
            found.setdefault(row["unit_kind"], []).append((row["unit"], row["flag"]))
    return found


def units_of(folder, kind, flag):
    return {unit for unit, one in anomalies(folder).get(kind, ()) if one == flag}


def second_of_day(scan):
    hours, minutes, seconds = scan["occurred_at"][11:19].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def test_nothing_is_planted_by_default_and_guards_are_the_only_truth(tmp_path):
    made(tmp_path / "w", perfect())
    assert rows_of(tmp_path / "w", "truth/anomalies.csv") == []
    made(tmp_path / "g", perfect(guarded=0.3))
    guards = {scan["venue"] for scan in scans_of(tmp_path / "g") if scan["scan_mode"] == "guard"}
    assert units_of(tmp_path / "g", "venue", "once_a_day") >= guards
    assert units_of(tmp_path / "g", "venue", "once_a_day") == units_of(
        tmp_path / "g", "venue", "silent_exits"
    )


def test_typed_lists_have_a_line_every_few_seconds_from_the_evening_on(tmp_path):
    report = made(tmp_path / "w", perfect(guarded=0.3, typed=1.0, duplicates=0.2))
    typed = units_of(tmp_path / "w", "venue", "typed_late")
    scans = [scan for scan in scans_of(tmp_path / "w") if scan["venue"] in typed]
    assert scans
    assert all(second_of_day(scan) >= 19 * 3600 for scan in scans)
    assert {scan["scanner"] for scan in scans} <= units_of(tmp_path / "w", "scanner", "typed_late")
    busiest = Counter((scan["venue"], scan["occurred_at"][:10]) for scan in scans).most_common(1)[0][0]
    at = sorted({second_of_day(s) for s in scans if (s["venue"], s["occurred_at"][:10]) == busiest})
    assert set(np.diff(at).tolist()) <= {7, 8, 9}
    assert report["expected"]["scans"]["rejected"] == 0  # a copy has the time of its original: no conflict


def test_a_night_brings_over_a_hundred_people_to_a_poster(tmp_path):
    made(tmp_path / "w", perfect(remote_bursts=0.1))
    made(tmp_path / "usual", perfect())
    more = Counter(scan["venue"] for scan in scans_of(tmp_path / "w"))
    more.subtract(Counter(scan["venue"] for scan in scans_of(tmp_path / "usual")))
    found = {venue: count for venue, count in more.items() if count}
    assert set(found) == units_of(tmp_path / "w", "venue", "off_hours")
    assert all(100 < count < 170 for count in found.values())
    venue = min(found)
    night = [
        s for s in scans_of(tmp_path / "w") if s["venue"] == venue and 4 * 3600 <= second_of_day(s) < 8 * 3600
    ]
    assert len({scan["person"] for scan in night}) > 100


def test_misplaced_venues_lie_degrees_away_and_the_others_where_they_were(tmp_path):
    made(tmp_path / "w", perfect(misplaced=0.2))
    made(tmp_path / "usual", perfect())
    moved = {
        row["venue"]
        for row, usual in zip(
            rows_of(tmp_path / "w", "venues.csv"), rows_of(tmp_path / "usual", "venues.csv"), strict=True
        )
        if row != usual
    }
    assert moved == units_of(tmp_path / "w", "venue", "impossible_travel") != set()
    assert scans_of(tmp_path / "w") == scans_of(tmp_path / "usual")


def test_all_photographed_codes_are_those_of_copied_posters(tmp_path):
    report = made(tmp_path / "w", perfect(photographed=0.2, copied_posters=0.05))
    made(tmp_path / "usual", perfect())
    more = Counter(scan["venue"] for scan in scans_of(tmp_path / "w"))
    more.subtract(Counter(scan["venue"] for scan in scans_of(tmp_path / "usual")))
    copied = units_of(tmp_path / "w", "venue", "photographed")
    assert {venue for venue, count in more.items() if count} == copied != set()
    assert sum(more.values()) == report["made"]["scans"]["photographed"]


def test_who_borrows_a_phone_scans_as_its_owner(tmp_path):
    made(tmp_path / "w", perfect(lent_phones=0.2))
    made(tmp_path / "usual", perfect())
    lent, usual = scans_of(tmp_path / "w"), scans_of(tmp_path / "usual")
    assert len(lent) == len(usual)
    owners = units_of(tmp_path / "w", "person", "photographed")
    assert owners
    before, after = (
        {digits(scan["person"]) for scan in scans if scan["scan_mode"] == "self"} for scans in (usual, lent)
    )
    assert after < before
    assert {digits(owner) for owner in owners} <= after


def digits(person):
    """The digits of an identifier that no other one has, however it is spelled."""
    return "".join(sign for sign in person if sign.isdigit())[-7:]
