"""One hop where many are infectious: a pass through all venues, date by date.

One overlap that is long enough exposes whoever stays from its begin on. So no
pair is looked at; what happens at a venue is in `meeting`. Exposures of a date
are earlier than any of a later one: when nearly everybody has been exposed,
the few who are left are looked at one by one. Under a minimum, overlaps that
are too short alone may add up to an earlier exposure: the pairs that have one
before the exposure found are handed back, see `short`.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from pipelines.graph.tracing.contact_criteria import WITHIN_24H, Criteria, VenueClasses
from pipelines.graph.tracing.exposure_table import NEVER_US, THREADS, Everybody, ExposureTable, numbers_of
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.graph.tracing.provenance import day_of
from pipelines.graph.tracing.sweep_cumulative import short_pairs
from pipelines.graph.tracing.sweep_kernel import (
    EXPOSED,
    FROM,
    NOT_FRESH,
    TO,
    VIA,
    Classes,
    SweepBuffers,
    VenueRows,
    sweep_venues,
)
from pipelines.kernels.types import Int64, UInt8
from pipelines.lake.sidecar import Sidecar
from pipelines.times import DAY_US


class Date(NamedTuple):
    """The stays of one date.

    Attributes:
        begin_us: the first enter.
        before: those of earlier dates that reach into it.
        rows: those that enter in it.
        longest_us: none of both is longer.
    """

    begin_us: int
    before: VenueRows
    rows: VenueRows
    longest_us: int


def swept_classes(criteria: Criteria) -> UInt8:
    """Which classes can be swept, uint8[c]: where one overlap of the minimum is enough, whatever the zone."""
    never = (criteria.accumulate == WITHIN_24H) & (criteria.min_us > DAY_US)
    swept: UInt8 = (~never & (criteria.same_zone == 0)).astype(np.uint8)
    return swept


def sweep(
    files: Sequence[Sidecar],
    everybody: Everybody,
    people: ExposureTable,
    sources: Intervals,
    criteria: Criteria,
    classes: VenueClasses,
    until_us: int,
) -> Int64:
    """Note whom the sources expose by one overlap at venues of the classes that can be swept.

    Args:
        files: `stays` in the order of venues.
        everybody: who has a stay.
        people: the same numbers and perhaps more; their earliest exposures are kept here.
        sources: who is infectious, and when.
        criteria: what makes a contact, by class.
        classes: which venues are in which class.
        until_us: nothing reaches beyond it.

    Returns:
        int64[n, 4], as `short_pairs` has them.
    """
    swept = swept_classes(criteria)
    beyond_us = np.maximum(criteria.min_us, 1) - 1
    asked = Classes(classes.venue, classes.kind, swept, criteria.indirect_us, beyond_us, until_us)
    longest_us = int(criteria.indirect_us[swept == 1].max())
    short = [np.empty((0, 4), np.int64)]
    states = [np.empty((people.met, 4), np.int64) for _ in range(THREADS)]
    states[0][:, EXPOSED], states[0][:, VIA] = people.exposed_us[: people.met], NOT_FRESH
    _, number = numbers_of(people, sources.person)
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in _layers(states[0], number, sources):
            _sweep_dates(_dates(files, everybody, longest_us, pool), states, asked, pool)
        for _ in _layers(states[0], number, sources) if beyond_us[swept == 1].any() else ():
            dates = _dates(files, everybody, longest_us, pool)
            short += _short_of_dates(dates, states[0], asked, pool)
    _note(people, states[0])
    return np.concatenate(short)


def _layers(state: Int64, number: Int64, sources: Intervals) -> Iterator[None]:
    """Write the infectious intervals into `state`, one a person at a time: a state has room for no more.

    Args:
        state: of each person.
        number: int64[k], the person of each interval.
        sources: the intervals.
    """
    layer = np.arange(number.size) - np.searchsorted(sources.person, sources.person)
    for wanted in range(int(layer.max(initial=-1)) + 1):
        chosen = np.flatnonzero(layer == wanted)
        state[:, FROM], state[:, TO] = NEVER_US, 0
        state[number[chosen], FROM] = sources.start_us[chosen]
        state[number[chosen], TO] = sources.end_us[chosen]
        yield


def _sweep_dates(
    dates: Iterator[Date], states: Sequence[Int64], asked: Classes, pool: ThreadPoolExecutor
) -> None:
    """Sweep date after date, each thread some of the venues with a state of its own."""
    state, *others = states
    for other in others:
        other[:] = state
    susceptible = np.arange(state.shape[0])
    for date in dates:
        susceptible = susceptible[state[susceptible, EXPOSED] >= date.begin_us]
        if susceptible.size == 0:
            return
        waiting = np.zeros(state.shape[0], np.uint8)
        waiting[susceptible] = 1
        list(pool.map(partial(_sweep_part, date, asked, waiting), range(THREADS), states))
        for other in others:
            _take_earlier(state, other, susceptible)
        for other in others:
            other[susceptible] = state[susceptible]


def _short_of_dates(
    dates: Iterator[Date], state: Int64, asked: Classes, pool: ThreadPoolExecutor
) -> Iterator[Int64]:
    """The pairs with an overlap before, or as early as, the exposure of the person; int64[n, 4] each."""
    left = np.arange(state.shape[0])
    for date in dates:
        left = left[state[left, EXPOSED] >= date.begin_us]
        if left.size == 0:
            return
        yield from pool.map(partial(_short_of_part, date, asked, state), range(THREADS))


def _short_of_part(date: Date, asked: Classes, state: Int64, number: int) -> Int64:
    before, rows, room = _part_of(date, number)
    return short_pairs(state, before, rows, asked, room, date.begin_us // DAY_US)


def _take_earlier(state: Int64, other: Int64, numbers: Int64) -> None:
    """Keep what another thread has found of some persons: earlier, or at one instant by a smaller token."""
    mine, theirs = state[numbers], other[numbers]
    earlier = theirs[:, EXPOSED] < mine[:, EXPOSED]
    earlier |= (theirs[:, EXPOSED] == mine[:, EXPOSED]) & (theirs[:, VIA] < mine[:, VIA])
    state[numbers[earlier]] = theirs[earlier]


def _note(people: ExposureTable, state: Int64) -> None:
    found = np.flatnonzero(state[:, VIA] != NOT_FRESH)
    people.exposed_us[found] = state[found, EXPOSED]
    people.via[found] = people.token[state[found, VIA]]
    people.fresh[found] = 1


def _dates(
    files: Sequence[Sidecar], everybody: Everybody, longest_us: int, pool: ThreadPoolExecutor
) -> Iterator[Date]:
    """The stays date by date; what is indirect lengthens them by `longest_us` at most."""
    none = np.empty(0, np.int64)
    before = earlier = VenueRows(none.astype(np.int32), none, none, none)
    longest_stay_us = 0
    for _, some_files in groupby(files, day_of):
        some = list(some_files)
        longest_stay_us = max(longest_stay_us, *(one.longest_us for one in some))
        parts = [
            VenueRows(everybody.numbers(one, pool), one.venue, one.enter_us, one.exit_us) for one in some
        ]
        rows = parts[0] if len(parts) == 1 else _in_order(parts)
        begin_us = int(rows.enter_us.min())
        before = _in_order([_reaching(part, begin_us - longest_us) for part in (before, earlier)])
        yield Date(begin_us, before, rows, longest_stay_us)
        earlier = rows


def _reaching(rows: VenueRows, beyond_us: int) -> VenueRows:
    chosen = np.flatnonzero(rows.exit_us > beyond_us)
    return VenueRows(rows.number[chosen], *(column[chosen] for column in rows[1:]))


def _in_order(parts: Sequence[VenueRows]) -> VenueRows:
    """All the rows in the order (venue, enter)."""
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    rows = VenueRows(*columns)
    order = np.lexsort((rows.enter_us, rows.venue))
    return VenueRows(rows.number[order], *(column[order] for column in rows[1:]))


def _sweep_part(date: Date, asked: Classes, waiting: UInt8, number: int, state: Int64) -> None:
    """Sweep one part of the venues of a date."""
    before, rows, room = _part_of(date, number)
    sweep_venues(state, waiting, before, rows, asked, room)


def _part_of(date: Date, number: int) -> tuple[VenueRows, VenueRows, SweepBuffers]:
    """The stays of one part of the venues of a date, and room for them."""
    venue = date.rows.venue
    bounds = [venue[venue.size * part // THREADS] for part in range(1, THREADS)]
    before, rows = (_part(some, bounds, number) for some in (date.before, date.rows))
    return (
        before,
        rows,
        SweepBuffers(*np.empty((len(SweepBuffers._fields), before.venue.size + rows.venue.size), np.int64)),
    )


def _part(rows: VenueRows, bounds: Sequence[int], number: int) -> VenueRows:
    """The rows of the venues of a part; the bounds are venues."""
    ends = [0, *np.searchsorted(rows.venue, bounds).tolist(), rows.venue.size]
    some = slice(ends[number], ends[number + 1])
    return VenueRows(rows.number[some], rows.venue[some], rows.enter_us[some], rows.exit_us[some])
