"""Which dates of `contacts` and `crowds` to write, decided from the logs alone, and their commit.

A date is written when it is asked for, and again whenever stays change that
could change it. The marks of the table `contacts` say which dates it holds,
under which limits, and which version of `stays` it reflects.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.errors import DataError
from pipelines.graph.contact_table.thresholds import CROWD_CAP, MIN_MINUTES
from pipelines.lake import (
    CommitConflict,
    DataFile,
    Lake,
    LiveFile,
    Snapshot,
    mark,
    snapshot,
)
from pipelines.times import DAY_US, MINUTE_US
from pipelines.windowing.commit import commit_once
from pipelines.windowing.plan import date_of

_STAYS_VERSION = "stays_version"
_MIN_US, _CAP = "contact_min_us", "crowd_cap"


@dataclass(frozen=True)
class Limits:
    """What becomes a row of `contacts`, the same for all dates of a lake.

    Example:
        >>> Limits(cap=200).marks
        {'contact_min_us': 900000000, 'crowd_cap': 200}

    Attributes:
        min_us: the shortest contact, microseconds.
        cap: a window with more people is a crowd.
    """

    min_us: int = MIN_MINUTES * MINUTE_US
    cap: int = CROWD_CAP

    @property
    def marks(self) -> dict[str, int]:
        """The marks that record the limits in the log."""
        return {_MIN_US: self.min_us, _CAP: self.cap}


@dataclass(frozen=True)
class PartSizes:
    """How much a worker gets and writes at once; no row depends on it, only how many files there are.

    Attributes:
        stays: in one part of a date.
        rows: of one file of contacts.
    """

    stays: int = 1 << 18
    rows: int = 1 << 21


USUAL = PartSizes()


@dataclass(frozen=True)
class ContactPlan:
    """One attempt at writing dates.

    Attributes:
        lake: the lake.
        limits: of all contacts.
        dates: day numbers to write, ascending.
        stays: the files in the order `venue`.
        footfall: its files.
        contacts: the version to commit after.
        crowds: the version to commit after.
        marks: what both tables will record that they reflect.
        sizes: of what the workers get and write.
    """

    lake: Lake
    limits: Limits
    dates: tuple[int, ...]
    stays: tuple[LiveFile, ...]
    footfall: tuple[LiveFile, ...]
    contacts: Snapshot
    crowds: Snapshot
    marks: Mapping[str, int]
    sizes: PartSizes

    @property
    def is_idle(self) -> bool:
        """Whether both tables are up to date already."""
        return not self.dates and all(
            mark(self.lake, name, key) == number
            for name in ("contacts", "crowds")
            for key, number in self.marks.items()
        )


@dataclass(frozen=True)
class Written:
    """A new data file of one table and date."""

    table: str
    date: int
    file: DataFile


def held_limits(lake: Lake) -> Limits | None:
    """Return the limits of the contacts that a lake holds; None when it holds none."""
    min_us, cap = mark(lake, "contacts", _MIN_US), mark(lake, "contacts", _CAP)
    return None if min_us is None or cap is None else Limits(min_us, cap)


def make_plan(
    lake: Lake,
    requested: Iterable[int],
    limits: Limits,
    *,
    everything: bool = False,
    sizes: PartSizes = USUAL,
) -> ContactPlan:
    """Compare the lake's contacts with its stays.

    Args:
        lake: the lake.
        requested: day numbers to write in any case.
        limits: of all contacts; if they differ from the lake's, all its dates are rewritten.
        everything: rewrite all dates that the table holds.
        sizes: of what the workers get and write.

    Raises:
        CommitConflict: stays and footfall are being written at this moment.
    """
    stays, footfall = snapshot(lake, "stays"), snapshot(lake, "footfall")
    # Crowds are cut by footfall, contacts made of stays: both must be of one recomputation. The caller
    # recomputes, which also mends what a run that died in between has left.
    if stays.marks != footfall.marks:
        raise CommitConflict("footfall")
    contacts, crowds = snapshot(lake, "contacts"), snapshot(lake, "crowds")
    # None: other limits, or what the contacts reflect is gone. Then all dates held are written again.
    before = None if everything or limits != held_limits(lake) else _reflected(lake)
    after = by_venue(stays)
    if before is None:
        candidates = _dates_of((*after, *contacts.files, *crowds.files))
    else:
        candidates = affected(dates_touched(before, after), contacts.files, limits.min_us)
    # A date is held by its mark, for one without any contact has no file.
    held = {date for date in candidates if mark(lake, "contacts", _date_mark(date)) is not None}
    return ContactPlan(
        lake=lake,
        limits=limits,
        dates=tuple(sorted({*requested} | held)),
        stays=after,
        footfall=footfall.files,
        contacts=contacts,
        crowds=crowds,
        marks={**stays.marks, _STAYS_VERSION: stays.version, **limits.marks},
        sizes=sizes,
    )


def by_venue(stays: Snapshot) -> tuple[LiveFile, ...]:
    """Return the files of `stays` in the order `venue`."""
    return tuple(file for file in stays.files if file.partition["by"] == "venue")


def _reflected(lake: Lake) -> tuple[LiveFile, ...] | None:
    """Return the files of the stays that `contacts` reflects; None when that version is gone."""
    version = mark(lake, "contacts", _STAYS_VERSION)
    try:
        return None if version is None else by_venue(snapshot(lake, "stays", version))
    except DataError:
        return None


def dates_touched(before: Iterable[LiveFile], after: Iterable[LiveFile]) -> set[int]:
    """Return the dates that stays of changed files touch, from that of an enter to that of an exit."""
    was, remains = ({file.relative: file for file in files} for files in (before, after))
    return _dates_of((was | remains)[path] for path in was.keys() ^ remains.keys())


def _dates_of(files: Iterable[LiveFile]) -> set[int]:
    """Return the dates of files, and all dates up to the last exit or end in them."""
    dates: set[int] = set()
    for file in files:
        # `exit` of stays, `end` of contacts; crowds have neither and lie within their date.
        ends = [
            file.stats.greatest[name] // DAY_US for name in ("exit", "end") if name in file.stats.greatest
        ]
        dates.update(range(date_of(file), max([date_of(file), *ends]) + 1))
    return dates


def affected(touched: Collection[int], contacts: Iterable[LiveFile], min_us: int) -> set[int]:
    """Return the dates whose contacts or crowds may change with the stays.

    A contact that reaches into a touched date began on that date, on an
    earlier one whose row is known to reach it, or so shortly before it that
    it is not a row yet. And a crowd in the last minutes of a day decides where
    contacts of the next day begin.

    Args:
        touched: the dates that the stays touched before the change, or touch after it.
        contacts: the live files.
        min_us: the shortest contact.
    """
    # Rounded up, as a contact that is not long enough yet began less than the minimum ago.
    days_before = -(-min_us // DAY_US)
    # One day after as well, for crowds at the end of a day.
    near = {date + step for date in touched for step in range(-days_before, 2)}
    for file in contacts:
        begin, last = date_of(file), file.stats.greatest["end"] // DAY_US
        if any(begin < date <= last for date in touched):
            near.add(begin)
    return near


def commit_dates(plan: ContactPlan, written: Sequence[Written]) -> None:
    """Commit the written dates: crowds first, then contacts, whose marks decide what is held.

    Raises:
        CommitConflict: another commit came between.
        ServiceError: the lake cannot be written.
    """
    # A mark stays until it is set again, so dates of earlier commits remain held.
    dates = {_date_mark(date): 1 for date in plan.dates}
    _commit(plan, "crowds", plan.crowds, written, plan.marks)
    _commit(plan, "contacts", plan.contacts, written, {**plan.marks, **dates})


def _commit(
    plan: ContactPlan, table: str, live: Snapshot, written: Sequence[Written], marks: Mapping[str, int]
) -> None:
    commit_once(
        plan.lake,
        table,
        sorted((part.file for part in written if part.table == table), key=lambda file: file.path),
        remove=[file for file in live.files if date_of(file) in plan.dates],
        live=live,
        marks=marks,
    )


def _date_mark(date: int) -> str:
    """Return the mark that a date has been written, which it has even without contacts."""
    return f"date:{date}"
