"""Count the scans of one local day by venue, registered or not."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ascertainment.point_days.kernels import CELLS_A_PLACE, CountedDays, PlaceColumns
from pipelines.ascertainment.point_days.passes import count_files
from pipelines.ascertainment.point_days.plan import LocalDay
from pipelines.lake import read_live_file
from schemas.tables import POINT_DAYS, SCANS

_VENUE = pa.schema([SCANS.schema.field("venue")])
_NEVER_US = np.iinfo(np.int64).max


def count_day(local: LocalDay) -> pa.Table:
    """Return the rows of `point_days` for a local day, in its order; none without a scan.

    Raises:
        DataError: a file is missing or damaged.
    """
    # Distinct per file first: a day's scans are many times its venues.
    found = [pc.unique(read_live_file(file, _VENUE)["venue"]).to_numpy() for file in local.files]
    venue = np.unique(np.concatenate([np.empty(0, np.int64), *found]))
    # Every venue counts, and until ever: the registry is applied when a question is asked.
    never_us = np.full(venue.size, _NEVER_US)
    registry = PlaceColumns(venue, np.zeros(venue.size, np.int64), never_us, never_us)
    # An empty time before: before_us equals from_us, so nothing is counted there.
    span = CountedDays(local.start_us, local.start_us, 1)
    passed = count_files(local.files, registry, span, threads=1)  # other threads count other days
    # A place has CELLS_A_PLACE cells, of which one day fills the first.
    first_of_day = slice(0, None, CELLS_A_PLACE)
    tally = passed.tally
    counts = {
        "scans": tally.scans,
        "scans_in": tally.ins,
        "scans_out": tally.outs,
        "scans_guarded": tally.guarded,
        "people": passed.visits,
        "people_once": passed.single,
    }
    columns = {"venue": venue, **{name: column[first_of_day] for name, column in counts.items()}}
    rows = pa.table([columns[name] for name in POINT_DAYS.file_schema.names], schema=POINT_DAYS.file_schema)
    # The files cover two UTC days, so some venues have no scan on the local day.
    return rows.filter(pc.greater(rows["scans"], 0)).combine_chunks()
