"""Check everything that a lake says about itself: bytes, log, rows, orders, marks.

A problem is a row, never an exception: the lake under test may be damaged in
any way.
"""

import contextlib
import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import DataError, UnreadableError
from pipelines.lake import storage
from pipelines.lake.lake_root import Lake
from pipelines.lake.log import LOG_FOLDER
from pipelines.lake.read_errors import DENIED, is_denied
from pipelines.lake.read_rows import named_hash
from pipelines.lake.sidecars.sidecar import check as check_sidecar
from pipelines.lake.snapshots import NO_TABLE, LiveFile, Snapshot, snapshot
from pipelines.maintenance.compact import SOURCES
from pipelines.maintenance.last_verify import LastVerify, remember
from pipelines.maintenance.row_checks import (
    RowSum,
    broken_laws,
    false_statistics,
    misshapen,
    repeated_keys,
    row_sum,
)
from pipelines.maintenance.verify_log import log_problems
from pipelines.registry.registry import Registry
from pipelines.registry.unregistered_scans import check as check_unregistered
from pipelines.registry.unregistered_scans import registry_of
from schemas.tables import ALL_TABLES, Table

_THREADS = 2
_NO_ROWS = RowSum()


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong.

    >>> Problem("venues", "part-ab.parquet", "the file is missing").table
    'venues'

    Attributes:
        table: name of the table.
        file: below the table's folder; empty when the problem concerns no single file.
        problem: what is wrong; never a value of a row.
    """

    table: str
    file: str
    problem: str


@dataclass(frozen=True)
class Verified:
    """What has been checked, and what is wrong with it.

    Attributes:
        problems: ordered by table, file and problem.
        files: live data files that were read.
        rows: their rows.
    """

    problems: tuple[Problem, ...]
    files: int
    rows: int


@dataclass
class _Seen:
    """What is kept of files that have been checked, for laws that span files.

    Attributes:
        rows: number of rows read.
        stays: sum of the rows of `stays`, by order and date.
        entries: of `footfall`, by date.
        exits: of `footfall`.
        unknown: tables with a file whose rows could not be read.
    """

    rows: int = 0
    stays: dict[tuple[str, str], RowSum] = field(default_factory=lambda: defaultdict(RowSum))
    entries: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    exits: int = 0
    unknown: set[str] = field(default_factory=set)


def verify(lake: Lake, done: Callable[[int], None] = lambda _files: None) -> Verified:
    """Check every live file of every table, the logs, and the tables against one another.

    The lake keeps when that was done, for `last_verify`.

    Args:
        lake: which lake.
        done: called with the number of files just checked.
    """
    problems: list[Problem] = []
    snapshots: dict[str, Snapshot] = {}
    seen = _Seen()
    # Logs first: without a snapshot the files of a table are unknown.
    for name in ALL_TABLES:
        problems += _log_problems(lake, name)
        try:
            snapshots[name] = snapshot(lake, name)
        except DataError as error:
            log = f"{lake.table_url(name)}/{LOG_FOLDER}"
            may_not = isinstance(error, UnreadableError) or is_denied(log)
            problem = DENIED if may_not else "the log cannot be read"
            problems.append(Problem(name, LOG_FOLDER, problem))
    registry = _registry(lake)
    for name, version in snapshots.items():
        # By date: event keys are unique within a day, so only one day's keys are held in memory.
        for date_files in _by_date(version.files):
            problems += _check_date(ALL_TABLES[name], date_files, seen, registry)
            done(len(date_files))
    # Laws that span files and tables, judged by the sums in `seen`.
    problems += _order_problems(seen)
    problems += _mark_problems(snapshots)
    problems += _footfall_problems(seen, snapshots)
    problems += _humans_problems(lake, seen)
    files = sum(len(version.files) for version in snapshots.values())
    remember(lake, LastVerify(dt.datetime.now(dt.UTC), files, seen.rows, len(problems)))
    return Verified(tuple(sorted(problems)), files, seen.rows)


def _log_problems(lake: Lake, name: str) -> list[Problem]:
    url = lake.table_url(name)
    if is_denied(f"{url}/{LOG_FOLDER}") or not storage.is_folder(f"{url}/{LOG_FOLDER}"):
        return []
    return [Problem(name, f"{LOG_FOLDER}/{file}", problem) for file, problem in log_problems(url)]


def _registry(lake: Lake) -> Registry | None:
    """Return the registry of a lake, None if it cannot be read, which is reported elsewhere."""
    try:
        return registry_of(lake)
    except (DataError, KeyError, OSError, pa.ArrowException):
        return None


def _by_date(files: Iterable[LiveFile]) -> list[list[LiveFile]]:
    dates: dict[str, list[LiveFile]] = defaultdict(list)
    for file in files:
        dates[file.partition.get("date", "")].append(file)  # one group for a table without dates
    return [dates[date] for date in sorted(dates)]


@dataclass(frozen=True)
class _CheckedFile:
    """The problems of one file, and what the laws that span files need of its rows, if they can be read."""

    problems: tuple[str, ...]
    readable: bool = False
    rows: int = 0
    sum: RowSum = _NO_ROWS
    event_key: pa.ChunkedArray | None = None
    entries: int = 0
    exits: int = 0


def _check_date(table: Table, files: list[LiveFile], seen: _Seen, registry: Registry | None) -> list[Problem]:
    """Check the files of one table and date, two at a time; its event keys are dropped afterwards."""
    date = files[0].partition.get("date", "")
    with ThreadPoolExecutor(_THREADS) as pool:
        all_checked = list(pool.map(lambda file: _check_file(table, file, registry), files))
    problems = []
    for file, checked in zip(files, all_checked, strict=True):
        problems += [Problem(table.name, file.relative, problem) for problem in checked.problems]
        seen.rows += checked.rows
        seen.entries[date] += checked.entries  # 0 except for `footfall`
        seen.exits += checked.exits
        if table.name == "stays":
            seen.stays[file.partition["by"], date] += checked.sum
        if not checked.readable:
            seen.unknown.add(table.name)
    repeated = repeated_keys([found.event_key for found in all_checked if found.event_key is not None])
    if repeated:
        problems.append(Problem(table.name, f"date={date}", f"the same event key again: {repeated} rows"))
    return problems


def _check_file(table: Table, file: LiveFile, registry: Registry | None) -> _CheckedFile:
    """Check one file; rows are read even when bytes have changed, to say more."""
    try:
        content = storage.read(file.path)
    except FileNotFoundError:
        return _CheckedFile(("the file is missing",))
    except PermissionError:
        return _CheckedFile((DENIED,))
    except OSError:
        return _CheckedFile(("the file cannot be read",))
    problems = []
    # A file not named by a hash was not written by us and counts as changed.
    if named_hash(file.relative) != hashlib.sha256(content).hexdigest():
        problems.append("bytes have changed: its SHA-256 is not the one in its name")
    if len(content) != file.size:
        problems.append("its size is not the one in the log")
    try:
        rows = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        if problems:
            rows.validate(full=True)  # the reader does not look whether changed bytes are UTF-8
        wrong = misshapen(table, rows)
    except (OSError, ValueError, pa.ArrowException):
        wrong = "it cannot be read as Parquet"
    if wrong:
        # Not `readable`: laws across files are not judged for this table.
        return _CheckedFile((*problems, wrong))
    problems += [*broken_laws(table, file.partition, rows), *false_statistics(rows, file.stats)]
    if problems:  # a sidecar cannot be made of rows with an unknown kind, and need not be like these
        return _of_rows(table, tuple(problems), rows)
    if table.name == "stays" and (unfit := check_sidecar(file, rows)):
        problems.append(unfit)
    if table.name == "scans" and registry and (unfit := check_unregistered(file, rows, registry)):
        problems.append(unfit)
    return _of_rows(table, tuple(problems), rows)


def _of_rows(table: Table, problems: tuple[str, ...], rows: pa.Table) -> _CheckedFile:
    is_footfall = table.name == "footfall"
    return _CheckedFile(
        problems,
        readable=True,
        rows=rows.num_rows,
        sum=row_sum(rows) if table.name == "stays" else _NO_ROWS,
        event_key=rows["event_key"] if table.name == "scans" else None,
        entries=int(rows["entries"].to_numpy().sum()) if is_footfall else 0,
        exits=int(rows["exits"].to_numpy().sum()) if is_footfall else 0,
    )


def _order_problems(seen: _Seen) -> Iterator[Problem]:
    """Check that both orders of `stays` hold the same rows."""
    if "stays" in seen.unknown:
        return
    for date in sorted({date for _, date in seen.stays}):
        if seen.stays["venue", date] != seen.stays["person", date]:
            yield Problem("stays", f"date={date}", "the two orders do not hold the same rows")


def _mark_problems(snapshots: dict[str, Snapshot]) -> Iterator[Problem]:
    """Check that derived tables lag, if anything, and never lead."""
    for source in set(SOURCES) & snapshots.keys():
        for name, version in snapshots.items():
            if version.marks.get(f"{source}_version", NO_TABLE) > snapshots[source].version:
                yield Problem(name, "", f"reflects a later version of {source} than there is")


def _footfall_problems(seen: _Seen, snapshots: dict[str, Snapshot]) -> Iterator[Problem]:
    """Check that every stay enters once and leaves once, if both tables reflect the same scans."""
    if seen.unknown & {"stays", "footfall"} or not {"stays", "footfall"} <= snapshots.keys():
        return
    marks = snapshots["stays"].marks
    # With equal marks one recomputation made both, so they must agree.
    if "scans_version" not in marks or marks != snapshots["footfall"].marks:
        return
    stays = {date: total.rows for (by, date), total in seen.stays.items() if by == "venue"}
    for date in sorted(stays.keys() | {date for date in seen.entries if seen.entries[date]}):
        if seen.entries[date] != stays.get(date, 0):
            yield Problem("footfall", f"date={date}", "entries are not the stays that enter")
    # A stay may end on a later date than it began, so exits can only be compared in total.
    if seen.exits != sum(stays.values()):
        yield Problem("footfall", "", "exits are not the stays")


def _humans_problems(lake: Lake, seen: _Seen) -> Iterator[Problem]:
    """Check that `humans` is what the links show; one that cannot be read is reported elsewhere."""
    from pipelines.linkage.write_humans import is_of_its_links  # it loads Numba

    if not seen.unknown & {"links", "humans"}:
        with contextlib.suppress(DataError):
            if not is_of_its_links(lake):
                yield Problem("humans", "", "it is not what the links show")
