"""A world from beginning to end: simulate each day, observe it, deliver its scans, write the truth."""

import datetime as dt
import json
from collections import Counter
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import TruyVetError, UsageError, is_denial, permission_denied
from pipelines.simulate import others
from pipelines.simulate.cases import make_cases
from pipelines.simulate.contacts import contacts_of
from pipelines.simulate.delivery import FOLDERS, MAX_AGE_DAYS, MAX_AHEAD_DAYS, Delivery, create
from pipelines.simulate.dtypes import Bytes, Int64, Rows
from pipelines.simulate.epidemic import Epidemic
from pipelines.simulate.identity_links import cards_of, write_links
from pipelines.simulate.lines import identifiers_of, names_of
from pipelines.simulate.movements import last_stays, live_day
from pipelines.simulate.observe import CAN_LEAVE, NO_ENTRY, NO_EXIT, RESIDENT, VISITS, see
from pipelines.simulate.people import NEVER, make_households, make_people
from pipelines.simulate.places import make_places, place_codes, start_of
from pipelines.simulate.planted import make_planted, plant, write_anomalies
from pipelines.simulate.settings import DEFAULT_START, Knobs, Settings
from pipelines.simulate.threads import in_order, new_pool
from pipelines.simulate.truth import Truth
from pipelines.terminal.progress import progress

_DAY = 86_400
_PEOPLE_AT_ONCE = 1 << 14


def simulate(
    out: str | Path,
    *,
    people: int,
    venues: int,
    days: int,
    seed: int,
    start: dt.date = DEFAULT_START,
    knobs: Knobs | None = None,
) -> dict[str, Any]:
    """Make a province: files in the wire contract, and separately the truth.

    The same arguments give the same bytes, whatever the machine's time zone,
    threads or date.

    Args:
        out: the folder, new or empty.
        people: number of inhabitants.
        venues: number of venues with a code, homes excluded.
        days: number of local days.
        seed: another seed makes another world with the same parameters.
        start: the first local day.
        knobs: shares of what goes wrong; by default those of `Knobs`.

    Returns:
        The content of `simulation.json`: parameters, instants, counts.

    Raises:
        UsageError: a parameter is out of range, or the folder is not empty or cannot be written.
        RefusedError: this account may not write the folder.
    """
    settings = Settings(people, venues, days, seed, start, knobs or Knobs())
    # Settings first: what is out of range leaves no folder behind.
    folder = _new_folder(Path(out))
    try:
        with new_pool() as pool:
            return _World(settings, folder, pool).run()
    except OSError as error:
        raise _unwritable(error) from error


@dataclass
class _World:
    """A world and the folder it is written to.

    Attributes:
        settings: of the world.
        out: the folder.
        pool: threads.
        stays: all true stays, one part per day.
        tally: counts of visits, as in `observe`.
    """

    settings: Settings
    out: Path
    pool: Executor
    stays: list[Rows] = field(default_factory=list)
    tally: Int64 = field(default_factory=lambda: np.zeros(4, np.int64))

    def run(self) -> dict[str, Any]:
        household, households = make_households(self.settings)
        self.places = make_places(self.settings, households)
        self.people = make_people(self.settings, self.places, household)
        self.codes, self.identifiers = place_codes(self.places), identifiers_of(self.people)
        self.planted = make_planted(self.settings, self.people, self.places)
        epidemic = Epidemic(self.settings, self.people, self.places)
        names = names_of(self.settings, self.places)
        delivery = Delivery(self.settings, self.out, self.people, self.places, names, self.pool)
        # Whole seconds, so that no rounding of floats shows in the truth.
        start_us = round(start_of(self.settings).timestamp()) * 1_000_000
        truth = Truth(self.out / "truth", self.identifiers, self.codes, self.places, start_us)
        with truth, progress("simulate", self.settings.days, "day") as done:
            for day in range(self.settings.days):
                self._live(day, epidemic, delivery, truth)
                done(1)
            last = last_stays(self.people, self.places.venues, self.settings.days * _DAY)
            self._keep(last, np.full(last.size, RESIDENT, np.uint8), truth)
        delivery.send_rest()
        counts = self._write_others(epidemic, truth)
        report = _report(self.settings, delivery, self.tally, counts)
        with create(self.out / "simulation.json") as file:
            file.write(json.dumps(report, indent=2).encode() + b"\n")
        return report

    def _live(self, day: int, epidemic: Epidemic, delivery: Delivery, truth: Truth) -> None:
        """Simulate one day of everybody and write what arrives on it."""
        parts, seen, reasons = [], [], []
        # Threads run ahead, results come in the order of the people.
        for stays, scans, tally, why in in_order(
            self.pool, lambda span: self._live_some(day, span), self._spans()
        ):
            parts.append(stays)
            seen.append(scans)
            reasons.append(why)
            self.tally += tally
        for scans in self._with_planted(day, seen):
            # Late scans of earlier days may be due today, so both folders get a file each day.
            delivery.take(scans)
        for folder in range(len(FOLDERS)):
            delivery.send(folder, day)
        stays = np.concatenate(parts)
        # After the day is over: infections take effect from tomorrow on.
        epidemic.pass_on(day, stays)
        self._keep(stays, np.concatenate(reasons), truth)

    def _with_planted(self, day: int, seen: list[Rows]) -> list[Rows]:
        """Return the scans of a day with what is planted; a list that somebody types is whole in one part."""
        if not self.planted.changes_scans:
            return seen
        # Planting needs the whole day, for a list is typed across the ranges of people.
        scans = np.concatenate(seen)
        return [plant(self.settings, self.planted, day, scans, self.people)]

    def _live_some(self, day: int, span: tuple[int, int]) -> tuple[Rows, Rows, Int64, Bytes]:
        # Ranges are disjoint, so threads change the state of different people.
        stays = live_day(self.settings, day, span, self.people, self.places)
        return stays, *see(self.settings, stays, self.people, self.places)

    def _spans(self) -> list[tuple[int, int]]:
        count = self.settings.people
        return [(first, min(first + _PEOPLE_AT_ONCE, count)) for first in range(0, count, _PEOPLE_AT_ONCE)]

    def _keep(self, stays: Rows, why: Bytes, truth: Truth) -> None:
        self.stays.append(stays)
        truth.add_stays(stays, why)

    def _write_others(self, epidemic: Epidemic, truth: Truth) -> dict[str, int]:
        """Write everything but scans and true stays; return the number of rows of each."""
        settings, people, course = self.settings, self.people, epidemic.course
        cases = make_cases(settings, course)
        case_ids: list[str | None] = [None] * people.size
        for case in cases:
            # A withdrawn case is no case in the truth.
            case_ids[case.person] = case.case_id if case.withdrawn is None else None
        who = np.array([case.person for case in cases if case.withdrawn is None], np.int64)
        # The cases are known only now, which is why all stays were kept.
        contacts = contacts_of(who, self.stays, people.size, self.places.table.size, settings.days)
        truth.write_contacts(contacts, case_ids)
        truth.write_infections(course, case_ids)
        truth.write_identifiers(cards_of(people))
        codes = [code.decode() for code in self.codes.tolist()]
        anomalies = self.out / "truth" / "anomalies.csv"
        write_anomalies(anomalies, self.planted, self.places, codes, self.identifiers)
        named = self.identifiers
        others.write_cases(self.out / "cases.csv", settings, cases, named)
        return {
            "venues": others.write_venues(
                self.out / "venues.csv", settings, self.places, self.codes, self.planted.misplaced
            ),
            "cases": len(cases),
            "cases_withdrawn": len(cases) - who.size,
            "encounters": others.write_encounters(
                self.out / "encounters.ndjson", settings, people, contacts, named
            ),
            "declarations": others.write_declarations(
                self.out / "declarations.csv", settings, people, course, named
            ),
            "links": write_links(self.out / "links.csv", settings, people, named),
            "true_stays": sum(part.size for part in self.stays),
            "true_contacts": contacts.size,
            "infections": int((course["infected"] < NEVER).sum()),
            "infected_before": int((course["by"][course["infected"] < NEVER] < 0).sum()),
        }


def _new_folder(out: Path) -> Path:
    """Make the folder and its subfolders.

    Raises:
        UsageError: it is not empty, or cannot be made.
        RefusedError: this account may not make it.
    """
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise UsageError("--out is not empty", "name a new folder, or remove its content")
        for name in (*FOLDERS, "truth"):
            (out / name).mkdir(mode=0o700)
    except OSError as error:
        raise _unwritable(error) from error
    return out


def _unwritable(error: OSError) -> TruyVetError:
    if is_denial(error):
        return permission_denied(error)
    return UsageError("--out cannot be written", error.strerror or "name another folder")


def _report(settings: Settings, delivery: Delivery, tally: Int64, counts: dict[str, int]) -> dict[str, Any]:
    """Build the content of `simulation.json`."""
    end = settings.days * _DAY
    return {
        "people": settings.people,
        "venues": settings.venues,
        "days": settings.days,
        "seed": settings.seed,
        "start": settings.start.isoformat(),
        "knobs": asdict(settings.knobs),
        "begin": others.local_text(settings, 0),
        "end": others.local_text(settings, end),
        "now": others.local_text(settings, end),
        "max_age_days": MAX_AGE_DAYS,
        "max_ahead_days": MAX_AHEAD_DAYS,
        "rows": counts,
        "visits": {
            "scanned": int(tally[VISITS]),
            "entries_forgotten": int(tally[NO_ENTRY]),
            "exits_possible": int(tally[CAN_LEAVE]),
            "exits_forgotten": int(tally[NO_EXIT]),
        },
        "expected": {name: _expected(part) for name, part in zip(FOLDERS, delivery.counts, strict=True)},
        "made": {
            name: {key.removeprefix("kind "): part[key] for key in sorted(part) if key.startswith("kind ")}
            for name, part in zip(FOLDERS, delivery.counts, strict=True)
        },
    }


def _expected(counts: Counter[str]) -> dict[str, Any]:
    """Compute what `truyvet run` must count for `scans` and then `late`, with the suggested now."""
    reasons = {
        key.removeprefix("reason "): counts[key] for key in sorted(counts) if key.startswith("reason ")
    }
    return {
        **{name: counts[name] for name in ("received", "accepted", "duplicate")},
        "rejected": sum(reasons.values()),
        "unregistered": counts["unregistered"],
        "reasons": {reason: number for reason, number in reasons.items() if number},
    }
