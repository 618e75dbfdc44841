"""What the knobs do to what is seen, one knob at a time in a world where nothing else goes wrong."""

import json
from collections import Counter, defaultdict

import pytest

from pipelines.privacy.identifiers import canonical_person
from tests.simulate.worlds import lines_of, moment, rows_of, scans_of, truth_of


def near(number, wanted, tolerance=0.15):
    return abs(number - wanted) <= tolerance * wanted + 5


def visits_of(folder):
    """True stays at places that have a code."""
    return [stay for stay in truth_of(folder, "stays") if "-HM-" not in stay["venue"]]


def spelled(scan):
    return canonical_person(scan["person"])


@pytest.fixture(scope="module")
def perfect(perfect_world):
    folder, _ = perfect_world()
    return folder, scans_of(folder)


def test_where_nothing_goes_wrong_each_visit_has_its_scans_at_its_begin_and_end(perfect):
    folder, scans = perfect
    end = moment("2021-08-05T00:00:00+07:00")
    entries, exits = Counter(), Counter()
    for scan in scans:
        (exits if scan["direction"] == "out" else entries)[scan["venue"]] += 1
    visits = visits_of(folder)
    kiosks = {scan["venue"] for scan in scans if scan["scan_mode"] == "manual"}
    again = sum(entries.values()) - len(visits)
    assert 0 <= again < 0.03 * len(visits)
    left = Counter(v["venue"] for v in visits if v["exit"] < end and v["venue"] not in kiosks)
    assert exits == left


def test_scans_lie_within_the_visit_they_belong_to(perfect):
    folder, scans = perfect
    stays = defaultdict(list)
    for stay in visits_of(folder):
        stays[stay["person"], stay["venue"]].append(stay)
    for scan in scans[::7]:
        at = moment(scan["occurred_at"])
        slack = 60 if scan["scan_mode"] == "manual" else 0
        assert any(
            (stay["enter"] - at).total_seconds() <= slack
            and at < stay["exit"]
            and stay["zone"] == scan.get("zone")
            for stay in stays[spelled(scan), scan["venue"]]
        )


def test_nothing_is_late_refused_or_repeated_where_nothing_goes_wrong(perfect_world, perfect):
    folder, report = perfect_world()
    expected = report["expected"]["scans"]
    assert lines_of(folder, "late") == []
    assert expected["accepted"] == expected["received"] == len(perfect[1])
    assert expected["unregistered"] == 0
    assert expected["reasons"] == {}


def test_only_the_share_that_scans_at_all_is_seen(perfect_world):
    folder, _ = perfect_world(scanning=0.3)
    seen = {spelled(scan) for scan in scans_of(folder)}
    everybody = {stay["person"] for stay in visits_of(folder)}
    assert near(len(seen), 0.3 * len(everybody))


def test_a_world_where_nobody_scans_has_no_scans(perfect_world):
    folder, report = perfect_world(scanning=0.0)
    assert lines_of(folder) == []
    assert report["expected"]["scans"]["received"] == 0


def test_visits_are_scanned_by_their_share(perfect_world):
    folder, report = perfect_world(visits_scanned=0.4)
    assert near(report["visits"]["scanned"], 0.4 * len(visits_of(folder)), 0.05)


def test_exits_and_entries_are_forgotten_by_their_shares(perfect_world):
    folder, report = perfect_world(exits_forgotten=0.6, entries_forgotten=0.2)
    visits = report["visits"]
    assert near(visits["exits_forgotten"], 0.6 * visits["exits_possible"], 0.05)
    assert near(visits["entries_forgotten"], 0.2 * visits["scanned"])
    exits = sum(scan["direction"] == "out" for scan in scans_of(folder))
    assert exits == visits["exits_possible"] - visits["exits_forgotten"]


def test_one_way_posters_do_not_tell_in_from_out(perfect_world):
    folder, _ = perfect_world(one_way=1.0)
    told = Counter(scan.get("direction", "absent") for scan in scans_of(folder))
    assert set(told) == {"unknown", "absent"}
    assert near(told["absent"], told["unknown"], 0.05)


def test_guards_scan_each_visitor_once_a_day_with_their_own_device(perfect_world):
    folder, _ = perfect_world(guarded=1.0)
    scans = scans_of(folder)
    assert {scan["scan_mode"] for scan in scans} == {"guard"}
    assert all(scan["scanner"].startswith(f"R-{scan['venue']}-") for scan in scans)
    days = Counter((spelled(scan), scan["venue"], scan["occurred_at"][:10]) for scan in scans)
    visited = {
        (
            stay["person"],
            stay["venue"],
            str(stay["enter"].astimezone(moment("2021-08-01T00:00+07:00").tzinfo).date()),
        )
        for stay in visits_of(folder)
    }
    assert set(days.values()) == {1}
    assert set(days) == visited


def test_late_scans_lie_apart_in_the_files_of_the_days_they_arrive(perfect_world):
    folder, report = perfect_world(late=0.2, late_days=3.0)
    on_time, late = scans_of(folder), scans_of(folder, "late")
    assert near(len(late), 0.2 * (len(on_time) + len(late)))
    delays = Counter()
    for path in sorted((folder / "late").iterdir()):
        arrival = moment(f"{path.stem.removeprefix('scans-')}T00:00:00+07:00")
        for scan in scans_of_file(path):
            delays[(arrival - moment(scan["occurred_at"][:10] + "T00:00:00+07:00")).days] += 1
    assert set(delays) == {0, 1, 2, 3}
    assert report["expected"]["late"]["accepted"] == len(late)


def scans_of_file(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_scans_on_time_lie_in_the_file_of_their_day_in_their_order(perfect):
    folder, _ = perfect
    for path in (folder / "scans").iterdir():
        times = [moment(scan["occurred_at"]) for scan in scans_of_file(path) if scan["scan_mode"] != "manual"]
        assert times == sorted(times)
        assert {f"scans-{at.date()}.ndjson" for at in times} == {path.name}


def test_late_and_on_time_together_are_what_would_have_come_on_time(perfect_world, perfect):
    folder, _ = perfect_world(late=0.2, late_days=3.0)
    assert sorted(lines_of(folder) + lines_of(folder, "late")) == sorted(lines_of(perfect[0]))


def test_duplicates_repeat_a_scan_in_meaning(perfect_world):
    folder, report = perfect_world(duplicates=0.1)
    scans = scans_of(folder) + scans_of(folder, "late")
    expected = report["expected"]
    seen = Counter((scan["event_id"], spelled(scan), scan["occurred_at"], scan["venue"]) for scan in scans)
    repeats = sum(seen.values()) - len(seen)
    assert repeats == expected["scans"]["duplicate"] + expected["late"]["duplicate"]
    assert near(repeats, 0.1 * len(seen))
    assert len(seen) == expected["scans"]["accepted"] + expected["late"]["accepted"]


def test_clocks_that_are_off_show_another_time(perfect_world, perfect):
    folder, report = perfect_world(clocks_off=0.3)
    right = {scan["event_id"]: moment(scan["occurred_at"]) for scan in perfect[1]}
    off = [
        abs((moment(scan["occurred_at"]) - right[scan["event_id"]]).total_seconds())
        for scan in scans_of(folder)
    ]
    assert max(off) < 46 * 60
    assert sum(seconds > 0 for seconds in off) == report["made"]["scans"]["clock_minutes_off"]
    assert near(sum(seconds > 0 for seconds in off), 0.3 * len(off), 0.25)


def test_broken_clocks_are_days_off_and_some_make_scans_too_old_or_too_new(perfect_world):
    folder, report = perfect_world(clocks_broken=0.3)
    now = moment(report["now"])
    ahead = [(moment(scan["occurred_at"]) - now).total_seconds() / 86_400 for scan in scans_of(folder)]
    reasons = report["expected"]["scans"]["reasons"]
    assert reasons["too_old"] == sum(days < -60 for days in ahead) > 0
    assert reasons["too_new"] == sum(days > 1 for days in ahead) > 0


def test_photographed_codes_are_scanned_where_nobody_is(perfect_world):
    folder, report = perfect_world(photographed=0.2)
    stays = {(stay["person"], stay["venue"]) for stay in visits_of(folder)}
    away = sum((spelled(scan), scan["venue"]) not in stays for scan in scans_of(folder))
    made = report["made"]["scans"]["photographed"]
    assert near(made, 0.2 * report["visits"]["scanned"])
    assert away > 0.5 * made


def test_about_as_many_scans_as_asked_have_no_event_id(perfect_world):
    folder, _ = perfect_world(without_id=0.5)
    scans = scans_of(folder)
    assert near(sum("event_id" not in scan for scan in scans), 0.5 * len(scans), 0.05)


def test_event_ids_are_all_different(perfect):
    _, scans = perfect
    assert len({scan["event_id"] for scan in scans}) == len(scans)


def test_places_the_registry_does_not_know_are_scanned_all_the_same(perfect_world):
    folder, report = perfect_world(unregistered=0.2, closed=0.2)
    registry = {row["venue"]: row["closed_at"] for row in rows_of(folder, "venues.csv")}
    unregistered = 0
    for scan in scans_of(folder):
        closed = registry.get(scan["venue"], "1970-01-01T00:00:00+07:00")
        unregistered += bool(closed) and moment(scan["occurred_at"]) >= moment(closed)
    assert unregistered == report["expected"]["scans"]["unregistered"] > 0


def test_visitors_scan_at_homes_with_a_code_and_residents_do_not(perfect_world):
    folder, _ = perfect_world(home_codes=1.0)
    at_homes = {(spelled(scan), scan["venue"]) for scan in scans_of(folder) if "-HM-" in scan["venue"]}
    first = {}
    for stay in truth_of(folder, "stays"):
        first.setdefault(stay["person"], stay["venue"])
    assert at_homes
    assert not any(first[person] == venue for person, venue in at_homes)
    assert sum(row["type"] == "home" for row in rows_of(folder, "venues.csv")) == len(set(first.values()))


def test_the_truth_says_of_each_visit_without_a_scan_why_it_has_none(perfect_world):
    folder, _ = perfect_world(scanning=0.8, visits_scanned=0.7, guarded=0.4, entries_forgotten=0.2)
    scanned = defaultdict(list)
    for scan in scans_of(folder):
        scanned[spelled(scan), scan["venue"]].append(moment(scan["occurred_at"]))
    reasons, of_person = Counter(), defaultdict(set)
    for stay in truth_of(folder, "stays"):
        reason = stay["unscanned"]
        reasons[reason] += 1
        of_person[stay["person"]].add(reason)
        times = scanned[stay["person"], stay["venue"]]
        within = [at for at in times if (stay["enter"] - at).total_seconds() <= 60 and at < stay["exit"]]
        assert bool(within) == (reason is None)
    assert set(reasons) == {None, "nobody", "no_code", "resident", "forgotten", "guard"}
    for found in of_person.values():
        assert not ("nobody" in found and found & {None, "forgotten", "guard"})
