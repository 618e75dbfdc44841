"""`once_a_day`, `silent_exits` and `one_scanner`: how often people are scanned here, and where else."""

from typing import Final, NamedTuple

import numpy as np

from pipelines.anomalies.scan_table import IN, OUT, UNKNOWN, ScanTable, mode_is
from pipelines.anomalies.tested_units import (
    FEWEST_OF_OTHERS,
    FlagTest,
    Units,
    flag_test,
    others_share,
)
from pipelines.kernels.group_by import changes
from pipelines.kernels.significance import log_binomial_tail
from pipelines.kernels.sort import order_of
from pipelines.kernels.types import Bool, Float64, Int64

ELSEWHERE_AT_LEAST: Final = 2
"""Scans elsewhere on the day that show a person who scans."""

_TOWARDS_ALL: Final = 0.5  # of the way from the others' share to 1 that chance may go
_EXITS_MISSING: Final = 2.0  # times fewer exits than the others before it surprises
_ONLY_AT_LEAST: Final = 0.5  # share of a device's persons that its scans alone may account for


class SeenVisits(NamedTuple):
    """The scans of a person at a venue on a local day, of people who scan elsewhere on that day too.

    Scans without a direction and those of paper lists are left out: they tell of arrivals only.

    Attributes:
        first: int64[d], the position of the first scan.
        single: bool[d], whether there is one scan.
    """

    first: Int64
    single: Bool


def visits_of(scans: ScanTable) -> SeenVisits:
    """Return the visits of people with at least two scans elsewhere on that day."""
    if not scans.venue.size:
        return SeenVisits(np.empty(0, np.int64), np.empty(0, np.bool_))
    first_day = scans.day.min()
    # Person and day in one int64: the rank of a person, not its token, leaves room for the day.
    of_day = scans.person_number * (scans.day.max() - first_day + 1) + (scans.day - first_day)
    order = order_of(of_day)  # stable: inside a day by venue and time, as the table is
    of_day, venue = of_day[order], scans.venue[order]
    # Runs of (person, day, venue).
    starts = np.flatnonzero(changes(of_day, venue))
    here = np.diff(np.append(starts, order.size))
    # All runs of a person and day add up; less the run itself is what was scanned elsewhere.
    person_day = np.cumsum(changes(of_day[starts])) - 1
    elsewhere = np.bincount(person_day, here)[person_day] - here
    one_way = (scans.direction == UNKNOWN) | mode_is(scans, ["manual"])
    # A visit with one such scan is left out whole.
    some_one_way = np.add.reduceat(one_way[order].astype(np.int64), starts) > 0
    kept = (elsewhere >= ELSEWHERE_AT_LEAST) & ~some_one_way
    return SeenVisits(order[starts[kept]], here[kept] == 1)


def once_a_day(units: Units, visits: SeenVisits, by: str) -> FlagTest:
    """Test the share of visits with one scan, among people who scan elsewhere on that day.

    Args:
        units: venues or scanners.
        visits: as of `visits_of`.
        by: which of the two.
    """
    scans = units.scans
    first, single = visits
    if by == "scanner":
        single, first = single[scans.has_scanner[first]], first[scans.has_scanner[first]]
    of = scans.scanner[first] if by == "scanner" else scans.venue[first]
    # Every unit with such a visit has scans, so the search always finds it.
    number = np.searchsorted(units.ids, of)
    whole = np.bincount(number, minlength=units.ids.size)
    part = np.bincount(number, single, units.ids.size).astype(np.int64)
    expected = _at_other_venues(units, visits, part, whole)
    usual = np.nan_to_num(expected)
    log_p = log_binomial_tail(part, whole, usual + _TOWARDS_ALL * (1 - usual))
    value = part / np.maximum(whole, 1)
    return flag_test("once_a_day", units.ids, value, expected, log_p, np.flatnonzero(whole > 0))


def _at_other_venues(units: Units, visits: SeenVisits, part: Int64, whole: Int64) -> Float64:
    """Return the share of single visits in the rest of the units' types: most venues have no scanner."""
    kind = units.scans.venues.kind[units.scans.venue[visits.first]]
    types = len(units.scans.venues.types)
    all_of_type = np.bincount(kind, minlength=types)[units.kind] - whole
    single_of_type = np.bincount(kind, visits.single, types)[units.kind] - part
    enough = all_of_type >= FEWEST_OF_OTHERS
    base = np.where(enough, all_of_type, kind.size - whole)
    share = np.where(enough, single_of_type, visits.single.sum() - part) / np.maximum(base, 1)
    return np.where(base >= FEWEST_OF_OTHERS, share, np.nan)


def silent_exits(units: Units) -> FlagTest:
    """Test the share of exits among the scans that name a direction, paper lists left out.

    Args:
        units: venues.
    """
    scans = units.scans
    told = ~mode_is(scans, ["manual"])[units.rows]
    direction = scans.direction[units.rows]
    outs = np.bincount(units.number, told & (direction == OUT), units.ids.size).astype(np.int64)
    ins = np.bincount(units.number, told & (direction == IN), units.ids.size).astype(np.int64)
    whole = ins + outs
    expected = others_share(outs, whole, units.kind)
    # P(X ≤ outs) of half the share is the upper tail of the entries.
    log_p = log_binomial_tail(ins, whole, 1 - np.nan_to_num(expected) / _EXITS_MISSING)
    value = outs / np.maximum(whole, 1)
    return flag_test("silent_exits", units.ids, value, expected, log_p, np.flatnonzero(whole > 0))


def one_scanner(units: Units) -> FlagTest:
    """Test the share of a device's persons whose every scan was made by it.

    Args:
        units: scanners.
    """
    scans = units.scans
    # By rank of person: how many scans each has anywhere.
    scans_of = np.bincount(scans.person_number)
    person = scans.person_number[units.rows]

    # Runs of (scanner, person).
    order = order_of(units.number, person)
    person, unit = person[order], units.number[order]
    starts = np.flatnonzero(changes(unit, person)) if unit.size else np.empty(0, np.int64)
    here = np.diff(np.append(starts, unit.size))
    # All of the person's scans are in this run.
    only = here == scans_of[person[starts]]
    whole = np.bincount(unit[starts], minlength=units.ids.size)
    part = np.bincount(unit[starts], only, units.ids.size).astype(np.int64)
    expected = others_share(part, whole, units.kind)
    usual = np.nan_to_num(expected)
    null = np.maximum(usual + (1 - usual) / 2, _ONLY_AT_LEAST)
    value = part / np.maximum(whole, 1)
    log_p = log_binomial_tail(part, whole, null)
    return flag_test("one_scanner", units.ids, value, expected, log_p, np.arange(units.ids.size))
