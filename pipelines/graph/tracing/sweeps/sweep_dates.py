"""The stays that a sweep passes over, date by date, and cut into one part a thread."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from pipelines.graph.tracing.exposure_table import THREADS, AllPersons
from pipelines.graph.tracing.provenance import day_of
from pipelines.graph.tracing.sweeps.sweep_kernel import SweepBuffers, VenueRows
from pipelines.lake.sidecars.sidecar import Sidecar
from pipelines.times import DAY_US

_DATES_KEPT = 4  # a date of several files is a copy of all its stays


class Date(NamedTuple):
    """The stays of one UTC date.

    Attributes:
        begin_us: where the date begins.
        last_us: no stay of it or of an earlier date ends later.
        before: the stays of earlier dates that reach into it.
        rows: the stays that enter in it.
    """

    begin_us: int
    last_us: int
    before: VenueRows
    rows: VenueRows

    def part(self, thread: int) -> tuple[VenueRows, VenueRows, SweepBuffers]:
        """Return the stays at the venues of one thread, before and in the date, and buffers for them."""
        venue = self.rows.venue
        # Cut by venue, near equal numbers of rows: all stays of a venue, earlier ones too, are one thread's.
        bounds = [int(venue[venue.size * part // THREADS]) for part in range(1, THREADS)]
        before, rows = (_at_venues(some, bounds, thread) for some in (self.before, self.rows))
        room = np.empty((len(SweepBuffers._fields), before.venue.size + rows.venue.size), np.int64)
        return before, rows, SweepBuffers(*room)


class Dates:
    """The dates of some files of `stays` in the order of venues."""

    def __init__(self, files: Sequence[Sidecar], persons: AllPersons, indirect_us: int) -> None:
        """Group the files by date.

        Args:
            files: the files.
            persons: everybody who has a stay.
            indirect_us: stays reach into a date by this much more than they last.
        """
        self._days = [list(some) for _, some in groupby(sorted(files, key=day_of), day_of)]
        self._persons, self._indirect_us = persons, indirect_us
        # A stay enters on its day and lasts no longer than the longest of its files.
        ends_us = [
            (day_of(some[0]) + 1) * DAY_US + max(one.longest_us for one in some) for some in self._days
        ]
        # A running maximum, so that a look back can stop at the first date that does not reach.
        self._last_us: list[int] = np.maximum.accumulate(np.array(ends_us, np.int64)).tolist()
        self._kept: dict[int, VenueRows] = {}

    def __len__(self) -> int:
        return len(self._days)

    def forward(self, pool: ThreadPoolExecutor) -> Iterator[Date]:
        """Yield the dates, the first one first."""
        return (self._date(position, pool) for position in range(len(self._days)))

    def backward(self, pool: ThreadPoolExecutor) -> Iterator[Date]:
        """Yield the dates, the last one first."""
        return (self._date(position, pool) for position in reversed(range(len(self._days))))

    def _date(self, position: int, pool: ThreadPoolExecutor) -> Date:
        begin_us = day_of(self._days[position][0]) * DAY_US
        before = [_NO_ROWS]
        for earlier in reversed(range(position)):
            if self._last_us[earlier] + self._indirect_us <= begin_us:
                break
            # A tail of indirect contact goes on after the exit: a stay that has ended may still count.
            before.append(_reaching(self._rows(earlier, pool), begin_us - self._indirect_us))
        return Date(begin_us, self._last_us[position], _in_order(before), self._rows(position, pool))

    def _rows(self, position: int, pool: ThreadPoolExecutor) -> VenueRows:
        """Return the stays of a date in the order (venue, enter)."""
        if position not in self._kept:
            for one in self._days[position]:
                # Before the columns are read: a check replaces one that turns out damaged.
                list(pool.map(one.check, ("venue", "enter_us", "exit_us")))
            parts = [
                VenueRows(self._persons.numbers(one, pool), one.venue, one.enter_us, one.exit_us)
                for one in self._days[position]
            ]
            if len(self._kept) == _DATES_KEPT:
                del self._kept[next(iter(self._kept))]  # the one that was added first
            self._kept[position] = parts[0] if len(parts) == 1 else _in_order(parts)
        return self._kept[position]


_NO_ROWS = VenueRows(np.empty(0, np.int32), *np.empty((3, 0), np.int64))


def _reaching(rows: VenueRows, beyond_us: int) -> VenueRows:
    chosen = np.flatnonzero(rows.exit_us > beyond_us)
    return VenueRows(rows.number[chosen], *(column[chosen] for column in rows[1:]))


def _in_order(parts: Sequence[VenueRows]) -> VenueRows:
    """Return all the rows in the order (venue, enter)."""
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    rows = VenueRows(*columns)
    order = np.lexsort((rows.enter_us, rows.venue))
    return VenueRows(rows.number[order], *(column[order] for column in rows[1:]))


def _at_venues(rows: VenueRows, bounds: Sequence[int], thread: int) -> VenueRows:
    """Return the rows at the venues of one thread; the bounds are the first venues of the later threads."""
    ends = [0, *np.searchsorted(rows.venue, bounds).tolist(), rows.venue.size]
    some = slice(ends[thread], ends[thread + 1])
    return VenueRows(rows.number[some], rows.venue[some], rows.enter_us[some], rows.exit_us[some])
