"""The units that are tested, what a test returns, and what to expect from others.

What is expected of a unit never comes from the scans tested: it is the share of the other units of its
venue type, or of all others where these have too little.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.anomalies.scan_table import ScanTable
from pipelines.kernels.group_by import changes
from pipelines.kernels.sort import dense_rank, order_of
from pipelines.kernels.types import Float64, Int64

FEWEST_OF_OTHERS: Final = 20
"""With fewer events of others, nothing can be expected of a unit and it is not tested."""

BY: Final = ("venue", "scanner", "person")


@dataclass(frozen=True, eq=False)
class Units:
    """The scans of venues, scanners or persons, unit by unit.

    Attributes:
        scans: all scans.
        ids: int64[u], numbers of venues, or tokens, ascending.
        kind: int64[u], the number of the venue type of each unit's first scan.
        rows: int64[m], positions of scans, ascending by (unit, occurred_us).
        number: int64[m], the unit of each of these, counted from 0.
        begin: int64[u + 1], where the scans of each unit begin.
    """

    scans: ScanTable
    ids: Int64
    kind: Int64
    rows: Int64
    number: Int64
    begin: Int64

    @property
    def count(self) -> Int64:
        """How many scans each unit has."""
        return np.diff(self.begin)


@dataclass(frozen=True, eq=False)
class FlagTest:
    """The units that a test applies to.

    Attributes:
        flag: what it is called.
        unit: int64[t], their ids.
        value: float64[t], what was seen.
        expected: float64[t], what the others let expect.
        log_p: float64[t], ln of the probability of a value so far off.
    """

    flag: str
    unit: Int64
    value: Float64
    expected: Float64
    log_p: Float64


def units_by(scans: ScanTable, by: str) -> Units:
    """Return the units of a kind.

    Args:
        scans: of registered venues.
        by: one of `BY`.
    """
    rows = np.arange(scans.venue.size)
    of = scans.venue
    if by == "scanner":
        rows = np.flatnonzero(scans.has_scanner)
        rows = rows[order_of(scans.scanner[rows], scans.occurred_us[rows])]
        of = scans.scanner
    elif by == "person":
        rows, of = scans.by_person, scans.person
    return units_of_rows(scans, rows, of[rows])


def units_of_rows(scans: ScanTable, rows: Int64, unit: Int64) -> Units:
    """Return the units of some scans.

    Args:
        scans: all scans.
        rows: int64[m], positions, ascending by (unit, occurred_us).
        unit: int64[m], their ids.
    """
    # Rows ascend by unit, so a unit is a run of neighbours.
    starts = np.flatnonzero(changes(unit)) if unit.size else np.empty(0, np.int64)
    begin = np.append(starts, unit.size)
    number = np.repeat(np.arange(starts.size), np.diff(begin))
    # The type of the first scan's venue: a scanner or person may have several.
    kind = scans.venues.kind[scans.venue[rows[starts]]]
    return Units(scans, unit[starts], kind, rows, number, begin)


def others_median(values: Float64) -> Float64:
    """Return the median of the other units: few of many that are odd do not move it; NaN where there is none.

    Example:
        >>> others_median(np.array([0.1, 0.9, 0.2])).tolist()
        [0.2, 0.1, 0.1]

    Args:
        values: float64[u].
    """
    if values.size < 2:
        return np.full(values.size, np.nan)
    order = np.argsort(values, kind="stable")
    rank = np.empty(values.size, np.int64)
    rank[order] = np.arange(values.size)
    # Taking one value out of the sorted ones moves the lower median up by one for those at or below it.
    middle = (values.size - 2) // 2
    found: Float64 = values[order][np.where(middle < rank, middle, middle + 1)]
    return found


def others_share(part: Int64, whole: Int64, kind: Int64) -> Float64:
    """Return the share among the other units of the same type, or among all others; NaN where there is none.

    Example:
        >>> others_share(np.array([9, 10, 30]), np.array([10, 40, 60]), np.array([0, 0, 0])).tolist()
        [0.4, 0.5571428571428572, 0.38]

    Args:
        part: int64[u], such as the exits of each unit.
        whole: int64[u], such as its scans.
        kind: int64[u], type numbers.
    """
    # Sums less the unit's own, so that no unit is compared with itself.
    in_type = np.bincount(kind, part, kind.max(initial=-1) + 1)[kind] - part
    of_type = np.bincount(kind, whole, kind.max(initial=-1) + 1)[kind] - whole
    enough = of_type >= FEWEST_OF_OTHERS
    share = np.where(enough, in_type, part.sum() - part)
    base = np.where(enough, of_type, whole.sum() - whole)
    return np.where(base >= FEWEST_OF_OTHERS, share / np.maximum(base, 1), np.nan)


def flag_test(
    flag: str, unit: Int64, value: Float64, expected: Float64, log_p: Float64, applies: Int64
) -> FlagTest:
    """Return the result of a test for the units at some positions that have an expectation."""
    # NaN means that nothing can be expected, so the unit is not tested and does not count as a test.
    at = applies[~np.isnan(expected[applies])]
    # A Bonferroni factor can push p above 1.
    return FlagTest(flag, unit[at], value[at], expected[at], np.minimum(log_p[at], 0.0))


def of_worst_day(worst: Int64, units: int, unit: Int64, log_p: Float64) -> tuple[Int64, Float64]:
    """Return the row of each unit with the smallest p, and that p for as many tries as there are rows.

    Args:
        worst: int64[r], the rows of some unit-days.
        units: how many units there are.
        unit: int64[r], the unit of each.
        log_p: float64[r].

    Returns:
        int64[units], -1 without a row, and float64[units].
    """
    best = np.full(units, np.inf)
    np.minimum.at(best, unit, log_p)
    row = np.full(units, -1, np.int64)
    # Reversed, so that of equal days the first assignment is the one that stands.
    hit = np.flatnonzero(log_p == best[unit])[::-1]
    row[unit[hit]] = worst[hit]
    # Each unit has as many tries as days; ln p + ln tries is Bonferroni.
    tries = np.maximum(np.bincount(unit, minlength=units), 1)
    return row, np.minimum(np.where(row >= 0, best, 0.0) + np.log(tries), 0.0)


def days_of(units: Units) -> tuple[Int64, Int64]:
    """Return where the scans of each unit and local day begin, and the unit of each of these days."""
    if not units.rows.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    starts = np.flatnonzero(changes(units.number, units.scans.day[units.rows]))
    return starts, units.number[starts]


def numbered(values: Int64) -> tuple[Int64, Int64]:
    """Return the rank of each value and the distinct values; as `dense_rank`, also of none."""
    if not values.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return dense_rank(values)
