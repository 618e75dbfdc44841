"""Rows beside a person's stays: every row that overlaps, and no other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.graph.row_ranges import OwnStays, rows_beside, rows_between
from pipelines.kernels.types import Int64
from pipelines.lake.sidecars.sidecar_search import rows_entering

Interval = tuple[int, int, int]


def columns(rows: list[Interval]) -> tuple[Int64, Int64, Int64]:
    """venue, enter and exit of rows (venue, enter, length), in the order (venue, enter)."""
    table = np.array(sorted(rows), np.int64).reshape(-1, 3)
    return table[:, 0].copy(), table[:, 1].copy(), table[:, 1] + table[:, 2]


def own_stays(rows: list[Interval]) -> OwnStays:
    venue, enter, end = columns(rows)
    return OwnStays(venue, enter, end, end)


def pairs(own: list[Interval], rows: list[Interval]) -> set[tuple[int, int]]:
    venue, enter, end = columns(rows)
    longest = int((end - enter).max(initial=0))
    stays = own_stays(own)
    first, last = rows_entering(venue, enter, stays.venue, stays.enter_us - longest, stays.exit_us)
    at, found = rows_beside(stays, first, last, end)
    assert len(set(zip(at.tolist(), found.tolist(), strict=True))) == at.size
    return set(zip(at.tolist(), found.tolist(), strict=True))


@pytest.mark.parametrize(
    ("row", "meets"),
    [
        ((1, 10, 10), True),
        ((1, 0, 10), False),
        ((1, 0, 11), True),
        ((1, 20, 5), False),
        ((1, 19, 5), True),
        ((1, 0, 100), True),
        ((1, 12, 1), True),
        ((2, 10, 10), False),
    ],
)
def test_a_row_is_beside_a_stay_when_they_share_an_instant(row: Interval, meets: bool) -> None:
    assert bool(pairs([(1, 10, 10)], [row])) is meets


def test_no_rows_and_no_stays_have_no_pairs() -> None:
    assert pairs([], [(1, 0, 5)]) == set()
    assert pairs([(1, 0, 5)], []) == set()


INTERVALS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(1, 12)), max_size=20)


@given(own=INTERVALS, rows=INTERVALS)
def test_the_searches_find_what_a_double_loop_finds(own: list[Interval], rows: list[Interval]) -> None:
    expected = {
        (i, j)
        for i, (venue, enter, length) in enumerate(sorted(own))
        for j, (other, start, lasting) in enumerate(sorted(rows))
        if venue == other and start < enter + length and enter < start + lasting
    }
    assert pairs(own, rows) == expected


def test_ranges_of_rows_follow_one_another():
    assert rows_between(np.array([3, 9, 0]), np.array([5, 9, 3])).tolist() == [3, 4, 0, 1, 2]
    assert rows_between(np.empty(0, np.int64), np.empty(0, np.int64)).size == 0
