"""The stays of infectious people, clipped to when they are infectious."""

from itertools import count
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from pipelines.graph.tracing.contact_criteria import Criteria, VenueClasses
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.kernels.sort import order_of
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.lake.sidecars.sidecar import Sidecar

NO_ZONE = -1
"""The zone of a stay that names none, or where no class of venues asks for zones."""


class Zones:
    """Numbers for the names of zones, the same in all files; files number their zones each for itself."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._next = count()

    def of(self, columns: Sidecar) -> Int32:
        """Return the zone of each row of a file, int32[n].

        Raises:
            DataError: the sidecar is damaged, and so is its data file.
        """
        numbers = self._numbered(columns.zone_names.to_pylist())
        # Before the attribute is read: a check replaces a column that turns out damaged.
        columns.check("zone_code")
        return numbers[columns.zone_code]

    def numbers(self, names: pa.ChunkedArray) -> Int32:
        """Return the number of each name, int32[n]; NO_ZONE for null."""
        # Null becomes an entry of the dictionary, so that no index is null.
        coded: Any = names.combine_chunks().dictionary_encode(null_encoding="encode")
        coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
        numbers: Int32 = self._numbered(coded.dictionary.to_pylist())[coded.indices.to_numpy()]
        return numbers

    def _numbered(self, names: list[str | None]) -> Int32:
        # Without a lock: no number is given twice, and a name keeps the first that it got. Of threads that
        # meet a new name together all but one waste a number.
        numbers = [
            NO_ZONE if name is None else self._numbers.setdefault(name, next(self._next)) for name in names
        ]
        return np.array(numbers or [NO_ZONE], np.int32)


class ClippedStays(NamedTuple):
    """Stays of infectious people, clipped; a stay that reaches into two intervals stands twice.

    Attributes:
        owner: int64[s], which interval the stay was clipped to.
        venue: int64[s].
        kind: uint8[s], the class of the venue, see `Criteria`.
        zone: int32[s], NO_ZONE where none is known or asked for.
        start_us, end_us: int64[s], the clipped stay, microseconds UTC; never empty.
        reach_us: int64[s], its end lengthened by what counts as indirect.
        imputed_from_us: int64[s], where the imputed part of the whole stay begins.
        scanned_both: uint8[s], 1 where its enter and exit were scanned.
        stay_id: int64[s].
    """

    owner: Int64
    venue: Int64
    kind: UInt8
    zone: Int32
    start_us: Int64
    end_us: Int64
    reach_us: Int64
    imputed_from_us: Int64
    scanned_both: UInt8
    stay_id: Int64

    def at(self, chosen: Int64) -> "ClippedStays":
        """Return some of the stays, by position."""
        columns: list[Any] = [column[chosen] for column in self]
        return ClippedStays(*columns)


def clipped_stays(
    files: list[Sidecar],
    intervals: Intervals,
    criteria: Criteria,
    classes: VenueClasses,
    zones: Zones,
    until_us: int,
) -> ClippedStays:
    """Clip the stays of infectious people to their intervals, in the order of the files.

    Args:
        files: `stays` in the order of persons.
        intervals: who is infectious, and when.
        criteria: how far contact reaches beyond a stay.
        classes: which venues are in which class.
        zones: the numbers of zones.
        until_us: nothing reaches beyond it.
    """
    parts = [_of_file(columns, intervals, criteria, classes, zones, until_us) for columns in files]
    # NO_STAYS gives the columns their types where there is no file.
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, NO_STAYS, strict=True)]
    return ClippedStays(*columns)


def _of_file(
    columns: Sidecar,
    intervals: Intervals,
    criteria: Criteria,
    classes: VenueClasses,
    zones: Zones,
    until_us: int,
) -> ClippedStays:
    # The search checks the rows it returns; columns are read only afterwards, for it may replace them.
    own = columns.rows_of(intervals.person)
    row, owner = clipped_rows(*own, columns.enter_us, columns.exit_us, *intervals[1:])
    end_us = np.minimum(columns.exit_us[row], intervals.end_us[owner])
    venue = columns.venue[row]
    kind = classes.kinds(venue)
    return ClippedStays(
        owner=owner,
        venue=venue,
        kind=kind,
        # Zones cost a check of the whole column, so they are read only where a class asks for them.
        zone=zones.of(columns)[row] if criteria.zoned else np.full(row.size, NO_ZONE, np.int32),
        start_us=np.maximum(columns.enter_us[row], intervals.start_us[owner]),
        end_us=end_us,
        reach_us=np.minimum(end_us + criteria.indirect_us[kind], until_us),
        imputed_from_us=columns.imputed_from_us[row],
        scanned_both=columns.scanned_both[row],
        stay_id=columns.stay_id[row],
    )


_KINDS = {"kind": np.uint8, "zone": np.int32, "scanned_both": np.uint8}
NO_STAYS = ClippedStays(**{name: np.empty(0, _KINDS.get(name, np.int64)) for name in ClippedStays._fields})


@njit(cache=True, nogil=True)
def clipped_rows(
    first: Int64, last: Int64, enter_us: Int64, exit_us: Int64, start_us: Int64, end_us: Int64
) -> tuple[Int64, Int64]:
    """Find the rows of a file that reach into an interval of their person.

    Args:
        first: int64[k], where the rows begin of the person of each interval.
        last: int64[k], and where they end.
        enter_us: int64[n].
        exit_us: int64[n].
        start_us: int64[k], their intervals.
        end_us: int64[k].

    Returns:
        the rows, and the position of the interval of each, int64[r] both.
    """
    rows, owners = np.empty(64, np.int64), np.empty(64, np.int64)
    found = 0
    for owner in range(first.size):
        for at in range(first[owner], last[owner]):
            # Half-open intervals: a stay that only touches one is not in it.
            if max(enter_us[at], start_us[owner]) < min(exit_us[at], end_us[owner]):
                # Doubled when full: how many rows there are is known only when all have been clipped.
                if found == rows.size:
                    rows = np.concatenate((rows, np.empty_like(rows)))
                    owners = np.concatenate((owners, np.empty_like(owners)))
                rows[found], owners[found] = at, owner
                found += 1
    return rows[:found], owners[:found]


def by_venue(stays: ClippedStays) -> ClippedStays:
    """Return the same stays in the order (venue, start)."""
    return stays.at(order_of(stays.venue, stays.start_us))
