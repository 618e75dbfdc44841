"""The few of a date who can still be exposed, looked at one by one: cheaper than a sweep."""

from typing import Any

from pipelines.graph.tracing.clipped_stays import first_from
from pipelines.graph.tracing.sweep_kernel import EXPOSED, FROM, TO, Classes, VenueRows, class_of, note
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import Int64, UInt8


@helper
def look_at(
    state: Int64, few: UInt8, before: VenueRows, rows: VenueRows, longest_us: int, asked: Classes, most: int
) -> bool:
    """Note the exposures of a few persons at the venues of a date.

    Args:
        state: of each person; exposures are noted here.
        few: uint8[m], 1 for the persons looked at.
        before: stays that began before the date and reach into it.
        rows: those that began in it.
        longest_us: none of them is longer.
        asked: what the classes of venues ask for.
        most: how many stays beside theirs are looked at.

    Returns:
        Whether all were: those noted are exposures in any case.
    """
    most -= _look(state, few, rows, before, longest_us, asked, most)
    return most >= 0 and _look(state, few, before, rows, longest_us, asked, most) <= most


@inlined
def _look(
    state: Int64, few: UInt8, own: VenueRows, others: VenueRows, longest_us: int, asked: Classes, most: int
) -> int:
    """Look at those of a few who are in one table, beside the rows of both; how many were looked at."""
    looked = place = begin = 0
    for row in range(own.venue.size):
        number = own.number[row]
        if not few[number] or state[number, EXPOSED] < own.enter_us[row]:
            continue
        venue = own.venue[row]
        kind, place = class_of(asked, venue, place)
        if asked.swept[kind]:
            indirect_us, beyond_us = asked.indirect_us[kind], asked.beyond_us[kind]
            leave_us = own.exit_us[row] - beyond_us
            stay = (number, venue, own.enter_us[row], leave_us, indirect_us, beyond_us, asked.until_us)
            first = row
            after_us = own.enter_us[row] - longest_us - indirect_us
            while first > 0 and own.venue[first - 1] == venue and own.enter_us[first - 1] > after_us:
                first -= 1
            begin = first_from(others.venue, venue, begin)
            looked += _meet(state, stay, own, first) + _meet(state, stay, others, begin)
            if looked > most:
                break
    return looked


@inlined
def _meet(state: Int64, stay: Any, rows: VenueRows, first: int) -> int:
    """Note whom of the rows of a venue, from `first` on, somebody meets; how many were looked at."""
    number, venue, enter_us, leave_us, indirect_us, beyond_us, until_us = stay
    row = first
    while row < rows.venue.size and rows.venue[row] == venue and rows.enter_us[row] < leave_us:
        other = rows.number[row]
        start_us = max(rows.enter_us[row], state[other, FROM])
        end_us = min(rows.exit_us[row], state[other, TO])
        if start_us < end_us and other != number:
            at_us = max(start_us, enter_us)
            if at_us < min(min(end_us + indirect_us, until_us) - beyond_us, leave_us):
                note(state, number, at_us, other)
        row += 1
    return row - first
