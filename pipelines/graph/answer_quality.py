"""What an answer rests on: how much the lake can have seen of the places concerned."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.lake import Lake, snapshot
from pipelines.times import EPOCH, LOCAL_TIMEZONE

NOT_SAFETY = "An empty answer is not safety."

SECOND_US = 1_000_000


@dataclass(frozen=True)
class Basis:
    """How far an answer about a time and some venues can be trusted.

    Attributes:
        scans_version: the newest version of `scans`; -1 when there is none.
        stays_version: the version of `scans` that `stays` reflects.
        last_scan_us: the last scan of the lake, microseconds UTC; None when there is none.
        venues: how many venues are concerned.
        stays: everybody's stays there, in that time.
        seconds: their length, clipped to that time.
        seconds_imputed: how much of it nobody saw.
        unregistered: scans of that time, anywhere, whose venue is not registered or was closed.
        unregistered_own: those of the person asked about; None where the answer is about several.
        rejected: refused scan records of the whole lake; what they said is not kept.
    """

    scans_version: int
    stays_version: int
    last_scan_us: int | None
    venues: int
    stays: int
    seconds: int
    seconds_imputed: int
    unregistered: int
    unregistered_own: int | None
    rejected: int

    @property
    def share_imputed(self) -> float:
        """Of the time spent at the venues concerned, the part that nobody saw; 0 to 1."""
        return self.seconds_imputed / self.seconds if self.seconds else 0.0

    def lines(self, rows: int) -> Iterator[str]:
        """The same for people, with a warning when the answer holds no rows."""
        yield f"lake version {self.scans_version}, last scan {_local(self.last_scan_us)}"
        if self.stays_version < self.scans_version:
            yield f"stays reflect scans up to version {self.stays_version} only: run truyvet recompute"
        if self.venues:
            yield (
                f"at the {_counted(self.venues, 'venue')} concerned {self.share_imputed:.0%} of the time "
                f"in {_counted(self.stays, 'stay')} is imputed"
            )
        else:
            yield "no scan shows where they stayed in that time"
        own = "" if self.unregistered_own is None else f", {self.unregistered_own:,} of them this person's"
        names, were = "names" if self.unregistered == 1 else "name", "was" if self.rejected == 1 else "were"
        yield (
            f"{_counted(self.unregistered, 'scan')} {names} no registered venue{own}; "
            f"{_counted(self.rejected, 'scan record')} {were} rejected"
        )
        if rows == 0:
            yield NOT_SAFETY


def versions(lake: Lake) -> tuple[int, int, int | None]:
    """The version of `scans`, the one that `stays` reflects, and the last scan of the lake."""
    scans = snapshot(lake, "scans")
    last_us = max((file.stats.greatest["occurred_at"] for file in scans.files), default=None)
    return scans.version, snapshot(lake, "stays").marks.get("scans_version", -1), last_us


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _local(instant_us: int | None) -> str:
    if instant_us is None:
        return "never"
    moment = EPOCH + dt.timedelta(microseconds=instant_us)
    return moment.astimezone(LOCAL_TIMEZONE).isoformat(sep=" ", timespec="seconds")
