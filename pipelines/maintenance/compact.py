"""Join the small files of each partition: a lake of many small files answers slowly.

Rows do not change, so derived tables do not either: the marks that say which
version of a table another one reflects move along.

delta-rs has `optimize.compact`, which is not used: it loses the order of rows and the names by hash.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipelines.errors import RefusedError
from pipelines.lake.commits import CommitConflict, commit
from pipelines.lake.data_files import DataFile, write_data_file
from pipelines.lake.lake_root import Lake
from pipelines.lake.read_rows import read_live_file
from pipelines.lake.row_order import in_order
from pipelines.lake.sidecars.sidecar import write_sidecar
from pipelines.lake.snapshots import NO_TABLE, LiveFile, Snapshot, snapshot
from pipelines.lake.writer_lock import writing_with_others
from pipelines.maintenance.vacuum import KEEP_SECONDS, sweep, sweep_scratch
from pipelines.registry.unregistered_scans import registry_of, write_unregistered
from schemas.tables import ALL_TABLES, Table

ROWS_A_FILE = 1 << 21
"""Largest number of rows of a joined file."""

SOURCES = ("scans", "venues", "stays", "links")
"""Tables whose version other tables carry as the mark `<name>_version`."""

_ATTEMPTS = 3
_LAST = "stays"  # its mark says how far the lake has come, so it moves last


@dataclass(frozen=True)
class Compacted:
    """What happened to a table.

    >>> Compacted("stays", before=8, after=2, swept=16)
    Compacted(table='stays', before=8, after=2, swept=16)

    Attributes:
        table: its name.
        before: number of its files before.
        after: number of its files now.
        swept: number of files removed from the disk, sidecars among them.
    """

    table: str
    before: int
    after: int
    swept: int


def compact(
    lake: Lake,
    keep_seconds: float = KEEP_SECONDS,
    rows_a_file: int = ROWS_A_FILE,
    done: Callable[[int], None] = lambda _tables: None,
) -> list[Compacted]:
    """Join small files of every table, and sweep files that are no longer needed.

    Args:
        lake: which lake.
        keep_seconds: how long replaced and left-over files stay.
        rows_a_file: largest number of rows of a joined file.
        done: called with the number of tables just done.

    Returns:
        One entry for each table that exists.

    Raises:
        DataError: a file to be joined is damaged; it is not written again under a new hash.
        RefusedError: stays lag behind the scans, or another process keeps committing.
        ServiceError: the lake cannot be written.
    """
    answers = []
    # Shared with batches: a commit in between only costs another attempt.
    with writing_with_others(lake):
        for name in ALL_TABLES:
            before = snapshot(lake, name)
            if before.version != NO_TABLE:
                _compact_table(lake, name, rows_a_file)
                swept = sweep(lake, name, keep_seconds)
                answers.append(Compacted(name, len(before.files), len(snapshot(lake, name).files), swept))
            done(1)
        sweep_scratch(lake, keep_seconds)
    return answers


def _compact_table(lake: Lake, name: str, rows_a_file: int) -> None:
    """Join a table's files in one commit; when another commit comes in between, start again.

    Raises:
        RefusedError: stays lag, or other commits keep coming in between.
    """
    for _ in range(_ATTEMPTS):
        base = snapshot(lake, name)
        groups = list(small_files(base.files, rows_a_file))
        if not groups:
            return
        # Before the commit, after which no table reflects the newest version.
        followers = _followers(lake, name, base)
        joined = [_join(lake, ALL_TABLES[name], group) for group in groups]
        leaving = list(itertools.chain.from_iterable(groups))
        try:
            version = commit(
                lake, name, joined, remove=leaving, after=base.version, note={"reason": "compact"}
            )
        except CommitConflict:
            # The joined files are orphans now; a sweep removes them.
            continue
        for follower in followers:
            move_mark(lake, follower, f"{name}_version", base.version, version)
        return
    raise RefusedError(
        f"{name} keeps changing while it is compacted", "run again when no other run is active"
    )


def small_files(files: Sequence[LiveFile], rows_a_file: int) -> Iterator[list[LiveFile]]:
    """Yield groups of two or more files of one partition that fit into one, smallest first."""
    partitions: dict[tuple[str, ...], list[LiveFile]] = defaultdict(list)
    for file in files:
        partitions[tuple(file.partition.values())].append(file)
    for partition in partitions.values():
        group: list[LiveFile] = []
        rows = 0
        # Smallest first, so that large files are not rewritten for every small one.
        for file in sorted(partition, key=lambda file: (file.rows, file.relative)):
            if rows + file.rows > rows_a_file:  # the remaining files are larger still
                break
            group.append(file)
            rows += file.rows
        if len(group) > 1:
            yield group


def _join(lake: Lake, table: Table, group: list[LiveFile]) -> DataFile:
    rows = pa.concat_tables([read_live_file(file, table.file_schema) for file in group])
    partition = {column: group[0].partition[column] for column in table.partition}
    # Concatenated sorted files are not sorted.
    rows = in_order(table, partition, rows)
    file = write_data_file(lake, table, partition, rows)
    if table.name == "stays":
        write_sidecar(lake, file, rows)
    if table.name == "scans":
        write_unregistered(lake, file, rows, registry_of(lake))
    return file


def _followers(lake: Lake, name: str, base: Snapshot) -> list[str]:
    """Return the tables that reflect this version of the table, `stays` last.

    Raises:
        RefusedError: stays reflect earlier scans, and would take the joined files for new ones.
    """
    if name not in SOURCES:
        return []
    marks = {other: snapshot(lake, other).marks.get(f"{name}_version") for other in ALL_TABLES}
    # Any other table that is behind simply catches up later.
    if name == "scans" and marks[_LAST] != base.version:
        raise RefusedError(f"{_LAST} are behind {name}", "run truyvet recompute first")
    followers = [other for other, version in marks.items() if version == base.version]
    return sorted(followers, key=lambda other: other == _LAST)


def move_mark(lake: Lake, name: str, mark: str, before: int, after: int) -> None:
    """Record that a table reflects the joined version too, and others the version in which it says so.

    A kill before this costs one recomputation, which finds nothing to change.
    """
    for _ in range(_ATTEMPTS):
        base = snapshot(lake, name)
        if base.marks.get(mark) != before:  # it reflects another version now
            return
        try:
            moved = commit(
                lake, name, [], after=base.version, marks={mark: after}, note={"reason": "compact"}
            )
        except CommitConflict:
            continue
        # The commit is a new version of this table as well, so its own followers move along.
        for follower in ALL_TABLES if name in SOURCES else ():
            move_mark(lake, follower, f"{name}_version", base.version, moved)
        return
