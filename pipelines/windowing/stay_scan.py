"""The pass over each person's scans, in order of time, that turns scans into stays.

One pass backward and one forward find each scan's nearest scans at other
venues; a last pass forward begins or extends a stay at each scan's venue. All
three are linear, whatever the number of scans per person or per instant.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from pipelines.kernels.compile import inlined
from pipelines.kernels.types import Int32, Int64, UInt8, UInt64
from pipelines.times import SECOND_US
from schemas.codes import DIRECTIONS, EXIT_KINDS

NO_ZONE = -1
NO_LONG_PAIR = np.iinfo(np.int64).min
_SEVERAL_ZONES = -2
_NEVER_US = np.iinfo(np.int64).max  # no later scan elsewhere
_NO_TIME_US = np.iinfo(np.int64).min  # no earlier one: every other time is above it

_IN, _OUT = DIRECTIONS.index("in"), DIRECTIONS.index("out")

_SCANNED = EXIT_KINDS.index("scanned")
_DEFAULT = EXIT_KINDS.index("default")
_NEXT_SCAN = EXIT_KINDS.index("next_scan")


class SortedScans(NamedTuple):
    """Scans sorted by person, time, `out` before others, event key.

    Attributes:
        person: int64[n], ranks.
        venue: int64[n], ranks.
        at_us: int64[n].
        direction: uint8[n], positions in `DIRECTIONS`.
        zone: int32[n], NO_ZONE for none.
        mixed: uint64[n], from `mixed`.
        earlier_us: int64[n], the person's last scan elsewhere, the same instant included.
        later_us: int64[n], the person's next scan elsewhere, the same instant included.
        dwell_us: int64[n], of the venue.
        max_stay_us: int64[n], of the venue.
    """

    person: Int64
    venue: Int64
    at_us: Int64
    direction: UInt8
    zone: Int32
    mixed: UInt64
    earlier_us: Int64
    later_us: Int64
    dwell_us: Int64
    max_stay_us: Int64


class Walked(NamedTuple):
    """Stays by person; `first` and `last` are rows of the scans.

    `long_from_us` is the time of the scan `in` of a long pair that ends with the
    stay's own `out`, NO_LONG_PAIR for other stays.
    """

    first: Int64
    last: Int64
    zone: Int32
    scans: Int32
    enter_us: Int64
    exit_us: Int64
    exit_kind: UInt8
    fingerprint: UInt64
    long_from_us: Int64


@njit(cache=True, nogil=True)
def mixed(high: UInt64, low: UInt64, zone: Int32, direction: UInt8) -> UInt64:
    """Hash what a stay takes over from each scan: event key, zone, whether it is an `out` (splitmix64)."""
    found = np.empty(high.size, np.uint64)
    for row in range(high.size):
        # Zone codes are those of one bucket's dictionary: fingerprints compare within a bucket only.
        value = low[row] + high[row] * np.uint64(0x9E3779B97F4A7C15)
        value += np.uint64(np.int64(zone[row]) * 2 + np.int64(direction[row] == _OUT) + 5) * np.uint64(
            0xD1B54A32D192ED03
        )
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found[row] = value ^ (value >> np.uint64(31))
    return found


def sorted_scans(
    person: Int64,
    venue: Int64,
    at_us: Int64,
    direction: UInt8,
    zone: Int32,
    mixed: UInt64,
    dwell_us: Int64,
    max_stay_us: Int64,
) -> SortedScans:
    """Return scans for a walk, with each one's neighbours elsewhere; arguments as of `SortedScans`."""
    # A pass onwards in time knows the earlier scans, one backwards the later ones.
    earlier_us = nearest_elsewhere(person, venue, at_us, 1, _NO_TIME_US)
    later_us = nearest_elsewhere(person, venue, at_us, -1, _NEVER_US)
    return SortedScans(
        person, venue, at_us, direction, zone, mixed, earlier_us, later_us, dwell_us, max_stay_us
    )


@njit(cache=True, nogil=True)
def nearest_elsewhere(person: Int64, venue: Int64, at_us: Int64, step: int, none_us: int) -> Int64:
    """Find the time of each scan's nearest scan at another venue, the same instant included.

    Args:
        person: int64[n], ascending.
        venue: int64[n].
        at_us: int64[n], ascending within a person.
        step: -1 searches later scans, 1 earlier ones.
        none_us: the result for a scan without such a neighbour.
    """
    # An instant at a time: all rows of one person and instant have the same answer.
    found = np.empty(at_us.size, np.int64)
    row = 0 if step > 0 else at_us.size - 1
    left = at_us.size
    previous = -1  # a row of the previous instant, in the direction of the pass
    at_several = False  # whether the person scanned at several venues at that instant
    while left > 0:
        if previous >= 0 and person[previous] != person[row]:
            previous = -1
        size, several = _instant(person, venue, at_us, row, step, left)
        if several:  # scanned at two venues in one instant: each is the other's neighbour
            nearest_us = at_us[row]
        elif previous < 0:
            nearest_us = none_us
        elif at_several or venue[previous] != venue[row]:
            nearest_us = at_us[previous]
        else:  # the previous instant was at this venue too and already knows the answer
            nearest_us = found[previous]
        for other in range(size):
            found[row + step * other] = nearest_us
        previous, at_several = row, several
        row += step * size
        left -= size
    return found


@inlined
def _instant(person: Int64, venue: Int64, at_us: Int64, row: int, step: int, left: int) -> tuple[int, bool]:
    """Count the rows of one person and instant, out of `left`; and whether their venues differ."""
    size, several = 1, False
    while size < left:
        other = row + step * size
        if person[other] != person[row] or at_us[other] != at_us[row]:
            break
        several |= venue[other] != venue[row]
        size += 1
    return size, several


@njit(cache=True, nogil=True)
def walk(scans: SortedScans, venues: int, bounce_us: int) -> Walked:
    """Turn sorted scans into stays.

    Args:
        scans: venue ranks below `venues`.
        venues: the number of distinct venues.
        bounce_us: an `out` that begins a stay makes none when an `in` follows within this time.
    """
    size = scans.at_us.size
    # At most one stay for each scan; rows that are not used are cut off at the end.
    stays = Walked(
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.zeros(size, np.int32),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.uint8),
        np.zeros(size, np.uint64),
        np.empty(size, np.int64),
    )
    # Stays begin in the order of the scans, so they ascend by person too.
    newest = np.full(venues, -1, np.int64)  # the newest stay at each venue, of any person
    count = 0
    for row in range(size):
        stay = newest[scans.venue[row]]
        # Each scan ended its stay when it was added: this is the person's scan before this one at the venue.
        before = stays.last[stay] if stay >= 0 else -1
        if before >= 0 and scans.person[before] != scans.person[row]:  # left there by the person before
            before = -1
        if before >= 0 and _bounces(scans, stays, stay, row, bounce_us):
            # The `out` made no stay: this one takes its place, so no row is ever removed.
            stays.scans[stay], stays.fingerprint[stay] = 0, 0
            _begin(scans, stays, stay, before, row)
        elif before < 0 or not _continues(scans, before, row):
            stay = count
            count += 1
            newest[scans.venue[row]] = stay
            _begin(scans, stays, stay, before, row)
        _extend(scans, stays, stay, row)
    for stay in range(count):
        # Intervals are half-open: a stay of no length would be none, and a single `out` is one.
        stays.exit_us[stay] = max(stays.exit_us[stay], stays.enter_us[stay] + SECOND_US)
        stays.zone[stay] = max(stays.zone[stay], NO_ZONE)
    return Walked(
        stays.first[:count],
        stays.last[:count],
        stays.zone[:count],
        stays.scans[:count],
        stays.enter_us[:count],
        stays.exit_us[:count],
        stays.exit_kind[:count],
        stays.fingerprint[:count],
        stays.long_from_us[:count],
    )


@inlined
def _bounces(scans: SortedScans, stays: Walked, stay: int, row: int, bounce_us: int) -> bool:
    """Tell whether a scan `in` shows that the lone `out` before it was the same arrival, read twice."""
    before = stays.last[stay]
    return bool(
        scans.direction[row] == _IN
        and scans.direction[before] == _OUT
        and stays.scans[stay] == 1  # an `out` ends its stay, so a lone one also began it
        and scans.at_us[row] - scans.at_us[before] <= bounce_us
    )


@inlined
def _continues(scans: SortedScans, before: int, row: int) -> bool:
    """Tell whether a scan belongs to the stay of the person's scan before it at the venue."""
    longest_us = scans.max_stay_us[row] if scans.direction[row] == _OUT else scans.dwell_us[row]
    return bool(scans.direction[before] != _OUT and scans.at_us[row] - scans.at_us[before] <= longest_us)


@inlined
def _begin(scans: SortedScans, stays: Walked, stay: int, before: int, row: int) -> None:
    """Begin a stay; `before` is the person's scan before it at the venue, or -1."""
    at_us = scans.at_us[row]
    # `_extend` does the rest: exit, count and fingerprint are those of the scans added.
    stays.first[stay] = row
    stays.zone[stay] = NO_ZONE
    stays.enter_us[stay] = at_us
    stays.long_from_us[stay] = NO_LONG_PAIR
    # The enter is missing: the dwell before the `out`, but not before the last scan elsewhere or here.
    if scans.direction[row] == _OUT:
        stays.enter_us[stay] = max(at_us - scans.dwell_us[row], scans.earlier_us[row])
        if before >= 0:
            stays.enter_us[stay] = max(stays.enter_us[stay], scans.at_us[before])
            # The gap is over `max_stay`, else the `out` would have continued that stay. A scan elsewhere at
            # the very instant of the `out` counts as one in between.
            if scans.direction[before] == _IN and scans.later_us[before] > at_us:
                stays.long_from_us[stay] = scans.at_us[before]


@inlined
def _extend(scans: SortedScans, stays: Walked, stay: int, row: int) -> None:
    """Add a scan to a stay as its last scan so far."""
    at_us, zone = scans.at_us[row], scans.zone[row]
    # No code equals `_SEVERAL_ZONES`, so a stay that has met two zones keeps it.
    if stays.zone[stay] == NO_ZONE:
        stays.zone[stay] = zone
    elif zone != NO_ZONE and zone != stays.zone[stay]:
        stays.zone[stay] = _SEVERAL_ZONES
    stays.last[stay] = row
    stays.scans[stay] += 1
    # A sum modulo 2^64: the order in which the scans came does not show in it.
    stays.fingerprint[stay] += scans.mixed[row]
    if scans.direction[row] == _OUT:
        stays.exit_us[stay], stays.exit_kind[stay] = at_us, _SCANNED
    # The exit is missing: the next scan elsewhere ends the stay, or the venue's dwell if that is earlier.
    elif scans.later_us[row] < at_us + scans.dwell_us[row]:
        stays.exit_us[stay], stays.exit_kind[stay] = scans.later_us[row], _NEXT_SCAN
    else:
        stays.exit_us[stay], stays.exit_kind[stay] = at_us + scans.dwell_us[row], _DEFAULT
