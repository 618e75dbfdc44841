"""The rows of `coverage`: the share of visits seen by venue type, and what a list stands for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from pipelines.ascertainment.two_way_visits import TwoWayVisits
from pipelines.graph.seen_share import FEWEST_PAIRS, SeenShare

ALL: Final = "all"

COVERAGE: Final = pa.schema(
    [
        ("venue_type", pa.string()),
        ("pairs", pa.int64()),
        ("p", pa.float64()),
        ("p_low", pa.float64()),
        ("p_high", pa.float64()),
        ("found", pa.int64()),
        ("list_high", pa.float64()),
        ("source", pa.string()),
        ("heads", pa.int64()),
        ("heads_seen", pa.int64()),
        ("visits_seen", pa.int64()),
        ("visits_at_least", pa.int64()),
    ]
)
"""The columns of an answer; null where something is not identifiable. The row `all` comes last."""

DEFINITIONS: Final = {
    "venue_type": "type of the venue; the last row, all, is every type together",
    "pairs": "Bluetooth partners in stays of the cases while infectious, once a stay and partner",
    "p": f"share seen: of the pairs those with an overlapping stay there, or with source audits heads_seen / "
    f"heads; empty below {FEWEST_PAIRS}: not identifiable",
    "p_low": "lower end of the 95 % interval of p (Wilson)",
    "p_high": "upper end of the 95 % interval of p (Wilson)",
    "found": "people in the list of the cases under the rule",
    "list_high": "found / p_low²: how many such people there were at most; empty: not identifiable",
    "source": "where p comes from: encounters, or audits of --audits, which go before them",
    "heads": "people counted by the audits of --audits",
    "heads_seen": "people with a stay there at the time of those audits",
    "visits_seen": "stays at points that scan in and out without a guard, from the first window to the last",
    "visits_at_least": "how many visits there were at least, from scans in, out and both (Chapman): a lower "
    "bound, for who never thinks of scanning is in neither",
}
"""What each column counts."""


@dataclass(frozen=True)
class CoverageCounts:
    """What is known of the visits to venues of one type.

    Example:
        >>> CoverageCounts(SeenShare(40, 10), SeenShare(30, 24), TwoWayVisits(0, 0, 0)).chosen
        ('audits', SeenShare(pairs=30, seen=24))

    Attributes:
        met: Bluetooth partners.
        audited: heads of audits.
        visits: stays at points that scan in and out.
    """

    met: SeenShare
    audited: SeenShare
    visits: TwoWayVisits

    @property
    def chosen(self) -> tuple[str | None, SeenShare]:
        """The share to go by: an audit counts everybody, an app only those who use it."""
        if self.audited.is_identifiable:
            return "audits", self.audited
        return ("encounters" if self.met.is_identifiable else None), self.met

    @classmethod
    def sum(cls, parts: Iterable["CoverageCounts"]) -> "CoverageCounts":
        """Add up the evidence of several types."""
        parts = list(parts)
        # Shares are summed as counts: a mean of shares would weigh small types like large ones.
        met, audited = (
            SeenShare(sum(share.pairs for share in shares), sum(share.seen for share in shares))
            for shares in ([part.met for part in parts], [part.audited for part in parts])
        )
        entered, left, both = (sum(part.visits[place] for part in parts) for place in range(3))
        return cls(met, audited, TwoWayVisits(entered, left, both))


def coverage_rows(by_type: Mapping[str, CoverageCounts], found: int) -> pa.Table:
    """Return the rows of `COVERAGE`, by venue type, `all` last.

    Args:
        by_type: types of which something is known.
        found: how many people the list has.
    """
    rows = [_row(name, by_type[name]) for name in sorted(by_type)]
    whole = CoverageCounts.sum(by_type.values())
    # Only the whole list can be scaled up: a list has no type.
    total = _row(ALL, whole) | {"found": found, "list_high": whole.chosen[1].list_high(found)}
    return pa.Table.from_pylist([*rows, total], schema=COVERAGE)


def _row(name: str, evidence: CoverageCounts) -> dict[str, Any]:
    source, share = evidence.chosen
    visits = evidence.visits
    return {
        "venue_type": name,
        "pairs": evidence.met.pairs,
        "p": share.p,
        "p_low": share.p_low,
        "p_high": share.p_high,
        "source": source,
        "heads": evidence.audited.pairs or None,
        "heads_seen": evidence.audited.seen if evidence.audited.pairs else None,
        "visits_seen": visits.seen or None,
        "visits_at_least": round(visits.at_least()) if visits.seen else None,
    }


def coverage_notes(whole: CoverageCounts, found: int, max_tier: int) -> Iterator[str]:
    """What must be said beside the rows.

    Args:
        whole: the evidence of all types.
        found: how many people the list has.
        max_tier: the last tier of the list.
    """
    source, share = whole.chosen
    high = share.list_high(found)
    if not share.is_identifiable:
        yield (
            f"not identifiable from scans: {whole.met.pairs:,} Bluetooth partners in the stays of the cases, "
            f"and {FEWEST_PAIRS} are needed; count heads at some venues and name the file with --audits"
        )
    elif high is None:
        why = "the list is empty" if share.seen else "not one of them is seen"
        yield f"not identifiable from scans how many people were exposed: {why}"
    else:
        yield f"between {found:,} and {high:,.0f} people were exposed, by {source}"
    if max_tier > 1:
        yield "the upper end counts who met a case; who was exposed by people not found comes on top"
    if whole.visits.seen:
        yield (
            f"at points that scan in and out {whole.visits.seen:,} visits are seen of at least "
            f"{whole.visits.at_least():,.0f} (Chapman, a lower bound)"
        )
    if source == "audits" and whole.met.is_identifiable:
        yield f"by encounters the share is {whole.met.p:.0%}: people with the app scan otherwise than others"
