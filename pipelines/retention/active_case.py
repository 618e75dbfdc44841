"""Whether a person is needed for a case that is being worked on: then an erasure needs a decision."""

from collections.abc import Collection, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import RefusedError
from pipelines.graph.cases import Case, cases_by_id
from pipelines.graph.infectious_window import infectious_window
from pipelines.graph.tracing.trace import trace
from pipelines.lake import Lake
from pipelines.times import DAY_US
from schemas.rules import DEFAULT_RULE, Rule, load_rule

ACTIVE_DAYS: Final = 21
"""A case is active until this many days after the end of its infectious window."""


def check_active(lake: Lake, persons: Collection[int], now_us: int) -> None:
    """Refuse persons who are, or by the default rule were exposed to, an active case.

    Args:
        lake: which lake; its stays reflect its scans.
        persons: tokens.
        now_us: microseconds UTC.

    Raises:
        RefusedError: one of them is.
    """
    active = active_cases(cases_by_id(lake), load_rule(DEFAULT_RULE), now_us)
    remedy = f"wait until it ended {ACTIVE_DAYS} days ago, or name the decision with --decision REF"
    if any(case.person in persons for case in active.values()):
        raise RefusedError("--person has an active case", remedy)
    # A case without dates has no infectious window to trace from.
    if _has_contact([number for number, case in active.items() if case.times.known], lake, persons):
        raise RefusedError("--person is a contact (F1) of an active case", remedy)


def active_cases(cases: dict[str, Case], rule: Rule, now_us: int) -> dict[str, Case]:
    """Return the cases whose infectious window ended lately or goes on, or has no known end, by number."""
    return {number: case for number, case in cases.items() if _is_active(case, rule, now_us)}


def _is_active(case: Case, rule: Rule, now_us: int) -> bool:
    if not case.times.known:
        return True  # nobody can say that it is over
    # An open window lasts until now.
    return infectious_window(case.times, rule.infectious, now_us).end_us > now_us - ACTIVE_DAYS * DAY_US


def _has_contact(numbers: Sequence[str], lake: Lake, persons: Collection[int]) -> bool:
    if not numbers:
        return False
    exposed = trace(lake, numbers, DEFAULT_RULE, depth=1)["person"]
    return bool(pc.any(pc.is_in(exposed, pa.array(sorted(persons), pa.int64()))).as_py())
