"""`burst`: more scans within a minute than the busiest minutes of other days let expect.

The count of the busiest minute of a day is compared with that of other days, not with a rate: whistles,
bells and trains let people arrive together, and do so every day.
"""

from typing import Final

import numpy as np
from numba import njit

from pipelines.anomalies.scan_table import mode_is
from pipelines.anomalies.tested_units import FlagTest, Units, days_of, flag_test
from pipelines.kernels.significance import log_poisson_tail
from pipelines.kernels.types import Bool, Float64, Int64
from pipelines.times import MINUTE_US

BY_HAND_A_MINUTE: Final = 30
"""More scans than this in a minute cannot be made by one guard."""

_TOLERANCE: Final = 1.5  # times what is expected, up to which a minute surprises nobody
_LEAST: Final = 4.0  # scans of a minute, below which no place is crowded


def bursts(units: Units) -> FlagTest:
    """Test the busiest minute of each unit.

    `value` is the most scans within a minute, `expected` the mean of the busiest minutes of its other days
    with at least half as many scans, else of all its other days, else of the units of the type.

    Args:
        units: venues or scanners.
    """
    count = units.ids.size
    if not count:
        none = np.empty(0)
        return flag_test("burst", units.ids, none, none, none, units.ids)

    # days: a row a unit and local day; `unit` is ascending
    starts, unit = days_of(units)
    most = np.maximum.reduceat(_within_a_minute(units), starts)
    busiest = np.zeros(count, np.int64)
    np.maximum.at(busiest, unit, most)
    # Repeated indices: the last assignment stands, so the reversed order leaves the first such day.
    hit = np.flatnonzero(most == busiest[unit])[::-1]
    top = np.empty(count, np.int64)
    top[unit[hit]] = hit  # the first of such days
    scans = np.diff(np.append(starts, units.rows.size))

    # What other days, else other units of the type, let expect.
    expected = _on_other_days(unit, most, scans, top)
    expected = np.where(np.isnan(expected), _at_others(busiest, units.kind), expected)
    # The busiest of several days is more often high by chance: p times the number of days (Bonferroni).
    days = np.bincount(unit, minlength=count)
    mean = np.maximum(np.nan_to_num(expected) * _TOLERANCE, _LEAST)
    log_p = np.minimum(log_poisson_tail(busiest, mean) + np.log(days), 0.0)

    # A guard's hand is a limit of its own; it needs nobody to compare with.
    by_hand = _only_by_hand(units) & (busiest > BY_HAND_A_MINUTE)
    limit = log_poisson_tail(busiest, np.full(count, float(BY_HAND_A_MINUTE))) + np.log(days)
    # Without others `expected` is NaN and flag_test would drop the unit; the limit stands in for it.
    expected = np.where(by_hand & (np.isnan(expected) | (limit < log_p)), BY_HAND_A_MINUTE, expected)
    log_p = np.where(by_hand, np.minimum(limit, log_p), log_p)
    return flag_test("burst", units.ids, busiest.astype(np.float64), expected, log_p, np.arange(count))


def _within_a_minute(units: Units) -> Int64:
    """Count the scans of the unit in the minute that begins with each scan."""
    # The window is [scan, scan + 60 s) and may cross midnight; it counts for the day it begins on.
    return _following(units.number, units.scans.occurred_us[units.rows], MINUTE_US)


@njit(cache=True, nogil=True)
def _following(unit: Int64, at_us: Int64, within_us: int) -> Int64:
    """Count the rows of the same unit from each row on that come before a time has passed."""
    found = np.empty(unit.size, np.int64)
    # Both ends only move forward, so the loop is linear although windows overlap.
    end = 0
    for row in range(unit.size):
        while end < unit.size and unit[end] == unit[row] and at_us[end] < at_us[row] + within_us:
            end += 1
        found[row] = end - row
    return found


def _on_other_days(unit: Int64, most: Int64, scans: Int64, top: Int64) -> Float64:
    """Return the mean over the other days of each unit, NaN where it has none."""
    is_other = np.ones(unit.size, np.bool_)
    is_other[top] = False
    # Quiet days would pull the mean down; they count only where there are no others.
    is_alike = is_other & (2 * scans >= scans[top][unit])

    def mean(chosen: Bool) -> Float64:
        days = np.bincount(unit[chosen], minlength=top.size)
        total = np.bincount(unit[chosen], most[chosen], top.size)
        return np.where(days > 0, total / np.maximum(days, 1), np.nan)

    alike = mean(is_alike)
    return np.where(np.isnan(alike), mean(is_other), alike)


def _at_others(busiest: Int64, kind: Int64) -> Float64:
    """Return the mean over the other units of the type, NaN where there is none."""
    # The unit itself is taken out of the sums of its type.
    others = np.bincount(kind)[kind] - 1
    total = np.bincount(kind, busiest)[kind] - busiest
    return np.where(others > 0, total / np.maximum(others, 1), np.nan)


def _only_by_hand(units: Units) -> Bool:
    """Return which units scan by a guard's hand alone."""
    by_guard = mode_is(units.scans, ["guard"])[units.rows]
    # bincount with weights is float64; counts below 2^53 compare exactly
    found: Bool = np.bincount(units.number, by_guard, units.ids.size) == units.count
    return found
