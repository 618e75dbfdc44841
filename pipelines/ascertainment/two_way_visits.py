"""Visits at points that scan people in and out, and how many there must have been at least.

Entry and exit are two looks at the same visits, so that Chapman's estimator tells how many both have
missed: (in + 1)(out + 1) / (both + 1) − 1. Somebody who thinks of scanning neither time is in neither look,
so the figure is a lower bound, and the share seen that follows from it an upper one.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, read_live_file, snapshot
from schemas.tables import SCANS

_SCHEMA = pa.schema([SCANS.schema.field(name) for name in ("venue", "scan_mode")])
_GUARDED = pa.array(["guard", "kiosk"])
"""Scan modes in which somebody else scans: who is missed on the way in is missed on the way out."""


class TwoWayVisits(NamedTuple):
    """Stays at points that scan in and out, summed over some of them.

    Example:
        >>> visits = TwoWayVisits(entered=35_070, left=25_168, both=24_294)
        >>> visits.seen, round(visits.at_least())
        (35944, 36332)

    Attributes:
        entered: stays with a scan in.
        left: stays with a scan out.
        both: stays with both.
    """

    entered: int
    left: int
    both: int

    @property
    def seen(self) -> int:
        """Visits with a scan in or out."""
        return self.entered + self.left - self.both

    def at_least(self) -> float:
        """How many visits there must have been (Chapman 1951), those with no scan at all not among them."""
        return (self.entered + 1) * (self.left + 1) / (self.both + 1) - 1


def two_way_visits(lake: Lake, venues: Int64, span: Span) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Count the stays of a span at each venue that scans in and out without a guard.

    Args:
        lake: where.
        venues: int64[v], ascending.
        span: the time concerned; a stay counts where it begins in it.

    Returns:
        int64[3, v]: stays with a scan in, with a scan out, and with both; 0 at points of one way.
    """
    counts = np.zeros((3, venues.size), np.int64)
    if venues.size == 0:
        return counts
    # Stays in the venue order; each stay lies in one file only.
    for columns in sidecars(live_files(lake, "venue", span)):
        columns.check("venue", "enter_us", "kinds")
        place = np.searchsorted(venues, columns.venue)
        # Beyond the last id: any place will do, for the ids then differ.
        place[place == venues.size] = 0
        # A stay counts by its enter, so that two spans share none.
        inside = (venues[place] == columns.venue) & (columns.enter_us >= span.begins_at())
        inside &= columns.enter_us < span.ends_at()
        # Imputed and default times are the pairing rule's and no look at the visit.
        entered = pc.equal(columns.enter_kind(slice(None)), "scanned").to_numpy(zero_copy_only=False)
        left = pc.equal(columns.exit_kind(slice(None)), "scanned").to_numpy(zero_copy_only=False)
        for count, chosen in zip(counts, (entered, left, entered & left), strict=True):
            count += np.bincount(place[inside & chosen], minlength=venues.size)
    # Without a single scan of one kind the poster has one direction, and nothing can be compared.
    one_way = (counts[:2] == 0).any(axis=0)
    # A guard sees who comes in and who leaves: the two looks are then not independent.
    counts[:, one_way | np.isin(venues, _guarded(lake, span))] = 0
    return counts


def _guarded(lake: Lake, span: Span) -> Int64:
    """The venues where a guard or a kiosk has scanned somebody in a span."""
    found = [pa.array([], pa.int64())]
    for file in snapshot(lake, "scans").files:
        bounds = file.stats
        # By the statistics in the log, so that files outside the span are not opened.
        if (
            bounds.least["occurred_at"] < span.ends_at()
            and bounds.greatest["occurred_at"] >= span.begins_at()
        ):
            rows = read_live_file(file, _SCHEMA)
            found.append(pc.unique(rows.filter(pc.is_in(rows["scan_mode"], _GUARDED))["venue"]))
    venues: Int64 = np.unique(pa.concat_arrays(found).to_numpy())
    return venues
