"""The commit: the one step that changes what readers see.

A commit names the version it was computed from. If another commit came in
between, it fails and the caller computes again; nothing is merged behind the
caller's back. Data is on the disk before the log names it, and the log entry
is on the disk before the commit returns.
"""

import contextlib
import errno
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction, Transaction, create_table_with_add_actions

from pipelines.errors import ServiceError
from pipelines.lake import storage
from pipelines.lake.checkpoints import CHECKPOINT_EVERY, checkpoint_is_due, write_checkpoint
from pipelines.lake.data_files import DataFile
from pipelines.lake.durable_files import file_mode, make_private, sync_path, writing
from pipelines.lake.lake_root import Lake
from pipelines.lake.log import (
    ACTIONS_HASH,
    COMMIT_ID,
    LOG_FOLDER,
    actions_hash,
    commit_info,
    hashes_before,
    log_entry,
    read_entry,
    versions,
)
from pipelines.lake.log_cut import Cut, due_cut, remove_cut
from pipelines.lake.snapshots import NO_TABLE, LiveFile
from schemas.tables import ALL_TABLES, Table

# delta-rs would write its checkpoint without fsync, and cut the log by modification times.
_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)

Action = AddAction | RemoveAction


class CommitConflict(Exception):  # noqa: N818 - the word of the field
    """Another commit came in between: compute again from the newest version."""


def commit(
    lake: Lake,
    name: str,
    add: Sequence[DataFile],
    *,
    remove: Sequence[LiveFile] = (),
    after: int,
    marks: Mapping[str, int] | None = None,
    note: Mapping[str, str] | None = None,
    cut: Cut | None = None,
) -> int:
    """Make the next version of a table; all of it becomes visible at once.

    Args:
        lake: where.
        name: which table.
        add: files that have been written; one that is also removed stays.
        remove: live files that leave.
        after: the version that this one follows, `NO_TABLE` for the first.
        marks: named numbers of the version; they stay until they are set again.
        note: what else the log should say about the commit; never a value of a record.
        cut: what should leave the log with this commit; None cuts a long log when one is due.

    Returns:
        The new version, `after + 1`.

    Raises:
        CommitConflict: the table is no longer at `after`.
        ServiceError: the lake cannot be written.
    """
    url = lake.table_url(name)
    # Decided first, because the entry announces it; carried out once the entry is durable.
    cut = cut or due_cut(lake, name, after)
    said = {**(note or {}), **(cut.note() if cut else {})}
    with writing(url):
        # Every file must be complete and durable before the log names it.
        actions = _actions(url, add, remove)
        _prepare(lake, name, add, after)
        # Only saves work: the write below is what decides, since it fails if the entry exists.
        if storage.exists(log_entry(url, after + 1)):
            raise CommitConflict(name)
        properties = _properties(
            said, marks or {}, _hashes(url, ALL_TABLES[name], actions, marks or {}, after)
        )
        try:
            _write_entry(url, ALL_TABLES[name], actions, after, properties)
        except (DeltaError, OSError) as error:
            # Returns if the entry landed after all, and the commit goes on.
            _explain(url, after, properties, error)
        _check_place(url, after)
        _make_durable(url, after + 1)
    # The commit stands from here on; a checkpoint or a cut changes nothing that readers see.
    if checkpoint_is_due(url, after + 1):
        write_checkpoint(lake, name, after + 1)
    if cut:
        remove_cut(url, cut)
    return after + 1


def _properties(
    note: Mapping[str, str], marks: Mapping[str, int], hashes: Mapping[str, str]
) -> CommitProperties:
    """Return what the log says beside the actions; the id tells this commit from a competitor's."""
    return CommitProperties(
        custom_metadata={**note, **hashes, COMMIT_ID: uuid.uuid4().hex},
        # A retry inside delta-rs would commit on top of a version that the files were not computed from.
        max_commit_retries=0,
        # delta-rs does not refuse a number that was committed before; `commit_batch` reads the mark first.
        app_transactions=[Transaction(mark, number) for mark, number in marks.items()],
    )


def _actions(url: str, add: Sequence[DataFile], remove: Sequence[LiveFile]) -> list[Action]:
    """Return what the commit does; a file that is both added and removed is left as it is."""
    # Names are content hashes: unchanged rows give the same file, which needs no action.
    kept = {file.path for file in add} & {file.relative for file in remove}
    new = {file.path: file for file in add if file.path not in kept}
    now_ms = time.time_ns() // 1_000_000
    removed = [
        RemoveAction(file.relative, True, now_ms, file.size, dict(file.partition))
        for file in remove
        if file.relative not in kept
    ]
    statuses = storage.statuses(f"{url}/{path}" for path in new)
    return [*map(_added, new.values(), statuses), *removed]


def _added(file: DataFile, status: storage.Status | None) -> AddAction:
    """Return the action that adds a file, which must be there in full.

    Raises:
        FileNotFoundError: it is gone.
        ValueError: it has changed.
    """
    if status is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    if status.size != file.size:
        raise ValueError(f"{file.table}: a data file has changed since it was written")
    modified_ms = status.modified_ns // 1_000_000  # Delta's times are milliseconds
    return AddAction(file.path, file.size, dict(file.partition), modified_ms, True, file.stats)


def _hashes(
    url: str, table: Table, actions: Sequence[Action], marks: Mapping[str, int], after: int
) -> dict[str, str]:
    """Return what the entry says about itself and about the one before it."""
    # The same fields that `log._essence` reads back from the entry: change both or neither.
    said: list[dict[str, Any]] = [
        {
            "add" if isinstance(action, AddAction) else "remove": {
                "path": action.path,
                "size": action.size,
                "partitionValues": action.partition_values,
                "dataChange": action.data_change,
                "modificationTime": getattr(action, "modification_time", None),
                "deletionTimestamp": getattr(action, "deletion_timestamp", None),
                "stats": getattr(action, "stats", None),
            }
        }
        for action in actions
    ]
    said += [{"txn": {"appId": mark, "version": number}} for mark, number in marks.items()]
    # Only the first entry of a table holds its columns.
    if after == NO_TABLE:
        columns = {"schemaString": delta_schema(table).to_json(), "partitionColumns": list(table.partition)}
        said.append({"metaData": columns})
    return {ACTIONS_HASH: actions_hash(said), **hashes_before(url, after)}


def _write_entry(
    url: str,
    table: Table,
    actions: list[Action],
    after: int,
    properties: CommitProperties,
) -> None:
    """Let delta-rs write the log entry `after + 1`; it fails if there is one."""
    schema = delta_schema(table)
    if after == NO_TABLE:
        create_table_with_add_actions(
            url,
            schema,
            [action for action in actions if isinstance(action, AddAction)],
            # Fails where another process has made the table first.
            mode="error",
            partition_by=list(table.partition),
            name=table.name,
            description=table.doc,
            # For other writers of the table; ours go by `checkpoint_is_due`.
            configuration={"delta.checkpointInterval": str(CHECKPOINT_EVERY)},
            storage_options=storage.delta_options(url),
            commit_properties=properties,
            post_commithook_properties=_NO_HOOKS,
        )
    else:
        # Opened at `after`, not at the newest version: the entry becomes `after + 1` or fails.
        DeltaTable(url, version=after, storage_options=storage.delta_options(url)).create_write_transaction(
            actions,
            # With `overwrite` delta-rs would add removals of its own.
            mode="append",
            schema=schema,
            partition_by=list(table.partition),
            commit_properties=properties,
            post_commithook_properties=_NO_HOOKS,
        )


def delta_schema(table: Table) -> deltalake.Schema:
    """Return the table's columns as Delta knows them, their meaning as comments."""
    fields = [
        field.with_metadata({"comment": field.metadata[b"doc"].decode()}) if field.metadata else field
        for field in table.schema
    ]
    return deltalake.Schema.from_arrow(pa.schema(fields))


def _explain(url: str, after: int, properties: CommitProperties, error: Exception) -> None:
    """Return if the commit has landed in spite of the error, else say why it has not.

    A store may answer with an error although it has put the entry, when its answer was lost on the way.

    Raises:
        CommitConflict: another commit took its place, or the table is not at `after`.
        ServiceError: the log cannot be written.
    """
    entry = log_entry(url, after + 1)
    if storage.exists(entry):
        own = (properties.custom_metadata or {})[COMMIT_ID]
        # Compared by id, not by actions: a competitor may have committed the very same files.
        if commit_info(read_entry(entry)).get(COMMIT_ID) == own:
            return
        raise CommitConflict(Path(url).name) from error
    # Entries may have been cut: then there are later ones, though neither `after` nor its successor is there.
    kept = versions(url)
    if (kept and kept[-1] > after) or (after != NO_TABLE and after not in kept):
        raise CommitConflict(Path(url).name) from error
    # With an errno, `writing` can tell a full disk from a missing permission.
    if isinstance(error, OSError) and error.errno:
        raise error
    raise ServiceError(f"the log of {url} cannot be written", "check its space and rights") from error


def _check_place(url: str, after: int) -> None:
    """Take the entry back if the log has been cut past it while this process slept.

    The cut removes entries from the oldest on, and with them the one that kept this place taken.

    Raises:
        CommitConflict: the entry just written is older than the beginning of the log.
    """
    if after == NO_TABLE or storage.exists(log_entry(url, after)):
        return
    with contextlib.suppress(OSError):
        storage.remove(log_entry(url, after + 1))
    raise CommitConflict(Path(url).name)


def _prepare(lake: Lake, name: str, add: Sequence[DataFile], after: int) -> None:
    """Make durable what the commit builds on: names of new files, their folders, the entry before.

    The process that wrote that entry may have been killed before it was durable.
    If a power cut then lost it, the log would have a hole below the new entry.
    An object is durable once it is written.
    """
    url = lake.table_url(name)
    if storage.is_url(url):
        return
    make_private(f"{url}/{LOG_FOLDER}")
    root = Path(lake.url)
    # The files are durable already; their names are only when every folder up to the lake is synced.
    folders = {Path(url), *(Path(url, file.path).parent for file in add)}
    folders |= {parent for folder in folders for parent in folder.parents if parent.is_relative_to(root)}
    # Deepest first: the entries of a folder, then its own name in the folder above.
    for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
        sync_path(folder)
    if os.path.exists(log_entry(url, after)):  # not before the first commit, nor in a log that was cut
        _make_durable(url, after)


def _make_durable(url: str, version: int) -> None:
    """Make a log entry private, and its bytes and name durable."""
    if storage.is_url(url):
        return
    # delta-rs leaves the mode to the umask.
    os.chmod(log_entry(url, version), file_mode(f"{url}/{LOG_FOLDER}"))
    # First the bytes, then the name.
    sync_path(log_entry(url, version))
    sync_path(f"{url}/{LOG_FOLDER}")
