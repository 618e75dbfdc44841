"""Removing rows of one table: the files that hold them are replaced in one commit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.errors import ServiceError
from pipelines.kernels.types import Bool
from pipelines.lake import (
    NO_TABLE,
    CommitConflict,
    DataFile,
    Lake,
    LiveFile,
    commit,
    mark,
    read_live_file,
    snapshot,
    write_data_file,
)
from pipelines.lake.forgotten import FORGOTTEN_MARK
from pipelines.registry.unregistered_scans import registry_of, write_unregistered
from pipelines.runtime.threaded_dofn import thread_count
from schemas.tables import ALL_TABLES, Table

_ATTEMPTS = 8


@dataclass(frozen=True)
class Removal:
    """Which rows of a table go.

    Attributes:
        holds: tells of a file whether it may hold such a row.
        goes: tells of rows, bool[n], which of them go; None takes all rows of the files.
    """

    holds: Callable[[LiveFile], bool]
    goes: Callable[[pa.Table], Bool] | None = None


def remove_rows(lake: Lake, name: str, removal: Removal, number: int) -> int:
    """Remove rows of a table, and record that this was done.

    The commit follows also where no row goes: a batch that was deduplicated before it then has to begin
    again, and sees what is forgotten.

    Args:
        lake: which lake.
        name: which table.
        removal: which rows.
        number: of the purge or erasure.

    Returns:
        How many rows went.

    Raises:
        DataError: a file is damaged.
        ServiceError: the lake cannot be written, or others keep committing.
    """
    for _ in range(_ATTEMPTS):
        base = snapshot(lake, name)
        if base.version == NO_TABLE:
            return 0
        leaving, kept, removed = _rewritten(lake, ALL_TABLES[name], base.files, removal)
        # Done by an earlier call: nothing to remove, and the mark is set.
        if not leaving and (mark(lake, name, FORGOTTEN_MARK) or 0) >= number:
            return 0
        try:
            commit(
                lake,
                name,
                kept,
                remove=leaving,
                after=base.version,
                marks={FORGOTTEN_MARK: number},
                note={"reason": "forget"},
            )
        except CommitConflict:
            continue
        return removed
    raise ServiceError(f"other writers keep changing {name}", "run it again when they are done")


def count_rows(lake: Lake, name: str, removal: Removal) -> int:
    """Return how many rows of a table would go.

    Raises:
        DataError: a file is damaged.
    """
    files = [file for file in snapshot(lake, name).files if removal.holds(file)]
    if removal.goes is None:
        return sum(file.rows for file in files)
    schema = ALL_TABLES[name].file_schema
    return sum(int(removal.goes(read_live_file(file, schema)).sum()) for file in files)


def _rewritten(
    lake: Lake, table: Table, files: tuple[LiveFile, ...], removal: Removal
) -> tuple[list[LiveFile], list[DataFile], int]:
    """Return the files that leave, those in their place, and how many rows go; order is kept."""
    with ThreadPoolExecutor(thread_count()) as pool:
        held = filter(removal.holds, files)
        found = pool.map(lambda file: _without(lake, table, file, removal), held)
        # Token bounds are wide, so most of the candidate files hold no such row.
        changed = [(file, kept, gone) for file, kept, gone in found if gone]
    leaving = [file for file, _, _ in changed]
    return leaving, [kept for _, kept, _ in changed if kept], sum(gone for _, _, gone in changed)


def _without(
    lake: Lake, table: Table, file: LiveFile, removal: Removal
) -> tuple[LiveFile, DataFile | None, int]:
    """Write a file without the rows that go; return it, the new one if rows are left, and how many go."""
    if removal.goes is None:  # the partition decides; no need to read
        return file, None, file.rows
    rows = read_live_file(file, table.file_schema)
    goes = removal.goes(rows)
    gone = int(goes.sum())
    if gone in (0, rows.num_rows):  # nothing or everything goes: no file to write
        return file, None, gone
    return file, _written(lake, table, file, rows.filter(pa.array(np.logical_not(goes)))), gone


def _written(lake: Lake, table: Table, file: LiveFile, rows: pa.Table) -> DataFile:
    written = write_data_file(lake, table, {name: file.partition[name] for name in table.partition}, rows)
    if table.name == "scans":
        write_unregistered(lake, written, rows, registry_of(lake))
    return written
