"""`photographed`: scans by people who hold a scanned stay somewhere else at that instant.

Such a scan was made of a picture of the code, or two people share one identifier.
"""

from typing import Final

import numpy as np

from pipelines.anomalies.scan_table import OUT, ScanTable, mode_is
from pipelines.anomalies.tested_units import FlagTest, Units, flag_test, others_share
from pipelines.anomalies.travel import distance_km
from pipelines.kernels.significance import log_binomial_tail
from pipelines.kernels.sort import order_of
from pipelines.kernels.types import Bool, Int64
from pipelines.times import HOUR_US

LONGEST_US: Final = 16 * HOUR_US
"""A scan out ends the stay that a scan in began no longer than this before."""

NESTED_KM: Final = 0.2
"""A venue so near may lie inside the other one: a shop in a mall."""

_OF_VENUES: Final = 3.0, 0.02  # how many times the others' share, and at least which share, surprises nobody
_OF_PERSONS: Final = 1.5, 0.003  # once the scans of flagged venues are left out


def remote_scans(scans: ScanTable) -> Bool:
    """Return which scans lie inside a stay of the same person elsewhere whose enter and exit were scanned.

    A visit that was itself scanned at both ends is not remote: at work, out to lunch and back, with a scan
    forgotten on each way, looks the same.
    """
    by_person = scans.by_person
    # rank: where a scan stands in `by_person`, int64[n]
    rank = np.empty(by_person.size, np.int64)
    rank[by_person] = np.arange(by_person.size)
    order = order_of(scans.person_number)  # stable: of a person by venue and time, as the table is
    is_out = (scans.direction == OUT)[order]

    # A scanned stay: neighbours in the order (person, venue, time), not out and then out.
    begins = np.flatnonzero(~is_out[:-1] & is_out[1:])
    one, other = order[begins], order[begins + 1]
    is_stay = (
        (scans.venue[one] == scans.venue[other])
        & (scans.person_number[one] == scans.person_number[other])
        & (scans.occurred_us[other] - scans.occurred_us[one] <= LONGEST_US)
    )
    # Both ends as ranks in by_person; no pair reaches over two people, for both rows are one person's.
    first, last = rank[one[is_stay]], rank[other[is_stay]]
    # A sweep: +1 behind each enter and -1 at its exit, so the sum is above 0 strictly inside a stay.
    depth = np.bincount(first + 1, minlength=by_person.size) - np.bincount(last, minlength=by_person.size)
    inside = np.flatnonzero(np.cumsum(depth) > 0)
    # The latest enter at or before each scan, carried forward: where the person is taken to be. The scans of
    # a visit of two scans have that visit here, which is 0 km away.
    since = np.zeros(by_person.size, np.int64)
    since[first] = first
    around = np.maximum.accumulate(since)[inside]
    row = by_person[inside]
    apart_km = distance_km(scans.venues, scans.venue[row], scans.venue[by_person[around]])
    found = np.zeros(by_person.size, np.bool_)
    # Written as a negation: NaN, a venue without a place, is not near and counts as remote.
    found[row[~(apart_km <= NESTED_KM)]] = True
    return found


def photographed(units: Units, remote: Bool, flagged: Int64 | None = None) -> FlagTest:
    """Test the share of a unit's own scans by phone that are remote.

    Args:
        units: venues or persons.
        remote: of all scans, as of `remote_scans`.
        flagged: for persons: numbers of venues whose scans do not count, as the test of venues flagged them.
    """
    # A scan of one's own phone at a poster; readers and lists see the person, not a picture of the code.
    by_phone = (mode_is(units.scans, ["self", ""]) & ~units.scans.has_scanner)[units.rows]
    if flagged is not None:
        by_phone &= ~np.isin(units.scans.venue[units.rows], flagged)
    whole = np.bincount(units.number, by_phone, units.ids.size).astype(np.int64)
    part = np.bincount(units.number, by_phone & remote[units.rows], units.ids.size).astype(np.int64)
    expected = others_share(part, whole, units.kind)
    tolerance, least = _OF_VENUES if flagged is None else _OF_PERSONS
    null = np.clip(tolerance * np.nan_to_num(expected), least, 1.0)
    log_p = log_binomial_tail(part, whole, null)
    value = part / np.maximum(whole, 1)
    return flag_test("photographed", units.ids, value, expected, log_p, np.flatnonzero(whole > 0))
