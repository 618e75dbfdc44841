"""Unlinked claims: people who declared a contact with a case and whom no trace of any case reaches."""

from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa

from pipelines.ascertainment.read_declarations import read_declarations
from pipelines.graph.cases import Case
from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.request import TraceRequest
from pipelines.graph.tracing.trace import run_trace
from pipelines.kernels.types import Int64
from pipelines.lake import Lake

UNLINKED: Final = pa.schema(
    [("claims", pa.int64()), ("unlinked", pa.int64()), ("reached", pa.int64()), ("share", pa.float64())]
)
"""The columns of an answer, all counts of people; `share` is `unlinked` of `claims`, null without a claim."""


def unlinked_claims(lake: Lake, request: TraceRequest, span: Span) -> pa.Table:
    """Count the claims, and those that a trace explains.

    Args:
        lake: where.
        request: all cases under a rule.
        span: the time of the claims.

    Returns:
        One row of `UNLINKED`.
    """
    claims = _claimants(lake, span)
    reached = np.intersect1d(claims, _reached(lake, request, request.cases))
    cases = np.array([case.person for case in request.cases], np.int64)
    # A case has no row in its own trace, but the traces of the others may reach it.
    # One trace a claiming case: F0 has no row of its own, so its cases are left out in turn.
    by_others = [person for person in np.intersect1d(claims, cases).tolist() if _met(lake, request, person)]
    linked = reached.size + len(by_others)
    # Both parts together are those whom some trace reaches; the two sets have nobody in common.
    share = (claims.size - linked) / claims.size if claims.size else None
    row = {"claims": claims.size, "unlinked": claims.size - linked, "reached": linked, "share": share}
    return pa.Table.from_pylist([row], schema=UNLINKED)


def _claimants(lake: Lake, span: Span) -> Int64:
    """Tokens of the people who said yes, ascending; a no is preselected on the forms and tells nothing."""
    rows = read_declarations(lake, ["person", "contact_with_case"], span)
    return np.unique(rows.filter(rows["contact_with_case"])["person"].to_numpy())


def _met(lake: Lake, request: TraceRequest, person: int) -> bool:
    """Return whether the cases of other people reach a person who is a case."""
    # By person: F0 has no row, so all cases of the person are left out.
    others = tuple(case for case in request.cases if case.person != person)
    return bool(np.isin(person, _reached(lake, request, others)))


def _reached(lake: Lake, request: TraceRequest, cases: tuple[Case, ...]) -> Int64:
    """Tokens of all people in the tiers of some cases."""
    if not cases:
        return np.empty(0, np.int64)
    traced = run_trace(lake, replace(request, cases=cases))
    return np.unique(np.concatenate([np.empty(0, np.int64), *(hop.person for hop in traced.hops)]))
