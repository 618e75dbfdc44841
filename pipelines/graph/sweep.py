"""One hop where any contact counts and many are infectious: a pass through every venue, in the order of time.

Under a minimum of zero only the first instant of a stay that is shared with an
infectious one matters. So no pair is looked at: at each venue those present
and waiting are exposed by the next infectious arrival, and whoever arrives
later by the smallest token among the infectious ones who are there.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from pipelines.arrays import Int64
from pipelines.days import DAY_US
from pipelines.graph.criteria import Criteria, VenueClasses
from pipelines.graph.infectious import Intervals
from pipelines.graph.people import People, note_exposure, slot_of
from pipelines.graph.pull import Infectious, layers
from pipelines.graph.sources import UInt8, first_from
from pipelines.ingest.helpers import helper, inlined
from pipelines.lake.sidecar import Sidecar

_THREADS = 2


class Rows(NamedTuple):
    """Stays in the order (venue, enter).

    Attributes:
        person, venue, enter_us, exit_us: int64[n].
    """

    person: Int64
    venue: Int64
    enter_us: Int64
    exit_us: Int64

    def between(self, first: int, last: int) -> "Rows":
        """The rows from `first` to before `last`."""
        return Rows(*(column[first:last] for column in self))


class Places(NamedTuple):
    """What the classes of venues ask for.

    Attributes:
        venue: int64[v], those of a class, ascending; every other is of class 0.
        kind: uint8[v], their class.
        swept: uint8[c], 1 for classes that are swept.
        indirect_us: int64[c].
    """

    venue: Int64
    kind: UInt8
    swept: UInt8
    indirect_us: Int64


class Room(NamedTuple):
    """Room for the stays of one venue; int64[n] each."""

    number: Int64
    enter_us: Int64
    exit_us: Int64
    waiting: Int64
    start_us: Int64
    reach_us: Int64
    token: Int64
    here_token: Int64
    here_until_us: Int64


def swept_classes(criteria: Criteria) -> UInt8:
    """Which classes can be swept, uint8[c]: those where any contact counts, whatever the zone."""
    swept: UInt8 = ((criteria.min_us == 0) & (criteria.same_zone == 0)).astype(np.uint8)
    return swept


def sweep(
    files: Sequence[Sidecar],
    people: People,
    sources: Intervals,
    criteria: Criteria,
    classes: VenueClasses,
    until_us: int,
) -> None:
    """Note everybody whom the sources expose at venues of the classes that can be swept.

    Args:
        files: `stays` in the order of venues.
        people: everybody who has a stay there; their earliest exposures are kept here.
        sources: who is infectious, and when.
        criteria: what makes a contact, by class.
        classes: which venues are in which class.
        until_us: nothing reaches beyond it.
    """
    swept = swept_classes(criteria)
    places = Places(classes.venue, classes.kind, swept, criteria.indirect_us)
    longest_us = int(criteria.indirect_us[swept == 1].max())
    dates = list(_dates(files, longest_us))
    for infectious in layers(people, sources):
        parts = [_copy(people) for _ in range(_THREADS)]
        with ThreadPoolExecutor(_THREADS) as pool:
            jobs = [
                pool.submit(_sweep_part, dates, number, part, infectious, places, until_us)
                for number, part in enumerate(parts)
            ]
            for job in jobs:
                job.result()
        for part in parts:
            _take_earlier(people, part)


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


def _dates(files: Sequence[Sidecar], longest_us: int) -> Iterator[Date]:
    """The stays date by date; what is indirect lengthens them by `longest_us` at most."""
    before = Rows(*[np.empty(0, np.int64)] * 4)
    earlier = before
    for _, some in groupby(files, lambda columns: int(columns.enter_us[0]) // DAY_US):
        rows = _joined([Rows(one.person, one.venue, one.enter_us, one.exit_us) for one in some])
        begin_us = int(rows.enter_us.min())
        reaching = [
            Rows(*(column[part.exit_us + longest_us > begin_us] for column in part))
            for part in (before, earlier)
        ]
        before = _in_order(Rows(*map(np.concatenate, zip(*reaching, strict=True))))
        yield Date(begin_us, before, rows)
        earlier = rows


def _joined(parts: Sequence[Rows]) -> Rows:
    """The files of one date as one."""
    if len(parts) == 1:
        return parts[0]
    return _in_order(Rows(*map(np.concatenate, zip(*parts, strict=True))))


def _in_order(rows: Rows) -> Rows:
    order = np.lexsort((rows.enter_us, rows.venue))
    return Rows(*(column[order] for column in rows))


def _copy(people: People) -> People:
    """The same persons with exposures of their own."""
    return people._replace(
        exposed_us=people.exposed_us.copy(), via=people.via.copy(), fresh=people.fresh.copy()
    )


def _take_earlier(people: People, other: People) -> None:
    """Keep what the other copy has found earlier, or at the same instant by a smaller token."""
    earlier = other.exposed_us < people.exposed_us
    same = (other.exposed_us == people.exposed_us) & (other.fresh == 1)
    taken = earlier | (same & (other.via < people.via))
    taken[people.met :] = False
    for name in ("exposed_us", "via", "fresh"):
        getattr(people, name)[taken] = getattr(other, name)[taken]


def _sweep_part(
    dates: Sequence[Date],
    number: int,
    people: People,
    infectious: Infectious,
    places: Places,
    until_us: int,
) -> None:
    """Sweep one part of the venues, date after date, as long as anybody can be exposed earlier than he is."""
    for begin_us, *orders in dates:
        if people.exposed_us[: people.met].max() < begin_us:
            break
        venue = orders[1].venue
        bounds = [venue[venue.size * part // _THREADS] for part in range(1, _THREADS)]
        before, rows = (_part(some, bounds, number) for some in orders)
        room = Room(*np.empty((len(Room._fields), before.venue.size + rows.venue.size), np.int64))
        _sweep(people, infectious, before, rows, places, until_us, room)


def _part(rows: Rows, bounds: Sequence[int], number: int) -> Rows:
    """The rows of the venues of a part; the bounds are venues."""
    ends = [0, *np.searchsorted(rows.venue, bounds).tolist(), rows.venue.size]
    return rows.between(ends[number], ends[number + 1])


@helper
def _sweep(
    people: People,
    infectious: Infectious,
    before: Rows,
    rows: Rows,
    places: Places,
    until_us: int,
    room: Room,
) -> None:
    """Sweep the venues of one date, with the stays that reach into it."""
    row = early = place = 0
    while row < rows.venue.size or early < before.venue.size:
        if row == rows.venue.size or (early < before.venue.size and before.venue[early] < rows.venue[row]):
            venue = before.venue[early]
        else:
            venue = rows.venue[row]
        place = first_from(places.venue, venue, place)
        named = place < places.venue.size and places.venue[place] == venue
        kind = places.kind[place] if named else 0
        early_end, row_end = early, row
        while early_end < before.venue.size and before.venue[early_end] == venue:
            early_end += 1
        while row_end < rows.venue.size and rows.venue[row_end] == venue:
            row_end += 1
        if places.swept[kind]:
            reach = (places.indirect_us[kind], until_us)
            targets, sources = _take(people, infectious, before, early, early_end, reach, room, 0, 0)
            targets, sources = _take(people, infectious, rows, row, row_end, reach, room, targets, sources)
            if sources and targets:
                _sort_sources(room, sources)
                _meet(people, room, targets, sources)
        early, row = early_end, row_end


@inlined
def _take(
    people: People,
    infectious: Infectious,
    rows: Rows,
    first: int,
    last: int,
    reach: tuple[int, int],
    room: Room,
    targets: int,
    sources: int,
) -> tuple[int, int]:
    """Take stays in, as those who can be exposed earlier than they are and as sources; how many of each."""
    for row in range(first, last):
        number = people.slots[slot_of(people.slots, people.token, rows.person[row])]
        enter_us, exit_us = rows.enter_us[row], rows.exit_us[row]
        if people.exposed_us[number] >= enter_us:
            room.number[targets], room.enter_us[targets], room.exit_us[targets] = number, enter_us, exit_us
            targets += 1
        start_us = max(enter_us, infectious.from_us[number])
        end_us = min(exit_us, infectious.to_us[number])
        if start_us < end_us:
            room.start_us[sources], room.token[sources] = start_us, rows.person[row]
            room.reach_us[sources] = min(end_us + reach[0], reach[1])
            sources += 1
    return targets, sources


@inlined
def _sort_sources(room: Room, sources: int) -> None:
    """Shell sort by start: stays come in order, but for those exposed in the middle of one."""
    gap = 1
    ordered = True
    for at in range(1, sources):
        ordered = ordered and room.start_us[at - 1] <= room.start_us[at]
    if ordered:
        return
    while gap < sources // 9:
        gap = 3 * gap + 1
    while gap > 0:
        for at in range(gap, sources):
            start_us, reach_us, token = room.start_us[at], room.reach_us[at], room.token[at]
            to = at
            while to >= gap and room.start_us[to - gap] > start_us:
                room.start_us[to] = room.start_us[to - gap]
                room.reach_us[to] = room.reach_us[to - gap]
                room.token[to] = room.token[to - gap]
                to -= gap
            room.start_us[to], room.reach_us[to], room.token[to] = start_us, reach_us, token
        gap //= 3


@inlined
def _meet(people: People, room: Room, targets: int, sources: int) -> None:
    """Let targets, ascending by enter, and sources, ascending by start, meet at one venue."""
    source = waiting = here = 0
    least = -1
    for target in range(targets):
        enter_us, number = room.enter_us[target], room.number[target]
        while source < sources and room.start_us[source] <= enter_us:
            end, waiting = _arrive(people, room, source, sources, waiting)
            for one in range(source, end):
                room.here_token[here], room.here_until_us[here] = room.token[one], room.reach_us[one]
                if least >= 0 and room.token[one] < room.here_token[least]:
                    least = here
                here += 1
            source = end
        own = people.token[number]
        if least < 0 or room.here_until_us[least] <= enter_us:
            here = _leave(room, here, enter_us)
            least = _least(room, here, enter_us, 0, False)
        found = least
        if least >= 0 and room.here_token[least] == own:
            found = _least(room, here, enter_us, own, True)
        if found >= 0:
            note_exposure(people, number, enter_us, room.here_token[found])
        else:
            room.waiting[waiting] = target
            waiting += 1
    while source < sources and waiting:
        source, waiting = _arrive(people, room, source, sources, waiting)


@inlined
def _arrive(people: People, room: Room, source: int, sources: int, waiting: int) -> tuple[int, int]:
    """Let the sources of one instant arrive, from `source` on: they expose those who wait.

    Returns:
        The first later source, and how many wait still.
    """
    start_us = room.start_us[source]
    first = second = room.token[source]
    end = source
    while end < sources and room.start_us[end] == start_us:
        token = room.token[end]
        if token < first:
            first, second = token, first
        elif token != first and (second == first or token < second):
            second = token
        end += 1
    left = 0
    for entry in range(waiting):
        target = room.waiting[entry]
        if room.exit_us[target] <= start_us:
            continue
        own = people.token[room.number[target]]
        if first != own or second != own:
            note_exposure(people, room.number[target], start_us, second if first == own else first)
        else:
            room.waiting[left] = target
            left += 1
    return end, left


@inlined
def _leave(room: Room, here: int, now_us: int) -> int:
    """Drop the sources that reach no farther than `now_us`; how many are left."""
    left = 0
    for one in range(here):
        if room.here_until_us[one] > now_us:
            room.here_token[left], room.here_until_us[left] = room.here_token[one], room.here_until_us[one]
            left += 1
    return left


@inlined
def _least(room: Room, here: int, now_us: int, own: int, but_own: bool) -> Any:
    """The position of the smallest token that is here, on request but for one's own; -1 if there is none."""
    least = -1
    for one in range(here):
        counts = room.here_until_us[one] > now_us and not (but_own and room.here_token[one] == own)
        if counts and (least < 0 or room.here_token[one] < room.here_token[least]):
            least = one
    return least
