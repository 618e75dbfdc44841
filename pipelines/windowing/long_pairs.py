"""Long pairs: a scan `in` whose `out` came too late to close its stay, with no scan elsewhere between.

The stays of such a person break off after the dwell of the venue, though he may
have been there all the time: an inpatient, or a shift longer than the longest
stay. So answers say how many there are. The table `long_pairs` holds them, and
the marks of `stays` name the version of it that was made with the stays.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from pipelines.kernels.types import Int64
from pipelines.lake import NO_TABLE, Lake, OfNewest, Snapshot, read_table, snapshot
from schemas.tables import LONG_PAIRS

LONG_PAIRS_VERSION: Final = "long_pairs_version"
"""The mark of `stays` that names the version of `long_pairs` made with it."""

CODED: Final = pa.schema(
    [(field.name, pa.int64()) for field in LONG_PAIRS.schema]  # instants as microseconds
)
"""The rows of `long_pairs`, as numbers."""


@dataclass(frozen=True)
class _LongStays:
    """All long pairs of a lake, by venue.

    Attributes:
        venue: int64[n], ascending.
        person: int64[n], tokens.
        in_us, out_us: int64[n].
    """

    venue: Int64
    person: Int64
    in_us: Int64
    out_us: Int64


def pairs_version(stays: Snapshot) -> int:
    """Return the version of `long_pairs` that was made with a version of `stays`."""
    return stays.marks.get(LONG_PAIRS_VERSION, NO_TABLE)


def read_pairs(lake: Lake, version: int) -> pa.Table:
    """Read a version of `long_pairs` as columns of `CODED`.

    Raises:
        DataError: its file is missing or damaged.
    """
    if version == NO_TABLE:
        return CODED.empty_table()
    snapshot(lake, LONG_PAIRS.name)  # keeps the newest version open, which nearly always is the one
    return read_table(lake, LONG_PAIRS.name, version=version).cast(CODED)


def uncoded_pairs(rows: pa.Table) -> pa.Table:
    """Turn rows of `CODED` into sorted rows of the table."""
    order = [(name, "ascending") for name in LONG_PAIRS.sorted_by]
    columns = [rows[field.name].cast(field.type) for field in LONG_PAIRS.schema]
    return pa.table(columns, schema=LONG_PAIRS.schema).sort_by(order).combine_chunks()


def count_long_pairs(
    lake: Lake, venues: Int64 | None, start_us: int, end_us: int, persons: Int64 | None = None
) -> int:
    """Count the long pairs at some venues, or of some persons anywhere, that reach into [start_us, end_us).

    It costs no more than a look at the log: the pairs are counted when stays
    are recomputed, and held in memory until the next recomputation.

    Args:
        lake: an open lake.
        venues: int64[v], ids of the venues concerned; None is all.
        start_us: the first instant, microseconds UTC.
        end_us: the end.
        persons: int64[p], tokens of those asked about, whose stays may be missing from that time
            because of the pair itself.

    Raises:
        DataError: the table cannot be read.
    """
    pairs = _intervals_of(lake)
    # Both ends are instants of scans, so a pair reaches from its `in` to its `out` inclusive.
    inside = (pairs.in_us < end_us) & (pairs.out_us >= start_us)
    if venues is not None:
        concerned = np.isin(pairs.venue, venues)
        if persons is not None:
            concerned |= np.isin(pairs.person, persons)
        inside &= concerned
    return int(np.count_nonzero(inside))


def _intervals(lake: Lake, stays: Snapshot) -> _LongStays:
    rows = read_pairs(lake, pairs_version(stays))
    return _LongStays(*(rows[name].to_numpy() for name in ("venue", "person", "in_at", "out_at")))


_intervals_of = OfNewest("stays", _intervals)
