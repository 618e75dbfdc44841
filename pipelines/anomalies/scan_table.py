"""The scans of registered venues as columns, and the venues they name."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.arrow_columns import codes_of
from pipelines.kernels.sort import dense_rank, order_of
from pipelines.kernels.types import Bool, Float64, Int64, UInt8
from pipelines.lake import Lake, LiveFile, read_live_file, read_table, snapshot
from pipelines.times import DAY_US, HOUR_US, day_text
from schemas.codes import DIRECTIONS, SCAN_MODES
from schemas.tables import SCANS

UNKNOWN, IN, OUT = range(3)
"""Codes of a direction."""

LOCAL_US: Final = 7 * HOUR_US
"""Local clocks in Vietnam are ahead of UTC by this; the country has one zone and no summer time."""

_READ: Final = pa.schema(
    [
        SCANS.schema.field(name)
        for name in ("person", "venue", "direction", "occurred_at", "scan_mode", "scanner", "received_at")
    ]
)
_VENUES: Final = ("venue", "venue_code", "type", "lat", "lon", "capacity", "closed_at")
_OPEN_US: Final = 2**62  # when an open venue closes: beyond any instant, yet sums with it stay in int64
_THREADS: Final = 4


@dataclass(frozen=True, eq=False)
class VenueTable:
    """The registry; a venue's number is its position.

    Attributes:
        ids: int64[v], ascending.
        codes: string[v].
        kind: int64[v], the number of the type.
        types: the types by number.
        lat, lon: float64[v], degrees; NaN where the registry has none.
        capacity: int64[v], people; 0 where the registry has none.
        closed_us: int64[v], microseconds UTC; far in the future where it is open.
    """

    ids: Int64
    codes: pa.Array
    kind: Int64
    types: tuple[str, ...]
    lat: Float64
    lon: Float64
    capacity: Int64
    closed_us: Int64


@dataclass(frozen=True, eq=False)
class ScanTable:
    """Scans at open registered venues, ascending by (venue, occurred_us).

    Attributes:
        venues: the registry.
        venue: int64[n], numbers of venues.
        person: int64[n], tokens.
        occurred_us, received_us: int64[n], microseconds UTC.
        direction, mode: uint8[n], positions in `DIRECTIONS` and `SCAN_MODES`.
        scanner: int64[n], tokens; 0 without one.
        has_scanner: bool[n].
    """

    venues: VenueTable
    venue: Int64
    person: Int64
    occurred_us: Int64
    received_us: Int64
    direction: UInt8
    mode: UInt8
    scanner: Int64
    has_scanner: Bool

    @cached_property
    def day(self) -> Int64:
        """The local day of each scan, counted from 1970."""
        return (self.occurred_us + LOCAL_US) // DAY_US

    @cached_property
    def hour(self) -> Int64:
        """The local hour of the day of each scan."""
        return (self.occurred_us + LOCAL_US) % DAY_US // HOUR_US

    @cached_property
    def person_number(self) -> Int64:
        """The rank of each person's token: it sorts several times faster."""
        return dense_rank(self.person)[0] if self.person.size else self.person

    @cached_property
    def by_person(self) -> Int64:
        """The order (person, occurred_us), at one instant what leaves first."""
        # The doubled time leaves the lowest bit for the tie: out is 0, everything else 1.
        return order_of(self.person_number, 2 * self.occurred_us + (self.direction != OUT))


def read_scan_table(lake: Lake, from_us: int | None = None, to_us: int | None = None) -> ScanTable:
    """Read the scans of a span at venues that are registered and were open.

    Args:
        lake: where.
        from_us: the first instant, microseconds UTC; None is the first of the lake.
        to_us: the end, excluded; None is that of the lake.

    Raises:
        DataError: a file is damaged or may not be read.
    """
    files = [file for file in snapshot(lake, "scans").files if _may_hold(file, from_us, to_us)]
    # Decoding Parquet releases the interpreter lock.
    with ThreadPoolExecutor(_THREADS) as pool:
        parts = list(pool.map(lambda file: read_live_file(file, _READ), files))
    return scan_table(pa.concat_tables([_READ.empty_table(), *parts]), read_venues(lake), from_us, to_us)


def scan_table(
    rows: pa.Table, venues: VenueTable, from_us: int | None = None, to_us: int | None = None
) -> ScanTable:
    """Return rows of `scans` as columns; arguments as of `read_scan_table`."""
    occurred_us = rows["occurred_at"].cast(pa.int64()).to_numpy()
    # An unregistered venue lands on a neighbour, or behind the last; the comparison of ids tells.
    venue = np.searchsorted(venues.ids, rows["venue"].to_numpy())
    known = np.minimum(venue, max(venues.ids.size - 1, 0))
    kept = np.zeros(occurred_us.size, np.bool_)
    # Closed from closed_at on: a scan at that very instant is unregistered.
    if venues.ids.size:
        kept = (venues.ids[known] == rows["venue"].to_numpy()) & (occurred_us < venues.closed_us[known])
    if from_us is not None:
        kept &= occurred_us >= from_us
    if to_us is not None:
        kept &= occurred_us < to_us
    at = np.flatnonzero(kept)
    at = at[order_of(venue[at], occurred_us[at])]
    return ScanTable(
        venues,
        venue[at].astype(np.int64),
        rows["person"].to_numpy()[at],
        occurred_us[at],
        rows["received_at"].cast(pa.int64()).to_numpy()[at],
        codes_of(rows["direction"], DIRECTIONS)[at],
        codes_of(rows["scan_mode"], SCAN_MODES)[at],
        # 0 may be a token too; only has_scanner tells a missing one.
        pc.fill_null(rows["scanner"], 0).to_numpy()[at],
        pc.is_valid(rows["scanner"]).to_numpy()[at],
    )


def read_venues(lake: Lake) -> VenueTable:
    """Read the registry."""
    rows = read_table(lake, "venues", list(_VENUES)).sort_by("venue")
    types = tuple(sorted(set(rows["type"].to_pylist())))
    return VenueTable(
        rows["venue"].to_numpy(),
        # One chunk, for `codes` is taken from by position.
        rows["venue_code"].combine_chunks(),
        np.asarray(pc.index_in(rows["type"], pa.array(types, pa.string())).to_numpy(), np.int64),
        types,
        _degrees(rows["lat"]),
        _degrees(rows["lon"]),
        pc.fill_null(rows["capacity"], 0).cast(pa.int64()).to_numpy(),
        pc.fill_null(rows["closed_at"].cast(pa.int64()), _OPEN_US).to_numpy(),
    )


def mode_is(scans: ScanTable, names: Sequence[str]) -> Bool:
    """Return which scans were made in one of some modes; the empty text is a scan that names none."""
    is_wanted = np.isin(np.arange(len(SCAN_MODES)), [SCAN_MODES.index(name) for name in names])
    found: Bool = is_wanted[scans.mode]
    return found


def _degrees(column: pa.ChunkedArray) -> Float64:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy(), np.float64)


def _may_hold(file: LiveFile, from_us: int | None, to_us: int | None) -> bool:
    """Return whether the UTC day of a file reaches into the span."""
    date = file.partition["date"]
    return (from_us is None or date >= day_text(from_us // DAY_US)) and (
        to_us is None or date <= day_text((to_us - 1) // DAY_US)
    )
