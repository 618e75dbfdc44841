"""Whether a contact meets the rule, and from when on: the pieces of each pair are merged and measured."""

from typing import Any

import numpy as np
from numba import njit

from pipelines.graph.tracing.contact_criteria import EACH, WINDOW, Criteria
from pipelines.graph.tracing.exposure_table import CLOSED_US, NEVER_US, ExposureTable, note_exposure
from pipelines.graph.tracing.overlap_join import Overlaps
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.hash_table import mixed
from pipelines.kernels.sort import order_of
from pipelines.kernels.types import Int64
from pipelines.times import DAY_US


def note_contacts(people: ExposureTable, pieces: Overlaps, infector: Int64, criteria: Criteria) -> None:
    """Note the exposure of everybody whose contact with one infector meets the rule.

    Args:
        people: their earliest exposures are kept here.
        pieces: all pieces of every pair in them.
        infector: int64[k], the token of each owner; an infector's owners are neighbours.
        criteria: what makes a contact, by class.
    """
    new = np.ones(infector.size, np.int64)
    new[1:] = infector[1:] != infector[:-1]
    number = np.cumsum(new) - 1
    pair, kept = _long_enough(number, people.met, pieces, people.exposed_us, criteria)
    order = kept[order_of(pieces.start_us[kept])]
    order = order[order_of(pair[order])]
    room = np.empty((2, order.size), np.int64)
    _reduce(people, pair, order, pieces, infector, criteria, room[0], room[1])


@njit(cache=True, nogil=True)
def _long_enough(
    number: Int64, people: int, pieces: Overlaps, exposed_us: Int64, criteria: Criteria
) -> tuple[Int64, Int64]:
    """The pair of each piece, and the pieces of pairs that may be together long enough.

    Sums in buckets, which several pairs may share: a bucket below the
    minimum holds no pair that reaches it.
    """
    classes = criteria.min_us.size
    bits = 10
    while (1 << bits) < pieces.owner.size and bits < 21:
        bits += 1
    totals_us = np.zeros(1 << bits, np.int64)
    mask = np.uint64((1 << bits) - 1)
    bucket = np.empty(pieces.owner.size, np.uint32)
    pair = np.empty(pieces.owner.size, np.int64)
    for piece in range(pieces.owner.size):
        key = (number[pieces.owner[piece]] * people + pieces.other[piece]) * classes + pieces.kind[piece]
        pair[piece] = key
        bucket[piece] = mixed(key) & mask
        totals_us[bucket[piece]] += pieces.end_us[piece] - pieces.start_us[piece]
    kept = np.empty(pieces.owner.size, np.int64)
    found = 0
    for piece in range(pieces.owner.size):
        closed = exposed_us[pieces.other[piece]] == CLOSED_US
        if not closed and totals_us[bucket[piece]] >= criteria.min_us[pieces.kind[piece]]:
            kept[found] = piece
            found += 1
    return pair, kept[:found]


@helper
def _reduce(
    people: ExposureTable,
    pair: Int64,
    order: Int64,
    pieces: Overlaps,
    infector: Int64,
    criteria: Criteria,
    starts_us: Int64,
    ends_us: Int64,
) -> None:
    """Merge the pieces of each pair, which come in the order (pair, start), and judge their union.

    `starts_us` and `ends_us` are room for the union of one pair.
    """
    begin = 0
    while begin < order.size:
        piece = order[begin]
        count = 0
        end = begin
        while end < order.size and pair[order[end]] == pair[piece]:
            at = order[end]
            if count and pieces.start_us[at] <= ends_us[count - 1]:
                ends_us[count - 1] = max(ends_us[count - 1], pieces.end_us[at])
            else:
                starts_us[count], ends_us[count] = pieces.start_us[at], pieces.end_us[at]
                count += 1
            end += 1
        kind = pieces.kind[piece]
        exposed_us = _exposed(starts_us, ends_us, count, criteria.min_us[kind], criteria.accumulate[kind])
        if exposed_us < NEVER_US:
            note_exposure(people, pieces.other[piece], exposed_us, infector[pieces.owner[piece]])
        begin = end


@inlined
def _exposed(starts_us: Int64, ends_us: Int64, count: int, min_us: int, accumulate: int) -> Any:
    """When a contact, a union of intervals that ascend, exposes under a rule; NEVER_US if it does not."""
    if accumulate == WINDOW:
        return starts_us[0] if _within(starts_us, ends_us, 0, count, NEVER_US) >= min_us else NEVER_US
    for first in range(count):
        until_us = ends_us[first] if accumulate == EACH else starts_us[first] + DAY_US
        if _within(starts_us, ends_us, first, count, until_us) >= min_us:
            return starts_us[first]
    return NEVER_US


@inlined
def _within(starts_us: Int64, ends_us: Int64, first: int, count: int, until_us: int) -> int:
    """How much of the intervals from `first` to before `count`, which ascend, lies before an instant."""
    total_us = 0
    for entry in range(first, count):
        if starts_us[entry] >= until_us:
            break
        total_us += min(ends_us[entry], until_us) - starts_us[entry]
    return total_us
