"""From infectious stays to the pieces of contact with whoever stood beside them, an infector at a time.

A piece is the overlap of one clipped stay, lengthened by what counts as
indirect, with one stay of somebody else at the same venue. Overlaps are found
by binary searches in files that are sorted by (venue, enter), and never kept
for all pairs: infectors are taken in batches of some million pieces.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from pipelines.graph.encounters import Proximity
from pipelines.graph.tracing.clipped_stays import NO_ZONE, ClippedStays, Zones
from pipelines.graph.tracing.exposure_table import CLOSED_US, ExposureTable, number_of, numbers_of, with_room
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.kernels.compile import helper
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.lake.sidecar import Sidecar

_PIECES_AT_ONCE = 4_000_000

_NO_INT64 = np.empty(0, np.int64)


class Overlaps(NamedTuple):
    """Overlaps of infectious stays with stays of others.

    Attributes:
        owner: int64[p], the infectious interval.
        other: int64[p], the number of the person met.
        kind: uint8[p], the class of the venue.
        start_us, end_us: int64[p], microseconds UTC; never empty.
    """

    owner: Int64
    other: Int64
    kind: UInt8
    start_us: Int64
    end_us: Int64

    def at(self, chosen: Any) -> "Overlaps":
        """Some of the pieces, by position or mask."""
        columns: list[Any] = [column[chosen] for column in self]
        return Overlaps(*columns)


class CandidateRanges(NamedTuple):
    """Where the rows beside a stay lie: those of `file` from `first` to before `last`.

    Attributes:
        stay: int64[b], position of the clipped stay.
        file: int64[b].
        first, last: int64[b].
    """

    stay: Int64
    file: Int64
    first: Int64
    last: Int64

    def at(self, chosen: Any) -> "CandidateRanges":
        """Some of them, by position or mask."""
        return CandidateRanges(*(column[chosen] for column in self))


def rows_beside(files: Sequence[Sidecar], stays: ClippedStays) -> CandidateRanges:
    """Where rows that may overlap a stay lie, file by file.

    Args:
        files: `stays` in the order of venues.
        stays: in the order (venue, start).
    """
    parts = []
    for number, columns in enumerate(files):
        first, last = columns.rows_entering(stays.venue, stays.start_us - columns.longest_us, stays.reach_us)
        stay = np.flatnonzero(first < last)
        parts.append(CandidateRanges(stay, np.full(stay.size, number, np.int64), first[stay], last[stay]))
    none = CandidateRanges(*[_NO_INT64] * 4)
    return CandidateRanges(*(np.concatenate(column) for column in zip(*parts, none, strict=True)))


def batches(beside: CandidateRanges, owner: Int64, owners: int) -> Iterator[tuple[Int64, CandidateRanges]]:
    """The rows beside, some owners at a time: all of an owner in one batch.

    Args:
        beside: all.
        owner: int64[s], of each stay; intervals of one person are neighbours and are kept together.
        owners: how many there are.

    Yields:
        the owners' range [first, last) and their rows beside.
    """
    rows = np.bincount(owner[beside.stay], (beside.last - beside.first).astype(np.float64), owners)
    batch = (np.cumsum(rows) // _PIECES_AT_ONCE).astype(np.int64)
    ends = np.flatnonzero(np.diff(batch, append=-1)) + 1
    if ends.size <= 1:
        yield np.array([0, owners]), beside
        return
    of_batch = np.searchsorted(ends, owner[beside.stay], "right")
    order = np.argsort(of_batch, kind="stable")
    bounds = np.searchsorted(of_batch[order], np.arange(ends.size + 1))
    for number in range(ends.size):
        first = int(ends[number - 1]) if number else 0
        chosen = order[bounds[number] : bounds[number + 1]]
        yield np.array([first, int(ends[number])]), beside.at(chosen)


def pieces_of(
    files: Sequence[Sidecar],
    zones: Zones,
    zoned: UInt8,
    stays: ClippedStays,
    infector: Int64,
    beside: CandidateRanges,
    people: ExposureTable,
) -> tuple[ExposureTable, Overlaps]:
    """The pieces of contact with the rows beside some stays.

    Args:
        files: `stays` in the order of venues.
        zones: the numbers of zones.
        zoned: uint8[c], 1 for classes whose zones must agree.
        stays: clipped stays.
        infector: int64[k], the token of each owner.
        beside: where rows lie.
        people: persons met so far; closed ones are passed over.

    Returns:
        persons met by then, and the pieces.
    """
    parts = []
    for number, columns in enumerate(files):
        chosen = beside.at(np.flatnonzero(beside.file == number))
        if chosen.stay.size == 0:
            continue
        zone = zones.of(columns) if zoned.any() else NO_ZONES
        found = room_for((chosen.last - chosen.first).sum())
        begin = count = 0
        while begin < chosen.stay.size:
            people = with_room(people, int(chosen.last[begin] - chosen.first[begin]))
            rows = (columns.person, columns.enter_us, columns.exit_us, zone)
            begin, count = _pieces(people, chosen, begin, stays, infector, zoned, *rows, found, count)
        parts.append(found.at(slice(count)))
    return people, joined(parts)


def pieces_of_encounters(
    near: Proximity, intervals: Intervals, people: ExposureTable
) -> tuple[ExposureTable, Overlaps]:
    """The encounters of infectious persons, clipped; they are of class 0."""
    owner, row = rows_of_owners(near.person, intervals.person)
    start_us = np.maximum(near.start_us[row], intervals.start_us[owner])
    end_us = np.minimum(near.end_us[row], intervals.end_us[owner])
    kept = start_us < end_us
    people, other = numbers_of(people, near.other[row[kept]])
    kind = np.zeros(other.size, np.uint8)
    return people, Overlaps(owner[kept], other, kind, start_us[kept], end_us[kept])


def room_for(pieces: int) -> Overlaps:
    """Columns for so many pieces, not filled."""
    numbers, kind = np.empty((4, pieces), np.int64), np.empty(pieces, np.uint8)
    return Overlaps(numbers[0], numbers[1], kind, numbers[2], numbers[3])


def rows_of_owners(ascending: Int64, wanted: Int64) -> tuple[Int64, Int64]:
    """Every row that holds a wanted value: its position in `wanted`, and the row."""
    first = np.searchsorted(ascending, wanted, "left")
    length = np.searchsorted(ascending, wanted, "right") - first
    owner = np.repeat(np.arange(wanted.size), length)
    before = np.cumsum(length) - length
    return owner, np.arange(owner.size) + np.repeat(first - before, length)


def joined(parts: Sequence[Overlaps]) -> Overlaps:
    """All the pieces."""
    none = Overlaps(_NO_INT64, _NO_INT64, np.empty(0, np.uint8), _NO_INT64, _NO_INT64)
    return Overlaps(*(np.concatenate(column) for column in zip(*parts, none, strict=True)))


NO_ZONES = np.full(1, NO_ZONE, np.int32)


@helper
def _pieces(
    people: ExposureTable,
    beside: CandidateRanges,
    begin: int,
    stays: ClippedStays,
    infector: Int64,
    zoned: UInt8,
    person: Int64,
    enter_us: Int64,
    exit_us: Int64,
    zone: Int32,
    found: Overlaps,
    count: int,
) -> tuple[int, int]:
    """The overlaps of some stays with the rows of one file beside them, put into `found` from `count` on.

    Returns:
        How many entries of `beside` are done, since the table of people may be full, and the new count.
    """
    for entry in range(begin, beside.stay.size):
        first, last = beside.first[entry], beside.last[entry]
        if people.taken[0] + last - first > people.token.size:
            return entry, count
        stay = beside.stay[entry]
        owner, kind = stays.owner[stay], stays.kind[stay]
        start_us, reach_us, own = stays.start_us[stay], stays.reach_us[stay], infector[stays.owner[stay]]
        own_zone = stays.zone[stay] if zoned[kind] else NO_ZONE
        for row in range(first, last):
            if exit_us[row] <= start_us or person[row] == own:
                continue
            if own_zone != NO_ZONE and zone[row] != NO_ZONE and zone[row] != own_zone:
                continue
            other = number_of(people, person[row])
            if people.exposed_us[other] == CLOSED_US:
                continue
            found.owner[count], found.other[count], found.kind[count] = owner, other, kind
            found.start_us[count] = max(start_us, enter_us[row])
            found.end_us[count] = min(reach_us, exit_us[row])
            count += 1
    return beside.stay.size, count
