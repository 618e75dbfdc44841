"""Which local days to count again, decided from the logs alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.ascertainment.point_days.local_days import SCANS_VERSION, day_of, local_day, start_us
from pipelines.errors import DataError
from pipelines.lake import NO_TABLE, DataFile, Lake, LiveFile, Snapshot, snapshot
from pipelines.windowing.commit import commit_once
from schemas.tables import POINT_DAYS


@dataclass(frozen=True)
class LocalDay:
    """A local day and the files of `scans` that may hold scans of it.

    Attributes:
        day: day number.
        files: of one or two UTC days.
    """

    day: int
    files: tuple[LiveFile, ...]

    @property
    def start_us(self) -> int:
        """The local midnight at which it begins, microseconds UTC."""
        return start_us(self.day)


@dataclass(frozen=True)
class PointDaysPlan:
    """One attempt to bring the table up to date.

    Attributes:
        lake: the lake.
        scans_version: the version of `scans` to be reflected.
        live: the version of the table to be followed.
        days: the local days to count; one without files is removed.
    """

    lake: Lake
    scans_version: int
    live: Snapshot
    days: tuple[LocalDay, ...]

    @property
    def is_idle(self) -> bool:
        """Whether the table reflects those scans already."""
        return not self.days and self.live.marks.get(SCANS_VERSION) == self.scans_version


def is_kept(lake: Lake) -> bool:
    """Return whether a lake has asked for the table."""
    return snapshot(lake, POINT_DAYS.name).version != NO_TABLE


def make_plan(lake: Lake, *, everything: bool = False) -> PointDaysPlan:
    """Compare the table with the lake's scans.

    Args:
        lake: the lake.
        everything: count all days.
    """
    scans, live = snapshot(lake, "scans"), snapshot(lake, POINT_DAYS.name)
    # The files of the version that the table reflects; None where it is gone, and then all days count.
    before = None if everything else _reflected(lake, live)
    if before is None:
        # Days of live files too: a day that has lost its last scan must lose its row.
        days = _days_of(scans.files) | {day_of(file) for file in live.files}
    else:
        was, remains = ({file.relative: file for file in files} for files in (before, scans.files))
        # A file that came or went dirties each local day that its bounds touch; files never change.
        days = _days_of((was | remains)[path] for path in was.keys() ^ remains.keys())
    # Every dirty day with all files that may hold scans of it; one without files is removed.
    holding: dict[int, list[LiveFile]] = {day: [] for day in days}
    for file in scans.files:
        for day in _days_of([file]) & days:
            holding[day].append(file)
    found = tuple(LocalDay(day, tuple(files)) for day, files in sorted(holding.items()))
    return PointDaysPlan(lake, scans.version, live, found)


def commit_days(plan: PointDaysPlan, written: Sequence[DataFile]) -> None:
    """Commit the days of a plan.

    Raises:
        CommitConflict: another commit came between.
        ServiceError: the lake cannot be written.
    """
    days = {local.day for local in plan.days}
    # A file is named by its rows, so a day that is as it was keeps its file.
    again = {file.path for file in written}
    held = {file.relative for file in plan.live.files}
    # Removals and additions in one commit, right after the version that was planned against.
    commit_once(
        plan.lake,
        POINT_DAYS.name,
        sorted((file for file in written if file.path not in held), key=lambda file: file.path),
        remove=[file for file in plan.live.files if day_of(file) in days and file.relative not in again],
        live=plan.live,
        marks={SCANS_VERSION: plan.scans_version},
    )


def _reflected(lake: Lake, live: Snapshot) -> tuple[LiveFile, ...] | None:
    """Return the files of the scans that the table reflects; None when that version is gone."""
    try:
        return snapshot(lake, "scans", live.marks[SCANS_VERSION]).files
    # The log was cut behind that version, or the table has no mark yet.
    except (DataError, KeyError):
        return None


def _days_of(files: Iterable[LiveFile]) -> set[int]:
    """Return the local days that files of `scans` may hold scans of."""
    days: set[int] = set()
    for file in files:
        # A UTC day holds scans of two local days.
        first, last = (local_day(ends["occurred_at"]) for ends in (file.stats.least, file.stats.greatest))
        days.update(range(first, last + 1))
    return days
