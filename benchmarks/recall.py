"""Recall and precision: F1 of simulated cases against their true contacts, by share of people who scan.

The province comes from `truyvet simulate` with all its usual flaws: forgotten
exits, guards who scan once a day, wrong clocks. Its truth does not depend on who
scans. A true F1 was with the case for as long as the rule requires, at one place
or at several without a pause, while the case was infectious. Bluetooth
encounters are left out because they would hide what scanning misses.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import report, say
from benchmarks.recall_parts import parts
from pipelines.drivers.run import run
from pipelines.graph import trace
from pipelines.graph.cases import cases_by_id
from pipelines.graph.infectious_window import Window, infectious_window
from pipelines.lake import Lake, open_lake
from pipelines.privacy.keys import load_keys, token
from pipelines.simulate import simulate
from pipelines.simulate.settings import Knobs
from pipelines.times import DAY_US, parse_instant
from schemas.rules import DEFAULT_RULE, Rule, load_rule

SHARES = (1.0, 0.5, 0.1)
DAYS, SEED = 14, 11

LATE_DAYS = 14
"""How long after the end of a province its scans are loaded, so that none is missing."""

_SCANS_A_PERSON = 500
_PEOPLE_A_VENUE = 40
_MINUTE_US = 60_000_000
_HOME = "-HM-"  # part of the code of a home

Pair = tuple[str, int]
"""A case and the token of a person."""

Span = tuple[int, int]
"""[start, end), microseconds UTC."""


class Contact(NamedTuple):
    """A true overlap of a case with a person; microseconds UTC."""

    case: str
    person: int
    venue: str
    start_us: int
    end_us: int


class Found(NamedTuple):
    """True and traced contacts, as pairs of a case and a person.

    Attributes:
        cases: number of cases, each traced alone.
        true: true F1.
        outside: true F1 even without contacts in homes, where residents do not scan.
        met: people who were with the case at all.
        listed: people whom the trace lists as F1.
    """

    cases: int
    true: set[Pair]
    outside: set[Pair]
    met: set[Pair]
    listed: set[Pair]

    @property
    def precision(self) -> float | None:
        """Share of listed people who are true F1."""
        return _share(self.listed & self.true, self.listed)

    @property
    def recall(self) -> float | None:
        """Share of true F1 who are listed."""
        return _share(self.listed & self.true, self.true)

    @property
    def recall_outside(self) -> float | None:
        """Share of true F1 outside homes who are listed."""
        return _share(self.listed & self.outside, self.outside)

    @property
    def precision_of_meeting(self) -> float | None:
        """Share of listed people who were with the case at all."""
        return _share(self.listed & self.met, self.listed)


def _share(part: set[Pair], whole: set[Pair]) -> float | None:
    return len(part) / len(whole) if whole else None


def measure(work: Path, scans: int) -> None:
    """Observe the same province with fewer and fewer people who scan."""
    people = max(1_000, scans // _SCANS_A_PERSON)
    rows, lost = [], []
    for share in SHARES:
        say(f"{people:,} people of whom {share:.0%} scan")
        folder = work / f"recall-{share}"
        found = look(folder, people, people // _PEOPLE_A_VENUE, DAYS, Knobs(scanning=share))
        rows.append({"people": people, "who scan": f"{share:.0%}", **_figures(found)})
        made = parts(folder / "province", open_lake(str(folder / "lake")))
        lost += [{"who scan": f"{share:.0%}", **part.figures()} for part in made]
    report("recall", rows)
    report("recall by venue type", lost)


def _figures(found: Found) -> dict[str, object]:
    shares = {
        "precision": found.precision,
        "recall": found.recall,
        "recall, homes aside": found.recall_outside,
        "listed who met at all": found.precision_of_meeting,
    }
    percent = {f"{name} %": None if share is None else 100 * share for name, share in shares.items()}
    return {"cases": found.cases, "true F1": len(found.true), "listed": len(found.listed), **percent}


def look(folder: Path, people: int, venues: int, days: int, knobs: Knobs) -> Found:
    """Make a province and its lake, late scans included, and trace each case alone.

    Args:
        folder: folder of both; replaced.
        people: number of inhabitants.
        venues: number of venues.
        days: number of days.
        knobs: shares of people who scan and of what goes wrong.
    """
    shutil.rmtree(folder, ignore_errors=True)
    province, url = folder / "province", str(folder / "lake")
    made = simulate(province, people=people, venues=venues, days=days, seed=SEED, knobs=knobs)
    run(
        url,
        [str(province / "scans"), str(province / "late")],
        venues=[str(province / "venues.csv")],
        cases=[str(province / "cases.csv")],
        now_us=parse_instant(made["now"]) + LATE_DAYS * DAY_US,
    )
    return _judged(province, open_lake(url), made["now"])


def _judged(province: Path, lake: Lake, until: str) -> Found:
    """Compare the traced people with the truth of a province."""
    rule, cases = load_rule(DEFAULT_RULE), cases_by_id(lake)
    windows = {
        name: infectious_window(case.times, rule.infectious, parse_instant(until))
        for name, case in cases.items()
    }
    met = _together(_contacts(province, lake), windows)
    outside = _together((row for row in _contacts(province, lake) if _HOME not in row.venue), windows)
    listed = {(name, person) for name in cases for person in _listed(lake, name, until)}
    return Found(len(cases), _lasting(met, rule), _lasting(outside, rule), set(met), listed)


def _listed(lake: Lake, case: str, until: str) -> list[int]:
    persons: list[int] = trace(lake, case, until=until)["person"].to_pylist()
    return persons


def _contacts(province: Path, lake: Lake) -> Iterator[Contact]:
    """True overlaps of cases, one row per pair of stays."""
    keys = load_keys(Path(f"{lake.url}.keys"))
    rows = pq.read_table(province / "truth" / "contacts.parquet")
    tokens = {person: token(keys, person) for person in rows["other"].unique().to_pylist()}
    times = (rows[name].cast(pa.int64()).to_pylist() for name in ("start", "end"))
    names = (rows[name].to_pylist() for name in ("case_id", "other", "venue"))
    for case, other, venue, start_us, end_us in zip(*names, *times, strict=True):
        yield Contact(case, tokens[other], venue, start_us, end_us)


def _together(contacts: Iterable[Contact], windows: Mapping[str, Window]) -> dict[Pair, list[Span]]:
    """Times of each pair within the window of the case, unordered; cases without a window are skipped."""
    spans = defaultdict(list)
    for contact in contacts:
        window = windows.get(contact.case)
        if window is None or not window.meets(contact.start_us, contact.end_us):
            continue
        span = max(contact.start_us, window.start_us), min(contact.end_us, window.end_us)
        spans[contact.case, contact.person].append(span)
    return spans


def _lasting(together: Mapping[Pair, list[Span]], rule: Rule) -> set[Pair]:
    """Pairs that were together without a pause for as long as the rule requires."""
    least_us = round(rule.contact.min_minutes * _MINUTE_US)
    return {pair for pair, spans in together.items() if _longest_us(spans) >= least_us}


def _longest_us(spans: list[Span]) -> int:
    """Return the longest interval after merging spans that overlap or touch."""
    longest_us, begin_us, end_us = 0, *min(spans)
    for start_us, stop_us in sorted(spans):
        begin_us = start_us if start_us > end_us else begin_us
        end_us = max(end_us, stop_us)
        longest_us = max(longest_us, end_us - begin_us)
    return longest_us
