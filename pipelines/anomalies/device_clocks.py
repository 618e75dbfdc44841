"""`clock`: devices whose scans come from the future, or lag by whole hours, beside others of their batch."""

from typing import Final

import numpy as np

from pipelines.anomalies.scan_table import mode_is
from pipelines.anomalies.tested_units import FlagTest, Units, flag_test, units_of_rows
from pipelines.anomalies.typed_lists import Delays, among_others
from pipelines.kernels.significance import log_binomial_tail
from pipelines.kernels.types import Bool, Float64
from pipelines.times import HOUR_US, MINUTE_US

ZONE_US: Final = 5 * MINUTE_US
"""A delay so near to whole hours is that of a wrong time zone."""

_MOST_HOURS: Final = 14
_NULL_AT_LEAST: Final = 0.2  # of a unit's scans, below which hits surprise nobody


def clock(units: Units, delays: Delays, by: str) -> FlagTest:
    """Test the scans of each device whose clock can be seen.

    `value` is the share of its scans that occurred after they were received, or that lag behind the usual
    scan of their batch by whole hours; `expected` is that of the others in the same batches. A batch counts
    when its usual scan was received within an hour, and few of the others are like that.

    Args:
        units: scanners or persons.
        delays: of all scans.
        by: which of the two; of persons only scans by their own phones are theirs.
    """
    own = units
    if by == "person":
        # Of persons only scans by their own phones tell of their clocks; readers belong to venues.
        by_phone = (mode_is(units.scans, ["self", ""]) & ~units.scans.has_scanner)[units.rows]
        own = units_of_rows(units.scans, units.rows[by_phone], units.ids[units.number[by_phone]])
    ahead = _share_of_hits(own, delays, _from_the_future(units))
    shifted = _share_of_hits(own, delays, _by_whole_hours(delays))
    # float64[4, u]: of the two tests the one with the smaller p is told, all four rows together.
    value, expected, log_p, scans = np.where(ahead[2] <= shifted[2], ahead, shifted)
    # Two tests were made: p times two.
    both = np.minimum(log_p + np.log(2.0), 0.0)
    return flag_test("clock", own.ids, value, expected, both, np.flatnonzero(scans > 0))


def _share_of_hits(units: Units, delays: Delays, is_hit: Bool) -> Float64:
    """Return share, expected share, ln p and number of scans of each unit, float64[4, u]."""
    part, whole, expected = among_others(units, delays, is_hit)
    log_p = log_binomial_tail(part, whole, np.clip(2 * expected, _NULL_AT_LEAST, 1.0))
    return np.array([part / np.maximum(whole, 1), expected, log_p, whole])


def _from_the_future(units: Units) -> Bool:
    # A batch has one received_at, so a scan later than it comes from a clock that runs ahead.
    found: Bool = units.scans.received_us < units.scans.occurred_us
    return found


def _by_whole_hours(delays: Delays) -> Bool:
    hours = np.rint(delays.behind_us / HOUR_US)
    # Zero hours would be everybody: the usual delay itself.
    is_near = np.abs(delays.behind_us - hours * HOUR_US) <= ZONE_US
    found: Bool = is_near & (hours != 0) & (np.abs(hours) <= _MOST_HOURS)
    return found
