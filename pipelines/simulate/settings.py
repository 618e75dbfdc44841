"""What can be turned about a world, and what a number given for it must be."""

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
    """Shares and strengths; each is a flag of `truyvet simulate`.

    All are shares from 0 to 1 except `late_days`, `cases` and `infectiousness`.
    """

    scanning: float = _share(0.9, "share of people who scan at all")
    visits_scanned: float = _share(0.95, "share of their visits at which those who scan think of it")
    entries_forgotten: float = _share(0.03, "share of scanned visits without a scan on entering")
    exits_forgotten: float = _share(0.3, "share of scanned visits without a scan on leaving")
    one_way: float = _share(0.12, "share of places whose poster does not tell in from out")
    guarded: float = _share(0.1, "share of places where a guard scans each visitor, once a day")
    late: float = _share(
        0.04, "share of scans that an offline reader or phone delivers hours or days later, into OUT/late"
    )
    late_days: float = field(
        default=5.0, metadata={"doc": "the longest such delay, in days", "least": 0.25, "most": 30.0}
    )
    duplicates: float = _share(0.02, "share of scans delivered twice, at once or hours later")
    clocks_off: float = _share(0.02, "share of phones and readers whose clock is minutes off")
    clocks_broken: float = _share(
        0.001, "share of phones and readers whose clock is days, months or years off (too_old, too_new)"
    )
    photographed: float = _share(
        0.003, "share of scanned visits during which the photographed code of another place is scanned"
    )
    without_id: float = _share(0.1, "share of scans without event_id")
    malformed: float = _share(0.002, "share of scans sent as a record to be refused, of every kind")
    unusual: float = _share(0.002, "share of scans written validly but unusually: escapes, UTC, other order")
    zoned: float = _share(0.5, "share of places with zones (floors, tables, coaches) where the type has them")
    unregistered: float = _share(0.01, "share of places that the registry does not know")
    closed: float = _share(0.01, "share of places that the registry closes halfway, whose poster stays up")
    home_codes: float = _share(0.05, "share of homes with a code for visitors; they come beside --venues")
    app_users: float = _share(0.3, "share of people with a Bluetooth app (encounters of cases)")
    declaring: float = _share(0.01, "share of people who declare their health on a day")
    cases: float = field(
        default=0.0005,
        metadata={"doc": "share of people infected at the start; one to five at least", "most": 1.0},
    )
    infectiousness: float = field(
        default=1.0,
        metadata={
            "doc": "strength; 0 passes nothing on, 1 over many weeks reaches all and takes much memory",
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
    """Everything that decides a world.

    Attributes:
        people: how many live in the province.
        venues: how many places with a code there are, homes aside.
        days: local days from `start` on.
        seed: tells worlds of the same parameters apart.
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
    """The flag of a knob."""
    return "--" + name.replace("_", "-")


def _whole(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(f"{name} is out of range", f"write a whole number from {least} to {most}")
