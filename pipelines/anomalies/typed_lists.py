"""`typed_late`: a list of visitors that somebody typed in afterwards, or that came in hours after the rest.

Typed lists have a rhythm: the gaps between scans are nearly the same, where people come at random. And
where scans arrive as they are made, a list arrives hours later; that is compared within a batch only, so a
backfill, in which everything is late, flags nobody.
"""

from typing import Final, NamedTuple

import numpy as np

from pipelines.anomalies.scan_table import ScanTable, mode_is
from pipelines.anomalies.tested_units import (
    FlagTest,
    Units,
    days_of,
    flag_test,
    numbered,
    of_worst_day,
    others_median,
    units_of_rows,
)
from pipelines.kernels.group_by import changes
from pipelines.kernels.significance import log_binomial_tail
from pipelines.kernels.sort import order_of
from pipelines.kernels.types import Bool, Float64, Int64
from pipelines.times import HOUR_US

FEWEST_GAPS: Final = 5
"""Gaps of a day from which on their rhythm is looked at; how sure one can be is left to the binomial tail."""

NEAR: Final = 0.3
"""A gap is nearly constant when it differs from the day's median by no more than this share of it."""

LATE_US: Final = 6 * HOUR_US
"""A scan is late when it took so much longer to arrive than the usual one of its batch."""

_AT_RANDOM: Final = 0.21  # of gaps of a Poisson process lie so near to their median: 2^-0.7 - 2^-1.3
_HALF: Final = 0.5  # of a unit's scans may be late and surprise nobody
_RHYTHM_AT_LEAST: Final = 0.6
# A batch whose usual scan took longer than _PROMPT_US is a backfill and says nothing of single devices.
_PROMPT_US: Final = HOUR_US
_FEW_LATE: Final = 0.1  # of the others' scans in a batch; with more, lateness is the batch's


class Delays(NamedTuple):
    """How late the scans of each batch arrived.

    Attributes:
        batch: int64[n], the batch of each scan, counted from 0.
        behind_us: int64[n], by how much each arrived later than the usual scan of its batch: the one that a
            quarter of them are not slower than, so that half a batch of late ones is seen as late.
        prompt: bool[batches], whether the usual one arrived within an hour.
        total: int64[batches], the number of scans.
    """

    batch: Int64
    behind_us: Int64
    prompt: Bool
    total: Int64


def typed_late(units: Units, delays: Delays) -> FlagTest:
    """Test the scans that a device of the venue made, by their rhythm and by when they arrived.

    `value` is the share of nearly constant gaps, `expected` the median of the other units; where the late
    arrivals say more, `value` is the share of late scans and `expected` that of the others in the
    same batches.

    Args:
        units: venues or scanners.
        delays: of the same scans.
    """
    # Scans by the visitor's own phone cannot have been typed.
    by_device = ~mode_is(units.scans, ["self", ""]) | units.scans.has_scanner
    kept = by_device[units.rows]
    typed = units_of_rows(units.scans, units.rows[kept], units.ids[units.number[kept]])
    value, expected, log_p = _rhythm(typed)
    late, late_expected, late_log_p = _late(typed, delays)
    is_late = late_log_p < log_p
    value, expected = np.where(is_late, late, value), np.where(is_late, late_expected, expected)
    # The better of two tests: p times two.
    both = np.minimum(np.minimum(log_p, late_log_p) + np.log(2.0), 0.0)
    return flag_test("typed_late", typed.ids, value, expected, both, np.arange(typed.ids.size))


def delays_of(scans: ScanTable) -> Delays:
    """Return how late the scans arrived."""
    # One received_at a batch, so its distinct values are the batches.
    batch, received = numbered(scans.received_us)
    delay_us = scans.received_us - scans.occurred_us
    order = order_of(batch, delay_us)
    total = np.bincount(batch, minlength=received.size)
    begin = np.cumsum(total) - total
    # The lower quartile of each batch's delays: sorted by (batch, delay), at a quarter of its rows.
    usual_us = delay_us[order[begin + (total - 1) // 4]] if received.size else np.empty(0, np.int64)
    return Delays(batch, delay_us - usual_us[batch], usual_us <= _PROMPT_US, total)


def among_others(units: Units, delays: Delays, is_hit: Bool) -> tuple[Int64, Int64, Float64]:
    """Count a unit's hits in the batches that it shares with others, and what the others let expect.

    Only batches count whose usual scan was prompt and in which few of the others' are hits.

    Args:
        units: any.
        delays: of all scans.
        is_hit: bool[n], of all scans.

    Returns:
        Hits and scans of each unit in these batches, and the mean share of hits among the others there.
    """
    batch, hit = delays.batch[units.rows], is_hit[units.rows]
    all_hits = np.bincount(delays.batch, is_hit, delays.total.size)

    # Runs of (unit, batch): a unit's part of a batch.
    order = order_of(units.number, batch)
    unit, batch, hit = units.number[order], batch[order], hit[order]
    starts = np.flatnonzero(changes(unit, batch)) if unit.size else np.empty(0, np.int64)
    scans = np.diff(np.append(starts, unit.size))
    hits = np.add.reduceat(hit.astype(np.int64), starts) if starts.size else np.empty(0, np.int64)
    unit, batch = unit[starts], batch[starts]
    # The others of a batch are all its scans but the unit's own.
    others = delays.total[batch] - scans
    share = (all_hits[batch] - hits) / np.maximum(others, 1)
    kept = delays.prompt[batch] & (others > 0) & (share <= _FEW_LATE)
    unit, scans, hits, share = unit[kept], scans[kept], hits[kept], share[kept]
    units_count = units.ids.size
    whole = np.bincount(unit, scans, units_count).astype(np.int64)
    part = np.bincount(unit, hits, units_count).astype(np.int64)
    # Each batch weighs with the unit's scans in it.
    expected = np.bincount(unit, scans * share, units_count) / np.maximum(whole, 1)
    return part, whole, expected


def _late(units: Units, delays: Delays) -> tuple[Float64, Float64, Float64]:
    part, whole, expected = among_others(units, delays, delays.behind_us > LATE_US)
    log_p = log_binomial_tail(part, whole, np.full(part.size, _HALF))
    return part / np.maximum(whole, 1), expected, log_p


def _rhythm(units: Units) -> tuple[Float64, Float64, Float64]:
    """Return value, expectation and ln p of the gaps of each unit, on its worst day or on all together."""
    # Unit-days of at least FEWEST_GAPS gaps.
    count_of = units.ids.size
    starts, unit = days_of(units)
    count = np.diff(np.append(starts, units.rows.size)) - 1
    # Without the median itself; a day whose median is 0 has no gap near to it at all.
    near = np.maximum(_near_gaps(units, starts, count) - 1, 0)
    long = np.flatnonzero(count >= FEWEST_GAPS)
    unit, near, count = unit[long], near[long], count[long] - 1
    all_near = np.bincount(unit, near, count_of).astype(np.int64)
    all_count = np.bincount(unit, count, count_of).astype(np.int64)
    some = np.flatnonzero(all_count)
    expected = np.full(count_of, _AT_RANDOM)
    # fmax ignores NaN: a single unit has no others and falls back to chance.
    expected[some] = np.fmax(others_median(all_near[some] / all_count[some]), _AT_RANDOM)
    # Twice what is usual, but never so near to 1 that nothing could surpass it.
    null = np.clip(2 * expected, _RHYTHM_AT_LEAST, 0.9)

    # The worst day (p for all days tried) or all days together, whichever says more.
    row, log_p = of_worst_day(
        np.arange(unit.size), count_of, unit, log_binomial_tail(near, count, null[unit])
    )
    together = log_binomial_tail(all_near, all_count, null)
    value = all_near / np.maximum(all_count, 1)
    if unit.size:
        on_worst = np.where(row >= 0, near[row] / count[row], 0.0)
        value = np.where(log_p < together, on_worst, value)
    return value, expected, np.minimum(np.minimum(log_p, together) + np.log(2.0), 0.0)


def _near_gaps(units: Units, starts: Int64, count: Int64) -> Int64:
    """Count the gaps of each unit-day that lie near the day's median."""
    day = np.repeat(np.arange(starts.size), count + 1)
    inner = np.ones(units.rows.size, np.bool_)
    # The gap before a unit-day's first scan reaches back to another day or unit.
    inner[starts] = False
    gap = np.diff(units.scans.occurred_us[units.rows], prepend=0)[inner]
    day = day[inner]
    # Sorted by (day, gap), the median of a day is its middle row.
    order = order_of(day, gap)
    begin = np.cumsum(count) - count
    median = np.zeros(starts.size, np.int64)
    some = np.flatnonzero(count)
    median[some] = gap[order[begin[some] + count[some] // 2]]
    # A median of 0 is many scans at one instant, which has no rhythm to be near to.
    is_near = (np.abs(gap - median[day]) <= NEAR * median[day]) & (median[day] > 0)
    return np.bincount(day, is_near, starts.size).astype(np.int64)
