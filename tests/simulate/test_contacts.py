import numpy as np

from pipelines.simulate.contacts import CONTACT, contacts_of
from pipelines.simulate.movements import STAY
from tests.simulate.worlds import rows_of, truth_of


def stays_of(*rows):
    return np.array([(*row, 0) for row in rows], STAY)


def pairs(found):
    return [tuple(int(value) for value in row) for row in found]


def test_touching_is_not_a_contact_and_a_second_of_overlap_is():
    stays = [stays_of((0, 0, 100, 200), (1, 0, 200, 300), (2, 0, 199, 201))]
    assert pairs(contacts_of(np.array([0]), stays, 3, 1, 1)) == [(0, 2, 0, 199, 200)]


def test_other_places_and_oneself_are_not_contacts():
    stays = [stays_of((0, 0, 100, 200), (0, 0, 150, 250), (1, 1, 100, 200))]
    assert pairs(contacts_of(np.array([0]), stays, 2, 2, 1)) == []


def test_stays_over_midnight_and_of_other_parts_are_found():
    stays = [stays_of((0, 0, 80_000, 90_000)), stays_of((1, 0, 10, 200_000), (2, 0, 89_999, 95_000))]
    assert pairs(contacts_of(np.array([0]), stays, 3, 1, 3)) == [
        (0, 1, 0, 80_000, 90_000),
        (0, 2, 0, 89_999, 90_000),
    ]


def test_nobody_asked_for_has_no_contacts():
    found = contacts_of(np.empty(0, np.int64), [stays_of((0, 0, 1, 2))], 1, 1, 1)
    assert found.dtype == CONTACT
    assert found.size == 0


def test_the_contacts_of_a_world_are_the_overlaps_of_its_true_stays(usual):
    stays = truth_of(usual, "stays")
    cases = {row["person"]: row["case_id"] for row in rows_of(usual, "cases.csv") if not row["withdrawn_at"]}
    by_place = {}
    for stay in stays:
        by_place.setdefault(stay["venue"], []).append(stay)
    brute = [
        (cases[mine["person"]], mine["person"], other["person"], mine["venue"], start, end)
        for mine in stays
        if mine["person"] in cases
        for other in by_place[mine["venue"]]
        if other["person"] != mine["person"]
        and (start := max(mine["enter"], other["enter"])) < (end := min(mine["exit"], other["exit"]))
    ]
    found = [tuple(row.values()) for row in truth_of(usual, "contacts")]
    assert len(found) > 100
    assert sorted(found) == sorted(brute)
