"""Which venues were ever scanned; files of earlier days are looked at once a process."""

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.lake import Lake, LiveFile, read_live_file, snapshot
from pipelines.times import DAY_US, day_text
from schemas.tables import SCANS

_VENUE: Final = pa.schema([SCANS.schema.field("venue")])
_TIMES: Final = pa.schema([SCANS.schema.field(name) for name in ("venue", "occurred_at")])

_venues_of: dict[str, pa.Array] = {}
"""By the path of a file, which is named by its content."""


def used_before(lake: Lake, end_us: int) -> pa.Table:
    """Return the venues with a scan before an instant, a row each, column `venue`."""
    last = day_text((end_us - 1) // DAY_US)
    parts = [pa.array([], pa.int64())]
    for file in snapshot(lake, "scans").files:
        # Days before the last are whole, so their file's distinct venues serve every later question.
        if file.partition["date"] < last:
            parts.append(_of_whole_file(file))
        # The UTC day in which the local midnight lies is cut at it.
        elif file.partition["date"] == last:
            rows = read_live_file(file, _TIMES)
            before = pc.less(rows["occurred_at"].cast(pa.int64()), end_us)
            parts.append(rows.filter(before)["venue"].combine_chunks())
    return pa.table({"venue": pc.unique(pa.chunked_array(parts, pa.int64()))})


def _of_whole_file(file: LiveFile) -> pa.Array:
    found = _venues_of.get(file.path)
    # Two threads may both read the file; the second result is the same.
    if found is None:
        found = _venues_of[file.path] = pc.unique(read_live_file(file, _VENUE)["venue"])
    return found
