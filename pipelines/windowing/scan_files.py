"""Files of `scans` as columns of numbers, and the venue type of each scan before and after a change."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.errors import DataError
from pipelines.kernels.types import Int16, Int64
from pipelines.lake import storage
from pipelines.registry.registry import UNREGISTERED, Registry
from pipelines.runtime.side_payload import SidePayload
from schemas.codes import DIRECTIONS

SCAN_COLUMNS = ("event_key", "person", "venue", "zone", "direction", "occurred_at")
"""The columns that decide a stay."""

_ROWS_AT_ONCE = 1 << 19
_COMPARED_AT_MOST = 1 << 23  # scans held in memory at once, of about 60 bytes


@dataclass(frozen=True)
class ScanFile:
    """A data file of `scans`.

    >>> ScanFile(0, "/lake/scans/part-0.parquet", 18809, 9, was=False, remains=True).is_changed
    True

    Attributes:
        number: unique in a plan.
        path: absolute.
        date: UTC day of its scans.
        rows: number of scans.
        was: whether the version that `stays` reflects has it.
        remains: whether the version to be reflected has it.
    """

    number: int
    path: str
    date: int
    rows: int
    was: bool
    remains: bool

    @property
    def is_changed(self) -> bool:
        """Whether all its scans are new, or all are gone."""
        return self.was != self.remains


def compared_together(changed: Sequence[ScanFile]) -> list[tuple[ScanFile, ...]]:
    """Group changed files so that scans which only moved from one file to another are found in one group.

    The files of a date of which some are gone and some are new make a group: an erasure, or a compaction
    in between, replaces a file by one with almost the same scans. Every other file is a group of its own.

    >>> files = [ScanFile(0, "/a", 7, 9, True, False), ScanFile(1, "/b", 7, 8, False, True)]
    >>> [len(group) for group in compared_together([*files, ScanFile(2, "/c", 8, 9, False, True)])]
    [2, 1]
    """
    by_date: dict[int, list[ScanFile]] = {}
    for file in changed:
        if file.is_changed:
            by_date.setdefault(file.date, []).append(file)
    groups: list[tuple[ScanFile, ...]] = [(file,) for file in changed if not file.is_changed]
    for files in by_date.values():
        is_replaced = len({file.was for file in files}) > 1
        # Too many to hold at once: then all persons of these files count as changed, which only costs work.
        if is_replaced and sum(file.rows for file in files) <= _COMPARED_AT_MOST:
            groups.append(tuple(files))
        else:
            groups += [(file,) for file in files]
    return groups


@dataclass(frozen=True)
class Registries(SidePayload):
    """The registry that `stays` reflects, and the one to be reflected."""

    before: Registry
    after: Registry

    def types(self, file: ScanFile, venue: Int64, occurred_us: Int64) -> tuple[Int16, Int16]:
        """Return the venue types of a file's scans before and after.

        A scan that the lake did not have counts as unregistered, so a scan has changed
        exactly where the two differ.
        """
        nowhere = np.full(venue.size, UNREGISTERED, np.int16)
        return (
            self.before.type_codes(venue, occurred_us) if file.was else nowhere,
            self.after.type_codes(venue, occurred_us) if file.remains else nowhere,
        )

    def changed_venues(self) -> Int64:
        """Return the venues whose type or closing changed, ascending; also new and removed ones."""
        columns = [
            np.stack((registry.venue, registry.type_code.astype(np.int64), registry.closed_us))
            for registry in (self.before, self.after)
        ]
        # A column is (venue, type, closing): one that both registries have stands twice, any other once.
        rows, counts = np.unique(np.concatenate(columns, axis=1), axis=1, return_counts=True)
        return np.unique(rows[0, counts == 1])


def read_batches(path: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Read a file in batches of bounded size, texts of few values as dictionaries.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        # Whole row groups are read, as many as stay under the limit.
        file = storage.parquet(path, read_dictionary=["zone", "direction"])
        groups: list[int] = []
        rows = 0
        for group in range(file.metadata.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            # A single group over the limit is a batch of its own.
            if groups and rows + size > _ROWS_AT_ONCE:
                yield _read_groups(file, groups, columns)
                groups, rows = [], 0
            groups.append(group)
            rows += size
        if groups:
            yield _read_groups(file, groups, columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read", "run truyvet verify") from error


def _read_groups(file: pq.ParquetFile, groups: list[int], columns: Sequence[str]) -> pa.RecordBatch:
    rows = file.read_row_groups(groups, columns=list(columns), use_threads=False)
    # Row groups have dictionaries of their own; over one dictionary the columns combine into a single batch.
    return rows.unify_dictionaries().combine_chunks().to_batches()[0]


def micros(times: pa.Array) -> Int64:
    """View times as microseconds, int64[n], without a copy."""
    found: Int64 = times.view(pa.int64()).to_numpy()
    return found


def direction_codes(direction: pa.DictionaryArray) -> npt.NDArray[np.uint8]:
    """Return the position in `DIRECTIONS` of each direction, uint8[n]."""
    # A look-up by the few texts of the dictionary, not by row.
    texts = direction.dictionary.to_pylist()
    codes: npt.NDArray[np.uint8] = np.array([DIRECTIONS.index(text) for text in texts], np.uint8)
    indices: npt.NDArray[np.int32] = direction.indices.to_numpy()
    return codes[indices]


def holds_any(path: str, venues: Int64) -> bool:
    """Tell whether a file of scans, sorted by venue, has a scan at one of the venues (int64, ascending).

    Reads the venue column, and only of row groups whose range of venues holds one of them.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        file = storage.parquet(path)
        column = file.schema_arrow.get_field_index("venue")
        for group in range(file.metadata.num_row_groups):
            # The file is sorted by venue, so nearly all of its row groups are ruled out by their bounds.
            extremes = file.metadata.row_group(group).column(column).statistics
            if extremes is not None and not _any_between(venues, extremes.min, extremes.max):
                continue
            found: Any = pc.unique(file.read_row_group(group, columns=["venue"])["venue"])
            if np.isin(found.to_numpy(), venues).any():
                return True
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read", "run truyvet verify") from error
    return False


def _any_between(ascending: Int64, least: int, greatest: int) -> bool:
    position = int(np.searchsorted(ascending, least))
    return position < ascending.size and int(ascending[position]) <= greatest
