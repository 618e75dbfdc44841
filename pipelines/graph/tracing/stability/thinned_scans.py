"""Scans of which each draw has a part: what a person's scans of one visit can become, each once.

Without a scan a stay can begin later, end earlier or later, or fall apart in two, so what remains is paired
again. Scans far apart do not change each other's stays, and most draws leave the few scans of a visit as they
are: so a visit is paired once for each part of it that some draw keeps. It is the scans of a person at one
venue that can make a stay together, and the scans elsewhere that can begin or end it.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from pipelines.kernels.compile import inlined
from pipelines.kernels.types import Int32, Int64, UInt8, UInt64
from schemas.codes import DIRECTIONS

_OUT = DIRECTIONS.index("out")
_ONE = np.uint64(1)
_LONGEST = 64  # scans of a visit whose parts are compared; a bit each
_COMPARED = 64  # stays of a visit that each new one is compared with


class Remains(NamedTuple):
    """Parts of visits, each kept by some draws.

    Attributes:
        row: int64[k], the scans of each part, part after part.
        part: int64[k], the part of each.
        mask: uint64[parts], the draws that keep just that part of the visit.
    """

    row: Int64
    part: Int64
    mask: UInt64


class TimedScans(NamedTuple):
    """Scans, ascending by (token, time), or by (token, venue, time) with a token for each two of them.

    Attributes:
        token, venue: int64[n].
        at_us: int64[n], microseconds UTC.
        direction: uint8[n], positions in `DIRECTIONS`.
        dwell_us, max_stay_us: int64[n], of the venue.
    """

    token: Int64
    venue: Int64
    at_us: Int64
    direction: UInt8
    dwell_us: Int64
    max_stay_us: Int64


@njit(cache=True, nogil=True)
def visit_ends(scans: TimedScans, bounce_us: int) -> Int64:
    """Cut scans where none before belongs to a stay of one after, whatever is kept of them.

    Args:
        scans: ascending by (token, venue, time), with a token for each two of them.
        bounce_us: as in the rules of stays.

    Returns:
        where each visit ends, int64[v], ascending.
    """
    token, at_us = scans.token, scans.at_us
    # No two scans farther apart than this belong together, whatever their kind.
    longest_us = max(bounce_us, scans.dwell_us.max(), scans.max_stay_us.max()) if at_us.size else 0
    nearest = np.empty(at_us.size, np.int64)  # the first scan that each belongs together with
    low = 0
    # First pass: how far back each scan reaches. `low` is the first row near enough; it only moves on.
    for row in range(at_us.size):
        while token[low] != token[row] or at_us[row] - at_us[low] > longest_us:
            low += 1
        before = low
        while before < row and not _belong(scans, bounce_us, before, row):
            before += 1
        nearest[row] = before
    ends = np.empty(at_us.size, np.int64)
    # Second pass, backwards: a cut after a row that no later row reaches back to or beyond.
    count, first = 0, at_us.size
    for row in range(at_us.size - 1, -1, -1):
        if first > row:
            ends[count] = row + 1
            count += 1
        first = min(first, nearest[row])
    return ends[:count][::-1].copy()


@inlined
def _belong(scans: TimedScans, bounce_us: int, before: int, row: int) -> bool:
    """Tell whether two scans of a person at a venue can matter to each other's stays."""
    # What lies between the two may be missing in a draw, so nothing but the two is looked at.
    reach_us = max(scans.dwell_us[before], scans.dwell_us[row], bounce_us)
    if scans.direction[before] != _OUT and scans.direction[row] == _OUT:
        reach_us = max(reach_us, scans.max_stay_us[row])
    return bool(scans.at_us[row] - scans.at_us[before] <= reach_us)


@njit(cache=True, nogil=True)
def with_scans_around(scans: TimedScans, own: Int64, ends: Int64) -> tuple[Int64, Int64]:
    """Add to the scans of visits those elsewhere that can begin or end a stay, within the dwell of a scan.

    Args:
        scans: of all people.
        own: int64[m], rows of the scans of visits, visit after visit, ascending in each.
        ends: int64[v], where visits end in `own`.

    Returns:
        the rows of the visits, ascending in each, and where each ends.
    """
    # A guess, as most scans have few others near; the array grows when a visit needs more.
    rows, new_ends = np.empty(2 * own.size + 64, np.int64), np.empty(ends.size, np.int64)
    count = begin = 0
    for visit in range(ends.size):
        last = -1
        for entry in range(begin, ends[visit]):
            row = own[entry]
            dwell_us, first = scans.dwell_us[row], row
            # Back to the first scan near enough that the visit does not have yet, then on past its last one.
            while _is_near(scans, row, first - 1, dwell_us) and first - 1 > last:
                first -= 1
            end = row + 1
            while _is_near(scans, row, end, dwell_us):
                end += 1
            # Scans near two of a visit's own are taken once: `last` is the last row that it has.
            first = max(first, last + 1)
            # Nothing to add if `last` has overtaken `end`: then the range is empty.
            if count + end - first > rows.size:
                rows = np.concatenate((rows[:count], np.empty(rows.size + end - first, np.int64)))
            for at in range(first, end):
                rows[count] = at
                count += 1
            last = max(last, end - 1)
        begin, new_ends[visit] = ends[visit], count
    return rows[:count], new_ends


@inlined
def _is_near(scans: TimedScans, row: int, other: int, reach_us: int) -> bool:
    """Tell whether a row is of the same person, and no farther off in time."""
    if other < 0 or other >= scans.token.size or scans.token[other] != scans.token[row]:
        return False
    return bool(abs(scans.at_us[other] - scans.at_us[row]) <= reach_us)


@njit(cache=True, nogil=True)
def needed_of(number: Int64, ends: Int64, needed: UInt64, events: int) -> UInt64:
    """Return the draws in which any visit needs each event, uint64[events].

    Args:
        number: int64[n], the event of each scan, visit after visit.
        ends: int64[v], where visits end.
        needed: uint64[v], the draws in which each visit is needed.
        events: how many there are.
    """
    found = np.zeros(events, np.uint64)
    row = 0
    for visit in range(ends.size):
        while row < ends[visit]:
            found[number[row]] |= needed[visit]
            row += 1
    return found


@njit(cache=True, nogil=True)
def remains_of(ends: Int64, mask: UInt64, draws: int) -> Remains:
    """Return what draws keep of each visit.

    Args:
        ends: int64[v], where visits end.
        mask: uint64[n], the draws that keep each scan.
        draws: how many there are.
    """
    kept, number = np.empty(draws, np.uint64), np.empty(draws, np.int64)
    # Room for a few parts a visit; checked against the worst case, a part a draw, before each visit.
    row, part = np.empty(4 * mask.size + 64, np.int64), np.empty(4 * mask.size + 64, np.int64)
    masks = np.empty(mask.size + 64, np.uint64)
    rows = parts = first = 0
    for end in ends:
        if rows + draws * (end - first) > row.size:
            more = np.empty(row.size + draws * (end - first), np.int64)
            row, part = np.concatenate((row[:rows], more)), np.concatenate((part[:rows], more))
        if parts + draws > masks.size:
            masks = np.concatenate((masks[:parts], np.empty(masks.size + draws, np.uint64)))
        _number_parts(mask, first, end, kept, number)
        # The parts of this visit are numbered from `base` on.
        base = parts
        for draw in range(draws):
            if number[draw] < 0:
                continue
            # The first draw with this part writes its scans; the others only add their bit.
            if base + number[draw] == parts:
                masks[parts] = 0
                for at in range(first, end):
                    if mask[at] >> np.uint64(draw) & _ONE:
                        row[rows], part[rows] = at, parts
                        rows += 1
                parts += 1
            masks[base + number[draw]] |= _ONE << np.uint64(draw)
        first = end
    return Remains(row[:rows], part[:rows], masks[:parts])


@inlined
def _number_parts(mask: UInt64, first: int, end: int, kept: UInt64, number: Int64) -> None:
    """Number the parts of a visit that draws keep, as they are met; -1 is a draw that keeps nothing."""
    # One bit a scan tells parts apart in visits of up to 64 scans; in longer ones each draw is a part.
    is_short = end - first <= _LONGEST
    parts = 0
    for draw in range(number.size):
        kept[draw] = 0
        some = False
        for at in range(first, end):
            bit = mask[at] >> np.uint64(draw) & _ONE
            some |= bit == _ONE
            # The mask keeps the shift below 64 in a long visit: a wider shift is undefined.
            kept[draw] |= bit << np.uint64((at - first) & (_LONGEST - 1))
        number[draw] = -1
        if not some:
            continue
        same = 0
        while is_short and same < draw and (number[same] < 0 or kept[same] != kept[draw]):
            same += 1
        if is_short and same < draw:
            number[draw] = number[same]
        else:
            number[draw] = parts
            parts += 1


@njit(cache=True, nogil=True)
def alike(visit: Int64, enter_us: Int64, exit_us: Int64, zone: Int32, mask: UInt64) -> tuple[Int64, UInt64]:
    """Find the stays of a visit that are the same, for several of its parts often make one.

    In a visit of very many stays some that are the same may stay apart: they are traced twice, no more.

    Args:
        visit: int64[n], ascending; a visit is of one person at one venue.
        enter_us: int64[n], microseconds UTC.
        exit_us: int64[n].
        zone: int32[n].
        mask: uint64[n], the draws that have each.

    Returns:
        the first row of each, int64[k], and the draws that have it, uint64[k].
    """
    row, masks = np.empty(visit.size, np.int64), np.empty(visit.size, np.uint64)
    count = begin = 0
    for at in range(visit.size):
        # The stays of this visit are those from `begin` on.
        if at and visit[at] != visit[at - 1]:
            begin = count
        low = max(begin, count - _COMPARED)
        same = count - 1
        while same >= low and (
            enter_us[row[same]] != enter_us[at]
            or exit_us[row[same]] != exit_us[at]
            or zone[row[same]] != zone[at]
        ):
            same -= 1
        if same < low:
            same = count
            row[same], masks[same] = at, 0
            count += 1
        masks[same] |= mask[at]
    return row[:count], masks[:count]
