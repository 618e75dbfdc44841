"""Remove files that no reader needs any more: replaced ones, and what killed runs have left.

A file goes when the newest version does not hold it and nothing has happened
to it for as long as readers and running pipelines may take.

delta-rs has `vacuum`, which is not used: in its full mode it removes every file that it does not
track, sidecars of live files and files of running writers among them, and in its lite mode it
leaves replaced files for ever once a checkpoint has dropped their tombstones (delta-rs#3644).
"""

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from pipelines.errors import DataError
from pipelines.lake import storage
from pipelines.lake.durable_files import TEMPORARY, writing
from pipelines.lake.lake_root import SCRATCH, Lake
from pipelines.lake.log import LOG_FOLDER, checkpoint_file, log_entry, read_entry, versions
from pipelines.lake.sidecars.lake_sidecar import MADE_OF, lake_sidecar_path
from pipelines.lake.snapshots import mark, snapshot
from schemas.tables import ALL_TABLES

KEEP_SECONDS = 24 * 60 * 60


def sweep(
    lake: Lake, name: str, keep_seconds: float = KEEP_SECONDS, *, left_seconds: float | None = None
) -> int:
    """Remove unreferenced files of a table.

    Args:
        lake: where.
        name: which table.
        keep_seconds: time since a file was written, or left the table, before it may go. Once the log has
            been cut, checkpoints remember for 7 days what left before.
        left_seconds: another time since a file left; 0 keeps none for readers of older versions.

    Returns:
        The number of files removed.

    Raises:
        DataError: the log is damaged; then nothing is removed.
        ServiceError: the files cannot be removed.
    """
    before = time.time() - keep_seconds
    swept = 0
    with writing(lake.table_url(name)):
        for found in unneeded(lake, name, keep_seconds, left_seconds=left_seconds):
            # Looked at again: a run may just have written the same rows once more, under the same name.
            if _is_older(storage.status(found.place), before):
                with contextlib.suppress(FileNotFoundError):
                    storage.remove(found.place)
                    swept += 1
    return swept


def unneeded(
    lake: Lake, name: str, keep_seconds: float = KEEP_SECONDS, *, left_seconds: float | None = None
) -> list[storage.Status]:
    """Return the files that `sweep` would remove; nothing is changed.

    Args:
        lake: where.
        name: which table.
        keep_seconds: as of `sweep`.
        left_seconds: as of `sweep`.

    Raises:
        DataError: the log is damaged.
        ServiceError: the store cannot be reached.
    """
    url = lake.table_url(name)
    if not storage.is_folder(f"{url}/{LOG_FOLDER}"):  # without a log nothing is known to be unneeded
        return []
    before = time.time() - keep_seconds
    old = [found for found in _files(url) if _is_older(found, before)]
    # Read after the listing: whatever is committed meanwhile is then known.
    left_before = before if left_seconds is None else time.time() - left_seconds
    # Compared by stem, so that a sidecar stays as long as its data file.
    needed = {_stem(path) for path in (*_live(lake, name), *_left_since(url, left_before))}
    if name == "stays":
        needed |= {_stem(str(lake_sidecar_path(lake, one))) for one in MADE_OF}
    return [found for found in old if _stem(found.place) not in needed]


def _is_older(found: storage.Status | None, before: float) -> bool:
    """Return whether a file is there and was written before an instant, seconds since 1970."""
    return found is not None and found.modified_ns < before * 1e9


def _live(lake: Lake, name: str) -> Iterator[str]:
    """Yield the files of the newest version, and of those that other tables still have to catch up from."""
    newest = snapshot(lake, name).version
    marks = {mark(lake, other, f"{name}_version") for other in ALL_TABLES} - {None}
    for version in marks | {newest}:
        yield from (file.path for file in snapshot(lake, name, version).files)


def sweep_scratch(lake: Lake, keep_seconds: float = KEEP_SECONDS) -> None:
    """Remove scratch folders of runs that were killed."""
    before = time.time() - keep_seconds
    # Local scratch is on this machine, wherever the lake is.
    folders = [*_folders(f"{storage.local(lake.url)}/{SCRATCH}")]
    if storage.is_url(lake.url):
        folders += _prefixes(f"{lake.url}/{SCRATCH}")
    for folder, changed in folders:
        if changed < before:
            storage.remove_all(folder)


def _folders(scratch: str) -> Iterator[tuple[str, float]]:
    """Yield the folders of runs, and when each last changed, seconds since 1970."""
    for folder in Path(scratch).glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if folder.is_dir():
                # Look at the content too: writing to a file does not touch the folder's mtime.
                yield str(folder), max(path.stat().st_mtime for path in [folder, *folder.rglob("*")])


def _prefixes(scratch: str) -> Iterator[tuple[str, float]]:
    """Yield the same of runs whose pieces are objects."""
    changed: dict[str, float] = {}
    for found in storage.files(scratch):
        folder = f"{scratch}/{found.place.removeprefix(f'{scratch}/').partition('/')[0]}"
        changed[folder] = max(changed.get(folder, 0), found.modified_ns / 1e9)
    yield from changed.items()


def _files(url: str) -> Iterator[storage.Status]:
    """Yield data files, sidecars and unfinished files of a table, but no entry of its log."""
    # The sidecars of a lake in a store are on this machine.
    own = storage.files(storage.local(url)) if storage.is_url(url) else ()
    for found in itertools.chain(storage.files(url), own):
        folder, name = os.path.split(found.place)
        in_log = os.path.basename(folder) == LOG_FOLDER
        # delta-rs stages an entry as `…json#1` before it renames it.
        unfinished = name.startswith(TEMPORARY) or (in_log and "#" in name)
        # Log entries and checkpoints are never swept, only cut.
        if unfinished or (not in_log and name.endswith((".parquet", ".arrow"))):
            yield found


def _stem(path: str) -> str:
    """Return what a data file and its sidecar have in common."""
    folder, name = os.path.split(storage.local(path))
    return os.path.join(folder, name.removeprefix("_").partition(".")[0])


def _left_since(url: str, before: float) -> Iterator[str]:
    """Yield the files that left the table since an instant: readers of older versions may still hold them.

    Raises:
        DataError: the log is damaged.
    """
    kept = versions(url)
    try:
        for version in reversed(kept):
            entry = log_entry(url, version)
            # Earlier entries are older still.
            if _is_older(storage.status(entry), before):
                return
            for action in read_entry(entry):
                if "remove" in action:
                    yield f"{url}/{action['remove']['path']}"
        if kept and kept[0] > 0:  # the log has been cut, not long ago
            # A log that was cut begins at a checkpoint.
            yield from _tombstones(url, kept[0], before)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"the log of {url} is damaged", "run truyvet verify") from error


def _tombstones(url: str, version: int, before: float) -> Iterator[str]:
    """Yield the files that a checkpoint remembers to have left since an instant, seconds since 1970."""
    removed = storage.parquet(checkpoint_file(url, version)).read(columns=["remove"])["remove"]
    for action in removed.drop_null().to_pylist():
        # Rows of other actions can come as structs of nulls. The timestamp is in milliseconds.
        if action["path"] is not None and action["deletionTimestamp"] >= before * 1000:
            yield f"{url}/{action['path']}"
