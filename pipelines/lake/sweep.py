"""Removes what no reader needs any more: replaced files, and what killed runs have left.

A file goes when the newest version does not hold it and nothing has happened
to it for as long as readers and running pipelines may take.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import DataError
from pipelines.lake.files import TEMPORARY, writing
from pipelines.lake.location import SCRATCH, Lake
from pipelines.lake.log import LOG_FOLDER, log_entry, read_entry, versions
from pipelines.lake.snapshots import snapshot
from schemas.tables import TABLES

KEEP_SECONDS = 24 * 60 * 60


def sweep(lake: Lake, name: str, keep_seconds: float = KEEP_SECONDS) -> int:
    """Remove unreferenced files of a table.

    Args:
        lake: where.
        name: which table.
        keep_seconds: since a file was written, or left the table, before it may go.

    Returns:
        How many files went.

    Raises:
        DataError: the log is damaged; then nothing goes.
        ServiceError: they cannot be removed.
    """
    url = lake.table_url(name)
    if not Path(url, LOG_FOLDER).is_dir():
        return 0
    before = time.time() - keep_seconds
    old = [path for path in _files(url) if _age(path) < before]
    # After the listing: what is committed meanwhile is known.
    needed = {_stem(path) for path in (*_live(lake, name), *_left_since(url, before))}
    swept = 0
    with writing(url):
        for path in old:
            # Looked at again, for a run may just have written the same rows once more.
            if _stem(path) not in needed and _age(path) < before:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                    swept += 1
    return swept


def _age(path: str) -> float:
    """When a file was written; one that has gone is as young as can be."""
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return float("inf")


def _live(lake: Lake, name: str) -> Iterator[str]:
    """The files of the newest version, and of those that other tables still have to catch up from."""
    newest = snapshot(lake, name).version
    marks = {snapshot(lake, other).marks.get(f"{name}_version", newest) for other in TABLES}
    for version in marks | {newest}:
        yield from (file.path for file in snapshot(lake, name, version).files)


def sweep_scratch(lake: Lake, keep_seconds: float = KEEP_SECONDS) -> None:
    """Remove scratch folders of runs that were killed."""
    before = time.time() - keep_seconds
    for folder in Path(lake.url, SCRATCH).glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if folder.is_dir() and _last_change(folder) < before:
                shutil.rmtree(folder, ignore_errors=True)


def _last_change(folder: Path) -> float:
    return max(path.stat().st_mtime for path in [folder, *folder.rglob("*")])


def _files(url: str) -> Iterator[str]:
    """Data files, sidecars and unfinished files of a table; never its log's entries."""
    for folder, _, names in os.walk(url):
        in_log = Path(folder).name == LOG_FOLDER
        for name in names:
            unfinished = name.startswith(TEMPORARY) or (
                in_log and "#" in name
            )  # delta-rs stages as `…json#1`
            if unfinished or (not in_log and name.endswith((".parquet", ".arrow"))):
                yield os.path.join(folder, name)


def _stem(path: str) -> str:
    """What a data file and its sidecar have in common."""
    folder, name = os.path.split(path)
    return os.path.join(folder, name.removeprefix("_").partition(".")[0])


def _left_since(url: str, before: float) -> Iterator[str]:
    """The files that left the table since, which readers of older versions may still hold.

    Raises:
        DataError: the log is damaged.
    """
    for version in reversed(versions(url)):
        entry = log_entry(url, version)
        if os.stat(entry).st_mtime < before:
            return
        try:
            actions = read_entry(entry)
        except (OSError, ValueError) as error:
            raise DataError(f"the log of {url} is damaged", "run truyvet verify") from error
        for action in actions:
            if "remove" in action:
                yield f"{url}/{action['remove']['path']}"
