"""The pairing rule: scans at registered venues become stays; a missing enter or exit is imputed.

Pure functions over columns, in any order of rows. `stay_scan` walks a person's scans, and
`schemas/stays.toml` has the durations that replace a missing scan.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from pipelines.kernels.hash_table import FREE, fill, home_of, next_slot, slots_for
from pipelines.kernels.sort import dense_rank, order_by_key, packed
from pipelines.kernels.types import Bool, Int16, Int32, Int64, UInt8, UInt64
from pipelines.windowing.stay_ids import stay_ids
from pipelines.windowing.stay_scan import SortedScans, mixed, sorted_scans, walk
from schemas.codes import DIRECTIONS, ENTER_KINDS
from schemas.stay_rules import StayRules

_OUT = DIRECTIONS.index("out")
_IMPUTED = ENTER_KINDS.index("imputed")


@dataclass(frozen=True)
class Stays:
    """Stays as columns, one array a column, by person.

    Attributes:
        person, venue: int64[n].
        zone: int32[n], the code of the only zone that its scans name, else NO_ZONE.
        enter_us, exit_us: int64[n], microseconds UTC.
        enter_kind, exit_kind: uint8[n], positions in `ENTER_KINDS` and `EXIT_KINDS`.
        first_seen_us, last_seen_us: int64[n], times of the first and the last scan.
        scans: int32[n].
        stay_id: int64[n].
        reach_before_us: int64[n]; a scan before this instant cannot change the stay.
        reach_after_us: int64[n]; nor can a scan after this one.
        fingerprint: uint64[n], equal only for stays of the same scans.
        long_from_us: int64[n], for the `out` that ends a long pair the time of its `in`, else NO_LONG_PAIR.
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
    long_from_us: Int64


class PairedScans(NamedTuple):
    """Stays, and the rows of the scans they come from by person, time, `out` first, event key."""

    stays: Stays
    row: Int64


def pair_scans(
    person: Int64,
    venue: Int64,
    occurred_us: Int64,
    event_high: UInt64,
    event_low: UInt64,
    direction: UInt8,
    zone_code: Int32,
    type_code: Int16,
    rules: StayRules,
) -> PairedScans:
    """Turn scans into stays.

    Args:
        person: int64[n], tokens.
        venue: int64[n].
        occurred_us: int64[n], microseconds UTC.
        event_high: uint64[n], the first 8 bytes of the event key, big-endian.
        event_low: uint64[n], the last 8.
        direction: uint8[n], positions in `DIRECTIONS`.
        zone_code: int32[n], NO_ZONE where the scan names none.
        type_code: int16[n], positions in `VENUE_TYPES`, the same for all scans of a venue. A
            negative one leaves the scan out: the venue is not registered, or closed by then.
        rules: dwell and longest stay by type.
    """
    # Scans at unregistered venues drop out first, so they end no stay elsewhere either.
    takes_part = type_code >= 0
    part = slice(None) if takes_part.all() else np.flatnonzero(takes_part)
    rank, _ = dense_rank(person[part])
    direction = direction[part]
    order = _by_time(rank, occurred_us[part], direction == _OUT, event_high[part], event_low[part])
    row = order if isinstance(part, slice) else part[order]
    rank, direction = rank[order], direction[order]

    # From here on all columns are in the order (person, time, `out` first, event key).
    venue_rank, venues = dense_rank(venue[row])
    at_us, zone, types = occurred_us[row], zone_code[row], type_code[row]
    scans = sorted_scans(
        rank,
        venue_rank,
        at_us,
        direction,
        zone,
        mixed(event_high[row], event_low[row], zone, direction),
        rules.dwell_us[types],
        rules.max_stay_us[types],
    )
    stays = _stays(scans, venues.size, rules.bounce_us, row, person, venue, event_high, event_low)
    return PairedScans(stays, row)


def pair(*columns: Any) -> Stays:
    """Turn scans into stays; the arguments of `pair_scans`."""
    return pair_scans(*columns).stays


def _stays(
    scans: SortedScans,
    venues: int,
    bounce_us: int,
    row: Int64,
    person: Int64,
    venue: Int64,
    event_high: UInt64,
    event_low: UInt64,
) -> Stays:
    """Walk the scans; `row` is the row of each scan in the unsorted columns."""
    walked = walk(scans, venues, bounce_us)
    first, last = walked.first, walked.last
    first_row = row[first]
    is_lone_out = scans.direction[first] == _OUT  # an `out` ends its stay
    # How far the rule looks: an earlier `in` may reach an `out` over `max_stay`, any other scan over the
    # dwell; nothing follows an `out`, but an `in` within the bounce would take the place of a lone one.
    gap_before_us = np.where(is_lone_out, scans.max_stay_us[first], scans.dwell_us[first])
    gap_after_us = np.where(scans.direction[last] == _OUT, 0, scans.max_stay_us[last])
    gap_after_us[is_lone_out] = bounce_us
    return Stays(
        person=person[first_row],
        venue=venue[first_row],
        zone=walked.zone,
        enter_us=walked.enter_us,
        exit_us=walked.exit_us,
        # `scanned` is code 0.
        enter_kind=(is_lone_out * np.uint8(_IMPUTED)).astype(np.uint8),
        exit_kind=walked.exit_kind,
        first_seen_us=scans.at_us[first],
        last_seen_us=scans.at_us[last],
        scans=walked.scans,
        stay_id=stay_ids(event_high[first_row], event_low[first_row]),
        reach_before_us=scans.at_us[first] - gap_before_us,
        reach_after_us=scans.at_us[last] + gap_after_us,
        fingerprint=walked.fingerprint,
        long_from_us=walked.long_from_us,
    )


def _by_time(rank: Int64, at_us: Int64, is_out: Bool, high: UInt64, low: UInt64) -> Int64:
    """Return the permutation that sorts scans by (person, time, `out` before others, event key)."""
    if at_us.size == 0:
        return np.empty(0, np.int64)
    # The lowest bit is 0 for an `out` and 1 for others, so that at one instant it comes first.
    key = packed(rank, at_us, 62) << 1
    return order_by_key(key | ~is_out, high, low)


def differences(old: Stays, new: Stays) -> tuple[Int64, Int64]:
    """Find the rows that only one of two sets of stays has.

    Two rows are the same when every column is and they come from the same scans.

    Returns:
        rows of `old`, int64[k], and rows of `new`, int64[m], ascending.
    """
    # A stay keeps its id as long as its first scan stays: the others of a changed person are new or gone.
    twin = twins(old.person, old.stay_id, new.person, new.stay_id)
    matched = np.flatnonzero(twin >= 0)
    same = np.ones(matched.size, np.bool_)
    # All columns of `stays` but the two that matched; what else a stay has is not written.
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
    """Find, for each new row, the old row of the same person and stay id, or -1."""
    # Ids are hashes and seldom collide; where two people's do, the person decides.
    slots = np.full(slots_for(old_id.size), FREE, np.int32)
    fill(slots, old_id, old_id.size)
    twins = np.full(new_id.size, -1, np.int64)
    for row in range(new_id.size):
        slot = home_of(slots, new_id[row])
        # Several keys may share a home, so every number on the way to a free slot is compared.
        while slots[slot] >= 0:
            other = slots[slot]
            if old_id[other] == new_id[row] and old_person[other] == new_person[row]:
                twins[row] = other
                break
            slot = next_slot(slots, slot)
    return twins
