from itertools import chain

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.graph.contact_table.pair_sweep import Crowds, blocks, contacts, outside, partners, presences

EVERY_US = range(60)
NO_CROWDS = []

stays = st.lists(
    st.tuples(st.integers(-2, 2), st.integers(0, 1), st.integers(0, 40), st.integers(1, 12)).map(
        lambda drawn: (drawn[0], drawn[1], drawn[2], drawn[2] + drawn[3])
    ),
    max_size=12,
)
crowds = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 10)).map(lambda drawn: (drawn[0], 5 * drawn[1])), max_size=4
)


def columns(rows, width):
    return (np.array([row[index] for row in rows], np.int64) for index in range(width))


def found(rows, windows=NO_CROWDS, min_us=1, from_us=0, to_us=100, most=1 << 20):
    there = presences(*columns(rows, 4))
    venue, start_us = columns(sorted(set(windows)), 2)
    there = outside(there, Crowds(venue, start_us, start_us + 5), min_us)
    met = partners(there, min_us, from_us, to_us)
    parts = [contacts(there, met, rows) for rows in blocks(met, most)]
    rows = [list(zip(*(column.tolist() for column in part), strict=True)) for part in parts]
    assert sum(map(len, rows)) == met.contacts
    return rows


def all_found(*args, **settings):
    return list(chain.from_iterable(found(*args, **settings)))


def reference(rows, windows, min_us):
    """Return every microsecond of every pair at every venue on its own."""
    together = set()
    for a, venue, enter, leave in rows:
        for b, other, begin, end in rows:
            if a < b and venue == other:
                together |= {(a, b, venue, us) for us in range(max(enter, begin), min(leave, end))}
    crowded = {(venue, us) for venue, start in windows for us in range(start, start + 5)}
    together = {row for row in together if row[2:] not in crowded}
    answer = []
    for a, b, venue in sorted({row[:3] for row in together}):
        inside = {row[3] for row in together if row[:3] == (a, b, venue)}
        starts = [us for us in sorted(inside) if us - 1 not in inside]
        ends = [us + 1 for us in sorted(inside) if us + 1 not in inside]
        answer += [
            (a, b, venue, start, end)
            for start, end in zip(starts, ends, strict=True)
            if end - start >= min_us
        ]
    return answer


@settings(max_examples=300, deadline=None)
@given(stays, crowds, st.integers(0, 6))
def test_contacts_are_what_a_list_of_every_instant_says(rows, windows, min_us):
    assert all_found(rows, windows, min_us) == reference(rows, set(windows), min_us)


@settings(max_examples=100, deadline=None)
@given(stays, crowds, st.integers(1, 6), st.integers(0, 50), st.integers(1, 5), st.randoms())
def test_any_cut_of_time_any_block_and_any_order_of_stays_give_the_same_contacts(
    rows, windows, min_us, border, most, random
):
    shuffled = random.sample(rows, len(rows))
    parts = found(shuffled, windows, min_us, to_us=border, most=most)
    parts += found(shuffled, windows, min_us, from_us=border, most=most)
    assert all(part == sorted(part) for part in parts)
    assert sorted(chain.from_iterable(parts)) == reference(rows, set(windows), min_us)


@settings(max_examples=100, deadline=None)
@given(stays, st.integers(1, 6))
def test_a_longer_minimum_never_adds_a_contact(rows, min_us):
    longer = all_found(rows, min_us=min_us + 1)
    assert set(longer) <= set(all_found(rows, min_us=min_us))


def test_touching_is_not_a_contact_and_nobody_meets_himself():
    assert found([(1, 0, 0, 5), (2, 0, 5, 9), (2, 0, 6, 8), (3, 1, 0, 9)]) == []


def test_overlapping_and_touching_stays_of_one_person_make_one_contact():
    assert found([(1, 0, 0, 5), (1, 0, 5, 8), (1, 0, 6, 12), (2, 0, 1, 20)]) == [[(1, 2, 0, 1, 12)]]


def test_a_crowd_parts_a_contact_in_two():
    assert found([(1, 0, 0, 20), (2, 0, 1, 20)], [(0, 5)]) == [[(1, 2, 0, 1, 5), (1, 2, 0, 10, 20)]]


def test_tokens_at_the_ends_of_their_range_are_ordered_as_signed():
    most, least = 2**63 - 1, -(2**63)
    assert found([(most, least, 0, 5), (least, least, 1, 9)]) == [[(least, most, least, 1, 5)]]


def test_a_presence_without_contacts_makes_no_block():
    rows = [(0, 0, 0, 5), *((person, 1, 0, 9) for person in range(4))]
    assert [len(block) for block in found(rows, most=1)] == [3, 2, 1]


def test_a_venue_of_a_hundred_thousand_is_counted_without_holding_its_pairs():
    random = np.random.default_rng(1)
    person = random.permutation(np.arange(100_000))
    enter = random.integers(0, 3_600_000_000, person.size)
    arrays = (person, np.zeros(person.size, np.int64), enter, enter + 7_200_000_000)
    there = presences(*arrays)
    met = partners(there, 1, 0, 2**62)
    assert met.contacts == 100_000 * 99_999 // 2
    first = next(blocks(met, 1 << 17))
    assert contacts(there, met, first).person_a.size <= 1 << 17
