"""What happens at a venue where one overlap is enough: people meet the infectious ones in the order of time.

Those who are there and wait are exposed by the next infectious arrival, and
whoever arrives later by the smallest token among the infectious ones who are
still there, or who reach so far as what is indirect. Persons are numbers in
the order of their tokens, so a smaller number is a smaller token.

Where an overlap must last, all stays end as much earlier: two stays overlap
for so long if and only if they still overlap then.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.graph.tracing.clipped_stays import first_from
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import Int64, UInt8

EXPOSED, FROM, TO, VIA = 0, 1, 2, 3
"""The columns of a state, int64[m, 4], a row a person and so one line of the processor's cache.

The earliest exposure, the interval in which the person is infectious, and the
number of the infector if this sweep has found the exposure.
"""

NOT_FRESH = np.iinfo(np.int64).max


class VenueRows(NamedTuple):
    """Stays in the order (venue, enter).

    Attributes:
        number: int32[n], of the person.
        venue, enter_us, exit_us: int64[n].
    """

    number: npt.NDArray[np.int32]
    venue: Int64
    enter_us: Int64
    exit_us: Int64


class Classes(NamedTuple):
    """What the classes of venues ask for.

    Attributes:
        venue: int64[v], those of a class, ascending; every other is of class 0.
        kind: uint8[v], their class.
        swept: uint8[c], 1 for classes that are swept.
        indirect_us: int64[c].
        beyond_us: int64[c], how much longer than the shortest overlap of all, one microsecond, it must be.
        until_us: nothing reaches beyond it.
    """

    venue: Int64
    kind: UInt8
    swept: UInt8
    indirect_us: Int64
    beyond_us: Int64
    until_us: int


class SweepBuffers(NamedTuple):
    """Buffers for the stays of one venue; int64[n] each.

    Attributes:
        number, enter_us, exit_us: those who can be exposed earlier than they are, ascending by enter.
        waiting: positions of those of them who are there and have met nobody yet.
        start_us, reach_us, source: the infectious ones, ascending by start.
        here, here_until_us: those of them who are there, and until when.
    """

    number: Int64
    enter_us: Int64
    exit_us: Int64
    waiting: Int64
    start_us: Int64
    reach_us: Int64
    source: Int64
    here: Int64
    here_until_us: Int64


@helper
def sweep_venues(
    state: Int64, susceptible: UInt8, before: VenueRows, rows: VenueRows, asked: Classes, room: SweepBuffers
) -> None:
    """Let all meet at the venues of a date.

    Args:
        state: of each person; exposures are noted here.
        susceptible: uint8[m], 1 for those who can be exposed earlier on this date; a venue without any is
            skipped, which pays once nearly everybody has been exposed.
        before: stays that began before the date and reach into it.
        rows: those that began in it.
        asked: what the classes of venues ask for.
        room: as long as both together.
    """
    row = early = place = 0
    while row < rows.venue.size or early < before.venue.size:
        venue = next_venue(before, early, rows, row)
        kind, place = class_of(asked, venue, place)
        early_end, row_end = end_of(before, early, venue), end_of(rows, row, venue)
        worth_it = any_of(susceptible, before, early, early_end) or any_of(susceptible, rows, row, row_end)
        if asked.swept[kind] and worth_it:
            reach = (asked.indirect_us[kind], asked.until_us, asked.beyond_us[kind])
            targets, sources = take(state, before, early, early_end, reach, room, 0, 0)
            targets, sources = take(state, rows, row, row_end, reach, room, targets, sources)
            if sources and targets:
                sort_sources(room, sources)
                _meet(state, room, targets, sources)
        early, row = early_end, row_end


@inlined
def any_of(susceptible: UInt8, rows: VenueRows, first: int, last: int) -> bool:
    """Whether any of the rows from `first` to before `last` is of a susceptible person."""
    row = first
    while row < last and not susceptible[rows.number[row]]:
        row += 1
    return row < last


@inlined
def next_venue(before: VenueRows, early: int, rows: VenueRows, row: int) -> int:
    """The first venue from two rows on, of which at least one is there."""
    if row == rows.venue.size or (early < before.venue.size and before.venue[early] < rows.venue[row]):
        return int(before.venue[early])
    return int(rows.venue[row])


@inlined
def class_of(asked: Classes, venue: int, place: int) -> tuple[int, int]:
    """The class of a venue, looked for from `place` on, and from where to look for the next one."""
    place = first_from(asked.venue, venue, place)
    named = place < asked.venue.size and asked.venue[place] == venue
    return asked.kind[place] if named else 0, place


@inlined
def end_of(rows: VenueRows, row: int, venue: int) -> int:
    """The first row from `row` on that is not of a venue."""
    while row < rows.venue.size and rows.venue[row] == venue:
        row += 1
    return row


@inlined
def take(
    state: Int64,
    rows: VenueRows,
    first: int,
    last: int,
    reach: tuple[int, int, int],
    room: SweepBuffers,
    targets: int,
    sources: int,
) -> tuple[int, int]:
    """Take stays in, as those who can be exposed earlier than they are and as sources; how many of each.

    `reach` is what is indirect, the instant beyond which nothing reaches, and how much earlier stays end.
    """
    indirect_us, until_us, beyond_us = reach
    for row in range(first, last):
        number = rows.number[row]
        enter_us, exit_us = rows.enter_us[row], rows.exit_us[row]
        if state[number, EXPOSED] >= enter_us and enter_us < exit_us - beyond_us:
            room.number[targets], room.enter_us[targets] = number, enter_us
            room.exit_us[targets] = exit_us - beyond_us
            targets += 1
        start_us, end_us = max(enter_us, state[number, FROM]), min(exit_us, state[number, TO])
        reach_us = min(end_us + indirect_us, until_us) - beyond_us
        if start_us < end_us and start_us < reach_us:
            room.start_us[sources], room.source[sources] = start_us, number
            room.reach_us[sources] = reach_us
            sources += 1
    return targets, sources


@inlined
def sort_sources(room: SweepBuffers, sources: int) -> None:
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
            start_us, reach_us, source = room.start_us[at], room.reach_us[at], room.source[at]
            to = at
            while to >= gap and room.start_us[to - gap] > start_us:
                room.start_us[to] = room.start_us[to - gap]
                room.reach_us[to] = room.reach_us[to - gap]
                room.source[to] = room.source[to - gap]
                to -= gap
            room.start_us[to], room.reach_us[to], room.source[to] = start_us, reach_us, source
        gap //= 3


@inlined
def _meet(state: Int64, room: SweepBuffers, targets: int, sources: int) -> None:
    """Let targets and sources meet at one venue."""
    source = waiting = here = 0
    least = -1  # the position of the smallest number that is here, or was
    for target in range(targets):
        enter_us, own = room.enter_us[target], room.number[target]
        while source < sources and room.start_us[source] <= enter_us:
            end, waiting = _arrive(state, room, source, sources, waiting)
            for one in range(source, end):
                room.here[here], room.here_until_us[here] = room.source[one], room.reach_us[one]
                if least >= 0 and room.source[one] < room.here[least]:
                    least = here
                here += 1
            source = end
        if least < 0 or room.here_until_us[least] <= enter_us:
            here = _leave(room, here, enter_us)
            least = _least(room, here, enter_us, -1)
        found = least
        if least >= 0 and room.here[least] == own:
            found = _least(room, here, enter_us, own)
        if found >= 0:
            note(state, own, enter_us, room.here[found])
        else:
            room.waiting[waiting] = target
            waiting += 1
    while source < sources and waiting:
        source, waiting = _arrive(state, room, source, sources, waiting)


@inlined
def _arrive(state: Int64, room: SweepBuffers, source: int, sources: int, waiting: int) -> tuple[int, int]:
    """Let the sources of one instant arrive, from `source` on: they expose those who wait.

    Returns:
        The first later source, and how many wait still.
    """
    start_us = room.start_us[source]
    first = second = room.source[source]  # the two smallest; the same if there is one only
    end = source
    while end < sources and room.start_us[end] == start_us:
        number = room.source[end]
        if number < first:
            first, second = number, first
        elif number != first and (second == first or number < second):
            second = number
        end += 1
    left = 0
    for entry in range(waiting):
        target = room.waiting[entry]
        if room.exit_us[target] <= start_us:
            continue
        own = room.number[target]
        if first != own or second != own:
            note(state, own, start_us, second if first == own else first)
        else:
            room.waiting[left] = target
            left += 1
    return end, left


@inlined
def note(state: Int64, number: int, exposed_us: int, via: int) -> None:
    """Keep an exposure if it is the earliest; of this hop's equal ones that by the smaller token."""
    best_us, best = state[number, EXPOSED], state[number, VIA]
    if exposed_us < best_us or (exposed_us == best_us and best != NOT_FRESH and via < best):
        state[number, EXPOSED], state[number, VIA] = exposed_us, via


@inlined
def _leave(room: SweepBuffers, here: int, now_us: int) -> int:
    """Drop the sources that reach no farther than `now_us`; how many are left."""
    left = 0
    for one in range(here):
        if room.here_until_us[one] > now_us:
            room.here[left], room.here_until_us[left] = room.here[one], room.here_until_us[one]
            left += 1
    return left


@inlined
def _least(room: SweepBuffers, here: int, now_us: int, but: int) -> Any:
    """The position of the smallest number that is here, but for one; -1 if there is none."""
    least = -1
    for one in range(here):
        counts = room.here_until_us[one] > now_us and room.here[one] != but
        if counts and (least < 0 or room.here[one] < room.here[least]):
            least = one
    return least
