"""Days of stays at venues with Zipf popularity, and lakes of them, denser than any province."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.measure import say
from pipelines.lake import DataFile, Lake, commit, open_lake, write_data_file
from pipelines.lake.sidecars.sidecar import write_sidecar
from pipelines.times import DAY_US, day_text
from schemas.tables import STAY_ORDERS, STAYS

Int64 = npt.NDArray[np.int64]

SECOND_US = 1_000_000

_ZIPF = 0.8
_SHORTEST_SECONDS, _LONGEST_SECONDS = 5 * 60, 105 * 60
_OPEN_SECONDS = 16 * 60 * 60


def kept_lake(folder: Path, what: str, fill: Callable[[Lake], None], table: str = "stays") -> Path:
    """Open the lake in a folder; make it first if its `table` is missing (`what` describes its content)."""
    if not (folder / table).exists():
        for old in (folder, folder.with_name(f"{folder.name}.keys")):
            shutil.rmtree(old, ignore_errors=True)
        say(f"making {what}")
        fill(open_lake(str(folder), folder.with_name(f"{folder.name}.keys"), create=True))
    return folder


def tokens(random: np.random.Generator, count: int) -> Int64:
    """Return a number of random tokens of persons, venues or stays."""
    return random.integers(-(2**63), 2**63 - 1, count, np.int64)


def stays_of_day(
    random: np.random.Generator, date: int, count: int, persons: Int64, venues: Int64
) -> pa.Table:
    """Stays of 5 to 105 minutes within 16 hours of a day, unordered.

    Args:
        random: the random generator.
        date: days since 1970.
        count: number of stays.
        persons: tokens, chosen uniformly.
        venues: tokens, by descending popularity.
    """
    share = np.arange(1, venues.size + 1) ** -_ZIPF
    enter = date * DAY_US + random.integers(0, _OPEN_SECONDS, count) * SECOND_US
    leave = enter + random.integers(_SHORTEST_SECONDS, _LONGEST_SECONDS, count) * SECOND_US
    columns = {
        "person": random.choice(persons, count),
        "venue": random.choice(venues, count, p=share / share.sum()),
        "zone": pa.nulls(count, pa.string()),
        "enter": enter,
        "exit": leave,
        "enter_kind": pa.repeat("scanned", count),
        "exit_kind": pa.repeat("scanned", count),
        "last_seen": leave,
        "scans": np.full(count, 2, np.int32),
        "stay_id": tokens(random, count),
    }
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in STAYS.file_schema]
    return pa.table(arrays, schema=STAYS.file_schema)


def commit_stays(lake: Lake, days: Sequence[tuple[int, pa.Table]]) -> None:
    """Write the table `stays` for several days, in both orders and with sidecars."""
    commit(lake, "stays", [file for date, rows in days for file in _files(lake, date, rows)], after=-1)


def _files(lake: Lake, date: int, rows: pa.Table) -> list[DataFile]:
    files = []
    for by, order in STAY_ORDERS.items():
        other = "person" if by == "venue" else "venue"
        ordered = rows.sort_by([(name, "ascending") for name in (*order, other, "stay_id")])
        files.append(write_data_file(lake, STAYS, {"by": by, "date": day_text(date)}, ordered))
        write_sidecar(lake, files[-1], ordered)
    return files
