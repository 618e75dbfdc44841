"""The last contact of people with anybody infectious: a pass over all venues, the last date first.

At a venue, the contact of a stay that ends last is with the source that
reaches farthest among those who arrive before the stay ends, if that source
reaches beyond its start. So the sources are sorted by start, the farthest
reach up to each of them is noted, and one binary search answers for a stay.
How long a contact lasts is not asked: `last_contact` counts any of them.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from pipelines.graph.tracing.exposure_table import THREADS, ExposureTable
from pipelines.graph.tracing.sweeps.sweep import Sweep
from pipelines.graph.tracing.sweeps.sweep_dates import Date
from pipelines.graph.tracing.sweeps.sweep_kernel import (
    SweepBuffers,
    SweepRules,
    VenueRows,
    class_of,
    end_of,
    next_venue,
    sort_sources,
)
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import Int64, UInt8

_WANTED, _SOURCE = 1, 2
"""Bits of a person's role on a date: the last contact may be found there, may be infectious there."""


def sweep_last_contacts(sweep: Sweep, people: ExposureTable, wanted: Int64) -> None:
    """Record the last contact of some people at the venues of the classes that are swept.

    Args:
        sweep: what is passed over.
        people: last contacts are kept here, beside those that encounters and other classes gave.
        wanted: int64[w], numbers of people none of whom is a source: nobody is his own contact.
    """
    found = [people.last_us[: people.persons].copy() for _ in range(THREADS)]  # threads would race on one
    # [start, end) by person, of one layer of intervals at a time.
    infectious = np.empty((people.persons, 2), np.int64)
    # A bound over all classes: a date too many costs time, one too few a contact.
    indirect_us = int(sweep.rules.indirect_us.max())
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in sweep.layers(infectious):
            # A source without an interval in this layer begins at NEVER_US, so it is near no date.
            start_us, end_us = infectious[sweep.number].T
            unsettled = wanted  # a later layer begins with the last date again
            for date in sweep.dates.backward(pool):
                # No contact outlasts the stay of the wanted person, and no stay of this date or an earlier
                # one ends after `date.last_us`: people whose last contact is that late are settled.
                latest_us = np.maximum.reduce([last_us[unsettled] for last_us in found])
                unsettled = unsettled[latest_us < date.last_us]
                if unsettled.size == 0:
                    break
                near = (start_us < date.last_us) & (end_us + indirect_us > date.begin_us)
                roles = np.zeros(people.persons, np.uint8)
                roles[unsettled] = _WANTED
                roles[sweep.number[near]] = _SOURCE  # nobody is both, see `wanted`
                sweep_part = partial(_sweep_part, date, sweep.rules, infectious, roles)
                # `list` waits for both threads, and raises what one of them has raised.
                list(pool.map(sweep_part, range(THREADS), found))
    people.last_us[: people.persons] = np.maximum.reduce(found)


def _sweep_part(
    date: Date, rules: SweepRules, infectious: Int64, roles: UInt8, thread: int, last_us: Int64
) -> None:
    before, rows, buffers = date.part(thread)
    _sweep_venues(last_us, infectious, roles, before, rows, rules, buffers)


@helper
def _sweep_venues(
    last_us: Int64,
    infectious: Int64,
    roles: UInt8,
    before: VenueRows,
    rows: VenueRows,
    rules: SweepRules,
    buffers: SweepBuffers,
) -> None:
    """Sweep every venue of one date.

    Args:
        last_us: int64[m], the end of the latest contact of each person so far.
        infectious: int64[m, 2], when each person is infectious.
        roles: uint8[m], of each person; small enough to stay in the cache, it spares most reads of the
            other two.
        before: stays that began before the date and reach into it.
        rows: those that began in it.
        rules: what each class of venues asks for.
        buffers: as long as both together.
    """
    row = early = place = 0
    # A merge of two lists that ascend by (venue, enter), one venue a turn.
    while row < rows.venue.size or early < before.venue.size:
        venue = next_venue(before, early, rows, row)
        kind, place = class_of(rules, venue, place)
        early_end, row_end = end_of(before, early, venue), end_of(rows, row, venue)
        # Without a wanted person and a source (1 | 2) at the venue no contact there matters.
        if rules.swept[kind] and _roles_at(roles, before, early, early_end, rows, row, row_end) == 3:
            reach = (rules.indirect_us[kind], rules.until_us)
            sources = _collect(infectious, roles, before, early, early_end, reach, buffers, 0)
            sources = _collect(infectious, roles, rows, row, row_end, reach, buffers, sources)
            if sources:
                # Ascending by start; from here on `reach_us` is a running maximum and not that of one source.
                sort_sources(buffers, sources)
                _note_farthest(buffers, sources)
                _settle(last_us, roles, before, early, early_end, buffers, sources)
                _settle(last_us, roles, rows, row, row_end, buffers, sources)
        early, row = early_end, row_end


@inlined
def _roles_at(
    roles: UInt8, before: VenueRows, early: int, early_end: int, rows: VenueRows, row: int, row_end: int
) -> int:
    """Return which roles people at a venue have: both bits are needed for a contact that matters."""
    there = 0
    while early < early_end and there != 3:
        there |= roles[before.number[early]]
        early += 1
    while row < row_end and there != 3:
        there |= roles[rows.number[row]]
        row += 1
    return there


@inlined
def _collect(
    infectious: Int64,
    roles: UInt8,
    rows: VenueRows,
    first: int,
    last: int,
    reach: tuple[int, int],
    buffers: SweepBuffers,
    sources: int,
) -> int:
    """Put the infectious parts of stays into the buffers; return how many there are then."""
    indirect_us, until_us = reach
    for row in range(first, last):
        number = rows.number[row]
        if roles[number] & _SOURCE:
            start_us = max(rows.enter_us[row], infectious[number, 0])
            end_us = min(rows.exit_us[row], infectious[number, 1])
            if start_us < end_us:
                buffers.start_us[sources], buffers.source[sources] = start_us, number
                buffers.reach_us[sources] = min(end_us + indirect_us, until_us)
                sources += 1
    return sources


@inlined
def _note_farthest(buffers: SweepBuffers, sources: int) -> None:
    """Replace the reach of each source by the farthest one up to it."""
    for source in range(1, sources):
        buffers.reach_us[source] = max(buffers.reach_us[source], buffers.reach_us[source - 1])


@inlined
def _settle(
    last_us: Int64, roles: UInt8, rows: VenueRows, first: int, last: int, buffers: SweepBuffers, sources: int
) -> None:
    """Record the end of the latest contact of each stay of a wanted person."""
    # Within these bounds lies every contact of the venue.
    first_us, farthest_us = buffers.start_us[0], buffers.reach_us[sources - 1]
    for row in range(first, last):
        enter_us, exit_us = rows.enter_us[row], rows.exit_us[row]
        # Half-open intervals: who enters as the last one leaves meets nobody.
        if enter_us >= farthest_us:
            break  # rows ascend by enter: nobody who comes later meets anybody
        number = rows.number[row]
        if exit_us <= first_us or not roles[number] & _WANTED:
            continue
        # A reach counts only beyond both: the enter, or there is no overlap, and the latest end known.
        known_us = max(enter_us, last_us[number])
        if known_us >= exit_us or known_us >= farthest_us:
            continue
        # Binary search: how many sources start before the exit.
        before, left = 0, sources  # `before` sources are known to start before the stay ends
        while left > 0:  # halves without a branch that depends on the data
            half = (left + 1) >> 1
            before += half if buffers.start_us[before + half - 1] < exit_us else 0
            left -= half
        # Someone of those who start before the stay ends reaches beyond its enter: they overlap.
        if before and buffers.reach_us[before - 1] > known_us:
            last_us[number] = min(buffers.reach_us[before - 1], exit_us)
