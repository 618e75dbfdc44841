"""What a trace is asked for: whose cases, under which rule, how far and until when."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from pipelines.errors import DataError, UsageError
from pipelines.graph.cases import Case, cases_by_id, find_cases, last_instant_us
from pipelines.graph.infectious_window import infectious_window, outside_validity
from pipelines.lake import Lake
from pipelines.terminal.output import counted
from pipelines.times import parse_instant
from schemas.rules import Rule


@dataclass(frozen=True)
class TraceRequest:
    """A question.

    Attributes:
        cases: the index cases; each has an onset or a sample.
        rule: the rule pack.
        depth: the last tier.
        until_us: how far the question reaches; microseconds UTC.
        skipped: how many of all cases were left out, having neither onset nor sample.
    """

    cases: tuple[Case, ...]
    rule: Rule
    depth: int
    until_us: int
    skipped: int = 0

    def notes(self) -> Iterator[str]:
        """What is to be said of the question, a line each."""
        if not self.cases and not self.skipped:
            yield "the lake holds no case"
        if self.skipped:
            yield f"{counted(self.skipped, 'case')} with neither onset nor sample skipped"
        yield from doubts(self.cases, self.rule)
        windows = [infectious_window(case.times, self.rule.infectious, self.until_us) for case in self.cases]
        empty = sum(window.empty for window in windows)
        if empty:
            said = "with an empty window: it begins after isolation, or after all that is known"
            yield f"{counted(empty, 'case')} {said}"


def make_request(
    lake: Lake, rule: Rule, case: Sequence[str], *, all_cases: bool, depth: int | None, until: str | None
) -> TraceRequest:
    """A question, checked.

    Args:
        lake: where.
        rule: the rule pack.
        case: numbers of cases; none with `all_cases`.
        all_cases: trace all that have not been withdrawn.
        depth: the last tier; None is the rule's.
        until: how far the question reaches; None is the lake's last instant.

    Raises:
        UsageError: the question is malformed.
        DataError: a case is unknown, withdrawn, or has neither onset nor sample.
    """
    if bool(case) == all_cases:
        raise UsageError("one of --case and --all-cases is needed", "name cases, or ask for all, not both")
    if depth is not None and depth < 1:
        raise UsageError("--depth is no tier", "write a whole number from 1, which is F1")
    cases = list(cases_by_id(lake).values()) if all_cases else find_cases(lake, case)
    known = [one for one in cases if one.times.known]
    if not all_cases and len(known) < len(cases):
        raise DataError(
            "--case names a case with neither onset nor sample",
            "its infectious window has no beginning; add onset_at or sampled_at to the case",
        )
    return TraceRequest(
        tuple(known),
        rule,
        rule.chain.max_tier if depth is None else depth,
        last_instant_us(lake) if until is None else parse_instant(until, "--until"),
        len(cases) - len(known),
    )


def doubts(cases: Collection[Case], rule: Rule) -> Iterator[str]:
    """A line for people where cases lie outside the days for which a rule was made.

    Raises:
        DataError: a case has neither onset nor sample.
    """
    lines = (outside_validity(case.times, rule) for case in cases)
    for doubt, count in sorted(Counter(line for line in lines if line).items()):
        yield doubt if len(cases) == 1 else f"{counted(count, 'case')} of {len(cases):,}: {doubt}"
