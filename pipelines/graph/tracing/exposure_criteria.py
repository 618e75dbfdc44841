"""Whether the contact of a pair meets the rule, and from when on: overlaps are merged and measured."""

from typing import Any

import numpy as np
from numba import njit

from pipelines.graph.tracing.contact_criteria import EACH, WINDOW, Criteria
from pipelines.graph.tracing.exposure_table import CLOSED_US, NEVER_US, ExposureTable, record_exposure
from pipelines.graph.tracing.overlap_join import Overlaps
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.hash_table import mixed
from pipelines.kernels.sort import order_of
from pipelines.kernels.types import Int64
from pipelines.times import DAY_US


def record_exposures(people: ExposureTable, overlaps: Overlaps, infector: Int64, criteria: Criteria) -> None:
    """Record the exposure of everybody whose contact with one infector meets the rule.

    Args:
        people: their earliest exposures are kept here.
        overlaps: all overlaps of every pair among them.
        infector: int64[k], the token of each owner; an infector's owners are neighbours.
        criteria: what makes a contact, by class.
    """
    # int64[k], the position of each owner's infector: contacts are of people, whatever the intervals.
    new = np.ones(infector.size, np.int64)
    new[1:] = infector[1:] != infector[:-1]
    number = np.cumsum(new) - 1
    pair, kept = _may_be_long_enough(number, people.persons, overlaps, people.exposed_us, criteria)
    # Only what is kept is sorted; `order` leads back to the rows of `overlaps`.
    order = kept[order_of(pair[kept], overlaps.start_us[kept])]
    # Room for the longest union there can be; each pair writes over the one before it.
    room = np.empty((2, order.size), np.int64)
    _judge(people, pair, order, overlaps, infector, criteria, room[0], room[1])


@njit(cache=True, nogil=True)
def _may_be_long_enough(
    number: Int64, persons: int, overlaps: Overlaps, exposed_us: Int64, criteria: Criteria
) -> tuple[Int64, Int64]:
    """Return the pair of each overlap, and the overlaps of pairs that may together be long enough.

    Sums in buckets, which several pairs may share: a bucket below the minimum
    holds no pair that reaches it. That spares sorting most overlaps.
    """
    classes = criteria.min_us.size
    # About a bucket an overlap; at most 2^21, which are 16 MB of totals.
    bits = 10
    while (1 << bits) < overlaps.owner.size and bits < 21:
        bits += 1
    totals_us = np.zeros(1 << bits, np.int64)
    mask = np.uint64((1 << bits) - 1)
    bucket = np.empty(overlaps.owner.size, np.uint32)
    pair = np.empty(overlaps.owner.size, np.int64)
    for row in range(overlaps.owner.size):
        # Below 2^63 even for a million infectors, a billion people and a hundred classes.
        key = (number[overlaps.owner[row]] * persons + overlaps.other[row]) * classes + overlaps.kind[row]
        pair[row] = key
        bucket[row] = mixed(key) & mask
        # Overlaps may overlap each other, so a total is at least the union: nothing is dropped too soon.
        totals_us[bucket[row]] += overlaps.end_us[row] - overlaps.start_us[row]
    # Second pass, when all totals are known.
    kept = np.empty(overlaps.owner.size, np.int64)
    count = 0
    for row in range(overlaps.owner.size):
        # Encounters come with people whom `find_overlaps` would have passed over.
        closed = exposed_us[overlaps.other[row]] == CLOSED_US
        if not closed and totals_us[bucket[row]] >= criteria.min_us[overlaps.kind[row]]:
            kept[count] = row
            count += 1
    return pair, kept[:count]


@helper
def _judge(
    people: ExposureTable,
    pair: Int64,
    order: Int64,
    overlaps: Overlaps,
    infector: Int64,
    criteria: Criteria,
    starts_us: Int64,
    ends_us: Int64,
) -> None:
    """Merge the overlaps of each pair, which come in the order (pair, start), and judge their union.

    `starts_us` and `ends_us` are room for the union of one pair.
    """
    begin = 0
    while begin < order.size:
        row = order[begin]
        count = 0
        end = begin
        # By start: each overlap lengthens the last interval or begins the next; touching ones merge.
        while end < order.size and pair[order[end]] == pair[row]:
            at = order[end]
            if count and overlaps.start_us[at] <= ends_us[count - 1]:
                ends_us[count - 1] = max(ends_us[count - 1], overlaps.end_us[at])
            else:
                starts_us[count], ends_us[count] = overlaps.start_us[at], overlaps.end_us[at]
                count += 1
            end += 1
        # All overlaps of a pair are of one class, which is part of the key.
        kind = overlaps.kind[row]
        exposed_us = exposed(starts_us, ends_us, count, criteria.min_us[kind], criteria.accumulate[kind])
        if exposed_us < NEVER_US:
            record_exposure(people, overlaps.other[row], exposed_us, infector[overlaps.owner[row]])
        begin = end


@inlined
def exposed(starts_us: Int64, ends_us: Int64, count: int, min_us: int, accumulate: int) -> Any:
    """Return when a contact, a union of ascending intervals, exposes under a rule; else NEVER_US."""
    if accumulate == WINDOW:
        # NEVER_US as the bound: all of the contact counts.
        return starts_us[0] if _within(starts_us, ends_us, 0, count, NEVER_US) >= min_us else NEVER_US
    for first in range(count):
        # An interval by itself, or all that lies within 24 hours of its start.
        until_us = ends_us[first] if accumulate == EACH else starts_us[first] + DAY_US
        if _within(starts_us, ends_us, first, count, until_us) >= min_us:
            return starts_us[first]
    return NEVER_US


@inlined
def _within(starts_us: Int64, ends_us: Int64, first: int, count: int, until_us: int) -> int:
    """Sum how much of the ascending intervals in [first, count) lies before an instant."""
    total_us = 0
    for entry in range(first, count):
        if starts_us[entry] >= until_us:
            break
        total_us += min(ends_us[entry], until_us) - starts_us[entry]
    return total_us
