"""Sweep venues one after the other: people meet the infectious ones there in the order of time.

Those who are present and susceptible are exposed by the next infectious
arrival. People who arrive later are exposed by the smallest token among the
infectious people who are still there, or who left so recently that indirect
contact counts. People are numbered in the order of their tokens, so a smaller number
is a smaller token.

Where an overlap must last, every stay ends earlier by the minimum: two stays
overlap for that long if and only if they still overlap then.
"""

from typing import Any, NamedTuple

import numpy as np

from pipelines.kernels.binary_search import first_from
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import Int32, Int64, UInt8

EXPOSED, FROM, TO, VIA = 0, 1, 2, 3
"""The columns of a state, int64[m, 4]: a row a person, so that it lies in one cache line.

The earliest exposure, the interval in which the person is infectious, and the
number of the infector if this sweep has found the exposure.
"""

NOT_FRESH = np.iinfo(np.int64).max
"""VIA of a person for whom this sweep has found no exposure."""


class VenueRows(NamedTuple):
    """Stays in the order (venue, enter).

    Attributes:
        number: int32[n], of the person.
        venue, enter_us, exit_us: int64[n].
    """

    number: Int32
    venue: Int64
    enter_us: Int64
    exit_us: Int64


class SweepRules(NamedTuple):
    """What a rule asks for at each class of venues.

    Attributes:
        venue: int64[v], the venues of a class, ascending; every other is of class 0.
        kind: uint8[v], their class.
        swept: uint8[c], 1 for classes that are swept.
        indirect_us: int64[c], how long contact goes on after the infectious person has left.
        shorten_us: int64[c], the minimum less one microsecond, the shortest overlap of all.
        until_us: nothing reaches beyond it.
    """

    venue: Int64
    kind: UInt8
    swept: UInt8
    indirect_us: Int64
    shorten_us: Int64
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
    state: Int64,
    susceptible: UInt8,
    before: VenueRows,
    rows: VenueRows,
    rules: SweepRules,
    buffers: SweepBuffers,
) -> None:
    """Sweep every venue of one date and record exposures in `state`.

    Args:
        state: of each person; exposures are recorded here.
        susceptible: uint8[m], 1 for those who can be exposed earlier on this date; a venue without any is
            skipped, which pays once nearly everybody has been exposed.
        before: stays that began before the date and reach into it.
        rows: those that began in it.
        rules: what each class of venues asks for.
        buffers: as long as both together.
    """
    # A merge of two lists that ascend by (venue, enter), one venue a turn.
    row = early = place = 0
    while row < rows.venue.size or early < before.venue.size:
        # [early, early_end) and [row, row_end) will be the stays at this venue.
        venue = next_venue(before, early, rows, row)
        kind, place = class_of(rules, venue, place)
        early_end, row_end = end_of(before, early, venue), end_of(rows, row, venue)
        # Before anything is collected: can anybody here still be exposed earlier?
        needed = any_of(susceptible, before, early, early_end) or any_of(susceptible, rows, row, row_end)
        if rules.swept[kind] and needed:
            reach = (rules.indirect_us[kind], rules.until_us, rules.shorten_us[kind])
            # Stays from before the date come first, and they entered earlier: targets ascend by enter.
            targets, sources = collect(state, before, early, early_end, reach, buffers, 0, 0)
            targets, sources = collect(state, rows, row, row_end, reach, buffers, targets, sources)
            if sources and targets:
                sort_sources(buffers, sources)
                _meet(state, buffers, targets, sources)
        early, row = early_end, row_end


@inlined
def any_of(chosen: UInt8, rows: VenueRows, first: int, last: int) -> bool:
    """Tell whether any row in [first, last) is of a selected person."""
    row = first
    while row < last and not chosen[rows.number[row]]:
        row += 1
    return row < last


@inlined
def next_venue(before: VenueRows, early: int, rows: VenueRows, row: int) -> int:
    """Find the first venue from two rows on, at least one of which exists."""
    if row == rows.venue.size or (early < before.venue.size and before.venue[early] < rows.venue[row]):
        return int(before.venue[early])
    return int(rows.venue[row])


@inlined
def class_of(rules: SweepRules, venue: int, place: int) -> tuple[int, int]:
    """Find the class of a venue, searching from `place` on, and where the search for the next one begins."""
    place = first_from(rules.venue, venue, place)  # classes ascend by venue, as the rows do
    named = place < rules.venue.size and rules.venue[place] == venue
    return rules.kind[place] if named else 0, place


@inlined
def end_of(rows: VenueRows, row: int, venue: int) -> int:
    """Find the first row from `row` on that is of another venue."""
    while row < rows.venue.size and rows.venue[row] == venue:
        row += 1
    return row


@inlined
def collect(
    state: Int64,
    rows: VenueRows,
    first: int,
    last: int,
    reach: tuple[int, int, int],
    buffers: SweepBuffers,
    targets: int,
    sources: int,
) -> tuple[int, int]:
    """Put stays into the buffers as targets, who can be exposed earlier, and as sources; return the counts.

    `reach` is how long contact goes on, the instant beyond which nothing reaches, and by how much stays
    are shortened.
    """
    # Both sides are shortened here, so that `_meet` need not know of the minimum.
    indirect_us, until_us, shorten_us = reach
    for row in range(first, last):
        number = rows.number[row]
        enter_us, exit_us = rows.enter_us[row], rows.exit_us[row]
        # A stay cannot expose before its enter; at it, the smaller token of this hop may still win.
        if state[number, EXPOSED] >= enter_us and enter_us < exit_us - shorten_us:
            buffers.number[targets], buffers.enter_us[targets] = number, enter_us
            buffers.exit_us[targets] = exit_us - shorten_us
            targets += 1
        # The same stay may be a source too: somebody who becomes infectious in the middle of it.
        start_us, end_us = max(enter_us, state[number, FROM]), min(exit_us, state[number, TO])
        reach_us = min(end_us + indirect_us, until_us) - shorten_us
        if start_us < end_us and start_us < reach_us:
            buffers.start_us[sources], buffers.source[sources] = start_us, number
            buffers.reach_us[sources] = reach_us
            sources += 1
    return targets, sources


@inlined
def sort_sources(buffers: SweepBuffers, sources: int) -> None:
    """Shell sort by start. Stays come in order, but for people who become infectious in the middle of one."""
    gap = 1
    ordered = True
    for at in range(1, sources):
        ordered = ordered and buffers.start_us[at - 1] <= buffers.start_us[at]
    if ordered:
        return
    # Knuth's gaps 1, 4, 13, 40 …; the last pass, of gap 1, is an insertion sort.
    while gap < sources // 9:
        gap = 3 * gap + 1
    while gap > 0:
        for at in range(gap, sources):
            start_us, reach_us, source = buffers.start_us[at], buffers.reach_us[at], buffers.source[at]
            to = at
            while to >= gap and buffers.start_us[to - gap] > start_us:
                buffers.start_us[to] = buffers.start_us[to - gap]
                buffers.reach_us[to] = buffers.reach_us[to - gap]
                buffers.source[to] = buffers.source[to - gap]
                to -= gap
            buffers.start_us[to], buffers.reach_us[to], buffers.source[to] = start_us, reach_us, source
        gap //= 3


@inlined
def _meet(state: Int64, buffers: SweepBuffers, targets: int, sources: int) -> None:
    """Let targets and sources meet at one venue, in the order of time."""
    # Entries [0, here) of `buffers.here` were there when last looked at; some may have left since.
    source = waiting = here = 0
    least = -1  # the position of the smallest number that is here, or was
    for target in range(targets):
        enter_us, own = buffers.enter_us[target], buffers.number[target]
        # Sources that are there when the target enters; those who wait meet each as it arrives.
        while source < sources and buffers.start_us[source] <= enter_us:
            # All sources of one instant at once, for a tie between them goes by token.
            end, waiting = _arrive(state, buffers, source, sources, waiting)
            for one in range(source, end):
                buffers.here[here], buffers.here_until_us[here] = buffers.source[one], buffers.reach_us[one]
                if least >= 0 and buffers.source[one] < buffers.here[least]:
                    least = here
                here += 1
            source = end
        # While the smallest of all is still there, nobody else need be looked at.
        if least < 0 or buffers.here_until_us[least] <= enter_us:
            here = _leave(buffers, here, enter_us)
            least = _least(buffers, here, enter_us, -1)
        # Nobody exposes himself: where the smallest is the target's own stay, the next one does.
        found = least
        if least >= 0 and buffers.here[least] == own:
            found = _least(buffers, here, enter_us, own)
        if found >= 0:
            # All who are there would expose at this one instant, so the smallest token has it.
            _expose(state, own, enter_us, buffers.here[found])
        else:
            # Nobody is there: the first to arrive before the exit exposes the target.
            buffers.waiting[waiting] = target
            waiting += 1
    # Nobody enters any more: what is left are meetings of those who wait with later sources.
    while source < sources and waiting:
        source, waiting = _arrive(state, buffers, source, sources, waiting)


@inlined
def _arrive(state: Int64, buffers: SweepBuffers, source: int, sources: int, waiting: int) -> tuple[int, int]:
    """Let the sources of one instant arrive, from `source` on, and expose those who wait.

    Returns:
        the first later source, and how many still wait.
    """
    # A tie goes to the smallest token; if that is the waiting person himself, to the second.
    start_us = buffers.start_us[source]
    first = second = buffers.source[source]  # the two smallest; the same if there is only one
    end = source
    while end < sources and buffers.start_us[end] == start_us:
        number = buffers.source[end]
        if number < first:
            first, second = number, first
        elif number != first and (second == first or number < second):
            second = number
        end += 1
    left = 0
    for entry in range(waiting):
        target = buffers.waiting[entry]
        # Those who left before anybody came are dropped on the way.
        if buffers.exit_us[target] <= start_us:
            continue
        own = buffers.number[target]
        if first != own or second != own:
            _expose(state, own, start_us, second if first == own else first)
        else:
            # Nobody but himself has come: he goes on waiting.
            buffers.waiting[left] = target
            left += 1
    return end, left


@inlined
def _expose(state: Int64, number: int, exposed_us: int, via: int) -> None:
    """Keep an exposure if it is the earliest; of equal ones of this hop, that by the smaller token."""
    # NOT_FRESH is above every number, and an exposure of an earlier hop wins its ties.
    best_us, best = state[number, EXPOSED], state[number, VIA]
    if exposed_us < best_us or (exposed_us == best_us and best != NOT_FRESH and via < best):
        state[number, EXPOSED], state[number, VIA] = exposed_us, via


@helper
def merge_states(state: Int64, other: Int64, numbers: Int64) -> None:
    """Give the states of two threads the better exposure of both, for some people."""
    # Both end up with the same exposures of these people, and go into the next date with them.
    for entry in range(numbers.size):
        number = numbers[entry]
        if other[number, VIA] != NOT_FRESH:
            _expose(state, number, other[number, EXPOSED], other[number, VIA])
        other[number, EXPOSED], other[number, VIA] = state[number, EXPOSED], state[number, VIA]


@inlined
def _leave(buffers: SweepBuffers, here: int, now_us: int) -> int:
    """Drop the sources that reach no farther than `now_us`; return how many are left."""
    left = 0
    for one in range(here):
        if buffers.here_until_us[one] > now_us:
            buffers.here[left], buffers.here_until_us[left] = buffers.here[one], buffers.here_until_us[one]
            left += 1
    return left


@inlined
def _least(buffers: SweepBuffers, here: int, now_us: int, but: int) -> Any:
    """Find the position of the smallest number that is here, other than `but`; -1 if there is none."""
    least = -1
    for one in range(here):
        counts = buffers.here_until_us[one] > now_us and buffers.here[one] != but
        if counts and (least < 0 or buffers.here[one] < buffers.here[least]):
            least = one
    return least
