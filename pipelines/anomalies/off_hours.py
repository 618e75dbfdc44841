"""`off_hours` and `peak_drop`: scans at hours when nobody comes, and none at the hour when everybody does."""

from typing import Final

import numpy as np

from pipelines.anomalies.scan_table import LOCAL_US
from pipelines.anomalies.tested_units import (
    FEWEST_OF_OTHERS,
    FlagTest,
    Units,
    days_of,
    flag_test,
    of_worst_day,
)
from pipelines.kernels.significance import log_binomial_tail, log_poisson_tail
from pipelines.kernels.types import Bool, Float64, Int64
from pipelines.times import DAY_US, HOUR_US

HOURS: Final = 168
"""Hours of a week, from Thursday on: 1 January 1970 was one."""

QUIET_SHARE: Final = 0.01
"""Off hours are the emptiest hours of the week that together hold less than this share of scans."""

_ENOUGH: Final = 1000  # scans of a type, below which its week is that of all types
_TOLERANCE: Final = 2.0
_LEAST: Final = 2.0  # scans of a night that surprise nobody
_DROP: Final = 3.0  # how far the share of the peak hour may fall below the others' and surprise nobody
# A venue needs rows of 168 int64 in several arrays; a block of this size keeps each near 20 MB.
_AT_ONCE: Final = 1 << 14  # venues


def off_hours(units: Units) -> FlagTest:
    """Test the scans of each venue in the off hours of its type, on the worst local day.

    `value` is their number, `expected` the larger of the share that the other venues of the type have then,
    taken of a usual day's scans, and the mean of the venue's own other days: a place that is open at night
    is so every night.

    Args:
        units: venues.
    """
    # A row a unit and local day.
    starts, unit = days_of(units)
    count = np.diff(np.append(starts, units.rows.size))
    quiet, share = _quiet_scans(units)
    seen = np.add.reduceat(quiet.astype(np.int64), starts) if starts.size else np.empty(0, np.int64)
    # `others`: the venue's other days. The tested day is left out of both means.
    days = np.bincount(unit, minlength=units.ids.size)[unit]
    night = np.bincount(unit, seen, units.ids.size)[unit] - seen
    usual = np.bincount(unit, count, units.ids.size)[unit] - count
    others = np.maximum(days - 1, 1)
    # With one day only, a usual day is what that day has outside the off hours.
    a_day = np.where(days > 1, usual / others, count - seen)
    expected = np.maximum(a_day * share[unit], night / others)
    # NaN passes through np.maximum into `expected`, and flag_test drops such a venue.
    log_p = log_poisson_tail(seen, np.maximum(np.nan_to_num(expected) * _TOLERANCE, _LEAST))
    # Reports the worst day, with p for as many days as were tried.
    row, log_p = of_worst_day(np.arange(unit.size), units.ids.size, unit, log_p)
    return flag_test(
        "off_hours", units.ids, seen[row].astype(np.float64), expected[row], log_p, np.flatnonzero(row >= 0)
    )


def peak_drop(units: Units) -> FlagTest:
    """Test the scans of each venue in the local hour that is the busiest of its type.

    `value` is their number, `expected` what the scans of the venue's other hours and the day of the other
    venues of the type let expect.

    Args:
        units: venues.
    """
    # int64[u, 24], scans by local hour.
    own = np.bincount(units.number * 24 + units.scans.hour[units.rows], minlength=units.ids.size * 24)
    own = own.reshape(-1, 24)
    of_type = np.zeros((int(units.kind.max(initial=-1)) + 1, 24), np.int64)
    np.add.at(of_type, units.kind, own)
    others = of_type[units.kind] - own
    # The peak hour of the others: the venue's own busiest hour would not show that it is missing.
    peak = np.argmax(others, axis=1)
    each = np.arange(units.ids.size)
    seen, total = own[each, peak], own.sum(axis=1)
    enough = others.sum(axis=1) >= FEWEST_OF_OTHERS
    share = np.where(enough, others[each, peak] / np.maximum(others.sum(axis=1), 1), np.nan)
    # A share of 1 would divide by 0 below.
    share = np.minimum(share, 0.95)
    # From the venue's other hours alone: the scans tested are not part of what is expected.
    expected = (total - seen) * share / (1 - share)
    # P(X ≤ seen) of a share three times smaller is the upper tail of the scans at other hours.
    log_p = log_binomial_tail(total - seen, total, 1 - np.nan_to_num(share) / _DROP)
    return flag_test("peak_drop", units.ids, seen.astype(np.float64), expected, log_p, each)


def _quiet_scans(units: Units) -> tuple[Bool, Float64]:
    """Return which scans lie in the off hours of their venue, and the share that the others have then."""
    # Hours of the local week from Thursday, as the epoch was one.
    hour = (units.scans.occurred_us[units.rows] + LOCAL_US) % (7 * DAY_US) // HOUR_US
    of_type = np.bincount(
        units.kind[units.number] * HOURS + hour, minlength=HOURS * (int(units.kind.max(initial=-1)) + 1)
    ).reshape(-1, HOURS)
    quiet, share = np.zeros(hour.size, np.bool_), np.full(units.ids.size, np.nan)
    # Units are in the order of the registry, so a block of venues is one slice of rows.
    for first in range(0, units.ids.size, _AT_ONCE):
        last = min(first + _AT_ONCE, units.ids.size)
        begin, end = units.begin[first], units.begin[last]
        number, at = units.number[begin:end] - first, hour[begin:end]
        own = np.bincount(number * HOURS + at, minlength=(last - first) * HOURS).reshape(-1, HOURS)
        is_quiet, share[first:last] = _quiet_hours(own, of_type, units.kind[first:last])
        quiet[begin:end] = is_quiet[number, at]
    return quiet, share


def _quiet_hours(own: Int64, of_type: Int64, kind: Int64) -> tuple[Bool, Float64]:
    """Return the off hours of some venues, and the share of the others' scans in them."""
    others = of_type[kind] - own
    # A type with few scans has no week of its own: all types together stand in.
    few = others.sum(axis=1) < _ENOUGH
    others[few] = of_type.sum(axis=0) - own[few]
    total = others.sum(axis=1)
    # Emptiest hours first; hours are quiet as long as their running sum stays below 1 %.
    order = np.argsort(others, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(others, order, axis=1), axis=1)
    is_quiet = np.zeros(own.shape, np.bool_)
    np.put_along_axis(is_quiet, order, sums < QUIET_SHARE * total[:, None], axis=1)
    quiet = np.where(is_quiet, others, 0).sum(axis=1)
    return is_quiet, np.where(total >= FEWEST_OF_OTHERS, quiet / np.maximum(total, 1), np.nan)
