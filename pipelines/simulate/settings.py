"""The parameters of a world and their ranges."""

import datetime as dt
from dataclasses import dataclass, field, fields
from typing import Any

from pipelines.errors import UsageError

DEFAULT_START = dt.date(2021, 8, 1)
MAX_PEOPLE = 20_000_000
MAX_VENUES = 1_000_000
MAX_DAYS = 366
MAX_SEED = 2**63 - 1


def _share(default: float, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc, "most": 1.0})


@dataclass(frozen=True)
class Knobs:
    """Shares and strengths, each a flag of `truyvet simulate`.

    >>> Knobs(exits_forgotten=0.5).exits_forgotten
    0.5

    All are shares from 0 to 1 except `late_days` and `infectiousness`.
    """

    scanning: float = _share(0.9, "share of people who ever scan")
    visits_scanned: float = _share(0.95, "share of visits on which people who scan remember to do so")
    entries_forgotten: float = _share(0.03, "share of scanned visits without a scan at the entrance")
    exits_forgotten: float = _share(0.3, "share of scanned visits without a scan at the exit")
    one_way: float = _share(0.12, "share of venues whose poster does not distinguish in and out")
    guarded: float = _share(0.1, "share of venues where a guard scans each visitor once a day")
    late: float = _share(
        0.04, "share of scans that an offline reader or phone delivers hours or days late, into OUT/late"
    )
    late_days: float = field(
        default=5.0, metadata={"doc": "longest delay of late scans, in days", "least": 0.25, "most": 30.0}
    )
    duplicates: float = _share(0.02, "share of scans delivered twice, at once or hours apart")
    clocks_off: float = _share(0.02, "share of phones and readers whose clock is minutes off")
    clocks_broken: float = _share(
        0.001,
        "share of phones and readers whose clock is days, months or years off (rejected as too_old, too_new)",
    )
    photographed: float = _share(
        0.003, "share of scanned visits during which a photographed code of another venue is scanned"
    )
    without_id: float = _share(0.1, "share of scans without event_id")
    malformed: float = _share(0.002, "share of scans sent as a record that must be rejected, of every kind")
    unusual: float = _share(
        0.002, "share of scans written in a valid but unusual form: escapes, UTC, other order"
    )
    zoned: float = _share(
        0.5, "share of venues with zones (floors, tables, coaches), for types that can have them"
    )
    unregistered: float = _share(0.01, "share of venues that the registry does not know")
    closed: float = _share(
        0.01, "share of venues that the registry closes halfway while their poster stays up"
    )
    home_codes: float = _share(0.05, "share of homes with a code for visitors, in addition to --venues")
    app_users: float = _share(0.3, "share of people with a Bluetooth app, which records encounters of cases")
    declaring: float = _share(0.01, "share of people who make a health declaration on a day")
    several_identifiers: float = _share(
        0.0,
        "share of people who show a card to guards and another identifier elsewhere; links.csv joins them",
    )
    shared_phones: float = _share(
        0.0, "share of those people in whose codes stands the phone of somebody else of the household"
    )
    typed: float = _share(
        0.0, "share of places with a guard or a paper list whose list is typed in the evening"
    )
    remote_bursts: float = _share(
        0.0, "share of posters of which over a hundred people scan a picture from home, in one night"
    )
    misplaced: float = _share(0.0, "share of venues that the registry puts into another province")
    copied_posters: float = _share(
        0.0, "share of posters whose pictures are passed around: all photographed codes are theirs"
    )
    lent_phones: float = _share(0.0, "share of people who scan with the phone of somebody of the household")
    cases: float = field(
        default=0.0005,
        metadata={
            "doc": "share of people infected at the start, but at least one to five people",
            "most": 1.0,
        },
    )
    infectiousness: float = field(
        default=1.0,
        metadata={
            "doc": "strength of transmission; 0 means none, 1 reaches everybody within weeks",
            "most": 1000.0,
        },
    )

    def __post_init__(self) -> None:
        for knob in fields(self):
            value = getattr(self, knob.name)
            least, most = knob.metadata.get("least", 0.0), knob.metadata["most"]
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
                raise UsageError(
                    f"{flag(knob.name)} is out of range", f"write a number from {least:g} to {most:g}"
                )


@dataclass(frozen=True)
class Settings:
    """Everything that determines a world.

    Attributes:
        people: number of inhabitants.
        venues: number of venues with a code, homes excluded.
        days: number of local days from `start` on.
        seed: another seed makes another world with the same parameters.
        start: the first local day.
        knobs: shares and strengths.
    """

    people: int
    venues: int
    days: int
    seed: int
    start: dt.date
    knobs: Knobs

    def __post_init__(self) -> None:
        _whole("--people", self.people, 1, MAX_PEOPLE)
        _whole("--venues", self.venues, 1, MAX_VENUES)
        _whole("--days", self.days, 1, MAX_DAYS)
        _whole("--seed", self.seed, 0, MAX_SEED)
        if not dt.date(1990, 1, 1) <= self.start <= dt.date(2100, 1, 1):
            raise UsageError("--start is out of range", "write a date from 1990-01-01 to 2100-01-01")


def flag(name: str) -> str:
    """Return the command-line flag of a knob.

    >>> flag("exits_forgotten")
    '--exits-forgotten'
    """
    return "--" + name.replace("_", "-")


def _whole(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(f"{name} is out of range", f"write an integer from {least} to {most}")
