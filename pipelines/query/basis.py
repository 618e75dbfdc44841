"""What an answer rests on: how much the lake can have seen of the places concerned."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.graph.adjacency import Span, live_files, own_stays, sidecars
from pipelines.graph.candidates import Int64, rows_between
from pipelines.lake import Lake, LakeLike, LiveFile, opened, read_table, snapshot
from pipelines.options import LOCAL_TIMEZONE, Instant
from pipelines.query.engine import answer
from pipelines.query.overlap import Question, question

NOT_SAFETY = "An empty answer is not safety."

_SECOND_US = 1_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Basis:
    """How far an answer about a person can be trusted.

    Attributes:
        scans_version: the newest version of `scans`; -1 when there is none.
        stays_version: the version of `scans` that `stays` reflects.
        last_scan_us: the last scan of the lake, microseconds UTC; None when there is none.
        venues: how many venues the person stayed at, in the time asked about.
        stays: everybody's stays there, in that time.
        seconds: their length, clipped to that time.
        seconds_imputed: how much of it nobody saw.
        unregistered: scans of that time, anywhere, whose venue is not registered or was closed.
        unregistered_own: those of the person.
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
    unregistered_own: int
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
        yield (
            f"at the {self.venues:,} venues concerned {self.share_imputed:.0%} of the time "
            f"in {self.stays:,} stays is imputed"
        )
        yield (
            f"{self.unregistered:,} scans name no registered venue, {self.unregistered_own:,} of them "
            f"this person's; {self.rejected:,} scan records were rejected"
        )
        if rows == 0:
            yield NOT_SAFETY


def basis_of(
    lake: LakeLike,
    person: str | int | None = None,
    case: str | None = None,
    *,
    keys: str | Path | None = None,
    from_: Instant | None = None,
    to: Instant | None = None,
) -> Basis:
    """What the answer of `overlaps` to the same arguments rests on; the same errors."""
    where = opened(lake, keys)
    return find_basis(where, question(where, person, case, keys=keys, from_=from_, to=to))


def find_basis(lake: Lake, asked: Question) -> Basis:
    """What the answer to a question rests on."""
    own = own_stays(lake, asked.person, asked.span)
    venues = np.unique(own.venue)
    scans = snapshot(lake, "scans")
    unregistered, unregistered_own = _unregistered(lake, scans.files, asked)
    return Basis(
        scans.version,
        snapshot(lake, "stays").marks.get("scans_version", -1),
        max((file.stats.greatest["occurred_at"] for file in scans.files), default=None),
        venues.size,
        *_stays_at(lake, venues, asked.span),
        unregistered,
        unregistered_own,
        _rejected(lake),
    )


def _stays_at(lake: Lake, venues: Int64, span: Span) -> tuple[int, int, int]:
    """Stays at some venues in a span: how many, their seconds, and those imputed."""
    count = total_us = unseen_us = 0
    if venues.size == 0:
        return 0, 0, 0
    for columns in sidecars(live_files(lake, "venue", span)):
        rows = rows_between(
            np.searchsorted(columns.venue, venues, "left"), np.searchsorted(columns.venue, venues, "right")
        )
        start = np.maximum(columns.enter_us[rows], span.begins_at())
        end = np.minimum(columns.exit_us[rows], span.ends_at())
        unseen_from = np.clip(columns.imputed_from_us[rows], start, np.maximum(start, end))
        inside = end > start
        count += int(inside.sum())
        total_us += int((end - start)[inside].sum())
        unseen_us += int((end - unseen_from)[inside].sum())
    return count, total_us // _SECOND_US, unseen_us // _SECOND_US


def _unregistered(lake: Lake, files: Sequence[LiveFile], asked: Question) -> tuple[int, int]:
    concerned = [
        file
        for file in files
        if file.stats.least["occurred_at"] < asked.span.ends_at()
        and file.stats.greatest["occurred_at"] >= asked.span.begins_at()
    ]
    if not concerned:
        return 0, 0
    rows = answer(
        "unregistered",
        {"venues": read_table(lake, "venues", ["venue", "closed_at"])},
        files=("scans", concerned),
        person=asked.person,
        from_us=asked.span.from_us,
        to_us=asked.span.to_us,
    )
    found = {name: rows[name][0].as_py() for name in rows.column_names}
    return found["never_registered"] + found["closed"], found["of_person"]


def _rejected(lake: Lake) -> int:
    files = snapshot(lake, "rejects").files
    if not files:
        return 0
    return int(answer("rejected", {}, files=("rejects", files), source="scans")["rejected"][0].as_py())


def _local(instant_us: int | None) -> str:
    if instant_us is None:
        return "never"
    moment = _EPOCH + dt.timedelta(microseconds=instant_us)
    return moment.astimezone(LOCAL_TIMEZONE).isoformat(sep=" ", timespec="seconds")
