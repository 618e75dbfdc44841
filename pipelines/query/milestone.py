"""The time-places (mốc dịch tễ) of a case: where it stayed while it could infect."""

import pyarrow as pa

from pipelines.graph.cases import Case, find_case
from pipelines.graph.horizon import last_instant_us
from pipelines.graph.infectious_window import infectious_window
from pipelines.graph.stays_index import Span, stays_of_person
from pipelines.lake import Lake, LakeLike, opened, read_table
from pipelines.query.engine import answer
from schemas.rules import DEFAULT_RULE, Rule, load_rule
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


def milestones(lake: LakeLike, case: str, rule: str = DEFAULT_RULE, *, publish: bool = False) -> pa.Table:
    """The stays of a case's person that overlap its infectious window, whole and not clipped to it.

    Args:
        lake: the lake, or where it lies.
        case: the number of the case.
        rule: a rule pack, by id or path; its `[infectious]` makes the window.
        publish: leave homes out, for a list that is made public.

    Returns:
        Columns of `MILESTONES`, ordered by enter, venue.

    Raises:
        DataError: there is no such lake or case, it has been withdrawn, or it
            has neither onset nor sample.
        UsageError: the rule pack is unknown or wrong.
    """
    where = opened(lake)
    return find_milestones(where, find_case(where, case), load_rule(rule), publish=publish)


def find_milestones(lake: Lake, case: Case, rule: Rule, *, publish: bool = False) -> pa.Table:
    """The milestones of a case that has been found; the same columns and order.

    Raises:
        DataError: the case has neither onset nor sample.
    """
    window = infectious_window(case.times, rule.infectious, last_instant_us(lake))
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
