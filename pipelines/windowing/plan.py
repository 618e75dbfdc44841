"""What a recomputation has to read, rewrite and commit, decided from the logs alone.

The base of a plan is the version of `scans` and of the registry that `stays`
reflects. Whatever was added to them since, or removed, is what changed.
"""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from pipelines.errors import DataError
from pipelines.kernels.sort import buckets_for, parts_for
from pipelines.lake import NO_TABLE, Lake, LiveFile, Snapshot, mark, read_table, snapshot, storage
from pipelines.registry.registry import Registry, registry_from
from pipelines.runtime.threaded_dofn import thread_count
from pipelines.times import DAY_US, day_number
from pipelines.windowing.dates import within
from pipelines.windowing.find_long_pairs import PairFinder
from pipelines.windowing.long_pairs import pairs_version, read_pairs
from pipelines.windowing.rewrite_days import ROWS_A_FILE, DayFiles
from pipelines.windowing.scan_files import Registries, ScanFile, holds_any
from schemas.stay_rules import StayRules

ROWS_A_BUCKET = 1 << 19
_BUCKETS_AT_MOST = 1 << 10
_SCANS_A_CHANGE = 16
"""About how many scans have to be paired for each changed one: those of its person, on all dates read."""

FOOTFALL_VERSION = "footfall_version"
"""The mark of `stays` that says which version of `footfall` was made with it."""


@dataclass(frozen=True)
class RecomputePlan:
    """One attempt at a recomputation.

    Attributes:
        lake: the lake.
        rules: the durations.
        scans_version: the version of `scans` to be reflected.
        venues_version: the version of the registry to be reflected.
        stays: the version of `stays` to be followed.
        footfall: the version of `footfall` to be followed.
        long_pairs: the version of `long_pairs` to be followed.
        pairs_version: the version of `long_pairs` that `stays` was made with.
        is_rebuild: whether everything is recomputed and the current `stays` ignored.
        is_idle: whether `stays` and `footfall` are up to date already.
        registries: the registry before and after.
        changed: the files that may hold a changed scan.
        files: the files to read.
        unread: the dates that hold scans and are not read, ascending.
        recounted: dates whose footfall is recomputed in any case.
        buckets: number of person buckets, a power of two.
        parts: number of parts of a date, where it has more than one, a power of two.
        live: by date, the files of `stays` with stays on it.
    """

    lake: Lake
    rules: StayRules
    scans_version: int
    venues_version: int
    stays: Snapshot
    footfall: Snapshot
    long_pairs: Snapshot
    pairs_version: int
    is_rebuild: bool
    is_idle: bool
    registries: Registries
    changed: tuple[ScanFile, ...]
    files: tuple[ScanFile, ...]
    unread: tuple[int, ...]
    recounted: tuple[int, ...]
    buckets: int
    parts: dict[int, int]
    live: dict[int, DayFiles]

    @property
    def read(self) -> tuple[int, ...]:
        """The dates that are read, as day numbers, ascending."""
        return tuple(sorted({file.date for file in self.files}))

    @property
    def pair_finder(self) -> PairFinder:
        """The finder of changed long pairs, for one bucket."""
        return PairFinder(self.lake, self.pairs_version, self.read, self.unread)

    @property
    def marks(self) -> dict[str, int]:
        """The marks that say which versions the tables reflect."""
        return _marks(self.scans_version, self.venues_version, self.rules)


def _marks(scans_version: int, venues_version: int, rules: StayRules) -> dict[str, int]:
    return {
        "scans_version": scans_version,
        "venues_version": venues_version,
        "stay_rules": rules.mark,
    }


def make_plan(lake: Lake, rules: StayRules, *, everything: bool = False, margin: int = 1) -> RecomputePlan:
    """Compare the lake's stays with its scans and plan what to recompute.

    Args:
        lake: the lake.
        rules: the durations.
        everything: plan a rebuild.
        margin: how many longest stays, in whole days, to read around a changed date.
    """
    # Derived tables before their sources: what is read later is at least as new as what they reflect.
    stays, footfall = snapshot(lake, "stays"), snapshot(lake, "footfall")
    long_pairs = snapshot(lake, "long_pairs")
    scans, venues = snapshot(lake, "scans"), snapshot(lake, "venues")
    # Without a base everything is new: all files are read, and all dates rewritten.
    base = None if everything or not stays.files else _base(lake, stays)
    after = registry_from(read_table(lake, "venues", version=venues.version))
    before_files, before = base or ((), _EMPTY)
    registries = Registries(before, after)
    files = _compared(before_files, scans.files)
    # Rounded up: two scans that decide one another lie at most this many dates apart.
    longest_days = -(-int(rules.max_stay_us.max()) // DAY_US)
    if base is None:
        changed, read = files, frozenset(file.date for file in files)
    else:
        changed = _changed(files, registries)
        dates = sorted({file.date for file in changed})
        # Only dates that may decide a changed stay; one that needs more makes the attempt doubtful.
        read = within({file.date for file in files}, dates, margin * longest_days)
    chosen = tuple(file for file in files if file.date in read)
    # A rebuild counts every date again anyway.
    recounted = () if base is None else _recounted(lake, stays, footfall)
    is_current = _marks(scans.version, venues.version, rules).items() <= stays.marks.items()
    return RecomputePlan(
        lake=lake,
        rules=rules,
        scans_version=scans.version,
        venues_version=venues.version,
        stays=stays,
        footfall=footfall,
        long_pairs=long_pairs,
        pairs_version=pairs_version(stays),
        is_rebuild=base is None,
        is_idle=is_current and not everything and not recounted,
        registries=registries,
        changed=changed,
        files=chosen,
        unread=tuple(sorted({file.date for file in files} - read)),
        recounted=recounted,
        buckets=_buckets(chosen, changed, is_rebuild=base is None),
        parts=_parts(files),
        live={} if base is None else _live(stays),
    )


_EMPTY = Registry(np.empty(0, np.int64), np.empty(0, np.int16), np.empty(0, np.int64))


def _base(lake: Lake, stays: Snapshot) -> tuple[tuple[LiveFile, ...], Registry] | None:
    """Return the files of `scans` and the registry that `stays` reflects; None when they are gone."""
    try:
        files = snapshot(lake, "scans", stays.marks["scans_version"]).files
        venues = read_table(lake, "venues", version=stays.marks["venues_version"])
        read_pairs(lake, pairs_version(stays))
    except (DataError, KeyError):
        return None
    is_whole = None not in storage.statuses(file.path for file in files)
    # Old files may have been vacuumed: without them nobody can say what changed, so everything is new.
    return (files, registry_from(venues)) if is_whole else None


def _compared(before: tuple[LiveFile, ...], after: tuple[LiveFile, ...]) -> tuple[ScanFile, ...]:
    """Join the files of two versions of `scans`, by path."""
    # Data files are named by their content and never change, so equal paths are equal scans.
    was, remains = {file.relative for file in before}, {file.relative for file in after}
    both = {file.relative: file for file in (*before, *after)}
    return tuple(
        ScanFile(number, file.path, date_of(file), file.rows, path in was, path in remains)
        # Sorted, so that a plan made twice numbers the files alike.
        for number, (path, file) in enumerate(sorted(both.items()))
    )


def date_of(file: LiveFile) -> int:
    """Return the day number of a file's partition."""
    return day_number(dt.date.fromisoformat(file.partition["date"]))


def _changed(files: tuple[ScanFile, ...], registries: Registries) -> tuple[ScanFile, ...]:
    """Return files that are new or gone, and those with a scan at a venue that changed."""
    changed = [file for file in files if file.is_changed]
    venues = registries.changed_venues()
    if venues.size:
        # Scans of a file that stays can change only through the registry: in type, or by closing.
        kept = [file for file in files if not file.is_changed]
        with ThreadPoolExecutor(thread_count()) as pool:
            holds = list(pool.map(lambda file: holds_any(file.path, venues), kept))
        changed += [file for file, found in zip(kept, holds, strict=True) if found]
    return tuple(changed)


def _recounted(lake: Lake, stays: Snapshot, footfall: Snapshot) -> tuple[int, ...]:
    """Return the dates of `footfall` that a run has rewritten which died before it committed `stays`.

    `footfall` is committed first. If `stays` never followed, a later run may see other
    changes than the dead one did, and would leave these dates as they are.
    """
    # Both tables get the same marks from one recomputation.
    if footfall.marks == stays.marks:
        return ()
    # `stays` names the footfall it was committed with; what differs from that was left by a dead run.
    version = mark(lake, "stays", FOOTFALL_VERSION)
    try:
        before = snapshot(lake, "footfall", NO_TABLE if version is None else version).files
    except DataError:
        before = ()
    was, remains = {file.relative: file for file in before}, {file.relative: file for file in footfall.files}
    differ = [
        *(remains[path] for path in remains.keys() - was),
        *(was[path] for path in was.keys() - remains),
    ]
    return tuple(sorted({date_of(file) for file in differ}))


def _buckets(chosen: tuple[ScanFile, ...], changed: tuple[ScanFile, ...], *, is_rebuild: bool) -> int:
    rows = sum(file.rows for file in chosen)
    if not is_rebuild:
        rows = min(rows, _SCANS_A_CHANGE * sum(file.rows for file in changed))
    return min(buckets_for(rows, ROWS_A_BUCKET), _BUCKETS_AT_MOST)


def _parts(files: tuple[ScanFile, ...]) -> dict[int, int]:
    """Cut large dates into parts by their scans, of which there are at least as many as stays."""
    rows: dict[int, int] = {}
    for file in files:
        # Only files that remain: `remains` is 0 or 1 here.
        rows[file.date] = rows.get(file.date, 0) + file.rows * file.remains
    parts = {date: parts_for(count, ROWS_A_FILE) for date, count in rows.items()}
    return {date: count for date, count in parts.items() if count > 1}


def _live(stays: Snapshot) -> dict[int, DayFiles]:
    """Group the files of `stays` by the dates that their stays touch."""
    own: dict[tuple[str, int], list[LiveFile]] = {}
    reaching: dict[int, list[LiveFile]] = {}
    for file in stays.files:
        begin, by = date_of(file), file.partition["by"]
        own.setdefault((by, begin), []).append(file)
        # Footfall needs stays of earlier dates too, in one order.
        if by == "venue":
            # As far as the longest stay of the file reaches; most of its rows end sooner.
            for date in range(begin + 1, file.stats.greatest["exit"] // DAY_US + 1):
                reaching.setdefault(date, []).append(file)
    return {
        date: DayFiles(
            tuple(own.get(("venue", date), ())),
            tuple(own.get(("person", date), ())),
            tuple(reaching.get(date, ())),
        )
        for date in {date for _, date in own} | reaching.keys()
    }
