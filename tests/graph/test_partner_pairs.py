"""Bluetooth partners in the stays of cases: who counts, once, and who of them is seen."""

import random

import numpy as np
import pytest

from pipelines.graph.partner_pairs import partner_pairs
from pipelines.graph.seen_share import FEWEST_PAIRS, SeenShare, wilson
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.privacy.keys import venue_id
from tests.graph.meetings import put_encounters
from tests.lakes import at, new_lake, person_token, put_stays


def intervals(lake, *spans):
    rows = sorted((person_token(lake, name), at(start), at(end)) for name, start, end in spans)
    return Intervals(*np.array(rows, np.int64).reshape(-1, 3).T)


def pairs_of(lake, *spans):
    found = partner_pairs(lake, intervals(lake, *(spans or [("f0", "10 00:00", "11 00:00")])))
    return found.share


STAYS = """
    person | venue | enter    | exit
    f0     | cafe  | 10 08:00 | 10 10:00
    an     | cafe  | 10 09:00 | 10 11:00
    binh   | bar   | 10 08:00 | 10 10:00
    chi    | cafe  | 10 10:00 | 10 11:00
"""


@pytest.fixture
def lake(tmp_path):
    lake = new_lake(tmp_path)
    put_stays(lake, STAYS)
    return lake


def meet(lake, *rows):
    put_encounters(
        lake,
        [
            {"person_a": one, "person_b": other, "started_at": start, "ended_at": end}
            for one, other, start, end in rows
        ],
    )


def test_a_partner_is_seen_with_a_stay_at_that_venue_that_overlaps(lake):
    time = ("10 08:10", "10 08:40")
    meet(lake, ("f0", "an", *time), ("binh", "f0", *time), ("f0", "chi", *time), ("dung", "f0", *time))
    assert pairs_of(lake) == SeenShare(pairs=4, seen=1)  # chi came when the case left


def test_a_partner_counts_once_a_stay_and_not_outside_it(lake):
    meet(
        lake,
        ("f0", "an", "10 08:10", "10 08:20"),
        ("f0", "an", "10 08:30", "10 08:40"),
        ("f0", "binh", "10 10:00", "10 10:20"),  # touches the end
        ("f0", "chi", "10 07:00", "10 08:00"),  # and the begin
        ("an", "binh", "10 09:00", "10 09:10"),  # neither is a case
    )
    assert pairs_of(lake) == SeenShare(pairs=1, seen=1)


def test_only_the_infectious_part_of_a_stay_counts(lake):
    meet(lake, ("f0", "an", "10 08:10", "10 08:40"), ("f0", "binh", "10 08:40", "10 09:00"))
    assert pairs_of(lake, ("f0", "10 08:45", "11 00:00")) == SeenShare(pairs=1, seen=0)
    assert pairs_of(lake, ("f0", "10 08:00", "10 08:30")) == SeenShare(pairs=1, seen=0)
    assert pairs_of(lake, ("f0", "12 00:00", "13 00:00")) == SeenShare(pairs=0, seen=0)


def test_two_cases_who_met_count_from_both_sides(lake):
    meet(lake, ("f0", "an", "10 09:10", "10 09:40"))
    both = [(name, "10 00:00", "11 00:00") for name in ("f0", "an")]
    assert pairs_of(lake, *both) == SeenShare(pairs=2, seen=2)


def test_a_lake_without_encounters_has_no_pairs(lake, tmp_path):
    assert pairs_of(lake) == SeenShare()
    assert partner_pairs(new_lake(tmp_path / "other"), Intervals(*np.empty((3, 0), np.int64))).venue.size == 0


def test_it_equals_a_slow_count(tmp_path):
    chosen = random.Random(9)
    lake = new_lake(tmp_path)
    names = [f"p{number}" for number in range(12)]

    def span(most):
        start = chosen.randrange(23 * 60 - most)
        return start, start + 1 + chosen.randrange(most)

    stays = [(chosen.choice(names), chosen.choice(["a", "b"]), *span(300)) for _ in range(60)]
    near = [(*chosen.sample(names, 2), *span(60)) for _ in range(150)]

    def text(minute):
        return f"10 {minute // 60:02}:{minute % 60:02}"

    put_stays(
        lake,
        [
            {"person": person, "venue": venue, "enter": text(enter), "exit": text(leave)}
            for person, venue, enter, leave in stays
        ],
        files_a_date=3,
    )
    meet(lake, *((one, other, text(start), text(end)) for one, other, start, end in near))
    cases = names[:3]
    expected = {}
    for number, (person, venue, enter, leave) in enumerate(stays):
        if person not in cases:
            continue
        for one, other, start, end in near:
            if person in (one, other) and max(start, enter) < min(end, leave):
                partner = other if person == one else one
                expected[number, partner] = any(
                    who == partner and where == venue and max(come, enter) < min(go, leave)
                    for who, where, come, go in stays
                )
    found = partner_pairs(lake, intervals(lake, *((name, "10 00:00", "11 00:00") for name in cases)))
    assert found.share == SeenShare(len(expected), sum(expected.values()))
    assert 0 < found.share.seen < found.share.pairs
    at_a = [seen for (number, _), seen in expected.items() if stays[number][1] == "a"]
    assert found.seen[found.venue == venue_id("a")].sum() == sum(at_a)


def test_the_interval_of_a_share_is_wilsons():
    low, high = wilson(15, 50)
    for end in (low, high):  # both ends solve (p̂ - p)² = z² p (1 - p) / n
        assert (0.3 - end) ** 2 == pytest.approx(1.959963984540054**2 * end * (1 - end) / 50)
    assert low < 0.3 < high
    assert wilson(0, 40)[0] == 0
    assert wilson(40, 40)[1] == pytest.approx(1)


def test_a_list_stands_for_found_by_p_squared_or_says_that_it_cannot_tell():
    share = SeenShare(FEWEST_PAIRS, 15)
    assert share.list_high(12) == pytest.approx(12 / wilson(15, FEWEST_PAIRS)[0] ** 2)
    assert share.list_high(0) is None
    assert SeenShare(FEWEST_PAIRS, 0).list_high(12) is None
    few = SeenShare(FEWEST_PAIRS - 1, 15)
    assert (few.p, few.p_low, few.p_high, few.list_high(12)) == (None, None, None, None)
