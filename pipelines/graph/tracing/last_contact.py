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

from pipelines.graph.tracing.exposure_table import NEVER_US, THREADS, ExposureTable
from pipelines.graph.tracing.sweep import Sweep
from pipelines.graph.tracing.sweep_dates import Date
from pipelines.graph.tracing.sweep_kernel import (
    SweepBuffers,
    SweepRules,
    VenueRows,
    any_of,
    class_of,
    end_of,
    next_venue,
    sort_sources,
)
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import Int64, UInt8


def sweep_last_contacts(sweep: Sweep, people: ExposureTable, wanted: Int64) -> None:
    """Record the last contact of some people at the venues of the classes that are swept.

    Args:
        sweep: what is passed over.
        people: last contacts are kept here, beside those that encounters and other classes gave.
        wanted: int64[w], numbers of people none of whom is a source: nobody is his own contact.
    """
    last_us = np.full(people.persons, NEVER_US)  # nobody else's can come later
    last_us[wanted] = people.last_us[wanted]
    infectious = np.empty((people.persons, 2), np.int64)
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in sweep.layers(infectious):
            for date in sweep.dates.backward(pool):
                unsettled = wanted[last_us[wanted] < date.last_us]
                if unsettled.size == 0:
                    break
                chosen = np.zeros(people.persons, np.uint8)
                chosen[unsettled] = 1
                copies = [last_us, *(last_us.copy() for _ in range(1, THREADS))]  # or threads would race
                sweep_part = partial(_sweep_part, date, sweep.rules, infectious, chosen)
                list(pool.map(sweep_part, range(THREADS), copies))
                last_us[unsettled] = np.maximum.reduce([copy[unsettled] for copy in copies])
    people.last_us[wanted] = last_us[wanted]


def _sweep_part(
    date: Date, rules: SweepRules, infectious: Int64, chosen: UInt8, thread: int, last_us: Int64
) -> None:
    before, rows, buffers = date.part(thread)
    _sweep_venues(last_us, infectious, chosen, before, rows, rules, buffers)


@helper
def _sweep_venues(
    last_us: Int64,
    infectious: Int64,
    chosen: UInt8,
    before: VenueRows,
    rows: VenueRows,
    rules: SweepRules,
    buffers: SweepBuffers,
) -> None:
    """Sweep every venue of one date.

    Args:
        last_us: int64[m], the end of the latest contact of each person so far.
        infectious: int64[m, 2], when each person is infectious.
        chosen: uint8[m], 1 for those whose last contact may still be found; other venues are skipped.
        before: stays that began before the date and reach into it.
        rows: those that began in it.
        rules: what each class of venues asks for.
        buffers: as long as both together.
    """
    row = early = place = 0
    while row < rows.venue.size or early < before.venue.size:
        venue = next_venue(before, early, rows, row)
        kind, place = class_of(rules, venue, place)
        early_end, row_end = end_of(before, early, venue), end_of(rows, row, venue)
        needed = any_of(chosen, before, early, early_end) or any_of(chosen, rows, row, row_end)
        if rules.swept[kind] and needed:
            reach = (rules.indirect_us[kind], rules.until_us)
            sources = _collect(infectious, before, early, early_end, reach, buffers, 0)
            sources = _collect(infectious, rows, row, row_end, reach, buffers, sources)
            if sources:
                sort_sources(buffers, sources)
                _note_farthest(buffers, sources)
                _settle(last_us, before, early, early_end, buffers, sources)
                _settle(last_us, rows, row, row_end, buffers, sources)
        early, row = early_end, row_end


@inlined
def _collect(
    infectious: Int64,
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
    last_us: Int64, rows: VenueRows, first: int, last: int, buffers: SweepBuffers, sources: int
) -> None:
    """Note the end of the latest contact of each stay."""
    for row in range(first, last):
        number, exit_us = rows.number[row], rows.exit_us[row]
        if last_us[number] >= exit_us:
            continue
        low, high = 0, sources  # the sources before `low` start before the stay ends
        while low < high:
            middle = (low + high) >> 1
            if buffers.start_us[middle] < exit_us:
                low = middle + 1
            else:
                high = middle
        if low and buffers.reach_us[low - 1] > rows.enter_us[row]:
            last_us[number] = max(last_us[number], min(buffers.reach_us[low - 1], exit_us))
