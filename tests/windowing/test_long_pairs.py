"""Long pairs: which there are after any recomputation, and how many an answer has to name."""

from unittest import mock

import numpy as np
import pytest

from pipelines.lake import commit, snapshot
from pipelines.windowing import commit as committing
from pipelines.windowing.long_pairs import count_long_pairs
from pipelines.windowing.recompute_stays import recompute
from tests.windowing import lakes, worlds
from tests.windowing.reference import LongPair, Scan

KINDS = {0: "shop", 1: "office", 2: "home"}
ALWAYS = (-(2**62), 2**62)


@pytest.fixture
def lake(tmp_path):
    made = lakes.new_lake(tmp_path)
    lakes.set_venues(made, KINDS)
    return made


def scan(number, hours, direction="in", *, person=1, venue=1):
    key = number.to_bytes(16, "big")
    return Scan(person, venue, at(hours), direction, key, None, KINDS[venue])


def at(hours):
    return worlds.BASE + int(hours * worlds.HOUR)


INPATIENT = (scan(1, 9), scan(2, 4 * 24 + 9, "out"))
PAIR = LongPair(1, 1, at(9), at(4 * 24 + 9))


def pairs_after(lake, *batches):
    for batch in batches:
        lakes.add_scans(lake, batch)
        recompute(lake, rules=worlds.RULES)
    return lakes.long_pairs_in(lake)


def test_an_inpatient_is_a_long_pair(lake):
    assert pairs_after(lake, INPATIENT) == [PAIR]
    assert count_long_pairs(lake, None, *ALWAYS) == 1


@pytest.mark.parametrize("order", [1, -1])
def test_it_does_not_matter_which_scan_comes_first_though_no_day_between_is_read(lake, order):
    assert pairs_after(lake, *([one] for one in INPATIENT[::order])) == [PAIR]


def test_the_pair_counts_for_the_time_that_it_reaches_into(lake):
    pairs_after(lake, INPATIENT)
    left = at(4 * 24 + 9)
    spans = [(at(0), at(9)), (at(0), at(9) + 1), (at(50), at(51)), (left, left + 1), (left + 1, at(999))]
    assert [count_long_pairs(lake, None, *span) for span in spans] == [0, 1, 1, 1, 0]


def test_the_pair_counts_for_its_venue(lake):
    pairs_after(lake, INPATIENT)
    wanted = [[], [0], [1], [0, 1, 2]]
    counts = [count_long_pairs(lake, np.array(venues, np.int64), *ALWAYS) for venues in wanted]
    assert counts == [0, 0, 1, 1]


@pytest.mark.parametrize("hours", [9, 9.5, 50, 4 * 24 + 9])
@pytest.mark.parametrize("direction", ["in", "out", "unknown"])
def test_a_scan_elsewhere_between_ends_it_also_at_the_same_instant(lake, hours, direction):
    elsewhere = scan(3, hours, direction, venue=0)
    assert pairs_after(lake, INPATIENT, [elsewhere]) == []


@pytest.mark.parametrize("hours", [8.9, 4 * 24 + 9.1])
def test_a_scan_elsewhere_before_or_after_leaves_it(lake, hours):
    assert pairs_after(lake, INPATIENT, [scan(3, hours, venue=0)]) == [PAIR]


def test_a_scan_of_another_person_or_at_an_unregistered_venue_leaves_it(lake):
    other = scan(3, 50, venue=0, person=2)
    nowhere = Scan(1, 77, at(50), "in", b"n" * 16, None, None)
    assert pairs_after(lake, INPATIENT, [other, nowhere]) == [PAIR]


@pytest.mark.parametrize(
    ("scans", "pairs"),
    [
        ([scan(1, 9), scan(2, 9 + 16, "out")], 0),
        ([scan(1, 9), scan(2, 9 + 16.0001, "out")], 1),
        ([scan(1, 9, "unknown"), scan(2, 99, "out")], 0),
        ([scan(1, 9, "out"), scan(2, 99, "out")], 0),
        ([scan(1, 9), scan(2, 50), scan(3, 99, "out")], 1),
        ([scan(1, 9), scan(2, 99, "out"), scan(3, 99.005, "in")], 0),
        ([scan(1, 9), scan(2, 99, "out"), scan(3, 200, "out")], 1),
    ],
    ids=["in time", "too late", "unknown", "out and out", "the last in", "read twice", "out twice"],
)
def test_only_an_in_and_the_out_that_comes_too_late_are_a_pair(lake, scans, pairs):
    assert len(pairs_after(lake, scans)) == pairs
    assert count_long_pairs(lake, None, *ALWAYS) == pairs


def test_a_venue_that_closes_before_the_scan_elsewhere_lets_the_pair_stand(lake):
    assert pairs_after(lake, INPATIENT, [scan(3, 50, venue=0)]) == []
    lakes.set_venues(lake, KINDS, {0: at(50)})
    recompute(lake, rules=worlds.RULES)
    assert lakes.long_pairs_in(lake) == [PAIR]
    lakes.set_venues(lake, KINDS)
    recompute(lake, rules=worlds.RULES)
    assert lakes.long_pairs_in(lake) == []
    assert count_long_pairs(lake, None, *ALWAYS) == 0


def test_scans_that_have_gone_take_the_pair_along(lake):
    assert pairs_after(lake, *([one] for one in INPATIENT)) == [PAIR]
    gone = [file for file in snapshot(lake, "scans").files if file.partition["date"] == "2021-07-05"]
    commit(lake, "scans", [], remove=gone, after=1)
    recompute(lake, rules=worlds.RULES)
    assert lakes.long_pairs_in(lake) == []


def test_a_run_that_died_after_its_pairs_changes_no_count(lake):
    pairs_after(lake, [INPATIENT[0]])
    lakes.add_scans(lake, [INPATIENT[1]])
    real = committing.commit_once

    def dies(where, table, *rest, **more):
        if table == "footfall":
            raise RuntimeError("killed")
        return real(where, table, *rest, **more)

    with mock.patch.object(committing, "commit_once", dies), pytest.raises(Exception, match="killed"):
        recompute(lake, rules=worlds.RULES)
    assert snapshot(lake, "long_pairs").version == 0
    assert count_long_pairs(lake, None, *ALWAYS) == 0
    recompute(lake, rules=worlds.RULES)
    assert count_long_pairs(lake, None, *ALWAYS) == 1
    assert lakes.long_pairs_in(lake) == [PAIR]


def test_a_recomputation_that_changes_no_pair_commits_none(lake):
    pairs_after(lake, INPATIENT)
    version = snapshot(lake, "long_pairs").version
    pairs_after(lake, [scan(5, 9, person=4)])
    recompute(lake, rules=worlds.RULES, everything=True)
    assert snapshot(lake, "long_pairs").version == version
    assert count_long_pairs(lake, None, *ALWAYS) == 1


def test_a_lake_without_stays_has_none(lake):
    assert count_long_pairs(lake, None, *ALWAYS) == 0
