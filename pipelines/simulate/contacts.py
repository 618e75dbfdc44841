"""True contacts: who was at the same place as certain people, from when to when.

Times are seconds of the world.
"""

import numpy as np
from numba import njit

from pipelines.simulate.dtypes import Bools, Int64, Rows

CONTACT = np.dtype(
    [("person", "i4"), ("other", "i4"), ("place", "i4"), ("start", "i4"), ("end", "i4")], align=True
)
"""Two people with overlapping stays at one place, over [start, end)."""

_DAY = 86_400


def contacts_of(who: Int64, stays: list[Rows], people: int, places: int, days: int) -> Rows:
    """Find overlaps of everybody else with certain people, one row per pair of stays.

    Args:
        who: the people whose contacts are wanted.
        stays: arrays of STAY, all stays of the world.
        people: their number in the world.
        places: their number in the world.
        days: length of the world.

    Returns:
        CONTACT[n] with `person` in `who`, sorted by person, stay, start of the other stay, and other.
    """
    wanted = np.zeros(people, np.bool_)
    wanted[who] = True
    mine = np.concatenate([part[wanted[part["person"]]] for part in stays])
    mine = mine[np.lexsort((mine["enter"], mine["person"]))]
    # First a coarse filter by (place, day), which leaves few of the province's stays.
    hit = np.zeros((places, days), np.bool_)
    _mark(mine, hit)
    near = np.concatenate([part[_near(part, hit)] for part in stays])
    # Sorted by (place, enter): the search below begins at a place and ends at an enter.
    near = near[np.lexsort((near["person"], near["enter"], near["place"]))]
    first = np.searchsorted(near["place"], mine["place"])
    # Counted first with no room to write, then written: numba grows no arrays.
    found = np.empty(_overlaps(mine, near, first, np.empty(0, CONTACT)), CONTACT)
    _overlaps(mine, near, first, found)
    return found


@njit(cache=True, nogil=True)
def _mark(stays: Rows, hit: Bools) -> None:
    """Mark every (place, day) that the stays touch."""
    for row in range(stays.size):
        # exit is excluded, hence the day of the second before it.
        for day in range(stays[row].enter // _DAY, (stays[row].exit - 1) // _DAY + 1):
            hit[stays[row].place, day] = True


@njit(cache=True, nogil=True)
def _near(stays: Rows, hit: Bools) -> Bools:
    """Tell which stays touch a marked (place, day)."""
    result = np.zeros(stays.size, np.bool_)
    for row in range(stays.size):
        for day in range(stays[row].enter // _DAY, (stays[row].exit - 1) // _DAY + 1):
            if hit[stays[row].place, day]:
                result[row] = True
                break
    return result


@njit(cache=True, nogil=True)
def _overlaps(mine: Rows, near: Rows, first: Int64, found: Rows) -> int:
    """Count the overlaps and write those that `found` has room for; `near` is sorted by (place, enter)."""
    count = 0
    for row in range(mine.size):
        at = first[row]
        # Later enters cannot overlap any more.
        while at < near.size and near[at].place == mine[row].place and near[at].enter < mine[row].exit:
            if near[at].exit > mine[row].enter and near[at].person != mine[row].person:
                if count < found.size:
                    found[count].person = mine[row].person
                    found[count].other = near[at].person
                    found[count].place = mine[row].place
                    found[count].start = max(mine[row].enter, near[at].enter)
                    found[count].end = min(mine[row].exit, near[at].exit)
                count += 1
            at += 1
    return count
