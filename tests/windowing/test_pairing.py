import time
from dataclasses import fields, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.windowing.pairing import differences, pair
from pipelines.windowing.stay_scan import NO_LONG_PAIR
from schemas.codes import DIRECTIONS
from tests.windowing import worlds
from tests.windowing.reference import LongPair, Scan, long_pairs_of, stays_of

IN, OUT = DIRECTIONS.index("in"), DIRECTIONS.index("out")


def paired(scans, rules=worlds.RULES):
    arrays, zones = worlds.columns(scans)
    return worlds.as_stays(pair(*arrays, rules), zones)


def expected(scans):
    return stays_of(scans, worlds.DWELL, worlds.MAX_STAY)


@settings(max_examples=250, deadline=None)
@given(worlds.scans())
def test_every_column_of_every_stay_is_as_the_text_of_the_rule_says(scans):
    stays = paired(scans)
    assert len(stays) == len(set(stays))
    assert set(stays) == expected(scans)


@settings(max_examples=100, deadline=None)
@given(worlds.scans(most=8, persons=1, venues=2, unregistered=False))
def test_one_person_between_two_places_is_paired_as_the_text_says(scans):
    assert set(paired(scans)) == expected(scans)


@settings(max_examples=150, deadline=None)
@given(worlds.scans(most=8, persons=1, venues=2), st.sampled_from([0, 1, worlds.MINUTE, 3600 * 1_000_000]))
def test_an_arrival_read_twice_is_one_whatever_the_bounce(scans, bounce_us):
    rules = replace(worlds.RULES, bounce_us=bounce_us)
    assert set(paired(scans, rules)) == stays_of(scans, worlds.DWELL, worlds.MAX_STAY, bounce_us)


@settings(max_examples=200, deadline=None)
@given(worlds.scans(most=8, persons=2, venues=2))
def test_the_out_of_a_long_pair_names_the_in(scans):
    arrays, _ = worlds.columns(scans)
    stays = pair(*arrays, worlds.RULES)
    found = {
        LongPair(
            *(
                int(column[row])
                for column in (stays.person, stays.venue, stays.long_from_us, stays.last_seen_us)
            )
        )
        for row in np.flatnonzero(stays.long_from_us != NO_LONG_PAIR)
    }
    assert found == long_pairs_of(scans, worlds.DWELL, worlds.MAX_STAY)


@settings(max_examples=100, deadline=None)
@given(worlds.scans(), st.randoms(use_true_random=False))
def test_the_order_of_the_scans_does_not_matter(scans, random):
    shuffled = list(scans)
    random.shuffle(shuffled)
    assert paired(shuffled) == paired(scans)


@settings(max_examples=50, deadline=None)
@given(worlds.scans())
def test_a_time_span_too_wide_for_one_key_is_paired_the_same(scans):
    ages_ago = replace(scans[0], person=7, at_us=-(2**62), event_key=b"\0" * 16)
    far_ahead = replace(ages_ago, at_us=2**62)
    stays = [stay for stay in paired([*scans, ages_ago, far_ahead]) if stay.person != 7]
    assert set(stays) == expected(scans)


@settings(max_examples=150, deadline=None)
@given(worlds.scans(), st.sets(st.integers(0, 13)))
def test_differences_are_what_only_one_of_two_answers_has(scans, late):
    arrays, zones = worlds.columns(scans)
    early = np.array([row not in late for row in range(len(scans))])
    old = pair(*(array[early] for array in arrays), worlds.RULES)
    new = pair(*arrays, worlds.RULES)
    taken_out, put_in = differences(old, new)
    rows_old, rows_new = worlds.as_stays(old, zones), worlds.as_stays(new, zones)
    assert {rows_old[row] for row in taken_out} >= set(rows_old) - set(rows_new)
    assert {rows_new[row] for row in put_in} >= set(rows_new) - set(rows_old)
    kept = set(rows_old) - {rows_old[row] for row in taken_out}
    assert kept == set(rows_new) - {rows_new[row] for row in put_in}


def test_stays_of_equal_columns_but_other_scans_differ():
    def visit(middle_key):
        scan = Scan(1, 0, worlds.BASE, "in", b"a" * 16, None, "shop")
        between = replace(scan, at_us=worlds.BASE + worlds.MINUTE, event_key=middle_key * 16)
        last = replace(scan, at_us=worlds.BASE + 2 * worlds.MINUTE, event_key=b"z" * 16)
        return pair(*worlds.columns([scan, between, last])[0], worlds.RULES)

    taken_out, put_in = differences(visit(b"b"), visit(b"c"))
    assert (taken_out.tolist(), put_in.tolist()) == ([0], [0])
    taken_out, put_in = differences(visit(b"b"), visit(b"b"))
    assert (taken_out.tolist(), put_in.tolist()) == ([], [])


def test_no_scans_make_no_stays():
    arrays, _ = worlds.columns([])
    stays = pair(*arrays, worlds.RULES)
    assert all(getattr(stays, field.name).size == 0 for field in fields(stays))


def crowd(size, at_us, person):
    random = np.random.default_rng(5)
    return (
        person,
        random.integers(0, 4, size),
        at_us,
        random.integers(0, 2**64, size, dtype=np.uint64),
        random.integers(0, 2**64, size, dtype=np.uint64),
        random.integers(0, 3, size).astype(np.uint8),
        np.full(size, -1, np.int32),
        np.zeros(size, np.int16),
    )


def test_one_person_with_a_hundred_thousand_scans_takes_no_longer_than_many_persons():
    size = 100_000
    at_us = worlds.BASE + np.arange(size, dtype=np.int64) * 2 * worlds.MINUTE
    begun = time.perf_counter()
    stays = pair(*crowd(size, at_us, np.zeros(size, np.int64)), worlds.RULES)
    assert stays.scans.sum() == size
    assert time.perf_counter() - begun < 2


def arrivals_read_twice(venue, _at_us, high, low, direction):
    """Of scans at one instant: an `out` comes first, so one a venue is followed by another scan."""
    count = 0
    for one in np.unique(venue):
        others = np.flatnonzero((venue == one) & (direction != OUT))
        first = others[np.lexsort((low[others], high[others]))[0]]
        count += int(direction[first] == IN)
    return count


def test_a_hundred_thousand_scans_at_one_instant_are_paired_in_the_order_of_their_keys():
    size = 100_000
    columns = crowd(size, np.full(size, worlds.BASE, np.int64), np.zeros(size, np.int64))
    begun = time.perf_counter()
    stays = pair(*columns, worlds.RULES)
    outs = int((columns[5] == OUT).sum()) - arrivals_read_twice(*columns[1:6])
    assert (stays.enter_kind == 1).sum() == outs
    assert stays.scans.sum() == size - arrivals_read_twice(*columns[1:6])
    assert time.perf_counter() - begun < 2
