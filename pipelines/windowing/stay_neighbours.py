"""A person's nearest scans on dates that a recomputation does not read, out of the stays that hold them.

The first and the last scan of every stay are in `stays`, and its order by
person makes a search cheap: columns are mapped, and only files in which one of
the persons occurs are read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.kernels.types import Bool, Int64
from pipelines.lake import LiveFile
from pipelines.lake.sidecars.sidecar import open_sidecar
from pipelines.times import DAY_US
from pipelines.windowing.plan import date_of
from pipelines.windowing.stay_rows import read_coded
from schemas.codes import ENTER_KINDS, EXIT_KINDS

_IMPUTED = ENTER_KINDS.index("imputed")
_SCANNED = EXIT_KINDS.index("scanned")
_NEVER_US = np.iinfo(np.int64).max
_NO_TIME_US = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Neighbours:
    """The nearest scan of each person in question, if it can be part of a long pair.

    Attributes:
        found: bool[q].
        venue: int64[q], where it was.
        at_us: int64[q].
    """

    found: Bool
    venue: Int64
    at_us: Int64


def last_open_before(
    files: Sequence[LiveFile], unread: Sequence[int], person: Int64, at_us: Int64
) -> Neighbours:
    """Find the last scan before an instant, where it may be an `in` that no `out` has closed.

    Args:
        files: of `stays`, in the order `person`.
        unread: day numbers, ascending; only scans on these dates are found.
        person: int64[q].
        at_us: int64[q].
    """
    by_date = sorted(files, key=date_of, reverse=True)
    # `older_us`: the latest scan in a file and all older ones. A query with a nearer one skips the file.
    latest_us = [file.stats.greatest["last_seen"] for file in by_date]
    older_us = [max(latest_us[number:], default=_NO_TIME_US) for number in range(len(by_date))]
    nearest = _Nearest(person.size, _NO_TIME_US)
    for file, until_us in zip(by_date, older_us, strict=True):
        begin_us = date_of(file) * DAY_US
        open_queries = np.flatnonzero((begin_us <= at_us) & (nearest.at_us < until_us))
        for query, stays in _stays_of(file, person, open_queries):
            seen_us = stays["last_seen"].to_numpy()
            # Scans of dates that were read may be gone: those the caller knows.
            fits = (seen_us < at_us[query]) & np.isin(seen_us // DAY_US, unread)
            # An exit that was scanned is the last scan itself, an `out`.
            is_open = stays["exit_kind"].to_numpy() != _SCANNED
            nearest.take(query[fits], seen_us[fits], stays["venue"].to_numpy()[fits], is_open[fits])
    return nearest.result()


def first_lone_out_after(
    files: Sequence[LiveFile], unread: Sequence[int], person: Int64, at_us: Int64
) -> Neighbours:
    """Find the first scan after an instant, where it is an `out` that began a stay.

    The same arguments as `last_open_before`.
    """
    nearest = _Nearest(person.size, _NEVER_US)
    for file in sorted(files, key=date_of):
        begin_us = date_of(file) * DAY_US
        # No scan of a stay comes before its enter, which lies on the date of the file.
        open_queries = np.flatnonzero((begin_us + DAY_US > at_us) & (nearest.at_us >= begin_us))
        for query, stays in _stays_of(file, person, open_queries):
            is_lone_out = stays["enter_kind"].to_numpy() == _IMPUTED
            # The first scan of a stay: its enter, unless that was imputed; then the `out` is its only scan.
            seen_us = np.where(is_lone_out, stays["last_seen"].to_numpy(), stays["enter"].to_numpy())
            fits = (seen_us > at_us[query]) & np.isin(seen_us // DAY_US, unread)
            nearest.take(query[fits], seen_us[fits], stays["venue"].to_numpy()[fits], is_lone_out[fits])
    return nearest.result()


class _Nearest:
    """The nearest scan of each query so far; `far_us` stands for none."""

    def __init__(self, size: int, far_us: int) -> None:
        self.at_us: Int64 = np.full(size, far_us, np.int64)
        self._venue: Int64 = np.zeros(size, np.int64)
        self._fits: Bool = np.zeros(size, np.bool_)
        self._far_us = far_us

    def take(self, query: Int64, at_us: Int64, venue: Int64, fits: Bool) -> None:
        """Offer one scan for each of some queries, a query perhaps several times."""
        # One by one, as a query may have several candidates in a file. The nearest decides, fitting or not:
        # one that does not fit stands between.
        for number, one_us, place, fit in zip(
            query.tolist(), at_us.tolist(), venue.tolist(), fits.tolist(), strict=True
        ):
            best_us = int(self.at_us[number])
            if self._is_nearer(one_us, best_us):
                self.at_us[number], self._venue[number], self._fits[number] = one_us, place, fit

    def _is_nearer(self, one_us: int, best_us: int) -> bool:
        return one_us > best_us if self._far_us == _NO_TIME_US else one_us < best_us

    def result(self) -> Neighbours:
        """Return what was found."""
        return Neighbours(self._fits, self._venue, self.at_us)


def _stays_of(file: LiveFile, person: Int64, queries: Int64) -> Iterator[tuple[Int64, pa.Table]]:
    """Read the stays of some persons from a file, if there are any, and which query each is of.

    Raises:
        DataError: the file is missing or damaged.
    """
    if not queries.size:
        return
    # Mapped, and sorted: a file without any of the persons is not decoded.
    first, last = open_sidecar(file).rows_of(person[queries])
    count = last - first
    if not count.any():
        return
    # All rows of the ranges [first, last), one range after the other.
    rows = np.arange(int(count.sum())) + np.repeat(first - (np.cumsum(count) - count), count)
    names = ("venue", "enter", "enter_kind", "exit_kind", "last_seen")
    yield np.repeat(queries, count), read_coded(file.path, names).take(pa.array(rows))
