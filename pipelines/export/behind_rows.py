"""The stays behind the rows of a list, and the people at a place: read from the lake."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.export.exposure_list import STAYS
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, dataset
from pipelines.registry.venue_names import described

_READ = ["stay_id", "person", "venue", "enter", "exit", "enter_kind", "exit_kind", "last_seen"]


def stays_behind(lake: Lake, persons: Int64, stay_ids: Int64, span: Span) -> pa.Table:
    """Stays by their ids.

    Args:
        lake: where.
        persons: int64[p], tokens of whom they are.
        stay_ids: int64[s].
        span: the time they reach into.

    Returns:
        Rows of `STAYS`, ordered by person, enter.
    """
    files = live_files(lake, "person", span, np.unique(persons)) if persons.size else []
    if not files:
        return STAYS.empty_table()
    wanted = pc.field("stay_id").isin(column(np.unique(stay_ids)))
    of_persons = pc.field("person").isin(column(np.unique(persons)))
    rows = dataset(files).to_table(columns=_READ, filter=wanted & of_persons)
    said = described(lake, rows["venue"].to_numpy())
    rows = rows.set_column(rows.schema.get_field_index("venue"), "venue", said["venue"])
    rows = rows.append_column("name", said["name"])
    return rows.select(STAYS.names).cast(STAYS).sort_by([("person", "ascending"), ("enter", "ascending")])


def people_at(lake: Lake, venue: int, from_us: int, to_us: int) -> int:
    """How many distinct people were at a venue in [from, to), microseconds UTC."""
    found: list[Int64] = []
    for stays in sidecars(live_files(lake, "venue", Span(from_us, to_us), np.array([venue], np.int64))):
        first, last = np.searchsorted(stays.venue, [venue, venue + 1])
        rows = slice(first, last)
        there = (stays.enter_us[rows] < to_us) & (stays.exit_us[rows] > from_us)
        found.append(stays.person[rows][there])
    return int(np.unique(np.concatenate(found)).size) if found else 0


def names_by_code(lake: Lake) -> Mapping[str, str]:
    """The names of all registered venues, by code."""
    from pipelines.lake import read_table

    rows = read_table(lake, "venues", ["venue_code", "name"])
    return dict(zip(rows["venue_code"].to_pylist(), rows["name"].to_pylist(), strict=True))
