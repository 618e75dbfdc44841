"""One hop seen from those who may be exposed: faster when few of all are left to be found.

The pieces of contact are the same as those found from the infectious side.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pipelines.graph.tracing.clipped_stays import NO_ZONE, ClippedStays, Zones, by_venue
from pipelines.graph.tracing.contact_criteria import Criteria
from pipelines.graph.tracing.exposure_table import NEVER_US, ExposureTable, numbers_of, slot_of
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.graph.tracing.overlap_join import NO_ZONES, CandidateRanges, Overlaps, joined, room_for
from pipelines.kernels.compile import helper
from pipelines.kernels.types import Int32, Int64
from pipelines.lake.sidecar import Sidecar


class Infectious(NamedTuple):
    """When each person is infectious, by number.

    Attributes:
        from_us, to_us: int64[m], microseconds UTC; NEVER_US begins never.
        owner: int64[m], which interval that is.
    """

    from_us: Int64
    to_us: Int64
    owner: Int64


def layers(people: ExposureTable, sources: Intervals) -> Iterator[Infectious]:
    """The sources by number, one interval a person at a time.

    Args:
        people: all sources are among them.
        sources: who is infectious, and when.
    """
    _, number = numbers_of(people, sources.person)
    layer = np.arange(number.size) - np.searchsorted(sources.person, sources.person)
    for wanted in range(int(layer.max(initial=-1)) + 1):
        owner = np.flatnonzero(layer == wanted)
        never = np.full(people.met, NEVER_US, np.int64)
        infectious = Infectious(never, *np.zeros((2, people.met), np.int64))
        infectious.from_us[number[owner]] = sources.start_us[owner]
        infectious.to_us[number[owner]] = sources.end_us[owner]
        infectious.owner[number[owner]] = owner
        yield infectious


def looking_back(stays: ClippedStays, criteria: Criteria) -> ClippedStays:
    """Stays of those who may be exposed, by (venue, start), begun as early as what is indirect reaches."""
    earlier_us = stays.start_us - criteria.indirect_us[stays.kind]
    return by_venue(stays._replace(start_us=earlier_us, reach_us=stays.end_us))


def pulled(
    files: Sequence[Sidecar],
    zones: Zones,
    criteria: Criteria,
    stays: ClippedStays,
    target: Int64,
    beside: CandidateRanges,
    people: ExposureTable,
    infectious: Infectious,
    until_us: int,
) -> Overlaps:
    """The pieces of contact of some persons with whoever was infectious beside them.

    Args:
        files: `stays` in the order of venues.
        zones: the numbers of zones.
        criteria: what makes a contact, by class.
        stays: those of the persons, as `looking_back` has them.
        target: int64[k], the number of each owner of these stays.
        beside: where rows lie beside them.
        people: everybody who has a stay.
        infectious: when each of them is infectious.
        until_us: nothing reaches beyond it.
    """
    parts = []
    for number, columns in enumerate(files):
        chosen = beside.at(np.flatnonzero(beside.file == number))
        if chosen.stay.size == 0:
            continue
        zone = zones.of(columns) if criteria.zoned else NO_ZONES
        found = room_for((chosen.last - chosen.first).sum())
        rows = (columns.person, columns.enter_us, columns.exit_us, zone)
        count = _pulled(people, infectious, chosen, stays, target, criteria, *rows, until_us, found)
        parts.append(found.at(slice(count)))
    return joined(parts)


@helper
def _pulled(
    people: ExposureTable,
    infectious: Infectious,
    beside: CandidateRanges,
    stays: ClippedStays,
    target: Int64,
    criteria: Criteria,
    person: Int64,
    enter_us: Int64,
    exit_us: Int64,
    zone: Int32,
    until_us: int,
    found: Overlaps,
) -> int:
    """The pieces with the rows of one file, put into `found`; how many there are."""
    count = 0
    for entry in range(beside.stay.size):
        stay = beside.stay[entry]
        kind, own = stays.kind[stay], target[stays.owner[stay]]
        indirect_us = criteria.indirect_us[kind]
        own_zone = stays.zone[stay] if criteria.same_zone[kind] else NO_ZONE
        for row in range(beside.first[entry], beside.last[entry]):
            number = people.slots[slot_of(people.slots, people.token, person[row])]
            start_us = max(enter_us[row], infectious.from_us[number])
            end_us = min(exit_us[row], infectious.to_us[number])
            if start_us >= end_us or number == own:
                continue
            if own_zone != NO_ZONE and zone[row] != NO_ZONE and zone[row] != own_zone:
                continue
            start_us = max(start_us, stays.start_us[stay] + indirect_us)
            end_us = min(min(end_us + indirect_us, until_us), stays.end_us[stay])
            if start_us < end_us:
                found.owner[count], found.other[count] = infectious.owner[number], own
                found.start_us[count], found.end_us[count] = start_us, end_us
                found.kind[count] = kind
                count += 1
    return count
