"""One hop where any contact counts and many are infectious: a pass through all venues, date by date.

Under a minimum of zero only the first instant of a stay that is shared with an
infectious one matters. So no pair is looked at; what happens at a venue is in
`meeting`. Exposures of a date are earlier than any of a later one: as soon as
nearly everybody has been exposed, the few who are left are handed back.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from pipelines.arrays import Int64
from pipelines.days import DAY_US
from pipelines.graph.criteria import Criteria, VenueClasses
from pipelines.graph.everybody import THREADS, Everybody
from pipelines.graph.infectious import Intervals
from pipelines.graph.meeting import EXPOSED, FROM, NOT_FRESH, TO, VIA, Classes, Room, Rows, meet_at_venues
from pipelines.graph.people import People
from pipelines.graph.pull import layers
from pipelines.graph.sources import UInt8
from pipelines.lake.sidecar import Sidecar

_ROWS_A_PERSON = 2_000  # a date of fewer rows than this for each one left is not swept


class Date(NamedTuple):
    """The stays of one date.

    Attributes:
        begin_us: the first enter.
        before: those of earlier dates that reach into it.
        rows: those that enter in it.
    """

    begin_us: int
    before: Rows
    rows: Rows


def swept_classes(criteria: Criteria) -> UInt8:
    """Which classes can be swept, uint8[c]: those where any contact counts, whatever the zone."""
    swept: UInt8 = ((criteria.min_us == 0) & (criteria.same_zone == 0)).astype(np.uint8)
    return swept


def sweep(
    files: Sequence[Sidecar],
    everybody: Everybody,
    people: People,
    sources: Intervals,
    criteria: Criteria,
    classes: VenueClasses,
    until_us: int,
) -> Int64:
    """Note whom the sources expose at venues of the classes that can be swept.

    Args:
        files: `stays` in the order of venues.
        everybody: who has a stay.
        people: the same numbers and perhaps more; their earliest exposures are kept here.
        sources: who is infectious, and when.
        criteria: what makes a contact, by class.
        classes: which venues are in which class.
        until_us: nothing reaches beyond it.

    Returns:
        The numbers of a few who may be exposed earlier than noted, at dates that were not swept.
    """
    swept = swept_classes(criteria)
    asked = Classes(classes.venue, classes.kind, swept, criteria.indirect_us, until_us)
    left = [np.empty(0, np.int64)]
    states = [np.empty((people.met, 4), np.int64) for _ in range(THREADS)]
    states[0][:, EXPOSED], states[0][:, VIA] = people.exposed_us[: people.met], NOT_FRESH
    with ThreadPoolExecutor(THREADS) as pool:
        for infectious in layers(people, sources):
            states[0][:, FROM], states[0][:, TO] = infectious.from_us, infectious.to_us
            dates = _dates(files, everybody, int(criteria.indirect_us[swept == 1].max()), pool)
            left.append(_sweep_dates(dates, states, asked, pool))
    _note(people, states[0])
    return np.unique(np.concatenate(left))


def _sweep_dates(
    dates: Iterator[Date], states: Sequence[Int64], asked: Classes, pool: ThreadPoolExecutor
) -> Int64:
    """Sweep date after date as long as many can be exposed earlier than they are; who else can."""
    for date in dates:
        left = np.flatnonzero(states[0][:, EXPOSED] >= date.begin_us)
        if left.size * _ROWS_A_PERSON < date.rows.venue.size:
            return left
        for other in states[1:]:
            other[:] = states[0]
        list(pool.map(partial(_sweep_part, date, asked), range(THREADS), states))
        for other in states[1:]:
            _take_earlier(states[0], other)
    return np.empty(0, np.int64)


def _take_earlier(state: Int64, other: Int64) -> None:
    """Keep what the other thread has found earlier, or at the same instant by a smaller token."""
    earlier = other[:, EXPOSED] < state[:, EXPOSED]
    same = (other[:, EXPOSED] == state[:, EXPOSED]) & (other[:, VIA] < state[:, VIA])
    taken = np.flatnonzero(earlier | same)
    state[taken] = other[taken]


def _note(people: People, state: Int64) -> None:
    found = np.flatnonzero(state[:, VIA] != NOT_FRESH)
    people.exposed_us[found] = state[found, EXPOSED]
    people.via[found] = people.token[state[found, VIA]]
    people.fresh[found] = 1


def _dates(
    files: Sequence[Sidecar], everybody: Everybody, longest_us: int, pool: ThreadPoolExecutor
) -> Iterator[Date]:
    """The stays date by date; what is indirect lengthens them by `longest_us` at most."""
    none = np.empty(0, np.int64)
    before = earlier = Rows(none.astype(np.int32), none, none, none)
    for _, some in groupby(files, lambda columns: int(columns.enter_us[0]) // DAY_US):
        parts = [Rows(everybody.numbers(one, pool), one.venue, one.enter_us, one.exit_us) for one in some]
        rows = parts[0] if len(parts) == 1 else _in_order(parts)
        begin_us = int(rows.enter_us.min())
        before = _in_order([_reaching(part, begin_us - longest_us) for part in (before, earlier)])
        yield Date(begin_us, before, rows)
        earlier = rows


def _reaching(rows: Rows, beyond_us: int) -> Rows:
    chosen = np.flatnonzero(rows.exit_us > beyond_us)
    return Rows(rows.number[chosen], *(column[chosen] for column in rows[1:]))


def _in_order(parts: Sequence[Rows]) -> Rows:
    """All the rows in the order (venue, enter)."""
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    rows = Rows(*columns)
    order = np.lexsort((rows.enter_us, rows.venue))
    return Rows(rows.number[order], *(column[order] for column in rows[1:]))


def _sweep_part(date: Date, asked: Classes, number: int, state: Int64) -> None:
    """Sweep one part of the venues of a date."""
    venue = date.rows.venue
    bounds = [venue[venue.size * part // THREADS] for part in range(1, THREADS)]
    before, rows = (_part(some, bounds, number) for some in (date.before, date.rows))
    room = Room(*np.empty((len(Room._fields), before.venue.size + rows.venue.size), np.int64))
    meet_at_venues(state, before, rows, asked, room)


def _part(rows: Rows, bounds: Sequence[int], number: int) -> Rows:
    """The rows of the venues of a part; the bounds are venues."""
    ends = [0, *np.searchsorted(rows.venue, bounds).tolist(), rows.venue.size]
    some = slice(ends[number], ends[number + 1])
    return Rows(rows.number[some], rows.venue[some], rows.enter_us[some], rows.exit_us[some])
