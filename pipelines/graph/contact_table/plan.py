"""Which dates of `contacts` and `crowds` are to be written, decided from the logs alone, and their commit.

A date is written when somebody asks for it, and again whenever stays change
that could change it. The table `contacts` says in its marks which dates it
holds, under which limits, and which version of `stays` it reflects.
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

    Attributes:
        min_us: the shortest contact, microseconds.
        cap: a window with more people than that is a crowd.
    """

    min_us: int = MIN_MINUTES * MINUTE_US
    cap: int = CROWD_CAP

    @property
    def marks(self) -> dict[str, int]:
        """How the table says it."""
        return {_MIN_US: self.min_us, _CAP: self.cap}


@dataclass(frozen=True)
class ContactPlan:
    """One attempt at writing dates.

    Attributes:
        lake: the lake.
        limits: of all contacts.
        dates: day numbers to write, ascending.
        stays: the files in the order `venue`.
        footfall: its files.
        contacts: the version to be followed.
        crowds: the version to be followed.
        marks: what both tables will say they reflect.
    """

    lake: Lake
    limits: Limits
    dates: tuple[int, ...]
    stays: tuple[LiveFile, ...]
    footfall: tuple[LiveFile, ...]
    contacts: Snapshot
    crowds: Snapshot
    marks: Mapping[str, int]

    @property
    def is_idle(self) -> bool:
        """Whether both tables are what they must be."""
        return not self.dates and all(
            mark(self.lake, name, key) == number
            for name in ("contacts", "crowds")
            for key, number in self.marks.items()
        )


@dataclass(frozen=True)
class Written:
    """A new file of a table for a date."""

    table: str
    date: int
    file: DataFile


def held_limits(lake: Lake) -> Limits | None:
    """The limits of the contacts that a lake holds; None when it holds none."""
    min_us, cap = mark(lake, "contacts", _MIN_US), mark(lake, "contacts", _CAP)
    return None if min_us is None or cap is None else Limits(min_us, cap)


def make_plan(lake: Lake, asked: Iterable[int], limits: Limits, *, everything: bool = False) -> ContactPlan:
    """Compare the lake's contacts with its stays.

    Args:
        lake: the lake.
        asked: day numbers to write in any case.
        limits: of all contacts; other ones than before write all dates again.
        everything: write all dates again that the table holds.

    Raises:
        CommitConflict: stays and footfall are just being written.
    """
    stays, footfall = snapshot(lake, "stays"), snapshot(lake, "footfall")
    if stays.marks != footfall.marks:
        raise CommitConflict("footfall")
    contacts, crowds = snapshot(lake, "contacts"), snapshot(lake, "crowds")
    before = None if everything or limits != held_limits(lake) else _reflected(lake)
    after = by_venue(stays)
    if before is None:
        candidates = _dates_of((*after, *contacts.files, *crowds.files))
    else:
        candidates = affected(dates_touched(before, after), contacts.files, limits.min_us)
    held = {date for date in candidates if mark(lake, "contacts", _date_mark(date)) is not None}
    return ContactPlan(
        lake=lake,
        limits=limits,
        dates=tuple(sorted({*asked} | held)),
        stays=after,
        footfall=footfall.files,
        contacts=contacts,
        crowds=crowds,
        marks={**stays.marks, _STAYS_VERSION: stays.version, **limits.marks},
    )


def by_venue(stays: Snapshot) -> tuple[LiveFile, ...]:
    """The files of `stays` in the order `venue`."""
    return tuple(file for file in stays.files if file.partition["by"] == "venue")


def _reflected(lake: Lake) -> tuple[LiveFile, ...] | None:
    """The files of the stays that `contacts` reflects; None when nobody knows them any more."""
    version = mark(lake, "contacts", _STAYS_VERSION)
    try:
        return None if version is None else by_venue(snapshot(lake, "stays", version))
    except DataError:
        return None


def dates_touched(before: Iterable[LiveFile], after: Iterable[LiveFile]) -> set[int]:
    """The dates that stays of changed files touch, from that of an enter to that of an exit."""
    was, remains = ({file.relative: file for file in files} for files in (before, after))
    return _dates_of((was | remains)[path] for path in was.keys() ^ remains.keys())


def _dates_of(files: Iterable[LiveFile]) -> set[int]:
    """The dates of files, and all until the last exit or end in them."""
    dates: set[int] = set()
    for file in files:
        ends = [
            file.stats.greatest[name] // DAY_US for name in ("exit", "end") if name in file.stats.greatest
        ]
        dates.update(range(date_of(file), max([date_of(file), *ends]) + 1))
    return dates


def affected(touched: Collection[int], contacts: Iterable[LiveFile], min_us: int) -> set[int]:
    """The dates whose contacts or crowds changed stays may change.

    A contact that reaches into a touched date began on it, on a date from
    which its row is known to reach it, or too shortly before to be a row yet.
    And the crowd of a day's last minutes decides where contacts of the next
    one begin.

    Args:
        touched: the dates that the stays touch, before the change or after it.
        contacts: the live files.
        min_us: the shortest contact.
    """
    days_before = -(-min_us // DAY_US)
    near = {date + step for date in touched for step in range(-days_before, 2)}
    for file in contacts:
        begin, last = date_of(file), file.stats.greatest["end"] // DAY_US
        if any(begin < date <= last for date in touched):
            near.add(begin)
    return near


def commit_dates(plan: ContactPlan, written: Sequence[Written]) -> None:
    """Make the written dates visible: crowds first, then contacts, whose marks decide.

    Raises:
        CommitConflict: another commit came between.
        ServiceError: the lake cannot be written.
    """
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
    """The mark that says that a date has been written, were it without a contact."""
    return f"date:{date}"
