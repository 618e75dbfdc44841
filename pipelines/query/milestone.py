"""The time-places (mốc dịch tễ) of a case: where it stayed while it could infect."""

import numpy as np
import pyarrow as pa

from pipelines.answer import Answer, started
from pipelines.graph.answer_quality import quality_of_cases
from pipelines.graph.cases import Case, find_cases, last_instant_us, numbers_of, require_dates
from pipelines.graph.infectious_window import Window, infectious_window, outside_validity
from pipelines.graph.stays_index import Span, stays_of_person
from pipelines.lake import Lake, LakeLike, opened, read_table
from pipelines.linkage.human_lake import human_notes, of_humans
from pipelines.query.engine import answer
from schemas.rules import DEFAULT_RULE, load_rule
from schemas.tables import INSTANT

MILESTONES = pa.schema(
    [
        ("venue", pa.string()),
        ("name", pa.string()),
        ("enter", INSTANT),
        ("exit", INSTANT),
        ("enter_kind", pa.string()),
        ("exit_kind", pa.string()),
    ]
)
"""The columns of an answer; `venue` is its code."""


def milestones(
    lake: LakeLike,
    case: str,
    rule: str = DEFAULT_RULE,
    *,
    publish: bool = False,
    humans: bool = False,
    eager_quality: bool = False,
) -> Answer:
    """List the stays of a case's person that overlap its infectious window, whole and not clipped to it.

    Example:
        >>> milestones(lake, "BN-1", publish=True).select(["venue", "enter_kind", "exit_kind"]).to_pylist()
        [{'venue': 'cafe', 'enter_kind': 'scanned', 'exit_kind': 'scanned'}]

    Args:
        lake: the lake, or where it lies.
        case: the number of the case.
        rule: a rule pack, by id or path; its `[infectious]` makes the window.
        publish: leave homes out, for a list that is made public.
        humans: count the identifiers that links show to be of one person as one.
        eager_quality: compute the quality at once, on a thread beside the rows.

    Returns:
        Columns of `MILESTONES`, ordered by enter, venue.

    Raises:
        UsageError: the rule pack is unknown or wrong.
        DataError: there is no such lake or case, it has been withdrawn, or it has neither onset nor sample.
    """
    pack = load_rule(rule)
    where = of_humans(opened(lake), humans)
    (found,) = find_cases(where, [case])
    require_dates(
        dict(zip(numbers_of([case]), [found], strict=True)),
        "its infectious window has no beginning; add onset_at or sampled_at to the case",
    )
    window = infectious_window(found.times, pack.infectious, last_instant_us(where))
    quality = started(lambda: quality_of_cases(where, [found], [window]), eager_quality)
    notes = human_notes(where, np.array([found.person], np.int64))
    line = outside_validity(found.times, pack)
    rows = _rows(where, found, window, publish=publish)
    return Answer(rows, (*((line,) if line else ()), *notes), quality)


def _rows(lake: Lake, case: Case, window: Window, *, publish: bool) -> pa.Table:
    # Candidates by file; the query keeps those that overlap the window.
    stays = stays_of_person(lake, case.person, Span(window.start_us, window.end_us))
    if window.empty or not stays.num_rows:
        return MILESTONES.empty_table()
    rows = answer(
        "milestones",
        {"venues": read_table(lake, "venues", ["venue", "venue_code", "name", "type"]), "stays": stays},
        start_us=window.start_us,
        end_us=window.end_us,
        publish=publish,
    )
    return rows.cast(MILESTONES)
