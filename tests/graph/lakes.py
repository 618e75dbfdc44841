"""Lakes for the graph stage: the footfall of the stays that they hold."""

import pyarrow as pa

from pipelines.lake import read_table
from pipelines.times import DAY_US
from pipelines.windowing.footfall import footfall
from schemas.tables import FOOTFALL
from tests.lakes import put

_COUNTS = ("entries", "exits", "people", "peak", "person_seconds")


def put_footfall(lake):
    """Commit the footfall of all stays of a lake, as the pipeline would."""
    stays = read_table(lake, "stays", ["person", "venue", "enter", "exit", "by"])
    stays = stays.filter(pa.compute.equal(stays["by"], "venue"))
    columns = [stays[name].cast(pa.int64()).to_numpy() for name in ("person", "venue", "enter", "exit")]
    start_us = int(columns[2].min()) // DAY_US * DAY_US
    stop_us = (int(columns[3].max()) // DAY_US + 1) * DAY_US
    made = footfall(*columns, start_us, stop_us)
    rows = {
        "venue": made.venue,
        "window_start": made.window_start_us,
        "window_end": made.window_end_us,
        **{name: getattr(made, name) for name in _COUNTS},
    }
    schema = FOOTFALL.file_schema
    arrays = [pa.array(rows[field.name]).cast(field.type) for field in schema]
    return put(lake, "footfall", pa.table(arrays, schema=schema), day_of="window_start")
