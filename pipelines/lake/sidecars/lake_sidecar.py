"""A sidecar of a whole lake: what follows from several tables at their newest versions.

It lies beside the data files of `stays`, under a name that hangs on the content of all tables that it was
made from, so it never goes stale. A newer one takes its place, and what removes dead files removes it too:
after a purge or an erasure no table is what it was.
"""

import contextlib
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa

from pipelines.lake import storage
from pipelines.lake.lake_root import Lake
from pipelines.lake.log import versions
from pipelines.lake.sidecars.sidecar_file import (
    OpenFile,
    columns_in_memory,
    map_columns,
    note_use,
    say_damaged,
    try_to_write,
)
from pipelines.lake.snapshots import snapshot

DOUBT: Final = "doubt"
"""The flags of venues, persons and stays."""

MADE_OF: Final = {DOUBT: ("scans", "venues", "stays")}
"""The tables that each of them is made from."""

_AND_OF: Final = {DOUBT: "footfall"}
"""A table that follows from these, whose version says enough: opening it would cost every question."""

_FORMAT: Final = "1"  # goes up when other flags would be made of the same tables
_KEPT_AT_MOST: Final = 8
_kept: dict[str, OpenFile] = {}


def lake_sidecar(lake: Lake, name: str, make: Callable[[], pa.Table]) -> OpenFile:
    """Return the columns of a sidecar of the lake; make them where they are missing.

    Where they cannot be written they are kept by this process.

    Args:
        lake: where.
        name: one of `MADE_OF`.
        make: computes the columns, numbers without nulls.
    """
    path = lake_sidecar_path(lake, name)
    return _kept_at(lake, path) or _keep(path, _made(lake, path, make()))


def kept_lake_sidecar(lake: Lake, name: str) -> OpenFile | None:
    """Return the columns of a sidecar of the lake if they are there."""
    return _kept_at(lake, lake_sidecar_path(lake, name))


def _kept_at(lake: Lake, path: Path) -> OpenFile | None:
    found = _kept.get(str(path)) or _found(path)
    if found is None:
        return None
    # The cache of this machine evicts what has not been used for a week.
    if storage.is_url(lake.url):
        note_use(path)
    return _keep(path, found)


def older_lake_sidecar(lake: Lake, name: str) -> OpenFile | None:
    """Return the columns of the newest sidecar that was made of earlier versions; None if there is none."""
    folder = lake_sidecar_path(lake, name).parent
    for path in sorted(folder.glob(f"_{name}-*.arrow"), key=_written, reverse=True):
        found = _found(path)
        if found is not None:
            return found
    return None


def lake_sidecar_path(lake: Lake, name: str) -> Path:
    """Return where a sidecar of the lake's newest tables lies, on this machine."""
    digest = hashlib.sha256(_FORMAT.encode())
    # Data files are named by content, so equal names mean equal rows.
    for table in MADE_OF[name]:
        for file in snapshot(lake, table).files:
            digest.update(f"{table}/{file.relative}\n".encode())
    digest.update(str(versions(lake.table_url(_AND_OF[name]))[-1:]).encode())
    return Path(storage.local(lake.table_url("stays"))) / f"_{name}-{digest.hexdigest()[:32]}.arrow"


def _keep(path: Path, columns: OpenFile) -> OpenFile:
    """Keep the columns as long as the process lives."""
    if len(_kept) >= _KEPT_AT_MOST and str(path) not in _kept:
        _kept.clear()
    _kept[str(path)] = columns
    return columns


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process has put a newer one in its place
        return 0.0


def _found(path: Path) -> OpenFile | None:
    """Map the sidecar; None when it is missing or damaged."""
    found = map_columns(path)
    if found is not None and not found.is_intact():
        say_damaged(path)
        return None
    return found


def _made(lake: Lake, path: Path, table: pa.Table) -> OpenFile:
    """Write the sidecar in place of older ones, if that is possible and there are stays to lie beside."""
    if (storage.is_url(lake.url) or path.parent.is_dir()) and try_to_write(table, path):
        # Older versions of the same sidecar; a process that has mapped one keeps its pages.
        for older in path.parent.glob(f"{path.name.partition('-')[0]}-*.arrow"):
            if older != path:
                with contextlib.suppress(OSError):
                    older.unlink()
    return columns_in_memory(table)
