"""Who is exposed in which draws, and from when on: what overlaps make, alone or together."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from pipelines.graph.tracing.exposure_criteria import exposed
from pipelines.graph.tracing.exposure_table import NEVER_US
from pipelines.kernels.compile import inlined
from pipelines.kernels.types import Int64, UInt8, UInt64

_ONE = np.uint64(1)
_NONE = np.uint64(0)


class ContactTerms(NamedTuple):
    """What makes a contact, by the class of a venue.

    Attributes:
        kind: uint8[v], the class of each venue.
        min_us: int64[c].
        alone_us: int64[c], how long one overlap must last to be enough; `NEVER_US` where no contact is.
        accumulate: int64[c], as in `Criteria`.
        indirect_us: int64[c].
        same_zone: int64[c].
    """

    kind: UInt8
    min_us: Int64
    alone_us: Int64
    accumulate: Int64
    indirect_us: Int64
    same_zone: Int64


class FoundInDraws(NamedTuple):
    """Who is exposed in which draws.

    Attributes:
        open: uint64[p], the draws in which each person can still be found.
        fresh: uint64[p], those in which this hop has found the person, or an earlier exposure.
        exposed_us: int64[p, draws], the earliest exposure; that of the last hop is not kept.
    """

    open: UInt64
    fresh: UInt64
    exposed_us: Int64


class DrawnOverlaps(NamedTuple):
    """Overlaps of pairs.

    Attributes:
        pair: int64[n], `(source * persons + person) * classes + class`.
        start_us, end_us: int64[n].
        mask: uint64[n].
    """

    pair: Int64
    start_us: Int64
    end_us: Int64
    mask: UInt64


@inlined
def is_earlier(found: FoundInDraws, person: int, at_us: int, mask: Any) -> bool:
    """Tell whether an exposure at an instant would be the earliest in one of the draws."""
    draw = 0
    while mask != _NONE:
        if mask & _ONE and at_us < found.exposed_us[person, draw]:
            return True
        mask >>= _ONE
        draw += 1
    return False


@inlined
def expose(found: FoundInDraws, person: int, at_us: int, mask: Any, last: bool) -> None:
    """Record an exposure in some draws, in each if it is the earliest."""
    # In the last hop it does not matter when; the draw is closed to the person, who is in its list.
    if last:
        found.fresh[person] |= mask
        found.open[person] &= ~mask
        return
    draw, bit = 0, _ONE
    while mask != _NONE:
        if mask & _ONE and at_us < found.exposed_us[person, draw]:
            found.exposed_us[person, draw] = at_us
            found.fresh[person] |= bit
        mask >>= _ONE
        bit <<= _ONE
        draw += 1


@njit(cache=True, nogil=True)
def judge(
    overlaps: DrawnOverlaps, order: Int64, contact: ContactTerms, found: FoundInDraws, last: bool
) -> None:
    """Record the exposures that overlaps make together, pair after pair and draw after draw.

    Args:
        overlaps: of pairs that may be long enough together.
        order: int64[n], the permutation that sorts them by (pair, start).
        contact: what makes a contact.
        found: who is exposed.
        last: whether it is the last hop.
    """
    starts_us, ends_us = np.empty(order.size, np.int64), np.empty(order.size, np.int64)
    begin = 0
    while begin < order.size:
        key = overlaps.pair[order[begin]]
        # `some`: draws that have any of the pair's overlaps; `every`: those that have all of them.
        end, some, every = begin, _NONE, ~_NONE
        while end < order.size and overlaps.pair[order[end]] == key:
            some |= overlaps.mask[order[end]]
            every &= overlaps.mask[order[end]]
            end += 1
        kind = key % contact.min_us.size
        other = key // contact.min_us.size % found.open.size
        some &= found.open[other]
        # Draw by draw, until all that are left have all of the overlaps: those are judged together.
        for draw in range(found.exposed_us.shape[1]):
            bit = _ONE << np.uint64(draw)
            if not some & bit:  # settled with an earlier draw, or without any of them
                continue
            own = some if some & ~every == _NONE else bit  # the draws to which the same overlaps remain
            terms = contact.min_us[kind], contact.accumulate[kind]
            exposed_us = _exposed_by(overlaps, order[begin:end], own, terms, starts_us, ends_us)
            if exposed_us < NEVER_US:
                expose(found, other, exposed_us, own, last)
            some &= ~own
        begin = end


@inlined
def _exposed_by(
    overlaps: DrawnOverlaps,
    order: Int64,
    draws: Any,
    terms: tuple[int, int],
    starts_us: Int64,
    ends_us: Int64,
) -> Any:
    """Return when the overlaps of one pair expose in some draws, all of which have the same of them."""
    # Each pair fills them from the front; they are as long as all overlaps together.
    count = 0
    for at in order:
        if not overlaps.mask[at] & draws:
            continue
        if count and overlaps.start_us[at] <= ends_us[count - 1]:
            ends_us[count - 1] = max(ends_us[count - 1], overlaps.end_us[at])
        else:
            starts_us[count], ends_us[count] = overlaps.start_us[at], overlaps.end_us[at]
            count += 1
    return exposed(starts_us, ends_us, count, terms[0], terms[1])


@njit(cache=True, nogil=True)
def exposures_of_draws(found: FoundInDraws) -> tuple[Int64, Int64, UInt64]:
    """Return who was exposed, when, and in which draws: rows of person, instant and mask, by person."""
    size = 0
    for person in range(found.fresh.size):
        left = found.fresh[person]
        # Counts the bits by dropping the lowest one a turn.
        while left != _NONE:
            left &= left - _ONE
            size += 1
    numbers, masks = np.empty((2, size), np.int64), np.empty(size, np.uint64)
    count = 0
    for person in range(found.fresh.size):
        begin = count
        for draw in range(found.exposed_us.shape[1]):
            bit = _ONE << np.uint64(draw)
            if not found.fresh[person] & bit:
                continue
            # A row an instant: a person has few of them, so a walk finds the one that draws share.
            at = begin
            while at < count and numbers[1, at] != found.exposed_us[person, draw]:
                at += 1
            if at == count:
                numbers[0, at], numbers[1, at], masks[at] = person, found.exposed_us[person, draw], _NONE
                count += 1
            masks[at] |= bit
    return numbers[0, :count], numbers[1, :count], masks[:count]
