"""Backward: the venues and people that cases share before they could infect, likely common sources."""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from pipelines.errors import DataError, UsageError
from pipelines.graph.cases import Case, cases_by_id, find_cases, last_instant_us
from pipelines.graph.clustering.shared_people import shared_people
from pipelines.graph.clustering.shared_venues import shared_venues
from pipelines.graph.infectious_window import BACK_DAYS, Window, check_back_days, source_window
from pipelines.graph.tracing.request import doubts
from pipelines.lake import Lake, LakeLike, opened
from pipelines.terminal.output import counted
from schemas.rules import DEFAULT_RULE, Rule, load_rule

WITHIN_HOURS = 2.0
"""How long after the others have left a case still gathers with them."""

_HOUR_US = 3_600_000_000
_HOURS_AT_MOST = 1e6


@dataclass(frozen=True)
class CommonSources:
    """What cases share.

    Attributes:
        venues: columns of `shared_venues.SHARED_VENUES`, the least likely by chance first.
        people: columns of `shared_people.SHARED_PEOPLE`, those met by most cases first.
    """

    venues: pa.Table
    people: pa.Table


@dataclass(frozen=True)
class BackwardRequest:
    """Whose common sources are wanted.

    Attributes:
        cases: by number; each has an onset or a sample.
        rule: ends the intervals, and says what makes a contact.
        back_days: an interval begins so long before the onset or sample.
        within_us: stays at a venue that follow one another by no more than this gather.
        undated: cases left out, having neither onset nor sample.
    """

    cases: dict[str, Case]
    rule: Rule
    back_days: float
    within_us: int
    undated: int

    def intervals(self) -> list[Window]:
        """When each case may have been infected."""
        infectious = self.rule.infectious
        return [source_window(case.times, infectious, self.back_days) for case in self.cases.values()]

    def lines(self, found: CommonSources) -> Iterator[str]:
        """What was asked and found, for people."""
        venues = counted(found.venues.num_rows, "venue")
        people = counted(found.people.num_rows, "person", "people")
        yield f"of {counted(len(self.cases), 'case')} two or more share {venues} and {people}"
        if self.undated:
            yield f"left out: {counted(self.undated, 'case')} with neither onset nor sample"
        empty = sum(interval.empty for interval in self.intervals())
        if empty:
            yield f"infectious before the interval begins: {counted(empty, 'case')}"
        yield from doubts(self.cases.values(), self.rule)


def backward(
    lake: LakeLike,
    cases: Sequence[str] | None = None,
    rule: str = DEFAULT_RULE,
    back_days: float = BACK_DAYS,
    *,
    within_hours: float = WITHIN_HOURS,
) -> CommonSources:
    """Where two or more cases had been, and whom they had met, while they may have been infected.

    A case's interval goes from `back_days` before its onset (else its sample)
    to the begin of its infectious window under the rule. Venues are ranked by
    how unlikely so many cases would be there by chance, people by how many
    cases they met; homes are venues like others, and a person may be a case
    himself.

    Args:
        lake: the lake, or where it lies.
        cases: the numbers of cases; None is all that count and have a date.
        rule: a rule pack, by id or path.
        back_days: days of 86,400 s.
        within_hours: how long after the others have left a case still gathers with them.

    Returns:
        Shared venues and shared people.

    Raises:
        UsageError: a number is out of range, or the rule pack is unknown or wrong.
        DataError: there is no such lake or case, it has been withdrawn, or it
            has neither onset nor sample.
    """
    where = opened(lake)
    return find_sources(where, question(where, cases, rule, back_days, within_hours=within_hours))


def question(
    lake: Lake,
    cases: Sequence[str] | None = None,
    rule: str = DEFAULT_RULE,
    back_days: float = BACK_DAYS,
    *,
    within_hours: float = WITHIN_HOURS,
) -> BackwardRequest:
    """What the arguments of `backward` ask for; the same errors."""
    check_back_days(back_days)
    if not (math.isfinite(within_hours) and 0 <= within_hours <= _HOURS_AT_MOST):
        raise UsageError("--within-hours is no number from 0", "write --within-hours 2")
    pack = load_rule(rule)
    known = cases_by_id(lake) if cases is None else _named(lake, cases)
    dated = {number: case for number, case in sorted(known.items()) if case.times.known}
    if cases is not None and len(dated) < len(known):
        raise DataError(
            "--case names a case with neither onset nor sample",
            "when it was infected cannot be told; add onset_at or sampled_at to the case",
        )
    return BackwardRequest(dated, pack, back_days, round(within_hours * _HOUR_US), len(known) - len(dated))


def find_sources(lake: Lake, asked: BackwardRequest) -> CommonSources:
    """The venues and people that the cases asked about share."""
    intervals = asked.intervals()
    return CommonSources(
        shared_venues(lake, asked.cases, intervals, asked.within_us),
        shared_people(lake, asked.cases, intervals, asked.rule, last_instant_us(lake)),
    )


def _named(lake: Lake, numbers: Sequence[str]) -> dict[str, Case]:
    """The cases of some numbers, as the lake writes the numbers."""
    written = [unicodedata.normalize("NFC", number.strip()) for number in numbers]
    return dict(zip(written, find_cases(lake, written), strict=True))
