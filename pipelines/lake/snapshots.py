"""What a table holds at one version, read from its log and from nothing else.

The newest snapshot of each table is kept, and is valid as long as the log has
no next entry: to ask again costs two calls of stat.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from pipelines.errors import DataError
from pipelines.lake import storage
from pipelines.lake.lake_root import Lake, is_same
from pipelines.lake.log import LOG_FOLDER, log_entry, versions
from pipelines.lake.log_check import check_before_reading, check_log
from pipelines.lake.read_errors import VERIFY, denied, first_denied
from pipelines.lake.statistics import Statistics, from_log

NO_TABLE = -1
"""The version of a table that has never been committed to."""

MARKS = (
    *("scans_version", "venues_version", "stay_rules", "stays_version", "long_pairs_version"),
    "links_version",
)
"""The marks that a snapshot holds; `mark` reads any."""

_ATTEMPTS = 3


@dataclass(frozen=True)
class LiveFile:
    """A data file that a version of a table consists of.

    Attributes:
        path: absolute, or a URL.
        relative: below the table's folder, as the log has it.
        partition: partition column to value.
        size: bytes.
        rows: how many.
        stats: bounds of every id and time (int64 microseconds UTC); those of tokens are wide.
    """

    path: str
    relative: str
    partition: Mapping[str, str]
    size: int
    rows: int
    stats: Statistics


@dataclass(frozen=True)
class Snapshot:
    """A version of a table.

    >>> Snapshot(NO_TABLE)
    Snapshot(version=-1, files=(), marks={})

    Attributes:
        version: NO_TABLE when there is none.
        files: ordered by path.
        marks: those of `MARKS` that the version carries.
    """

    version: int
    files: tuple[LiveFile, ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Newest:
    """A snapshot and how to see that it is still the newest."""

    snapshot: Snapshot
    table: DeltaTable
    entry: tuple[int | str, int]


_T = TypeVar("_T")

# Key: URL of the table.
_newest: dict[str, _Newest] = {}
# `update_incremental` changes an open table in place, so one thread refreshes at a time.
_refreshing = threading.Lock()


def snapshot(lake: Lake, name: str, version: int | None = None) -> Snapshot:
    """Return a table at a version, by default at its newest.

    Raises:
        DataError: the log is damaged, may not be read, or does not have the version.
    """
    if version == NO_TABLE:
        return Snapshot(NO_TABLE)
    url = lake.table_url(name)
    if version is None:
        newest = _find_newest(url, lake)
        return newest.snapshot if newest else Snapshot(NO_TABLE)
    # The newest version may also be asked for by number.
    known = _newest.get(url)
    if known and known.snapshot.version == version and _is_unchanged(url, known):
        return known.snapshot
    table = _open(url, version)
    if table is None:
        raise _no_version(url, version)
    return _snapshot_of(url, table)


class OfNewest(Generic[_T]):
    """A value computed from the newest version of a table, cached for each lake and version."""

    def __init__(self, name: str, make: Callable[[Lake, Snapshot], _T]) -> None:
        """Compute nothing before the first call.

        Args:
            name: which table.
            make: computes the value from a lake and the snapshot of that table.
        """
        self._name, self._make = name, make
        self._kept: dict[str, tuple[Snapshot, _T]] = {}

    def __call__(self, lake: Lake) -> _T:
        """Return the value for the lake's newest version."""
        newest = snapshot(lake, self._name)
        kept = self._kept.get(lake.url)
        # Compared by identity: `snapshot` returns the same object while its version is the newest.
        if kept is None or kept[0] is not newest:
            kept = self._kept[lake.url] = newest, self._make(lake, newest)
        return kept[1]


def mark(lake: Lake, name: str, mark_id: str) -> int | None:
    """Return what a mark of a table's newest version says, None when it was never set."""
    newest = _find_newest(lake.table_url(name), lake)
    if newest is None:
        return None
    if mark_id in MARKS:
        return newest.snapshot.marks.get(mark_id)
    return newest.table.transaction_version(mark_id)


def _find_newest(url: str, lake: Lake) -> _Newest | None:
    known = _newest.get(url)
    if known and _is_unchanged(url, known):
        return known
    if not is_same(lake):  # tokens of before would match no row of now, which looks like nobody's contact
        raise DataError(f"the lake {lake.url} has been rotated since it was opened", "open it and ask again")
    with _refreshing:
        known = _newest.get(url)
        if known and _is_unchanged(url, known):  # another thread has refreshed it meanwhile
            return known
        table = _brought_up_to_date(url, known) or _open(url)
        if table is None:
            _newest.pop(url, None)  # the lake was removed, or made again without this table
            return None
        found = _Newest(_snapshot_of(url, table), table, _identity(url, table.version()))
        _newest[url] = found
        return found


def _brought_up_to_date(url: str, known: _Newest | None) -> DeltaTable | None:
    """Read the entries that came since into the open table: ten times faster than opening it again."""
    # The entry was cut or the lake was made again: the open table is of another log.
    if known is None or _identity(url, known.snapshot.version) != known.entry:
        return None
    try:
        known.table.update_incremental()
        # Only the new entries: the others were checked when the table was opened.
        check_log(url, known.table.version(), known.snapshot.version)
    except (DeltaError, OSError):
        return None  # opening it says what is wrong
    return known.table


def _is_unchanged(url: str, known: _Newest) -> bool:
    """Return whether the newest entry is the same file as before and has no successor."""
    version = known.snapshot.version
    return not storage.exists(log_entry(url, version + 1)) and _identity(url, version) == known.entry


def _identity(url: str, version: int) -> tuple[int | str, int]:
    """Return what tells a log entry from one of the same name in a lake that was made again."""
    status = storage.status(log_entry(url, version))
    # No entry: unequal to that of any file.
    return (0, 0) if status is None else (status.identity, status.modified_ns)


def _open(url: str, version: int | None = None) -> DeltaTable | None:
    """Open a table, None when there is none.

    Raises:
        DataError: its log is damaged or may not be read.
    """
    if not _has_log(url):
        return None
    for attempt in range(_ATTEMPTS):
        try:
            checked = check_before_reading(url, version)
            table = DeltaTable(url, version=version, storage_options=storage.delta_options(url))
            # Entries that have come since the look above.
            check_log(url, table.version(), checked)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            # A writer may have cut the log between two of our looks at it.
            if attempt == _ATTEMPTS - 1:
                raise _unreadable_log(url, version, error) from error
        else:
            return table
    return None


def _has_log(url: str) -> bool:
    """Return whether there is a log.

    Raises:
        DataError: this user may not look. (`os.path.isdir` would say that there is none, and
            the table would seem to be empty.)
    """
    log = f"{url}/{LOG_FOLDER}"
    if storage.is_url(url):
        return storage.is_folder(log)
    try:
        os.stat(log)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError as error:
        raise denied(log) from error
    return True


def _unreadable_log(url: str, version: int | None, error: Exception) -> DataError:
    """Return what keeps a log from being read: a permission, a cut, or damage."""
    if not storage.is_url(url) and (path := first_denied(f"{url}/{LOG_FOLDER}")):
        return denied(path)
    storage.exists(log_entry(url, 0))  # raises if the store cannot be reached
    if version is not None:
        return _no_version(url, version)
    what = f": {error.what}" if isinstance(error, DataError) else ""
    return DataError(f"the log of {url} cannot be read{what}", VERIFY)


def _no_version(url: str, version: int) -> DataError:
    """Return the error about a version that the log does not have, or not any more."""
    with contextlib.suppress(OSError):
        kept = versions(url)
        if kept and version < kept[0]:
            return DataError(
                f"version {version} of {url} has been cut off the log", f"the oldest one is {kept[0]}"
            )
        # The entry exists, so an earlier one or a checkpoint must be at fault.
        if kept and version in kept:
            return DataError(f"the log of {url} up to version {version} cannot be read", VERIFY)
    return DataError(f"{url} has no version {version}", "ask for another one")


def _snapshot_of(url: str, table: DeltaTable) -> Snapshot:
    adds = pa.table(table.get_add_actions(flatten=True)).sort_by("path")
    partitions = {
        # As text, whatever type the log gives them.
        name.removeprefix("partition."): adds[name].cast(pa.string()).to_pylist()
        for name in adds.column_names
        if name.startswith("partition.")
    }
    paths, sizes, statistics = adds["path"].to_pylist(), adds["size_bytes"].to_pylist(), from_log(adds)
    files = tuple(
        LiveFile(
            path=f"{url}/{path}",
            relative=path,
            partition={name: values[row] for name, values in partitions.items()},
            size=sizes[row],
            rows=statistics[row].rows,
            stats=statistics[row],
        )
        for row, path in enumerate(paths)
    )
    marks = {name: table.transaction_version(name) for name in MARKS}
    return Snapshot(
        table.version(), files, {name: value for name, value in marks.items() if value is not None}
    )
