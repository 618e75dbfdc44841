"""What `adoption` reads of the scans: a week by point and day, from `point_days` where the lake has it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ascertainment.point_days.held import held_point_days, read_days
from pipelines.ascertainment.point_days.kernels import CELLS_A_PLACE, CountedDays, PlaceColumns
from pipelines.ascertainment.point_days.local_days import local_day
from pipelines.ascertainment.point_days.passes import Passed, count_files
from pipelines.ascertainment.used_venues import used_before
from pipelines.lake import Lake, Snapshot, snapshot
from pipelines.times import DAY_US

_NOT_A_POINT_US: Final = np.iinfo(np.int64).min  # nothing occurs before it, so no scan counts
_COUNTS: Final = ("scans", "ins", "outs", "guarded")
_NAME_HELD: Final = {
    "venue": "venue",
    "scans": "scans",
    "scans_in": "ins",
    "scans_out": "outs",
    "scans_guarded": "guarded",
    "people": "visits",
    "people_once": "single",
}
"""The columns of `point_days`, and what `adoption.sql` calls them."""


@dataclass(frozen=True)
class WeekCounts:
    """What `adoption.sql` reads of the scans.

    Attributes:
        days: a row a point and day with a scan: `venue day scans ins outs guarded visits single`.
        around: rows to be added up by venue, `venue scans_before unregistered_scans`; a null venue is in no
            registry.
        people: a row an area: `area people_7d`.
        used: a row a venue that was ever scanned: `venue`.
    """

    days: pa.Table
    around: pa.Table
    people: pa.Table
    used: pa.Table


def count_points(lake: Lake, places: pa.Table, end_us: int) -> WeekCounts:
    """Count the scans of the 7 local days before an instant, and those of the 7 days before them.

    Args:
        lake: where.
        places: the registry, `venue area is_point unregistered_us`; the area may be null.
        end_us: a local midnight.
    """
    # The kernels look venues up by binary search, and number places in this order.
    places = places.sort_by("venue")
    registry, areas = _registry(places)
    from_us, before_us = end_us - 7 * DAY_US, end_us - 14 * DAY_US
    scans = snapshot(lake, "scans")
    # Only a table that reflects this very version of scans; else the scans are counted.
    held = held_point_days(lake, scans)
    # With the table at hand only people and unregistered scans are left to count, and no days before.
    span = CountedDays(from_us if held else before_us, from_us, 7)
    passed = count_files(scans.files, registry, span, people_only=held is not None)
    venue = places["venue"].combine_chunks()
    around, people = _around(venue, passed), pa.table({"area": areas, "people_7d": passed.people})
    # Without the table: the week, the days before and the used venues from the scans themselves.
    if held is None:
        return WeekCounts(_days(venue, passed), around, people, used_before(lake, end_us))
    days, before, used = _of_held(held, places, end_us)
    return WeekCounts(days, pa.concat_tables([around, before]), people, used)


def _of_held(held: Snapshot, places: pa.Table, end_us: int) -> tuple[pa.Table, pa.Table, pa.Table]:
    """The days, the scans before and the used venues by `point_days`.

    A venue that is a point at the end was open on all days, so that all its scans count.
    """
    # Days 0-6 are the week before, 7-13 the week asked for; `day` counts from `first`.
    first, last = local_day(end_us) - 14, local_day(end_us) - 1
    rows = read_days(held, first, last, tuple(_NAME_HELD))
    # Filtered by the registry of today, as the rows are kept of every venue ever scanned.
    points = places.filter(places["is_point"])["venue"].combine_chunks()
    rows = rows.filter(pc.is_in(rows["venue"], value_set=points))
    earlier, week = (rows.filter(kept) for kept in (pc.less(rows["day"], 7), pc.greater(rows["day"], 6)))
    before = pa.table(
        {
            "venue": earlier["venue"],
            "scans_before": earlier["scans"].cast(pa.int64()),
            "unregistered_scans": pa.repeat(pa.scalar(0, pa.int64()), earlier.num_rows),
        }
    )
    days = week.rename_columns([_NAME_HELD.get(name, name) for name in week.column_names])
    days = days.set_column(days.column_names.index("day"), "day", pc.subtract(days["day"], 7))
    # From day 0 of the epoch: a venue is used if it was ever scanned up to the last day.
    used = read_days(held, 0, last, ["venue"])["venue"]
    return days, before, pa.table({"venue": pc.unique(used)})


def _registry(places: pa.Table) -> tuple[PlaceColumns, pa.Array]:
    """The registry as arrays, and the areas by number."""
    # "encode" gives null a number of its own: no area is counted like an area.
    coded = places["area"].combine_chunks().dictionary_encode(null_encoding="encode")
    unregistered_us = places["unregistered_us"].to_numpy()
    counts_until_us = np.where(places["is_point"].to_numpy(), unregistered_us, _NOT_A_POINT_US)
    area = coded.indices.to_numpy().astype(np.int64)
    return PlaceColumns(places["venue"].to_numpy(), area, counts_until_us, unregistered_us), coded.dictionary


def _days(venue: pa.Array, passed: Passed) -> pa.Table:
    counts = {name: getattr(passed.tally, name) for name in _COUNTS}
    counts |= {"visits": passed.visits, "single": passed.single}
    cell = np.flatnonzero(passed.tally.scans)
    # A cell is place * CELLS_A_PLACE + day.
    place, day = np.divmod(cell, CELLS_A_PLACE)
    return pa.table(
        {
            "venue": venue.take(pa.array(place)),
            "day": day,
            **{name: column[cell] for name, column in counts.items()},
        }
    )


def _around(venue: pa.Array, passed: Passed) -> pa.Table:
    # The last count is of scans at codes of no registry; a null venue stands for them.
    venues = pa.concat_arrays([venue, pa.nulls(1, pa.int64())])
    # Scans of unknown codes before the week are not asked for.
    before = np.append(passed.tally.before, 0)
    return pa.table(
        {"venue": venues, "scans_before": before, "unregistered_scans": passed.tally.unregistered}
    )
