"""A trace request: whose contacts are traced, under which rule, how many tiers, and up to when."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pipelines.errors import UsageError
from pipelines.graph.answer_quality import AnswerQuality, quality_of_cases
from pipelines.graph.cases import Case, cases_by_id, find_cases, last_instant_us, numbers_of, require_dates
from pipelines.graph.infectious_window import Window, infectious_window, outside_validity
from pipelines.graph.partner_pairs import partner_pairs
from pipelines.graph.tracing.infectious_intervals import Intervals, infectious_intervals
from pipelines.kernels.types import Int64
from pipelines.lake import Lake
from pipelines.terminal.output import counted
from pipelines.times import Instant, end_us
from schemas.rules import Rule


@dataclass(frozen=True)
class TraceRequest:
    """A validated trace request.

    Attributes:
        cases: the index cases; each has an onset or a sample.
        rule: the rule pack.
        depth: the last tier.
        until_us: how far the question reaches; microseconds UTC.
        skipped: cases that were left out of `--all-cases`, having neither onset nor sample.
    """

    cases: tuple[Case, ...]
    rule: Rule
    depth: int
    until_us: int
    skipped: tuple[Case, ...] = ()

    @cached_property
    def intervals(self) -> Intervals:
        """When the index cases are infectious: the search asks for it, and the statement beside a list."""
        return infectious_intervals(self.cases, self.rule, self.until_us)

    def persons(self) -> Int64:
        """Return the tokens of the index cases; a person stands once a case."""
        return np.array([case.person for case in self.cases], np.int64)

    def windows(self) -> list[Window]:
        """Return the infectious window of each case."""
        # By case and not merged, for it is cases that the notes speak of.
        return [infectious_window(case.times, self.rule.infectious, self.until_us) for case in self.cases]

    def notes(self) -> Iterator[str]:
        """Return what must be said about the request itself."""
        if not self.cases and not self.skipped:
            yield "the lake holds no case"
        if self.skipped:
            yield f"{counted(len(self.skipped), 'case')} with neither onset nor sample skipped"
        yield from validity_notes(self.cases, self.rule)
        empty = sum(window.empty for window in self.windows())
        if empty:
            said = "with an empty window: it begins after isolation, or after all that is known"
            yield f"{counted(empty, 'case')} {said}"

    def quality(self, lake: Lake) -> AnswerQuality:
        """Return what an answer rests on at the venues where the cases stayed while they were infectious."""
        nothing = [Window(0, 0)] * len(self.skipped)  # asked for too, and perhaps in no scan
        return quality_of_cases(lake, [*self.cases, *self.skipped], [*self.windows(), *nothing])

    def list_quality(self, lake: Lake) -> AnswerQuality:
        """Return the same for a list of contacts, with what tells how much of the truth it can hold."""
        met = partner_pairs(lake, self.intervals).share
        return replace(self.quality(lake), met=met, tiers=self.depth)


def make_request(
    lake: Lake,
    rule: Rule,
    case: str | Sequence[str],
    *,
    all_cases: bool,
    depth: int | None,
    until: Instant | None,
) -> TraceRequest:
    """Validate a trace request.

    Args:
        lake: where.
        rule: the rule pack.
        case: the number of a case, or of several; none with `all_cases`.
        all_cases: trace every case that has not been withdrawn.
        depth: the last tier; None is the rule's.
        until: how far the question reaches, a date including the whole of that day; None is the lake's last
            instant.

    Raises:
        UsageError: the request is malformed.
        DataError: a case is unknown, withdrawn, or has neither onset nor sample.
    """
    named = numbers_of([case] if isinstance(case, str) else case)
    # Neither of them, or both.
    if bool(named) == all_cases:
        raise UsageError("one of --case and --all-cases is needed", "name cases, or ask for all, not both")
    if depth is not None and depth < 1:
        raise UsageError("--depth must be an integer ≥ 1 (1 = F1)", "write --depth 2")
    cases = cases_by_id(lake) if all_cases else dict(zip(named, find_cases(lake, named), strict=True))
    # Of all cases, those without a date are left out and counted; a case that was named must have one.
    if not all_cases:
        require_dates(cases, "its infectious window has no beginning; add onset_at or sampled_at to the case")
    # None here is the lake's last instant, which is looked up only then.
    until_us = end_us(until, "--until")
    return TraceRequest(
        tuple(one for one in cases.values() if one.times.known),
        rule,
        rule.chain.max_tier if depth is None else depth,
        last_instant_us(lake) if until_us is None else until_us,
        tuple(one for one in cases.values() if not one.times.known),
    )


def validity_notes(cases: Collection[Case], rule: Rule) -> Iterator[str]:
    """Return sentences for cases outside the dates for which a rule was made.

    Raises:
        DataError: a case has neither onset nor sample.
    """
    lines = (outside_validity(case.times, rule) for case in cases)
    for line, count in sorted(Counter(line for line in lines if line).items()):
        yield line if len(cases) == 1 else f"{counted(count, 'case')} of {len(cases):,}: {line}"
