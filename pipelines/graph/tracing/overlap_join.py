"""Overlaps of infectious stays with the stays of others, found from the infectious side.

An overlap is that of one clipped stay, lengthened by what counts as indirect,
with one stay of somebody else at the same venue. It is found by binary search
in files that are sorted by (venue, enter). The overlaps of all pairs are never
held at once: infectors are taken in batches of some million overlaps.
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
from pipelines.lake.sidecars.sidecar import Sidecar
from pipelines.terminal.progress import add_work, work_done

NO_ZONES = np.full(1, NO_ZONE, np.int32)
"""In place of the zones of a file where no class asks for them."""

_OVERLAPS_AT_ONCE = 4_000_000  # 33 bytes each, beside the keys that sort them

_NO_INT64 = np.empty(0, np.int64)


class Overlaps(NamedTuple):
    """Overlaps of infectious stays with stays of others.

    Example:
        >>> none = Overlaps.empty(0)
        >>> Overlaps.concatenated([none, none]).start_us.size
        0

    Attributes:
        owner: int64[p], the infectious interval.
        other: int64[p], the number of the other person.
        kind: uint8[p], the class of the venue.
        start_us, end_us: int64[p], microseconds UTC; never empty.
    """

    owner: Int64
    other: Int64
    kind: UInt8
    start_us: Int64
    end_us: Int64

    @classmethod
    def empty(cls, size: int) -> "Overlaps":
        """Return columns for `size` overlaps, not filled."""
        # One block for all numbers; each of its rows is contiguous.
        numbers, kind = np.empty((4, size), np.int64), np.empty(size, np.uint8)
        return cls(numbers[0], numbers[1], kind, numbers[2], numbers[3])

    @classmethod
    def concatenated(cls, parts: "Sequence[Overlaps]") -> "Overlaps":
        """Return all overlaps of some parts."""
        columns: list[Any] = [np.concatenate(column) for column in zip(*parts, cls.empty(0), strict=True)]
        return cls(*columns)

    def at(self, chosen: Any) -> "Overlaps":
        """Return some of the overlaps, by position, mask or slice."""
        columns: list[Any] = [column[chosen] for column in self]
        return Overlaps(*columns)


class CandidateRanges(NamedTuple):
    """Where the rows that may overlap a stay lie: those of `file` in [`first`, `last`).

    Attributes:
        stay: int64[b], position of the clipped stay.
        file: int64[b], position of the file.
        first, last: int64[b], rows of the file.
    """

    stay: Int64
    file: Int64
    first: Int64
    last: Int64

    def at(self, chosen: Any) -> "CandidateRanges":
        """Return some of the ranges, by position or mask."""
        return CandidateRanges(*(column[chosen] for column in self))


def candidate_ranges(files: Sequence[Sidecar], stays: ClippedStays) -> CandidateRanges:
    """Find where rows that may overlap a stay lie, file by file.

    Args:
        files: `stays` in the order of venues.
        stays: in the order (venue, start).
    """
    parts = []
    for number, columns in enumerate(files):
        # A stay that reaches beyond `start_us` entered less than the longest stay of the file before it.
        first, last = columns.rows_entering(stays.venue, stays.start_us - columns.longest_us, stays.reach_us)
        stay = np.flatnonzero(first < last)
        parts.append(CandidateRanges(stay, np.full(stay.size, number, np.int64), first[stay], last[stay]))
    # Without a file there is nothing to concatenate.
    none = CandidateRanges(*[_NO_INT64] * 4)
    return CandidateRanges(*(np.concatenate(column) for column in zip(*parts, none, strict=True)))


def batches(ranges: CandidateRanges, owner: Int64, owners: int) -> Iterator[tuple[Int64, CandidateRanges]]:
    """Cut ranges into batches of some million rows, all of an owner in one batch.

    Args:
        ranges: all of them.
        owner: int64[s], of each stay; intervals of one person count as one owner.
        owners: how many owners there are.

    Yields:
        the owners' range [first, last) and their ranges.
    """
    # Float64, as bincount has its weights: exact for counts of rows.
    rows = np.bincount(owner[ranges.stay], (ranges.last - ranges.first).astype(np.float64), owners)
    # int64[owners], the batch of each owner, ascending.
    batch = (np.cumsum(rows) // _OVERLAPS_AT_ONCE).astype(np.int64)
    ends = np.flatnonzero(np.diff(batch, append=-1)) + 1  # -1 closes the last batch
    # The common case needs neither a sort nor a progress bar.
    if ends.size <= 1:
        yield np.array([0, owners]), ranges
        return
    # Range by range, the batch of its owner: ends[batch - 1] <= owner < ends[batch].
    of_batch = np.searchsorted(ends, owner[ranges.stay], "right")
    # Stable, so that the ranges of a batch stay in the order of files and stays.
    order = np.argsort(of_batch, kind="stable")
    bounds = np.searchsorted(of_batch[order], np.arange(ends.size + 1))
    add_work("join stays", owners, "person")
    for number in range(ends.size):
        first = int(ends[number - 1]) if number else 0
        chosen = order[bounds[number] : bounds[number + 1]]
        yield np.array([first, int(ends[number])]), ranges.at(chosen)
        work_done("join stays", int(ends[number]) - first)


def find_overlaps(
    files: Sequence[Sidecar],
    zones: Zones,
    zoned: UInt8,
    stays: ClippedStays,
    infector: Int64,
    ranges: CandidateRanges,
    people: ExposureTable,
) -> tuple[ExposureTable, Overlaps]:
    """Find the overlaps of some stays, and record the last contact of everybody met.

    Args:
        files: `stays` in the order of venues.
        zones: the numbers of zones.
        zoned: uint8[c], 1 for classes whose zones must agree.
        stays: clipped stays.
        infector: int64[k], the token of each owner.
        ranges: where candidates lie.
        people: those met so far; closed ones are passed over.

    Returns:
        the people met by then, and the overlaps.
    """
    parts = []
    for number, columns in enumerate(files):
        chosen = ranges.at(np.flatnonzero(ranges.file == number))
        if chosen.stay.size == 0:
            continue
        # Reading zones checks the whole column, so only where some class asks for them.
        zone = zones.of(columns) if zoned.any() else NO_ZONES
        # At most one overlap a candidate row.
        found = Overlaps.empty(int((chosen.last - chosen.first).sum()))
        begin = count = 0
        # `_find` allocates nothing and cannot let the table of people grow: it stops before a range that
        # might not fit, and goes on from there when there is room.
        while begin < chosen.stay.size:
            people = with_room(people, int(chosen.last[begin] - chosen.first[begin]))
            rows = (columns.person, columns.enter_us, columns.exit_us, zone)
            begin, count = _find(people, chosen, begin, stays, infector, zoned, *rows, found, count)
        parts.append(found.at(slice(count)))
    return people, Overlaps.concatenated(parts)


def encounters_of(
    near: Proximity, intervals: Intervals, people: ExposureTable
) -> tuple[ExposureTable, Overlaps]:
    """Return the encounters of infectious people, clipped; they are of class 0."""
    owner, row = matching_rows(near.person, intervals.person)
    start_us = np.maximum(near.start_us[row], intervals.start_us[owner])
    end_us = np.minimum(near.end_us[row], intervals.end_us[owner])
    kept = start_us < end_us  # before anybody gets a number: it must be a contact
    people, other = numbers_of(people, near.other[row[kept]])
    kind = np.zeros(other.size, np.uint8)
    return people, Overlaps(owner[kept], other, kind, start_us[kept], end_us[kept])


def matching_rows(ascending: Int64, wanted: Int64) -> tuple[Int64, Int64]:
    """Return the position in `wanted` and the row of every row that holds a wanted value."""
    first = np.searchsorted(ascending, wanted, "left")
    length = np.searchsorted(ascending, wanted, "right") - first
    owner = np.repeat(np.arange(wanted.size), length)
    # Ranges become rows without a loop: a running number, moved to where each range begins.
    before = np.cumsum(length) - length
    return owner, np.arange(owner.size) + np.repeat(first - before, length)


@helper
def _find(
    people: ExposureTable,
    ranges: CandidateRanges,
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
    """Put the overlaps with the rows of one file into `found`, from `count` on.

    Returns:
        how many of the ranges are done, since the table of people may be full, and the new count.
    """
    for entry in range(begin, ranges.stay.size):
        first, last = ranges.first[entry], ranges.last[entry]
        # At worst every row of the range is of somebody new.
        if people.taken[0] + last - first > people.token.size:
            return entry, count
        stay = ranges.stay[entry]
        owner, kind = stays.owner[stay], stays.kind[stay]
        start_us, reach_us, own = stays.start_us[stay], stays.reach_us[stay], infector[stays.owner[stay]]
        own_zone = stays.zone[stay] if zoned[kind] else NO_ZONE
        # The search has seen to the enter, which lies before `reach_us`; what is left to ask is the exit.
        for row in range(first, last):
            if exit_us[row] <= start_us or person[row] == own:
                continue
            # An unknown zone matches any. Where no class asks for zones `zone` has one entry, a placeholder:
            # `own_zone` is NO_ZONE then, which keeps it from being read.
            if own_zone != NO_ZONE and zone[row] != NO_ZONE and zone[row] != own_zone:
                continue
            other = number_of(people, person[row])
            # Cases, and in the last hop people who have a row: no exposure of theirs matters.
            if people.exposed_us[other] == CLOSED_US:
                continue
            end_us = min(reach_us, exit_us[row])
            found.owner[count], found.other[count], found.kind[count] = owner, other, kind
            found.start_us[count], found.end_us[count] = max(start_us, enter_us[row]), end_us
            # Any contact may be the last one, whether or not the pair will meet the rule.
            people.last_us[other] = max(people.last_us[other], end_us)
            count += 1
    return ranges.stay.size, count
