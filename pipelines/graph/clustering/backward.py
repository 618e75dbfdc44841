"""Backward: the venues and people that cases share before they could infect, likely common sources."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from pipelines.answer import Answer, started
from pipelines.errors import UsageError
from pipelines.graph.answer_quality import AnswerQuality, quality_of_cases
from pipelines.graph.cases import Case, cases_by_id, find_cases, last_instant_us, numbers_of, require_dates
from pipelines.graph.clustering.shared_people import SHARED_PEOPLE, shared_people
from pipelines.graph.clustering.shared_venues import SHARED_VENUES, shared_venues
from pipelines.graph.infectious_window import BACK_DAYS, WITHIN_HOURS, Window, check_back_days, source_window
from pipelines.graph.tracing.request import validity_notes
from pipelines.lake import Lake, LakeLike, opened
from pipelines.terminal.output import counted
from pipelines.times import HOUR_US
from schemas.rules import DEFAULT_RULE, Rule, load_rule

_HOURS_AT_MOST = 1e6


@dataclass(frozen=True, eq=False, repr=False)
class CommonSources(Answer):
    """What cases share: an answer whose rows are the venues or the people; it holds both tables.

    Attributes:
        venues: columns of `SHARED_VENUES`, the least likely by chance first.
        people: columns of `SHARED_PEOPLE`, those met by most cases first.
    """

    venues: pa.Table = field(default_factory=SHARED_VENUES.empty_table)
    people: pa.Table = field(default_factory=SHARED_PEOPLE.empty_table)


@dataclass(frozen=True)
class BackwardRequest:
    """Whose common sources are wanted.

    Attributes:
        cases: by number; each has an onset or a sample.
        rule: ends the intervals, and says what makes a contact.
        back_days: an interval begins this long before the onset or sample.
        within_us: stays at a venue that follow one another by no more than this gather.
        undated: cases that were left out, having neither onset nor sample.
    """

    cases: dict[str, Case]
    rule: Rule
    back_days: float
    within_us: int
    undated: tuple[Case, ...]

    def intervals(self) -> list[Window]:
        """Return the interval in which each case may have been infected."""
        infectious = self.rule.infectious
        return [source_window(case.times, infectious, self.back_days) for case in self.cases.values()]

    def notes(self, venues: pa.Table, people: pa.Table) -> Iterator[str]:
        """Return what was asked and found, as sentences for people."""
        shared = f"{counted(venues.num_rows, 'venue')} and {counted(people.num_rows, 'person', 'people')}"
        yield f"of {counted(len(self.cases), 'case')} two or more share {shared}"
        if self.undated:
            yield f"left out: {counted(len(self.undated), 'case')} with neither onset nor sample"
        empty = sum(interval.empty for interval in self.intervals())
        if empty:
            yield f"infectious before the interval begins: {counted(empty, 'case')}"
        yield from validity_notes(self.cases.values(), self.rule)

    def quality(self, lake: Lake) -> AnswerQuality:
        """Return what an answer rests on at the venues where the cases stayed in their intervals."""
        cases = [*self.cases.values(), *self.undated]
        return quality_of_cases(lake, cases, [*self.intervals(), *[Window(0, 0)] * len(self.undated)])


def backward(
    lake: LakeLike,
    cases: Sequence[str] | None = None,
    rule: str = DEFAULT_RULE,
    back_days: float = BACK_DAYS,
    *,
    within_hours: float = WITHIN_HOURS,
    people: bool = False,
    eager_quality: bool = False,
) -> CommonSources:
    """Find where two or more cases had been, and whom they had met, while they may have been infected.

    A case's interval goes from `back_days` before its onset (else its sample) to the start of its
    infectious window under the rule. Venues are ranked by how unlikely it is that this many cases would be
    there by chance, people by how many cases they met. Homes are venues like others, and a person may be a
    case himself.

    Example:
        >>> found = backward(lake, ["BN-1", "BN-2"])
        >>> found.notes[0]
        'of 2 cases two or more share 0 venues and 0 people'

    Args:
        lake: the lake, or where it lies.
        cases: the numbers of cases; None is every case that has not been withdrawn and has a date.
        rule: a rule pack, by id or path.
        back_days: days of 86,400 s.
        within_hours: how long after the others have left a case still gathers with them.
        people: let the rows be the people; by default they are the venues.
        eager_quality: compute the quality at once, on a thread beside the rows.

    Returns:
        Columns of `SHARED_VENUES`, or with `people` of `SHARED_PEOPLE`; both tables stand beside the rows.

    Raises:
        UsageError: a number is out of range, or the rule pack is unknown or wrong.
        DataError: there is no such lake or case, it has been withdrawn, or it has neither onset nor sample.
    """
    where = opened(lake)
    request = backward_request(where, cases, rule, back_days, within_hours=within_hours)
    quality = started(lambda: request.quality(where), eager_quality)
    venues, persons = common_sources(where, request)
    notes = tuple(request.notes(venues, persons))
    return CommonSources(persons if people else venues, notes, quality, venues, persons)


def backward_request(
    lake: Lake,
    cases: Sequence[str] | None = None,
    rule: str = DEFAULT_RULE,
    back_days: float = BACK_DAYS,
    *,
    within_hours: float = WITHIN_HOURS,
) -> BackwardRequest:
    """Validate the arguments of `backward`; the same errors."""
    check_back_days(back_days)
    if not (math.isfinite(within_hours) and 0 <= within_hours <= _HOURS_AT_MOST):
        raise UsageError("--within-hours must be a number ≥ 0", "write --within-hours 2")
    pack = load_rule(rule)
    # Asked for by number a case must have a date; of all cases those without are left out, with a line.
    if cases is None:
        named = cases_by_id(lake)
    else:
        numbers = numbers_of(cases)
        named = dict(zip(numbers, find_cases(lake, numbers), strict=True))
        require_dates(named, "when it was infected cannot be told; add onset_at or sampled_at to the case")
    timed = {number: case for number, case in sorted(named.items()) if case.times.known}
    undated = tuple(case for case in named.values() if not case.times.known)
    return BackwardRequest(timed, pack, back_days, round(within_hours * HOUR_US), undated)


def common_sources(lake: Lake, request: BackwardRequest) -> tuple[pa.Table, pa.Table]:
    """Find the venues and the people that the cases share."""
    intervals = request.intervals()
    return (
        shared_venues(lake, request.cases, intervals, request.within_us),
        shared_people(lake, request.cases, intervals, request.rule, last_instant_us(lake)),
    )
