"""The flags behind stays: of their venue, of their person, and of the devices that scanned them.

They are what `quality` says of the whole lake. They follow from its tables, so they are computed once for a
version and kept beside the sidecars of `stays`. A question to a large lake does not wait for them where
those of an earlier version are kept.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.anomalies.flag_definitions import FLAGS, PERSON
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, snapshot
from pipelines.lake.sidecars.lake_sidecar import (
    DOUBT,
    kept_lake_sidecar,
    lake_sidecar,
    older_lake_sidecar,
)
from pipelines.linkage.human_lake import human_of

if TYPE_CHECKING:
    from pipelines.anomalies.evidence import Evidence

_SCANS_AT_ONCE: Final = 2_000_000  # of which a question computes the flags itself, about two seconds


class Doubts(NamedTuple):
    """Flags as sets of bits, one bit a flag in the order of `FLAGS`.

    Example:
        >>> doubts = Doubts(np.array([0]), np.array([7]), np.array([4]))
        >>> doubts.of(0, np.array([7, 8])).tolist(), doubts.of(1, np.array([7])).tolist()
        ([4, 0], [0])

    Attributes:
        kind: int64[e], `VENUE`, `PERSON` or `STAY`; entries ascend by (kind, id).
        id: int64[e], ids of venues, tokens of persons, ids of stays.
        bits: int64[e].
    """

    kind: Int64
    id: Int64
    bits: Int64

    def of(self, kind: int, ids: Int64) -> Int64:
        """Return the bits of venues, persons or stays; 0 where there is no flag."""
        # Entries ascend by (kind, id): one slice holds a kind, ids ascending in it.
        first, last = np.searchsorted(self.kind, [kind, kind + 1])
        if first == last:
            return np.zeros(ids.size, np.int64)
        known = self.id[first:last]
        at = np.minimum(np.searchsorted(known, ids), known.size - 1)
        return np.where(known[at] == ids, self.bits[first:last][at], 0)


def doubts_of(lake: Lake) -> tuple[Doubts, list[str]]:
    """Return the flags behind the stays of a lake, and what is to be said of them.

    Raises:
        DataError: a file of the lake is damaged or may not be read.
    """
    found, notes = kept_lake_sidecar(lake, DOUBT), []
    if found is None and _scans(lake) > _SCANS_AT_ONCE:
        found = older_lake_sidecar(lake, DOUBT)
        if found is not None:
            notes.append(
                "doubt is as an earlier version of the lake had it; truyvet quality computes it again"
            )
    if found is None:
        found = lake_sidecar(lake, DOUBT, lambda: _table(lake))
    doubts = Doubts(*(found.columns[name] for name in Doubts._fields))
    return doubts_of_humans(lake, doubts), notes


def keep_doubts(lake: Lake, evidence: "Evidence") -> None:
    """Keep the flags of the newest version for later questions, unless they are kept already.

    Args:
        lake: where.
        evidence: of all its scans.

    Raises:
        DataError: a file of the lake is damaged or may not be read.
    """
    lake_sidecar(lake, DOUBT, lambda: _table(lake, evidence))


def doubt_texts(bits: Int64) -> pa.Array:
    """Return sets of flags as text, joined by `;`; no flag is the empty text.

    Example:
        >>> doubt_texts(np.array([0, 5, 2])).to_pylist()
        ['', 'burst;impossible_travel', 'off_hours']

    Args:
        bits: int64[n].
    """
    distinct, which = np.unique(bits, return_inverse=True)
    texts = [";".join(sorted(_names(one))) for one in distinct.tolist()]
    return pa.array(texts, pa.string()).take(column(which.astype(np.int64)))


def doubts_of_humans(lake: Lake, doubts: Doubts) -> Doubts:
    """Put the flags of all identifiers of a human under the token that stands for it."""
    # Only persons are linked; ids of venues and stays are left as they are.
    held = np.where(doubts.kind == PERSON, human_of(lake, doubts.id), doubts.id)
    # A plain lake, or one without links of these persons.
    if (held == doubts.id).all():
        return doubts
    order = np.lexsort((held, doubts.kind))
    # Several tokens of one human become neighbours, and their bits are joined.
    kind, held = doubts.kind[order], held[order]
    first = np.flatnonzero(np.r_[True, (kind[1:] != kind[:-1]) | (held[1:] != held[:-1])])
    return Doubts(kind[first], held[first], np.bitwise_or.reduceat(doubts.bits[order], first))


def _names(bits: int) -> Iterator[str]:
    return (flag for place, flag in enumerate(FLAGS) if bits >> place & 1)


def _scans(lake: Lake) -> int:
    return sum(file.rows for file in snapshot(lake, "scans").files)


def _table(lake: Lake, evidence: "Evidence | None" = None) -> pa.Table:
    """Compute the entries of a lake."""
    from pipelines.anomalies.flagged_units import entries_of  # here: what is kept needs no test

    entries = entries_of(lake, evidence)
    return pa.table({name: column(values) for name, values in zip(Doubts._fields, entries, strict=True)})
