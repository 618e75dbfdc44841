"""Which long pairs a bucket's changed scans make and end, and which of them depend on unread scans.

A long pair is two scans of a person that follow one another at any distance,
and a recomputation reads only dates around the changed ones. So a pair between
two scans of dates that were read is found at once, and for a changed person
whose first scan there is an `out`, or whose last is an `in`, the neighbour on
the unread dates is searched for (`settle_long_pairs`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.kernels.hash_table import IdSet
from pipelines.kernels.types import Bool, Int64, UInt8
from pipelines.lake import Lake
from pipelines.runtime.spill import Piece, spill
from pipelines.times import DAY_US
from pipelines.windowing.long_pairs import CODED, read_pairs
from pipelines.windowing.pairing import PairedScans, Stays, twins
from pipelines.windowing.stay_rows import PUT_IN, TAKE_OUT
from pipelines.windowing.stay_scan import NO_LONG_PAIR
from schemas.codes import DIRECTIONS

_IN, _OUT = DIRECTIONS.index("in"), DIRECTIONS.index("out")

PAIR_CHANGES: Final = CODED.append(pa.field("change", pa.int8()))
"""Long pairs to take out and to put in."""

KNOWN, CROSSING, BEFORE, AFTER, AROUND = range(5)
"""What a search is about: a pair of the table that may no longer hold; a pair across unread dates
that may never have held; the `in` before an `out`; the `out` after an `in`; both of them, around
dates on which the person has no scan any more."""

SEARCHES: Final = pa.schema(
    [
        ("kind", pa.uint8()),
        ("person", pa.int64()),
        ("venue", pa.int64()),  # of AROUND meaningless
        ("from_us", pa.int64()),  # of BEFORE, AFTER and AROUND the instant of the known scan
        ("to_us", pa.int64()),
    ]
)

SEARCHED: Final = pa.schema(
    [
        *((name, pa.int64()) for name in ("person", "venue", "occurred_us")),
        *((name, pa.uint64()) for name in ("event_high", "event_low")),
        ("direction", pa.uint8()),
        ("type_after", pa.int16()),
    ]
)
"""Scans of the persons that are searched for, as `SplitByPerson` has them."""


@dataclass(frozen=True)
class PairFindings:
    """What buckets have found of long pairs, as pieces.

    Attributes:
        changes: rows of `PAIR_CHANGES`.
        searches: rows of `SEARCHES`.
        scans: the scans, on dates that were read, of the persons that are searched for.
    """

    changes: tuple[Piece, ...] = ()
    searches: tuple[Piece, ...] = ()
    scans: tuple[Piece, ...] = ()

    @classmethod
    def join(cls, findings: Iterable["PairFindings"]) -> "PairFindings":
        """Join those of several buckets."""
        parts = list(findings)
        return cls(
            tuple(piece for part in parts for piece in part.changes),
            tuple(piece for part in parts for piece in part.searches),
            tuple(piece for part in parts for piece in part.scans),
        )


NO_FINDINGS: Final = PairFindings()


@dataclass(frozen=True)
class PairFinder:
    """Finds the changes of a bucket.

    Attributes:
        lake: the lake.
        version: the version of `long_pairs` that the lake's stays were made with.
        read: day numbers of the dates that were read, ascending.
        unread: day numbers of the dates that hold scans and were not read, ascending.
    """

    lake: Lake
    version: int
    read: tuple[int, ...]
    unread: tuple[int, ...]

    def find(
        self, scratch: str, name: str, scans: pa.Table, old: PairedScans | None, new: PairedScans
    ) -> PairFindings:
        """Find the changes of one bucket.

        Args:
            scratch: folder for pieces.
            name: of the bucket.
            scans: of the changed persons, in any order.
            old: as they were paired, None in a rebuild.
            new: as they are paired.
        """
        # A pair may lie across dates that were not read. What can be decided here are the pairs within
        # a stretch of dates that were.
        came = pairs_of(new.stays)
        if old is None:
            return PairFindings(changes=_spilled(scratch, f"pairs-{name}", pair_changes(came, PUT_IN)))
        was = pairs_of(old.stays)
        only_was, only_came = _difference(self._inside(was), self._inside(came))
        changes = pa.concat_tables([pair_changes(only_was, TAKE_OUT), pair_changes(only_came, PUT_IN)])
        searches = self._searches(scans, old, new, came) if self.unread else SEARCHES.empty_table()
        # The scans of those who are searched for: `settle_long_pairs` pairs them with the unread ones.
        own = IdSet(searches["person"].to_numpy()).holds(scans["person"].to_numpy())
        own &= scans["type_after"].to_numpy() >= 0
        return PairFindings(
            _spilled(scratch, f"pairs-{name}", changes),
            _spilled(scratch, f"searches-{name}", searches),
            _spilled(scratch, f"searched-{name}", scans.select(SEARCHED.names).filter(pa.array(own))),
        )

    def _searches(self, scans: pa.Table, old: PairedScans, new: PairedScans, came: pa.Table) -> pa.Table:
        """Collect what cannot be decided without the unread dates."""
        columns = _ScanArrays(*(scans[name].to_numpy() for name in _ScanArrays._fields))
        # Both are rows of `scans`, so a border that did not change is the same row.
        was, now = self._borders(columns, old.row), self._borders(columns, new.row)
        return pa.concat_tables(
            [
                # Found as if nothing lay between: to be paired again with the unread scans.
                _windows(CROSSING, came.filter(pa.array(~self._is_inside(came)))),
                _windows(KNOWN, self._touched_pairs(np.concatenate([was.person, now.person]))),
                *self._border_searches(columns, was, now),
            ]
        )

    def _touched_pairs(self, person: Int64) -> pa.Table:
        """Select pairs of the table, of these persons, that a scan on a date that was read may end."""
        known = read_pairs(self.lake, self.version)
        known = known.filter(pa.array(IdSet(person).holds(known["person"].to_numpy())))
        first, last = (known[name].to_numpy() // DAY_US for name in ("in_at", "out_at"))
        read: Int64 = np.array(self.read, np.int64)
        # Some date that was read lies in the pair, so a new scan may stand between its two.
        spans = np.searchsorted(read, first, "left") < np.searchsorted(read, last, "right")
        # Both scans and all between were read: `_difference` has the answer.
        between_read = np.isin(first, read) & np.isin(last, read) & self._is_inside(known)
        return known.filter(pa.array(spans & ~between_read))

    def _border_searches(
        self, columns: "_ScanArrays", was: "_Borders", now: "_Borders"
    ) -> Iterator[pa.Table]:
        """Search around the first and last scans that have changed."""
        person, at_us, direction = columns.person, columns.occurred_us, columns.direction
        # Position -1 is no match, and picks the -1 appended: a border that is no row at all.
        place_was, place_now = _same_places(was, now)
        first_was = np.append(was.first, -1)[place_was]
        last_was = np.append(was.last, -1)[place_was]
        emptied = place_now < 0
        # Where a person has no scan left between two unread dates, the scans around it become neighbours.
        around_emptied = np.isin(now.person, was.person[emptied])
        first, last = now.first, now.last
        # A first `out` may have an `in` on an unread date before it, a last `in` an `out` after it. Where
        # neither the border nor what lies beyond it changed, the table has the pair already.
        before = (first_was != first) | around_emptied
        before &= (direction[first] == _OUT) & (now.segment > 0)
        after = (last_was != last) | around_emptied
        after &= (direction[last] == _IN) & (now.segment < len(self.unread))
        # AROUND searches from the instant of a scan that is gone.
        for kind, row in ((BEFORE, first[before]), (AFTER, last[after]), (AROUND, was.first[emptied])):
            yield _search_rows(kind, person[row], columns.venue[row], at_us[row], at_us[row])

    def _borders(self, columns: "_ScanArrays", row: Int64) -> "_Borders":
        """Find the first and last scan of each person between two unread dates, by person and time."""
        # `row` is in the order (person, time), so borders are where person or segment changes.
        person = columns.person[row]
        begins = np.append(True, person[1:] != person[:-1])[: row.size]
        # A look at each scan's date, needed only where a segment can change within a person.
        if not self._is_contiguous:
            segment = self._segment(columns.occurred_us[row])
            begins[1:] |= segment[1:] != segment[:-1]
        # Positions in `row` up to here, rows of `scans` from here on.
        first = np.flatnonzero(begins)
        last = np.append(first[1:], row.size)[: first.size] - 1
        segment = self._segment(columns.occurred_us[row[first]])
        return _Borders(person[first], segment, row[first], row[last])

    @cached_property
    def _is_contiguous(self) -> bool:
        """Whether no unread date lies between dates that were read."""
        return len(set(np.searchsorted(self.unread, self.read).tolist())) <= 1

    def _segment(self, at_us: Int64) -> Int64:
        """Count the unread dates before each instant, which is of a date that was read."""
        # Two scans have the same number exactly if no unread date lies between them.
        return np.searchsorted(np.array(self.unread, np.int64), at_us // DAY_US)

    def _inside(self, pairs: pa.Table) -> pa.Table:
        """Select the pairs that have no unread date between their scans."""
        return pairs.filter(pa.array(self._is_inside(pairs)))

    def _is_inside(self, pairs: pa.Table) -> Bool:
        came, left = (self._segment(pairs[name].to_numpy()) for name in ("in_at", "out_at"))
        inside: Bool = came == left
        return inside


class _ScanArrays(NamedTuple):
    """Columns of the scans of a bucket."""

    person: Int64
    venue: Int64
    occurred_us: Int64
    direction: UInt8


class _Borders(NamedTuple):
    """The first and last scans of persons between two unread dates; `first` and `last` are rows."""

    person: Int64
    segment: Int64
    first: Int64
    last: Int64


def pairs_of(stays: Stays) -> pa.Table:
    """Return the long pairs that stays end, as rows of `CODED`."""
    # The stay is that of the lone `out`, so its last scan is the `out`.
    row = np.flatnonzero(stays.long_from_us != NO_LONG_PAIR)
    columns = {
        "person": stays.person[row],
        "venue": stays.venue[row],
        "in_at": stays.long_from_us[row],
        "out_at": stays.last_seen_us[row],
        "stay_id": stays.stay_id[row],
    }
    return pa.table([columns[name] for name in CODED.names], schema=CODED)


def _difference(one: pa.Table, other: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the pairs that only one of two tables has."""
    # A pair is known by its `out`, whose stay it names; its `in` may have changed.
    keys = [(rows["person"].to_numpy(), rows["stay_id"].to_numpy()) for rows in (one, other)]
    twin = twins(*keys[0], *keys[1])
    same = twin >= 0
    same[same] = one["in_at"].to_numpy()[twin[same]] == other["in_at"].to_numpy()[same]
    only_one = np.ones(one.num_rows, np.bool_)
    only_one[twin[same]] = False
    return one.filter(pa.array(only_one)), other.filter(pa.array(~same))


def pair_changes(pairs: pa.Table, change: int) -> pa.Table:
    """Write pairs as rows of `PAIR_CHANGES`, all with one change."""
    column = pa.array(np.full(pairs.num_rows, change, np.int8))
    return pairs.append_column(PAIR_CHANGES.field("change"), column)


def _windows(kind: int, pairs: pa.Table) -> pa.Table:
    names = ("person", "venue", "in_at", "out_at")
    return _search_rows(kind, *(pairs[name].to_numpy() for name in names))


def _search_rows(kind: int, person: Int64, venue: Int64, from_us: Int64, to_us: Int64) -> pa.Table:
    kinds = np.full(person.size, kind, np.uint8)
    return pa.table([kinds, person, venue, from_us, to_us], schema=SEARCHES)


def _same_places(was: _Borders, now: _Borders) -> tuple[Int64, Int64]:
    """Match each row of `now` to the row of `was` of the same person and segment, or -1; and vice versa."""
    # (person, segment) as one int64, ascending as both tables are.
    _, dense = np.unique(np.concatenate([was.person, now.person]), return_inverse=True)
    segments = np.concatenate([was.segment, now.segment])
    key = dense * (int(segments.max(initial=0)) + 1) + segments
    keys = key[: was.person.size], key[was.person.size :]
    return _found(keys[0], keys[1]), _found(keys[1], keys[0])


def _found(ascending: Int64, wanted: Int64) -> Int64:
    """Find the positions of values in an ascending array, -1 where they are not in it."""
    if not ascending.size:
        return np.full(wanted.size, -1, np.int64)
    place = np.minimum(np.searchsorted(ascending, wanted), ascending.size - 1)
    return np.where(ascending[place] == wanted, place, -1)


def _spilled(scratch: str, name: str, rows: pa.Table) -> tuple[Piece, ...]:
    pieces = spill(scratch, name, rows, np.zeros(rows.num_rows, np.int64))
    return tuple(piece for _, piece in pieces)
