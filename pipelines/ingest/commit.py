"""The one commit of a batch: everything it refused, sealed and accepted, the scans last.

The commit of `scans` decides. What precedes it, the vault, the log of rejects
and the registry, may stand without it and does no harm; a batch that died
before it is simply run again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from pipelines.lake import CommitConflict, DataFile, Lake, commit, mark, read_table, snapshot, write_data_file
from schemas.tables import TABLES


@dataclass(frozen=True)
class Upsert:
    """Rows of a small table, the newest of each key.

    Attributes:
        table: its name; its first sort column is the key.
        rows: in the schema of its files, each key once.
    """

    table: str
    rows: pa.Table


@dataclass(frozen=True)
class Batch:
    """What one invocation adds to the lake.

    Attributes:
        id: names the invocation; a commit that is tried again finds it.
        base: the version of `scans` that was deduplicated against.
        files: new files by table.
        upserts: rows of the small tables, in the order they are to be committed.
        note: what the log of `scans` says about the batch; counts only.
    """

    id: str
    base: int
    files: Mapping[str, Sequence[DataFile]]
    upserts: Sequence[Upsert] = ()
    note: Mapping[str, str] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """The name of the Delta transaction."""
        return f"batch:{self.id}"


def commit_batch(lake: Lake, batch: Batch) -> int:
    """Commit a batch once, however often it is called.

    Returns:
        The version of `scans` that holds the batch.

    Raises:
        CommitConflict: another commit of `scans` came between; deduplicate again.
    """
    if mark(lake, "scans", batch.mark) is not None:
        return snapshot(lake, "scans").version
    if snapshot(lake, "scans").version != batch.base:
        raise CommitConflict("scans")
    for table in ("vault", "rejects"):
        _append(lake, table, batch)
    for upsert in batch.upserts:
        _upsert(lake, upsert)
    scans = batch.files.get("scans", ())
    if not scans and batch.base >= 0:
        return batch.base
    return commit(lake, "scans", scans, after=batch.base, marks={batch.mark: 1}, note=batch.note)


def _append(lake: Lake, table: str, batch: Batch) -> None:
    """Add a batch's files to a table in which order does not matter."""
    files = batch.files.get(table, ())
    while files and mark(lake, table, batch.mark) is None:
        try:
            commit(lake, table, files, after=snapshot(lake, table).version, marks={batch.mark: 1})
        except CommitConflict:
            continue


def _upsert(lake: Lake, upsert: Upsert) -> None:
    """Replace a small table by itself with the newest rows; nothing when they are there already."""
    table = TABLES[upsert.table]
    while True:
        before = snapshot(lake, upsert.table)
        held = read_table(lake, upsert.table, version=before.version).select(table.file_schema.names)
        rows = merged(held, upsert.rows, table.sorted_by[0])
        if before.version >= 0 and rows.equals(held.sort_by(table.sorted_by[0]).combine_chunks()):
            return
        file = write_data_file(lake, table, {}, rows)
        try:
            commit(lake, upsert.table, [file], remove=before.files, after=before.version)
        except CommitConflict:
            continue
        return


def merged(held: pa.Table, newest: pa.Table, key: str) -> pa.Table:
    """The rows of both, `newest` in place of those of the same key, sorted by it."""
    kept = held.join(newest.select([key]), key, join_type="left anti").select(held.column_names)
    return pa.concat_tables([kept.cast(newest.schema), newest]).sort_by(key).combine_chunks()
