"""How recent the one table is that an answer rests on."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.lake.lake_root import Lake
from pipelines.lake.snapshots import snapshot
from pipelines.times import EPOCH, LOCAL_TIMEZONE


@dataclass(frozen=True)
class Freshness:
    """What an answer about one table rests on.

    Example:
        >>> list(Freshness("lake", "scan", version=-1, last_us=None).lines())
        ['lake version -1, last scan never']

    Attributes:
        table: what people call the table.
        record: what they call a row.
        version: of the table.
        last_us: the latest instant of a row, microseconds UTC; None without rows.
    """

    table: str
    record: str
    version: int
    last_us: int | None

    @property
    def last_day(self) -> dt.date | None:
        """The local day of the latest row."""
        return None if self.last_us is None else self._last().date()

    def lines(self) -> Iterator[str]:
        """The statement as sentences for people."""
        last = "never" if self.last_us is None else self._last().isoformat(" ", "seconds")
        yield f"{self.table} version {self.version}, last {self.record} {last}"

    def _last(self) -> dt.datetime:
        assert self.last_us is not None
        return (EPOCH + dt.timedelta(microseconds=self.last_us)).astimezone(LOCAL_TIMEZONE)


def freshness_of_scans(lake: Lake) -> Freshness:
    """Return how recent the scans are."""
    return _freshness(lake, "scans", "occurred_at", "lake", "scan")


def freshness_of_declarations(lake: Lake) -> Freshness:
    """Return how recent the declarations are."""
    return _freshness(lake, "declarations", "declared_at", "declarations", "declaration")


def _freshness(lake: Lake, name: str, column: str, table: str, record: str) -> Freshness:
    newest = snapshot(lake, name)
    # From the statistics in the log; no row is read.
    last_us = max((file.stats.greatest[column] for file in newest.files), default=None)
    return Freshness(table, record, newest.version, last_us)
