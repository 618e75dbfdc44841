"""The walk over each person's scans in the order of time that pairing consists of.

One pass back and one forth find the nearest scans elsewhere; a last pass
forth begins, or extends, a stay at each scan's venue. All are linear, however
many scans a person has and however many of them share an instant.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from pipelines.kernels.compile import inlined
from pipelines.kernels.types import Bool, Int32, Int64, UInt8, UInt64
from pipelines.times import SECOND_US
from schemas.codes import EXIT_KINDS

NO_ZONE = -1
_SEVERAL_ZONES = -2

_SCANNED = EXIT_KINDS.index("scanned")
_DEFAULT = EXIT_KINDS.index("default")
_NEXT_SCAN = EXIT_KINDS.index("next_scan")


class SortedScans(NamedTuple):
    """Scans by person, time, `out` before others, event key.

    Attributes:
        person: int64[n], ranks.
        venue: int64[n], ranks.
        at_us: int64[n].
        is_out: bool[n].
        zone: int32[n], NO_ZONE for none.
        mixed: uint64[n], of `mixed`.
        earlier_us: int64[n], of the person's last scan elsewhere until then.
        later_us: int64[n], of the person's next scan elsewhere from then on.
        dwell_us: int64[n], of the venue.
        max_stay_us: int64[n], of the venue.
    """

    person: Int64
    venue: Int64
    at_us: Int64
    is_out: Bool
    zone: Int32
    mixed: UInt64
    earlier_us: Int64
    later_us: Int64
    dwell_us: Int64
    max_stay_us: Int64


class Walked(NamedTuple):
    """Stays in the order of their first scans; `first` and `last` are rows of the scans."""

    first: Int64
    last: Int64
    zone: Int32
    scans: Int32
    enter_us: Int64
    exit_us: Int64
    exit_kind: UInt8
    fingerprint: UInt64


@njit(cache=True, nogil=True)
def mixed(high: UInt64, low: UInt64, zone: Int32, is_out: Bool) -> UInt64:
    """A number for each scan that stands for all that pairing reads of it (splitmix64's finish)."""
    found = np.empty(high.size, np.uint64)
    for row in range(high.size):
        value = low[row] + high[row] * np.uint64(0x9E3779B97F4A7C15)
        value += np.uint64(np.int64(zone[row]) * 2 + np.int64(is_out[row]) + 5) * np.uint64(
            0xD1B54A32D192ED03
        )
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found[row] = value ^ (value >> np.uint64(31))
    return found


@njit(cache=True, nogil=True)
def nearest_elsewhere(person: Int64, venue: Int64, at_us: Int64, step: int, none_us: int) -> Int64:
    """The time of each scan's nearest scan at another venue, the same instant included.

    Args:
        person: int64[n], ascending.
        venue: int64[n].
        at_us: int64[n], ascending within a person.
        step: -1 looks at later scans, 1 at earlier ones.
        none_us: what stands for none.
    """
    found = np.empty(at_us.size, np.int64)
    row = 0 if step > 0 else at_us.size - 1
    left = at_us.size
    previous = -1  # a row of the instant before, on the walk
    at_several = False  # whether that instant saw the person at several venues
    while left > 0:
        if previous >= 0 and person[previous] != person[row]:
            previous = -1
        size, several = _instant(person, venue, at_us, row, step, left)
        if several:
            nearest_us = at_us[row]
        elif previous < 0:
            nearest_us = none_us
        elif at_several or venue[previous] != venue[row]:
            nearest_us = at_us[previous]
        else:
            nearest_us = found[previous]
        for other in range(size):
            found[row + step * other] = nearest_us
        previous, at_several = row, several
        row += step * size
        left -= size
    return found


@inlined
def _instant(person: Int64, venue: Int64, at_us: Int64, row: int, step: int, left: int) -> tuple[int, bool]:
    """How many of the `left` rows of the walk share person and instant, and if not the venue."""
    size, several = 1, False
    while size < left:
        other = row + step * size
        if person[other] != person[row] or at_us[other] != at_us[row]:
            break
        several |= venue[other] != venue[row]
        size += 1
    return size, several


@njit(cache=True, nogil=True)
def walk(scans: SortedScans, venues: int) -> Walked:
    """The stays of sorted scans whose venues have ranks below `venues`."""
    size = scans.at_us.size
    stays = Walked(
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.int32),
        np.zeros(size, np.int32),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.uint8),
        np.zeros(size, np.uint64),
    )
    newest = np.full(venues, -1, np.int64)  # the newest stay of each venue, of whomever
    count = 0
    for row in range(size):
        stay = newest[scans.venue[row]]
        before = stays.last[stay] if stay >= 0 else -1
        if before >= 0 and scans.person[before] != scans.person[row]:
            before = -1
        if before < 0 or not _continues(scans, before, row):
            stay = count
            count += 1
            newest[scans.venue[row]] = stay
            _begin(scans, stays, stay, before, row)
        _extend(scans, stays, stay, row)
    for stay in range(count):
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
    )


@inlined
def _continues(scans: SortedScans, before: int, row: int) -> bool:
    """Whether a scan belongs to the stay of the scan before it, of the person at the venue."""
    longest_us = scans.max_stay_us[row] if scans.is_out[row] else scans.dwell_us[row]
    return not scans.is_out[before] and scans.at_us[row] - scans.at_us[before] <= longest_us


@inlined
def _begin(scans: SortedScans, stays: Walked, stay: int, before: int, row: int) -> None:
    """Begin a stay; `before` is the scan before it, of the person at the venue, or -1."""
    at_us = scans.at_us[row]
    stays.first[stay] = row
    stays.zone[stay] = NO_ZONE
    stays.enter_us[stay] = at_us
    if scans.is_out[row]:
        stays.enter_us[stay] = max(at_us - scans.dwell_us[row], scans.earlier_us[row])
        if before >= 0:
            stays.enter_us[stay] = max(stays.enter_us[stay], scans.at_us[before])


@inlined
def _extend(scans: SortedScans, stays: Walked, stay: int, row: int) -> None:
    """Add a scan to a stay, as its last for now."""
    at_us, zone = scans.at_us[row], scans.zone[row]
    if stays.zone[stay] == NO_ZONE:
        stays.zone[stay] = zone
    elif zone != NO_ZONE and zone != stays.zone[stay]:
        stays.zone[stay] = _SEVERAL_ZONES
    stays.last[stay] = row
    stays.scans[stay] += 1
    stays.fingerprint[stay] += scans.mixed[row]
    if scans.is_out[row]:
        stays.exit_us[stay], stays.exit_kind[stay] = at_us, _SCANNED
    elif scans.later_us[row] < at_us + scans.dwell_us[row]:
        stays.exit_us[stay], stays.exit_kind[stay] = scans.later_us[row], _NEXT_SCAN
    else:
        stays.exit_us[stay], stays.exit_kind[stay] = at_us + scans.dwell_us[row], _DEFAULT
