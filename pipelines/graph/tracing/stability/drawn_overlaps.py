"""Passes over what lies beside the stays of infectious people, in all draws at once.

One overlap of the minimum exposes from its start on, so a first pass looks at no pair, and drops the rows
that cannot matter any more. Under a minimum, overlaps that are too short alone may add up to an earlier
exposure: a second pass marks the pairs with such an overlap, and a third collects all of theirs.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from pipelines.graph.tracing.clipped_stays import NO_ZONE
from pipelines.graph.tracing.exposure_table import NEVER_US
from pipelines.graph.tracing.stability.drawn_exposures import (
    ContactTerms,
    DrawnOverlaps,
    FoundInDraws,
    expose,
    is_earlier,
)
from pipelines.graph.tracing.stability.drawn_stays import ClippedRows, DrawnStays
from pipelines.kernels.compile import inlined
from pipelines.kernels.hash_table import mixed
from pipelines.kernels.types import Int64, UInt8

_NONE = np.uint64(0)
_OVERLAPS_AT_FIRST = 1 << 12  # room to begin with; doubled when full


class MarkedPairs(NamedTuple):
    """Pairs by buckets, which several may share: one that is not marked holds no pair to be judged.

    Attributes:
        total_us: int64[b], how long the overlaps of a bucket last together, whatever the draw.
        marked: uint8[b].
    """

    total_us: Int64
    marked: UInt8


@njit(cache=True, nogil=True)
def expose_alone(
    stays: DrawnStays,
    clipped: ClippedRows,
    contact: ContactTerms,
    found: FoundInDraws,
    following: Int64,
    last: bool,
) -> int:
    """Record the exposures that one overlap makes.

    Args:
        stays: of all draws.
        clipped: those of the infectious.
        contact: what makes a contact.
        found: who is exposed.
        following: int64[n + 1], the next row that matters from each row on, at first the row itself.
        last: whether it is the last hop, in which it does not matter when somebody was exposed.

    Returns:
        how many overlaps were too short.
    """
    short = 0
    for entry in range(clipped.row.size):
        kind = contact.kind[stays.venue[clipped.row[entry]]]
        alone_us = contact.alone_us[kind]
        # The clipped stays come by (venue, enter), so the rows of neighbours overlap: a row that no longer
        # matters is jumped over by all later ones.
        row = _next(following, clipped.low[entry])
        while row < clipped.high[entry]:
            from_us, to_us, both = _overlap(stays, clipped, contact, found, entry, row)
            if both != _NONE and to_us - from_us >= alone_us:
                expose(found, stays.person[row], from_us, both, last)
            # Where no contact is enough (NEVER_US), short ones are not either.
            elif both != _NONE and alone_us < NEVER_US:
                short += 1
            # Jumped over from now on, by all clipped stays that follow.
            if _is_done(stays, found, row, last):
                following[row] = row + 1
            row = _next(following, row + 1)
    return short


@njit(cache=True, nogil=True)
def expose_near(near: DrawnOverlaps, contact: ContactTerms, found: FoundInDraws, last: bool) -> None:
    """Record the exposures that one encounter makes; encounters are of class 0."""
    for row in range(near.pair.size):
        # The infectee of a pair, see `DrawnOverlaps`.
        other = near.pair[row] // contact.min_us.size % found.open.size
        both = near.mask[row] & found.open[other]
        if both != _NONE and near.end_us[row] - near.start_us[row] >= contact.alone_us[0]:
            expose(found, other, near.start_us[row], both, last)


@njit(cache=True, nogil=True)
def mark_pairs(
    stays: DrawnStays,
    clipped: ClippedRows,
    near: DrawnOverlaps,
    contact: ContactTerms,
    found: FoundInDraws,
    buckets: int,
    last: bool,
) -> MarkedPairs:
    """Mark the pairs with an overlap that is too short alone and begins before the exposure found so far.

    Pairs with an encounter are marked too. Arguments as of `expose_alone`, and a number of buckets, a power
    of two.
    """
    pairs = MarkedPairs(np.zeros(buckets, np.int64), np.zeros(buckets, np.uint8))
    for row in range(near.pair.size):
        bucket = mixed(near.pair[row]) & np.uint64(buckets - 1)
        pairs.total_us[bucket] += near.end_us[row] - near.start_us[row]
        pairs.marked[bucket] = 1
    for entry in range(clipped.row.size):
        kind = contact.kind[stays.venue[clipped.row[entry]]]
        alone_us = contact.alone_us[kind]
        # Where nothing can expose, there is nothing to add up.
        if alone_us == NEVER_US:
            continue
        for row in range(clipped.low[entry], clipped.high[entry]):
            from_us, to_us, both = _overlap(stays, clipped, contact, found, entry, row)
            if both == _NONE:
                continue
            bucket = mixed(_pair(stays, clipped, contact, found, entry, row)) & np.uint64(buckets - 1)
            # Whatever the draw, and overlaps may overlap: an upper bound of what one draw has.
            pairs.total_us[bucket] += to_us - from_us
            is_short = to_us - from_us < alone_us
            # A long one has exposed already; a pair is judged for a short one that may have begun earlier.
            if is_short and (last or is_earlier(found, stays.person[row], from_us, both)):
                pairs.marked[bucket] = 1
    return pairs


@njit(cache=True, nogil=True)
def overlaps_of_marked(
    stays: DrawnStays, clipped: ClippedRows, contact: ContactTerms, found: FoundInDraws, pairs: MarkedPairs
) -> DrawnOverlaps:
    """Collect the overlaps of pairs that may be long enough together."""
    # All overlaps of a marked pair, long ones too, for they are summed.
    pair, masks = np.empty(_OVERLAPS_AT_FIRST, np.int64), np.empty(_OVERLAPS_AT_FIRST, np.uint64)
    starts_us, ends_us = np.empty_like(pair), np.empty_like(pair)
    count = 0
    for entry in range(clipped.row.size):
        kind = contact.kind[stays.venue[clipped.row[entry]]]
        if contact.alone_us[kind] == NEVER_US:
            continue
        # At worst all candidates of the entry are kept: room for them before the loop that fills it.
        wanted = count + clipped.high[entry] - clipped.low[entry]
        if wanted > pair.size:
            more = max(wanted, 2 * pair.size) - pair.size
            pair, masks = _longer(pair, more), _longer(masks, more)
            starts_us, ends_us = _longer(starts_us, more), _longer(ends_us, more)
        for row in range(clipped.low[entry], clipped.high[entry]):
            from_us, to_us, both = _overlap(stays, clipped, contact, found, entry, row)
            if both == _NONE:
                continue
            key = _pair(stays, clipped, contact, found, entry, row)
            bucket = mixed(key) & np.uint64(pairs.marked.size - 1)
            # By bucket: a few pairs too many, which `judge` sorts out.
            if pairs.marked[bucket] and pairs.total_us[bucket] >= contact.min_us[kind]:
                pair[count], starts_us[count], ends_us[count], masks[count] = key, from_us, to_us, both
                count += 1
    return DrawnOverlaps(pair[:count], starts_us[:count], ends_us[:count], masks[:count])


@njit(cache=True, nogil=True)
def _longer(column: Any, more: int) -> Any:
    return np.concatenate((column, np.empty(more, column.dtype)))


@inlined
def _overlap(
    stays: DrawnStays, clipped: ClippedRows, contact: ContactTerms, found: FoundInDraws, entry: int, row: int
) -> tuple[int, int, int]:
    """Return from when to when a row overlaps a clipped stay, and in which draws; in none if it does not."""
    own, other = clipped.row[entry], stays.person[row]
    # Draws in which the source is infectious there, the other is there, and can still be found.
    both = clipped.mask[entry] & stays.mask[row] & found.open[other]
    from_us = max(clipped.start_us[entry], stays.enter_us[row])
    to_us = min(clipped.reach_us[entry], stays.exit_us[row])
    # Nobody exposes himself; without an overlap the mask is empty, whatever the draws.
    if from_us >= to_us or other == stays.person[own]:
        both = _NONE
    elif contact.same_zone[contact.kind[stays.venue[own]]] and stays.zone[own] != NO_ZONE:
        # An unknown zone matches any.
        agrees = stays.zone[row] == NO_ZONE or stays.zone[row] == stays.zone[own]
        both = both if agrees else _NONE
    return from_us, to_us, both


@inlined
def _pair(
    stays: DrawnStays, clipped: ClippedRows, contact: ContactTerms, found: FoundInDraws, entry: int, row: int
) -> int:
    """Return the number of the pair of a clipped stay and a row, see `DrawnOverlaps`."""
    own = clipped.row[entry]
    pair = np.int64(stays.person[own]) * found.open.size + stays.person[row]
    return int(pair * contact.min_us.size + contact.kind[stays.venue[own]])


@inlined
def _next(following: Int64, row: int) -> int:
    """Find the next row that matters, and shorten the way to it."""
    # A search as in union-find, which halves the way it has gone.
    while following[row] != row:
        following[row] = following[following[row]]
        row = following[row]
    return row


@inlined
def _is_done(stays: DrawnStays, found: FoundInDraws, row: int, last: bool) -> bool:
    """Tell whether no overlap of a row can matter to its person any more."""
    person = stays.person[row]
    # Draws that have the row and its person open; an overlap of the row begins at its enter or later.
    left = stays.mask[row] & found.open[person]
    return left == _NONE if last else not is_earlier(found, person, stays.enter_us[row], left)
