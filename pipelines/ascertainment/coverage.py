"""How much of what happened is in the lake at all, and what a list of contacts can have missed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.answer import Answer, started
from pipelines.ascertainment.audits import CountedAudit, compare_audits, read_audits
from pipelines.ascertainment.coverage_rows import CoverageCounts, coverage_notes, coverage_rows
from pipelines.ascertainment.two_way_visits import TwoWayVisits, two_way_visits
from pipelines.graph.partner_pairs import PartnerPairs, partner_pairs
from pipelines.graph.seen_share import SeenShare
from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.graph.tracing.request import make_request
from pipelines.graph.tracing.trace import run_trace
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, LakeLike, opened, read_table
from pipelines.registry.registry import Registry, registry_from
from pipelines.times import Instant
from schemas.rules import DEFAULT_RULE, load_rule
from schemas.stay_rules import VENUE_TYPES

_UNKNOWN = "unknown"
"""The type of a venue that has left the registry."""


def coverage(
    lake: LakeLike,
    case: str | Sequence[str] = (),
    rule: str = DEFAULT_RULE,
    *,
    all_cases: bool = False,
    until: Instant | None = None,
    audits: str | Path | None = None,
    eager_quality: bool = False,
) -> Answer:
    """Estimate which share of visits is scanned, by venue type, and how many contacts a list has missed.

    Example:
        >>> found = coverage(lake, all_cases=True)
        >>> found.select(["venue_type", "pairs", "p", "found", "list_high"]).to_pylist()[-1:]
        [{'venue_type': 'all', 'pairs': 0, 'p': None, 'found': 1, 'list_high': None}]
        >>> found.notes[0].partition(":")[0]
        'not identifiable from scans'

    Args:
        lake: the lake, or where it lies.
        case: the number of a case, or of several; without one all cases.
        rule: a rule pack, by id or path; it says when cases are infectious, and whom the list holds.
        all_cases: every case that has not been withdrawn and has a date.
        until: how far the question reaches, a date including the whole of that day; None is the lake's last
            instant.
        audits: a CSV file of heads counted at venues, columns `venue,start,end,heads`.
        eager_quality: compute the quality at once, on a thread beside the rows.

    Returns:
        Columns of `COVERAGE`, a row a venue type of which something is known, and `all` last.

    Raises:
        UsageError: the question is malformed, the rule pack unknown or wrong, or audits lack a column.
        DataError: there is no such lake or case, it has been withdrawn, it has neither onset nor sample, or
            a row of the audits is malformed.
    """
    # A file that cannot be read is told before the lake is opened.
    counted = [] if audits is None else read_audits(audits)
    where = opened(lake)
    # Without a case all of them, where `trace` would refuse the question.
    everybody = all_cases or not case
    request = make_request(where, load_rule(rule), case, all_cases=everybody, depth=None, until=until)
    # On a thread beside the rows; the answer waits for it only when it is printed.
    quality = started(lambda: request.quality(where), eager_quality)
    registry = registry_from(read_table(where, "venues", ["venue", "type", "closed_at"]))
    compared, left_out = compare_audits(where, registry, counted)
    intervals = request.intervals
    by_type = _by_type(
        registry, partner_pairs(where, intervals), compared, _visits(where, registry, intervals)
    )
    traced = run_trace(where, request)
    # People in the list of all tiers, each once: `new` marks those a hop found first.
    found = sum(int(np.count_nonzero(hop.new)) for hop in traced.hops)
    notes = [*request.notes(), *left_out]
    said = coverage_notes(CoverageCounts.sum(by_type.values()), found, request.depth)
    return Answer(coverage_rows(by_type, found), (*said, *notes), quality)


def _visits(
    lake: Lake, registry: Registry, intervals: Intervals
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """int64[3, v]: counts of `two_way_visits` from the first window to the last."""
    # From the first infectious window to the last, for visits by anybody.
    if intervals.person.size == 0:
        return np.zeros((3, registry.venue.size), np.int64)
    return two_way_visits(
        lake, registry.venue, Span(int(intervals.start_us.min()), int(intervals.end_us.max()))
    )


def _by_type(
    registry: Registry,
    pairs: PartnerPairs,
    audits: Sequence[CountedAudit],
    visits: np.ndarray[tuple[int, int], np.dtype[np.int64]],
) -> dict[str, CoverageCounts]:
    """Sum what is known of single venues by their type; types of which nothing is known are left out."""
    of_pair = _types(registry, pairs.venue)
    of_audit = _types(registry, np.array([audit.venue for audit in audits], np.int64))
    heads, seen = (
        np.array([getattr(audit, name) for audit in audits], np.int64) for name in ("heads", "seen")
    )
    found = {}
    # -1 is what has left the registry since the stays were made.
    for code in (-1, *range(len(VENUE_TYPES))):
        of_type = visits[:, registry.type_code == code].sum(axis=1).tolist()
        evidence = CoverageCounts(
            SeenShare(int((of_pair == code).sum()), int(pairs.seen[of_pair == code].sum())),
            SeenShare(int(heads[of_audit == code].sum()), int(seen[of_audit == code].sum())),
            TwoWayVisits(*of_type),
        )
        # A type without any evidence has no row; zeros would look like a finding.
        if evidence.met.pairs or evidence.audited.pairs or evidence.visits.seen:
            found[_UNKNOWN if code < 0 else VENUE_TYPES[code]] = evidence
    return found


def _types(registry: Registry, venue: Int64) -> Int64:
    """The position of each venue's type in `VENUE_TYPES`, -1 where it is not registered."""
    # `registry.venue` ascends; an unknown venue lands on a neighbour, and the comparison gives -1.
    if registry.venue.size == 0:
        return np.full(venue.size, -1, np.int64)
    found = np.minimum(np.searchsorted(registry.venue, venue), registry.venue.size - 1)
    return np.where(registry.venue[found] == venue, registry.type_code[found], -1).astype(np.int64)
