"""Bluetooth partners inside the stays of cases: who of them has a stay there too.

An app notes that two people were near each other whether or not either of them scanned. So of the partners
whom a case met during a stay of its own, the share who have an overlapping stay at that venue estimates the
share of visits that are scanned. It is blind to people without the app who scan otherwise than others.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.graph.row_ranges import rows_between
from pipelines.graph.seen_share import SeenShare
from pipelines.graph.stays_index import Span, live_files, sidecars
from pipelines.graph.tracing.infectious_intervals import Intervals
from pipelines.kernels.types import Bool, Int64
from pipelines.lake import Lake, LiveFile, read_live_file, snapshot
from pipelines.linkage.human_lake import human_of, tokens_of
from schemas.tables import ENCOUNTERS

_PERSONS = ("person_a", "person_b")
_SCHEMA = pa.schema([ENCOUNTERS.schema.field(name) for name in (*_PERSONS, "started_at", "ended_at")])


class PartnerPairs(NamedTuple):
    """A stay of a case and a partner whom it met during the stay; each such pair stands once.

    Example:
        >>> PartnerPairs(np.array([7, 7]), np.array([True, False])).share
        SeenShare(pairs=2, seen=1)

    Attributes:
        venue: int64[n], of the stay.
        seen: bool[n], whether the partner has a stay there that overlaps it.
    """

    venue: Int64
    seen: Bool

    @property
    def share(self) -> SeenShare:
        """How many of the partners are seen."""
        return SeenShare(self.venue.size, int(np.count_nonzero(self.seen)))


class _BoundedStays(NamedTuple):
    """Stays of some persons, ascending by person; int64[n] each, times in microseconds UTC."""

    person: Int64
    venue: Int64
    start_us: Int64
    end_us: Int64


def partner_pairs(lake: Lake, intervals: Intervals) -> PartnerPairs:
    """Find the partners of cases in their stays, whatever the distance that was measured.

    Args:
        lake: where.
        intervals: when the cases are infectious; their stays are clipped to that.
    """
    met = _meetings(lake, intervals)
    if met.person.size == 0:
        return PartnerPairs(np.empty(0, np.int64), np.empty(0, np.bool_))
    own = _own_stays(lake, intervals)
    meeting, stay = _joined(own, met)
    # A partner counts once in a stay, however often the app noted the two.
    partners, rank = np.unique(met.partner, return_inverse=True)
    _, first = np.unique(stay * partners.size + rank[meeting], return_index=True)
    stay, partner = stay[first], met.partner[meeting[first]]
    pairs = _BoundedStays(partner, own.venue[stay], own.start_us[stay], own.end_us[stay])
    return PartnerPairs(pairs.venue, _have_stays(lake, pairs))


class _NotedEncounters(NamedTuple):
    """Encounters as the cases saw them; int64[n] each, times in microseconds UTC."""

    person: Int64
    partner: Int64
    start_us: Int64
    end_us: Int64


def _meetings(lake: Lake, intervals: Intervals) -> _NotedEncounters:
    """Read the encounters of cases while they are infectious, from the files that can hold them."""
    # Encounters name identifiers: all of a human's are looked for, and become one below.
    persons = pa.array(tokens_of(lake, np.unique(intervals.person)))
    span = _span_of(intervals)
    parts = [_SCHEMA.empty_table()]
    for file in _files_meeting(lake, span) if persons else []:
        rows = read_live_file(file, _SCHEMA)
        parts.append(rows.filter(pc.or_(*(pc.is_in(rows[name], persons) for name in _PERSONS))))
    rows = pa.concat_tables(parts)
    one, other, start_us, end_us = (column.cast(pa.int64()).to_numpy() for column in rows.columns)
    one, other = human_of(lake, one), human_of(lake, other)
    # A case may be either side of an encounter, and two cases both.
    both = _NotedEncounters(
        np.concatenate((one, other)), np.concatenate((other, one)), np.tile(start_us, 2), np.tile(end_us, 2)
    )
    chosen = np.isin(both.person, intervals.person) & (both.person != both.partner)
    return _NotedEncounters(*(column[chosen] for column in both))


def _files_meeting(lake: Lake, span: Span) -> list[LiveFile]:
    """The files of encounters that may reach into a span, by their bounds in the log."""
    return [
        file
        for file in snapshot(lake, "encounters").files
        if file.stats.least["started_at"] < span.ends_at()
        and file.stats.greatest["ended_at"] > span.begins_at()
    ]


def _span_of(intervals: Intervals) -> Span:
    if intervals.person.size == 0:
        return Span(0, 0)
    return Span(int(intervals.start_us.min()), int(intervals.end_us.max()))


def _own_stays(lake: Lake, intervals: Intervals) -> _BoundedStays:
    """The stays of cases, clipped to when they are infectious."""
    found = [np.empty((4, 0), np.int64)]
    for columns in sidecars(live_files(lake, "person", _span_of(intervals), np.unique(intervals.person))):
        first, last = columns.rows_of(intervals.person)
        interval, row = np.repeat(np.arange(intervals.person.size), last - first), rows_between(first, last)
        start_us = np.maximum(columns.enter_us[row], intervals.start_us[interval])
        end_us = np.minimum(columns.exit_us[row], intervals.end_us[interval])
        stays = np.stack((intervals.person[interval], columns.venue[row], start_us, end_us))
        found.append(stays[:, start_us < end_us])
    rows = np.concatenate(found, axis=1)
    # By person, as `_joined` searches them.
    return _BoundedStays(*rows[:, np.argsort(rows[0], kind="stable")])


def _joined(own: _BoundedStays, met: _NotedEncounters) -> tuple[Int64, Int64]:
    """Pair each meeting with the stays of its case that it overlaps; touching does not count."""
    # All stays of the case for each meeting; the times decide below.
    first, last = (np.searchsorted(own.person, met.person, side) for side in ("left", "right"))
    meeting, stay = np.repeat(np.arange(met.person.size), last - first), rows_between(first, last)
    start_us = np.maximum(met.start_us[meeting], own.start_us[stay])
    overlaps = start_us < np.minimum(met.end_us[meeting], own.end_us[stay])
    return meeting[overlaps], stay[overlaps]


def _have_stays(lake: Lake, pairs: _BoundedStays) -> Bool:
    """Tell whether each person has a stay at the venue that overlaps the time, bool[n]."""
    seen = np.zeros(pairs.person.size, np.bool_)
    if seen.size == 0:
        return seen
    span = Span(int(pairs.start_us.min()), int(pairs.end_us.max()))
    for columns in sidecars(live_files(lake, "person", span, np.unique(pairs.person))):
        first, last = columns.rows_of(pairs.person)
        pair, row = np.repeat(np.arange(seen.size), last - first), rows_between(first, last)
        start_us = np.maximum(columns.enter_us[row], pairs.start_us[pair])
        overlaps = start_us < np.minimum(columns.exit_us[row], pairs.end_us[pair])
        seen[pair[overlaps & (columns.venue[row] == pairs.venue[pair])]] = True
    return seen
