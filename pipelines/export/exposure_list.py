"""An exposure list before it is written: its rows, and all that is said beside them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pyarrow as pa

from pipelines.export.pages.wording import Wording
from pipelines.times import EPOCH, LOCAL_TIMEZONE
from schemas.rules import Rule
from schemas.tables import INSTANT

MILESTONES = pa.schema(
    [
        ("case", pa.string()),
        ("venue", pa.string()),
        ("name", pa.string()),
        ("enter", INSTANT),
        ("exit", INSTANT),
        ("enter_kind", pa.string()),
        ("exit_kind", pa.string()),
    ]
)
"""Where the cases were in their infectious windows; `venue` is its code."""

WITHDRAWN = pa.schema(
    [
        pa.field("person", pa.int64(), metadata={"token": "1"}),
        ("tier", pa.int64()),
        ("exposed_at", INSTANT),
        ("last_contact", INSTANT),
        ("venues", pa.string()),
    ]
)
"""Persons of the earlier list who are not on this one, as they stood there."""


STAYS = pa.schema(
    [
        ("stay_id", pa.int64()),
        pa.field("person", pa.int64(), metadata={"token": "1"}),
        ("venue", pa.string()),
        ("name", pa.string()),
        ("enter", INSTANT),
        ("exit", INSTANT),
        ("enter_kind", pa.string()),
        ("exit_kind", pa.string()),
        ("last_seen", INSTANT),
    ]
)
"""The stays that make the contacts of a list, of both sides; `venue` is its code."""


@dataclass(frozen=True)
class ListedCase:
    """An index case of a list.

    Attributes:
        case_id: its number.
        person: its token.
        onset_us: of symptoms, microseconds UTC; None where it is not known.
        sampled_us: likewise.
        isolated_us: likewise.
        start_us: of the infectious window under the rule.
        end_us: likewise.
    """

    case_id: str
    person: int
    onset_us: int | None
    sampled_us: int | None
    isolated_us: int | None
    start_us: int
    end_us: int


@dataclass(frozen=True)
class ListSettings:
    """How a list is written.

    Attributes:
        words: the language.
        separator: of `list.csv` and `sormas_contacts.csv`.
        revealed: whether identifiers were opened.
        with_register: whether the officer's register was joined.
        compared: whether there is an earlier list.
        humans: whether linked identifiers count as one person.
        follow_up_days: how long contacts are followed; None when it was not asked for.
        capacity: how many calls can be made; None when it was not asked for.
        zone: of local times.
    """

    words: Wording
    separator: str = ","
    revealed: bool = False
    with_register: bool = False
    compared: bool = False
    humans: bool = False
    follow_up_days: int | None = None
    capacity: int | None = None
    zone: ZoneInfo = LOCAL_TIMEZONE


@dataclass(frozen=True)
class ExposureList:
    """What is written.

    Attributes:
        rows: of `columns.COLUMNS`, in the order of the trace.
        phones: of the officer's register, a row of `rows` each; empty without one.
        stays: of `STAYS`, those behind the rows.
        known_cases: tokens of all persons who are a case of the lake.
        milestones: of `MILESTONES`, by case and time.
        withdrawn: of `WITHDRAWN`, by person.
        cases: the index cases, by number.
        rule: the rule pack.
        depth: the last tier asked for.
        until_us: how far the question reached; microseconds UTC.
        lake_version: the newest version of `scans`.
        created: when the list was made.
        expires: after which it must not be used.
        about: what the list rests on, in sentences of the list's language.
        settings: how it is written.
        opened: how many identifiers were opened for it.
    """

    rows: pa.Table
    phones: Sequence[str]
    stays: pa.Table
    known_cases: frozenset[int]
    milestones: pa.Table
    withdrawn: pa.Table
    cases: Sequence[ListedCase]
    rule: Rule
    depth: int
    until_us: int
    lake_version: int
    created: dt.datetime
    expires: dt.datetime
    about: Sequence[str]
    settings: ListSettings
    opened: int = 0


def local_day(instant_us: int, zone: ZoneInfo) -> dt.date:
    """The local day of an instant.

    Example:
        >>> local_day(1_627_837_200_000_000, LOCAL_TIMEZONE)  # 17:00 UTC
        datetime.date(2021, 8, 2)
    """
    return (EPOCH + dt.timedelta(microseconds=instant_us)).astimezone(zone).date()


@dataclass(frozen=True)
class WrittenFile:
    """A file of a list that was written.

    Attributes:
        name: of the file.
        rows: how many persons it holds; None for what is not a table of them.
        left_out: rows that the format cannot hold.
        notes: what is to be said of it, a line each.
    """

    name: str
    rows: int | None
    left_out: int = 0
    notes: Sequence[str] = ()
