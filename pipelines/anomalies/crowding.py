"""`over_capacity`: more people at once than a venue can hold."""

from typing import Final

import numpy as np
import pyarrow as pa

from pipelines.anomalies.tested_units import FlagTest, Units, flag_test
from pipelines.kernels.significance import log_poisson_tail
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, read_live_file, snapshot
from pipelines.times import DAY_US, day_text
from schemas.tables import FOOTFALL

TIMES: Final = 3
"""How many times its capacity a venue holds without surprise: registered capacities are rough."""

_READ: Final = pa.schema([FOOTFALL.schema.field(name) for name in ("venue", "window_start", "peak")])


def peaks(lake: Lake, from_us: int | None = None, to_us: int | None = None) -> tuple[Int64, Int64]:
    """Return the venues of `footfall`, ascending, and the most people that each held at once.

    Args:
        lake: where.
        from_us: the start of the first window, microseconds UTC; None is the first of the lake.
        to_us: windows start before it; None is the end of the lake.

    Raises:
        DataError: a file is damaged or may not be read.
    """
    venue, peak = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    # The UTC date of a partition is ISO text, which sorts as its days do; most files fall out unread.
    for file in snapshot(lake, "footfall").files:
        date = file.partition["date"]
        if (from_us is None or date >= day_text(from_us // DAY_US)) and (
            to_us is None or date <= day_text((to_us - 1) // DAY_US)
        ):
            rows = read_live_file(file, _READ)
            start_us = rows["window_start"].cast(pa.int64()).to_numpy()
            # A date's file reaches beyond the span at either end, so its rows are filtered as well.
            kept = np.ones(start_us.size, np.bool_)
            if from_us is not None:
                kept &= start_us >= from_us
            if to_us is not None:
                kept &= start_us < to_us
            venue.append(rows["venue"].to_numpy()[kept])
            peak.append(rows["peak"].cast(pa.int64()).to_numpy()[kept])
    venues, number = np.unique(np.concatenate(venue), return_inverse=True)
    most = np.zeros(venues.size, np.int64)
    np.maximum.at(most, number, np.concatenate(peak))
    return venues, most


def over_capacity(units: Units, venues: Int64, most: Int64) -> FlagTest:
    """Test the peak of each venue against three times its capacity.

    Args:
        units: venues.
        venues: int64[w], ids of venues, ascending.
        most: int64[w], the most people that each held at once.
    """
    table = units.scans.venues
    capacity = table.capacity[units.ids]
    own = table.ids[units.ids]
    # searchsorted gives `size` for an id beyond the last; it is clipped and compared below.
    at = np.minimum(np.searchsorted(venues, own), max(venues.size - 1, 0))
    peak = np.zeros(own.size, np.int64)
    if venues.size:
        peak = np.where(venues[at] == own, most[at], 0)
    log_p = log_poisson_tail(peak, TIMES * capacity.astype(np.float64))
    # A capacity of 0 means that the registry states none.
    applies = np.flatnonzero((capacity > 0) & (peak > 0))
    return flag_test(
        "over_capacity",
        units.ids,
        peak.astype(np.float64),
        capacity.astype(np.float64),
        log_p,
        applies,
    )
