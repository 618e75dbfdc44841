"""What health declarations tell: symptoms by area and week, and contacts that no scan explains."""

import datetime as dt
from typing import Final

from pipelines.answer import Answer, started
from pipelines.ascertainment.declaration_rates import RATES, WEEK_US, WEEKS_BEFORE, rate_notes, rates
from pipelines.ascertainment.read_declarations import read_declarations
from pipelines.errors import UsageError
from pipelines.graph.stays_index import Span
from pipelines.lake import Lake, LakeLike, opened
from pipelines.lake.freshness import Freshness, freshness_of_declarations
from pipelines.query.engine import answer
from pipelines.times import Instant, instant_us
from schemas.rules import DEFAULT_RULE, load_rule

BY: Final = {"district": "district_code", "channel": "channel"}
"""What declarations can be counted by, and the column that says it."""


def declarations(
    lake: LakeLike,
    *,
    by: str = "district",
    from_: Instant | None = None,
    to: Instant | None = None,
    unlinked: bool = False,
    rule: str = DEFAULT_RULE,
    eager_quality: bool = False,
) -> Answer:
    """Symptomatic people among those who declared, by area and 7 days; or the contacts that no scan explains.

    Example:
        >>> found = declarations(lake, to="2021-07-15")
        >>> found.select(["area", "declarations", "people", "symptomatic", "share", "p"]).to_pylist()
        [{'area': '522', 'declarations': 3, 'people': 2, 'symptomatic': 1, 'share': 0.5, 'p': None}]
        >>> declarations(lake, unlinked=True).to_pylist()
        [{'claims': 2, 'unlinked': 1, 'reached': 1, 'share': 0.5}]

    Args:
        lake: the lake, or where it lies.
        by: `district` or `channel`.
        from_: only whole spans of 7 days from there on; None is the last one. With `unlinked` claims from
            there on, None is all.
        to: the end, exclusive, from which spans are counted back; None is the end of the local day of the
            last declaration.
        unlinked: count the people who declared a contact with a case and whom no trace of any case reaches.
        rule: the rule pack of those traces, by id or path.
        eager_quality: compute the quality at once, on a thread beside the rows.

    Returns:
        Columns of `RATES` by start and area, or one row of `UNLINKED`.

    Raises:
        UsageError: the question is malformed, or the rule pack unknown or wrong.
        DataError: there is no such lake, or a file of it is damaged.
    """
    if by not in BY:
        raise UsageError(f"--by must be one of {' '.join(BY)}", "choose one of them")
    where = opened(lake)
    span = _span(from_, to)
    if unlinked:
        return _unlinked(where, rule, span, eager_quality=eager_quality)
    return _rates(where, by, span)


def _span(from_: Instant | None, to: Instant | None) -> Span:
    """The span asked for; a date alone is the start of its local day in both, since `to` is exclusive."""
    span = Span(instant_us(from_, "--from"), instant_us(to, "--to"))
    if span.begins_at() >= span.ends_at():
        raise UsageError("--from must lie before --to", "--to is exclusive: name the day after the last one")
    return span


def _rates(lake: Lake, by: str, span: Span) -> Answer:
    made = freshness_of_declarations(lake)
    # Without --to the spans end with the local day of the last declaration, so that none is cut.
    to_us = _end_us(made) if span.to_us is None else span.to_us
    if to_us is None:
        return Answer(RATES.empty_table(), ("the lake holds no declaration",), lambda: made)
    # Spans are whole: a rest of less than 7 days at --from is not counted.
    weeks = 1 if span.from_us is None else (to_us - span.from_us) // WEEK_US
    if weeks < 1:
        raise UsageError("--from must lie at least 7 days before --to", "name an earlier day")
    # Read four spans further back than is shown, for the share of before.
    read = Span(to_us - (weeks + WEEKS_BEFORE) * WEEK_US, to_us)
    rows = read_declarations(lake, ["person", "symptoms", BY[by]], read)
    declared = rows.rename_columns(["person", "symptoms", "area", "declared_us"])
    counts = answer("declaration_counts", {"declared": declared}, to_us=to_us, week_us=WEEK_US)
    found = rates(counts, to_us, weeks)
    return Answer(found, tuple(rate_notes(found, by)), lambda: made)


def _end_us(made: Freshness) -> int | None:
    """The end of the local day of the last declaration; None without one."""
    last_day = made.last_day
    return None if last_day is None else instant_us(last_day + dt.timedelta(days=1), "--to")


def _unlinked(lake: Lake, rule: str, span: Span, *, eager_quality: bool) -> Answer:
    # Here and not above: rates should not wait for the kernels of a trace.
    from pipelines.ascertainment.unlinked_claims import unlinked_claims
    from pipelines.graph.tracing.request import make_request

    # Every case counts: a claim is unlinked only if no trace at all reaches its person.
    request = make_request(lake, load_rule(rule), (), all_cases=True, depth=None, until=None)
    quality = started(lambda: request.quality(lake), eager_quality)
    rows = unlinked_claims(lake, request, span)
    note = (
        f"people who declared a contact with a case; traces by {request.rule.id}; share = unlinked / claims"
    )
    return Answer(rows, (*request.notes(), note), quality)
