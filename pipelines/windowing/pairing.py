"""The pairing rule: the scans of persons at registered venues become stays.

Pure functions over columns, in any order of rows. Once a person's scans lie in
the order of time, one pass back and one forth find the nearest scans elsewhere
and a last pass forth extends or begins a stay at each scan's venue.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from pipelines.arrays import Int64, UInt64, dense_rank, order_by_key
from pipelines.windowing.stay_ids import stay_ids
from schemas.codes import DIRECTIONS, ENTER_KINDS, EXIT_KINDS
from schemas.stay_rules import StayRules

Bool = npt.NDArray[np.bool_]
Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]
UInt8 = npt.NDArray[np.uint8]

NO_ZONE = -1
_SEVERAL_ZONES = -2
_NEVER_US = np.iinfo(np.int64).max
_NO_TIME_US = np.iinfo(np.int64).min
_SECOND_US = 1_000_000

_OUT = DIRECTIONS.index("out")
_IMPUTED = ENTER_KINDS.index("imputed")
_EXIT_SCANNED = EXIT_KINDS.index("scanned")
_EXIT_DEFAULT = EXIT_KINDS.index("default")
_EXIT_NEXT_SCAN = EXIT_KINDS.index("next_scan")


@dataclass(frozen=True)
class Stays:
    """Stays as columns, one array a column, by person and then by first scan.

    Attributes:
        person, venue: int64[n].
        zone: int32[n], the code of the only zone that its scans name, else NO_ZONE.
        enter_us, exit_us: int64[n], microseconds UTC.
        enter_kind, exit_kind: uint8[n], positions in `ENTER_KINDS` and `EXIT_KINDS`.
        first_seen_us, last_seen_us: int64[n], times of the first and the last scan.
        scans: int32[n].
        stay_id: int64[n].
        reach_before_us: int64[n], a scan before that instant cannot change the stay.
        reach_after_us: int64[n], nor can one after this.
        fingerprint: uint64[n], the same for stays of the same scans only.
    """

    person: Int64
    venue: Int64
    zone: Int32
    enter_us: Int64
    exit_us: Int64
    enter_kind: UInt8
    exit_kind: UInt8
    first_seen_us: Int64
    last_seen_us: Int64
    scans: Int32
    stay_id: Int64
    reach_before_us: Int64
    reach_after_us: Int64
    fingerprint: UInt64


def pair(
    person: Int64,
    venue: Int64,
    occurred_us: Int64,
    event_high: UInt64,
    event_low: UInt64,
    direction: UInt8,
    zone_code: Int32,
    type_code: Int16,
    rules: StayRules,
) -> Stays:
    """The stays that scans make.

    Args:
        person: int64[n], tokens.
        venue: int64[n].
        occurred_us: int64[n], microseconds UTC.
        event_high: uint64[n], the first 8 bytes of the event key, big-endian.
        event_low: uint64[n], the last 8.
        direction: uint8[n], positions in `DIRECTIONS`.
        zone_code: int32[n], NO_ZONE where the scan names none.
        type_code: int16[n], positions in `VENUE_TYPES`, one a venue. A scan with
            a negative one takes no part: not registered, or closed by then.
        rules: dwell and longest stay by type.
    """
    part = np.flatnonzero(type_code >= 0)
    person_rank, _ = dense_rank(person[part])
    is_out = direction[part] == _OUT
    order = _by_time(person_rank, occurred_us[part], is_out, event_high[part], event_low[part])
    row = part[order]
    venue_rank, venues = dense_rank(venue[row])
    at_us, is_out, zone, types = occurred_us[row], is_out[order], zone_code[row], type_code[row]
    first, last, stay_zone, scans, enter_us, exit_us, exit_kind, fingerprint = _stays(
        person_rank[order],
        venue_rank,
        venues.size,
        at_us,
        is_out,
        zone,
        _mixed(event_high[row], event_low[row], zone, is_out),
        types,
        rules.dwell_us,
        rules.max_stay_us,
    )
    longest_us = rules.max_stay_us[types]
    gap_before_us = np.where(is_out, longest_us, rules.dwell_us[types])
    gap_after_us = np.where(is_out, 0, longest_us)
    return Stays(
        person=person[row[first]],
        venue=venue[row[first]],
        zone=stay_zone,
        enter_us=enter_us,
        exit_us=exit_us,
        enter_kind=(is_out[first] * np.uint8(_IMPUTED)).astype(np.uint8),
        exit_kind=exit_kind,
        first_seen_us=at_us[first],
        last_seen_us=at_us[last],
        scans=scans,
        stay_id=stay_ids(event_high[row[first]], event_low[row[first]]),
        reach_before_us=(at_us - gap_before_us)[first],
        reach_after_us=(at_us + gap_after_us)[last],
        fingerprint=fingerprint,
    )


def _by_time(person_rank: Int64, at_us: Int64, is_out: Bool, high: UInt64, low: UInt64) -> Int64:
    """The permutation that sorts scans by (person, time, `out` before others, event key)."""
    if at_us.size == 0:
        return np.empty(0, np.int64)
    least_us = int(at_us.min())
    time_bits = (int(at_us.max()) - least_us).bit_length()
    if (int(person_rank.max())).bit_length() + time_bits > 62:
        return np.lexsort((low, high, ~is_out, at_us, person_rank))
    key = ((person_rank << time_bits) | (at_us - least_us)) << 1
    return order_by_key(key | ~is_out, high, low)


@njit(cache=True, nogil=True)
def _mixed(high: UInt64, low: UInt64, zone: Int32, is_out: Bool) -> UInt64:
    """A number for each scan that stands for all that pairing reads of it (splitmix64's finish)."""
    mixed = np.empty(high.size, np.uint64)
    for row in range(high.size):
        value = low[row] + high[row] * np.uint64(0x9E3779B97F4A7C15)
        value += np.uint64(np.int64(zone[row]) * 2 + np.int64(is_out[row]) + 5) * np.uint64(0xD1B54A32D192ED03)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed[row] = value ^ (value >> np.uint64(31))
    return mixed


@njit(cache=True, nogil=True)
def _nearest_elsewhere(person: Int64, venue: Int64, at_us: Int64, step: int, none_us: int) -> Int64:
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
    previous = -1  # a row of the instant before, in the direction of the walk, if of the same person
    previous_mixed = False  # whether that instant has several venues
    while left > 0:
        size = 1
        mixed = False
        while size < left:
            other = row + step * size
            if person[other] != person[row] or at_us[other] != at_us[row]:
                break
            mixed |= venue[other] != venue[row]
            size += 1
        if previous >= 0 and person[previous] != person[row]:
            previous = -1
        if mixed:
            nearest_us = at_us[row]
        elif previous < 0:
            nearest_us = none_us
        elif previous_mixed or venue[previous] != venue[row]:
            nearest_us = at_us[previous]
        else:
            nearest_us = found[previous]
        for i in range(size):
            found[row + step * i] = nearest_us
        previous, previous_mixed = row, mixed
        row += step * size
        left -= size
    return found


@njit(cache=True, nogil=True)
def _stays(
    person: Int64,
    venue: Int64,
    venues: int,
    at_us: Int64,
    is_out: Bool,
    zone: Int32,
    mixed: UInt64,
    type_code: Int16,
    dwell_us: Int64,
    max_stay_us: Int64,
) -> tuple[Int64, Int64, Int32, Int32, Int64, Int64, UInt8, UInt64]:
    """Walk the scans of each person in the order of time, one open stay a venue.

    Args:
        person: int64[n], ranks, ascending.
        venue: int64[n], ranks below `venues`.
        venues: how many.
        at_us: int64[n], ascending within a person, ties as the rule orders them.
        is_out: bool[n].
        zone: int32[n].
        mixed: uint64[n], of `_mixed`.
        type_code: int16[n].
        dwell_us: int64[types].
        max_stay_us: int64[types].

    Returns:
        For each stay: rows of its first and last scan, zone, scans, enter,
        exit, exit kind and fingerprint.
    """
    size = at_us.size
    earlier_us = _nearest_elsewhere(person, venue, at_us, 1, _NO_TIME_US)
    later_us = _nearest_elsewhere(person, venue, at_us, -1, _NEVER_US)
    first, last = np.empty(size, np.int64), np.empty(size, np.int64)
    zones, scans = np.empty(size, np.int32), np.zeros(size, np.int32)
    enter_us, exit_us = np.empty(size, np.int64), np.empty(size, np.int64)
    exit_kind, fingerprint = np.empty(size, np.uint8), np.zeros(size, np.uint64)
    newest = np.full(venues, -1, np.int64)  # the newest stay of each venue, of whomever
    count = 0
    for row in range(size):
        dwell, longest = dwell_us[type_code[row]], max_stay_us[type_code[row]]
        stay = newest[venue[row]]
        before_us = earlier_us[row]
        if stay >= 0 and person[last[stay]] == person[row]:
            before_us = max(before_us, at_us[last[stay]])
            gap_us = at_us[row] - at_us[last[stay]]
            if is_out[last[stay]] or gap_us > (longest if is_out[row] else dwell):
                stay = -1
        else:
            stay = -1
        if stay < 0:
            stay = count
            count += 1
            newest[venue[row]] = stay
            first[stay] = row
            zones[stay] = zone[row]
            enter_us[stay] = max(at_us[row] - dwell, before_us) if is_out[row] else at_us[row]
        elif zones[stay] == NO_ZONE:
            zones[stay] = zone[row]
        elif zone[row] != NO_ZONE and zone[row] != zones[stay]:
            zones[stay] = _SEVERAL_ZONES
        last[stay] = row
        scans[stay] += 1
        fingerprint[stay] += mixed[row]
        if is_out[row]:
            exit_us[stay], exit_kind[stay] = at_us[row], _EXIT_SCANNED
        elif later_us[row] < at_us[row] + dwell:
            exit_us[stay], exit_kind[stay] = later_us[row], _EXIT_NEXT_SCAN
        else:
            exit_us[stay], exit_kind[stay] = at_us[row] + dwell, _EXIT_DEFAULT
    for stay in range(count):
        exit_us[stay] = max(exit_us[stay], enter_us[stay] + _SECOND_US)
        zones[stay] = max(zones[stay], NO_ZONE)
    return (
        first[:count].copy(),
        last[:count].copy(),
        zones[:count].copy(),
        scans[:count].copy(),
        enter_us[:count].copy(),
        exit_us[:count].copy(),
        exit_kind[:count].copy(),
        fingerprint[:count].copy(),
    )


def differences(old: Stays, new: Stays) -> tuple[Int64, Int64]:
    """The rows that only one of two answers has.

    Two rows are the same when every column is, and so are the scans behind them.

    Returns:
        rows of `old`, int64[k], and rows of `new`, int64[m], ascending.
    """
    twin = twins(old.person, old.stay_id, new.person, new.stay_id)
    matched = np.flatnonzero(twin >= 0)
    same = np.ones(matched.size, np.bool_)
    for name in ("venue", "zone", "enter_us", "exit_us", "enter_kind", "exit_kind", "last_seen_us", "scans"):
        same &= getattr(old, name)[twin[matched]] == getattr(new, name)[matched]
    same &= old.fingerprint[twin[matched]] == new.fingerprint[matched]
    kept_new = matched[same]
    only_old = np.ones(old.person.size, np.bool_)
    only_new = np.ones(new.person.size, np.bool_)
    only_old[twin[kept_new]] = False
    only_new[kept_new] = False
    return np.flatnonzero(only_old), np.flatnonzero(only_new)


@njit(cache=True, nogil=True)
def twins(old_person: Int64, old_id: Int64, new_person: Int64, new_id: Int64) -> Int64:
    """The old row of the same person and stay id, for each new row, or -1."""
    bits = 4
    while (1 << bits) < 2 * old_id.size:
        bits += 1
    mask = (1 << bits) - 1
    slots = np.full(1 << bits, -1, np.int64)
    for row in range(old_id.size):
        slot = old_id[row] & mask  # an id is a hash already
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = row
    twins = np.full(new_id.size, -1, np.int64)
    for row in range(new_id.size):
        slot = new_id[row] & mask
        while slots[slot] >= 0:
            other = slots[slot]
            if old_id[other] == new_id[row] and old_person[other] == new_person[row]:
                twins[row] = other
                break
            slot = (slot + 1) & mask
    return twins
