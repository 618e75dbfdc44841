"""Read `point_days` where it reflects the scans of a question."""

from collections.abc import Sequence

import pyarrow as pa

from pipelines.ascertainment.point_days.local_days import SCANS_VERSION, day_of
from pipelines.lake import NO_TABLE, Lake, Snapshot, read_live_file, snapshot
from schemas.tables import POINT_DAYS


def held_point_days(lake: Lake, scans: Snapshot | None = None) -> Snapshot | None:
    """Return the table's version if the lake keeps it and it reflects the scans, else None.

    Args:
        lake: where.
        scans: a version of `scans`; None is the newest.
    """
    held = snapshot(lake, POINT_DAYS.name)
    # Not merely at least as new: a question of an older version must not see later scans.
    is_current = held.marks.get(SCANS_VERSION) == (scans or snapshot(lake, "scans")).version
    return held if held.version != NO_TABLE and is_current else None


def read_days(held: Snapshot, first: int, last: int, columns: Sequence[str]) -> pa.Table:
    """Read some local days.

    Args:
        held: a version of the table.
        first: day number.
        last: of the last day, inclusive.
        columns: those wanted.

    Returns:
        The columns wanted, then `day`, int64, counted from `first`.
    """
    schema = pa.schema([POINT_DAYS.schema.field(name) for name in columns])
    # An empty part first, so that no file at all still gives the columns.
    parts = [schema.append(pa.field("day", pa.int64())).empty_table()]
    for file in held.files:
        # By the partition alone; files of other days are not opened.
        if first <= day_of(file) <= last:
            rows = read_live_file(file, schema)
            day = pa.repeat(pa.scalar(day_of(file) - first, pa.int64()), rows.num_rows)
            parts.append(rows.append_column("day", day))
    return pa.concat_tables(parts)
