"""Loops over scans: what each point counts a day, and how many people there were.

A *place* is the position of a venue in the registry, which is sorted by venue. A *cell* is a place and a day:
`8 · place + day`, a position in columns of counts.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from pipelines.kernels.binary_search import first_from
from pipelines.kernels.compile import inlined
from pipelines.kernels.hash_table import FREE, home_of, next_slot, slots_for
from pipelines.kernels.types import Bool, Int32, Int64, UInt8
from pipelines.times import DAY_US

IN, OUT, GUARDED = 1, 2, 4
"""Flags of a scan."""

# A power of two, so that place and day come out of a cell by a shift.
CELLS_A_PLACE = 8
"""For the 7 days of a week; the last cell stays empty."""

_ODD = -0x61C8864680B583EB  # 2^64 / golden ratio as a signed number, odd


class PlaceColumns(NamedTuple):
    """The registry, by venue.

    Attributes:
        venue: int64[p], ascending.
        area: int64[p], the number of its area.
        counts_until_us: int64[p], scans before it count; the least int64 for what is no point.
        unregistered_us: int64[p], scans from it on are unregistered.
    """

    venue: Int64
    area: Int64
    counts_until_us: Int64
    unregistered_us: Int64


class CountedDays(NamedTuple):
    """The days that count, and the time before them; microseconds UTC.

    Attributes:
        before_us: scans from it on, and before `from_us`, are counted as those before.
        from_us: a local midnight.
        days: at most 7, of 24 hours.
    """

    before_us: int
    from_us: int
    days: int

    @property
    def end_us(self) -> int:
        """Where the days end."""
        return self.from_us + self.days * DAY_US


class ScanCounts(NamedTuple):
    """Counts of scans that one thread adds up.

    Attributes:
        scans, ins, outs, guarded: int32[8 p], by place and day.
        before: int64[p], before the days that count.
        unregistered: int64[p + 1], in the days; the last are those of no venue of the registry.
    """

    scans: Int32
    ins: Int32
    outs: Int32
    guarded: Int32
    before: Int64
    unregistered: Int64


def new_tally(places: int) -> ScanCounts:
    """Return a tally of nothing."""
    scans, ins, outs, guarded = (np.zeros(places * CELLS_A_PLACE, np.int32) for _ in range(4))
    return ScanCounts(scans, ins, outs, guarded, np.zeros(places, np.int64), np.zeros(places + 1, np.int64))


@njit(cache=True, nogil=True)
def count_scans(
    venue: Int64,
    person: Int64,
    at_us: Int64,
    flags: UInt8,
    registry: PlaceColumns,
    span: CountedDays,
    tally: ScanCounts,
) -> tuple[Int64, Int64]:
    """Add the scans of a file to a tally.

    Args:
        venue: int64[n]; fastest when ascending.
        person: int64[n]; may be empty when no scan is of a day that counts.
        at_us: int64[n], microseconds UTC.
        flags: uint8[n]; as `person`.
        registry: of all venues.
        span: other scans are passed over.
        tally: added to.

    Returns:
        person and cell, int64[k] each, of the scans that count at points.
    """
    # As long as the file at most; cut to `kept` at the end.
    persons, cells = np.empty(venue.size, np.int64), np.empty(venue.size, np.int64)
    kept = 0
    place, end_us = -2, span.from_us + span.days * DAY_US
    for row in range(venue.size):
        # place is looked up once a venue: scans of a file ascend by venue. -2 is none yet, -1 not registered.
        if place == -2 or venue[row] != venue[row - 1]:
            place = _place_of(registry.venue, venue[row])
        at = at_us[row]
        # Scans outside both spans are passed over without a write.
        if at < span.before_us or at >= end_us:
            continue
        # Not registered, or closed by then.
        if place < 0 or at >= registry.unregistered_us[place]:
            tally.unregistered[place] += at >= span.from_us  # -1 is the last cell
        # Open, and a point; counts_until_us is the least int64 for what is none.
        elif at < registry.counts_until_us[place]:
            if at < span.from_us:
                tally.before[place] += 1
                continue
            day = (at - span.from_us) // DAY_US
            cell, flag = place * CELLS_A_PLACE + day, flags[row]
            tally.scans[cell] += 1
            tally.ins[cell] += (flag & IN) != 0
            tally.outs[cell] += (flag & OUT) != 0
            tally.guarded[cell] += (flag & GUARDED) != 0
            # `person` and `flags` are empty for files before the days; no scan of theirs comes this far.
            persons[kept], cells[kept] = person[row], cell
            kept += 1
    return persons[:kept], cells[:kept]


@inlined
def _place_of(venues: Int64, venue: int) -> Any:
    """Return the position of a venue, or -1."""
    place = first_from(venues, venue, 0)
    return place if place < venues.size and venues[place] == venue else -1


@njit(cache=True, nogil=True)
def split(person: Int64, cell: Int64, bits: int) -> tuple[Int64, Int64, Int64]:
    """Order rows by the highest bits of the person.

    Returns:
        person, cell, and int64[2^bits + 1], where the rows of each value of the bits begin.
    """
    # The highest bits: a token is a hash, so its buckets are of nearly one size.
    shift = np.uint64(64 - bits)

    # Counting sort: bucket sizes, their prefix sums, then each row to its place.
    bounds = np.zeros((1 << bits) + 1, np.int64)
    for row in range(person.size):
        # Shifted by one, so that after the sum bounds[b] is where bucket b begins.
        bounds[_part(person[row], shift, bits) + 1] += 1
    bounds = np.cumsum(bounds)
    # Where the next row of each bucket goes.
    place = bounds[:-1].copy()
    persons, cells = np.empty_like(person), np.empty_like(cell)
    for row in range(person.size):
        part = _part(person[row], shift, bits)
        persons[place[part]], cells[place[part]] = person[row], cell[row]
        place[part] += 1
    return persons, cells, bounds


@inlined
def _part(person: int, shift: Any, bits: int) -> Any:
    return np.int64(np.uint64(person) >> shift) if bits else 0  # a shift by 64 bits is not defined


@njit(cache=True, nogil=True)
def count_people(
    person: Int64, cell: Int64, area: Int64, visits: Int32, single: Int32, people: Int64
) -> None:
    """Count visits (of a person, a place and a day) and the distinct people of areas.

    Args:
        person: int64[n], all rows of some persons.
        cell: int64[n].
        area: int64[p], the number of a place's area.
        visits: int32[8 p], added to.
        single: int32[8 p], added to: visits with one scan.
        people: int64[areas], added to.
    """
    # At most half full, or a probe would not end; the same slots serve both numberings.
    slots = np.full(slots_for(person.size), FREE, np.int32)
    first, again = np.empty(person.size, np.int32), np.zeros(person.size, np.bool_)
    # A visit is (person, cell); first[v] is its first row, again[v] whether it has another.
    count = _number_visits(person, cell, slots, first, again)

    # People of areas: each (person, area) counts once, however many visits it has.
    slots[:] = FREE
    for number in range(count):
        row = first[number]
        visits[cell[row]] += 1
        single[cell[row]] += not again[number]
        own = area[cell[row] // CELLS_A_PLACE]
        # The odd factor keeps (person, area) apart from (person, other area); the product wraps around.
        slot = home_of(slots, person[row] + own * _ODD)
        # A slot holds the row that took it; FREE is below 0.
        while slots[slot] >= 0:
            other = slots[slot]
            if person[other] == person[row] and area[cell[other] // CELLS_A_PLACE] == own:
                break
            slot = next_slot(slots, slot)
        if slots[slot] < 0:
            slots[slot] = row
            people[own] += 1


@inlined
def _number_visits(person: Int64, cell: Int64, slots: Int32, first: Int32, again: Bool) -> int:
    """Enter the first row of each visit and mark those with another; return how many visits there are."""
    count = 0
    for row in range(person.size):
        # Keys are compared in full below, so a collision of the sum costs a step, no count.
        slot = home_of(slots, person[row] + cell[row] * _ODD)
        while slots[slot] >= 0:
            other = first[slots[slot]]
            if person[other] == person[row] and cell[other] == cell[row]:
                again[slots[slot]] = True
                break
            slot = next_slot(slots, slot)
        # The probe ended at a free slot: a visit not met before.
        if slots[slot] < 0:
            slots[slot], first[count] = count, row
            count += 1
    return count
