"""Commit landed segments to the lake, in micro-batches."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict

from pipelines.drivers.recompute import bring_up_to_date
from pipelines.errors import DataError, TruyVetError
from pipelines.ingest.batch import run_chunks, settings_for
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.ingest_result import IngestResult
from pipelines.ingest.limits import MAX_AGE_DAYS, MAX_AHEAD_DAYS
from pipelines.lake import Lake, mark, open_lake, snapshot
from pipelines.maintenance.compact import compact
from pipelines.streaming.batches import CommitterConfig, Landed
from pipelines.streaming.landing_spool import Landing, PlannedBatch, open_landing
from pipelines.windowing.lake_stay_rules import check_stay_rules

_LOCKED_WAIT_SECONDS = 0.1
_FILES_BEFORE_COMPACTION = 200  # new files of `scans`


class Committer:
    """Commits the segments that wait beside a lake.

    Attributes:
        lake: the lake.
        landing: its segments.
    """

    def __init__(self, config: CommitterConfig, warn: Callable[[str], None], *, shared: bool = False) -> None:
        """Open the lake.

        Args:
            config: where the lake lies and how to commit.
            warn: receives warnings, a line each.
            shared: whether segments of other machines are committed too.

        Raises:
            TruyVetError: the lake is missing, or must not be used with these keys or stay rules.
        """
        self._config, self._warn = config, warn
        self.lake: Lake = open_lake(config.lake, config.keys)
        self.landing: Landing = open_landing(self.lake, config.keys.landing_key, shared=shared)
        # Refuse at the start, not at the first batch.
        check_stay_rules(self.lake)
        self._files_after_compaction = len(snapshot(self.lake, "scans").files)

    def catch_up(self) -> None:
        """Recompute what an earlier process has left undone."""
        self.landing.sweep()
        bring_up_to_date(self.lake)

    def land(self) -> Landed | None:
        """Commit the next batch; return None if nothing waits or another process holds the lock.

        Raises:
            ServiceError: the lake cannot be written; the segments stay.
        """
        with self.landing.lock() as locked:
            if not locked:
                time.sleep(_LOCKED_WAIT_SECONDS)
                return None
            committed, known = self.marks()
            planned = self.landing.plan(committed, known)
            # Where a store has no lock, another machine may have gone on while the plan was read.
            if planned is None or self.marks()[0] != committed:
                return None
            if planned.after > committed:  # the lake knew that batch when the plan was written
                self.landing.drop(planned)
                self._warn(
                    f"{self.lake.url} was restored to an earlier state; waiting segments are replanned"
                )
                return None
            return self._land(planned, committed=planned.number == committed)

    def marks(self) -> tuple[int, int]:
        """Return the last batch of this landing in `scans`, and the last that any table has."""
        batch = f"batch:{self.landing.series}"
        # A batch that died halfway may be in `rejects` or `vault`, but only `scans` decides.
        known = [mark(self.lake, table, batch) or 0 for table in ("scans", "rejects", "vault")]
        return known[0], max(known)

    def _land(self, planned: PlannedBatch, *, committed: bool) -> Landed:
        begun = time.perf_counter()
        # Committed by a process that died before it could remove the segments: only that is left to do.
        result = IngestResult() if committed else self._ingest(planned)
        # Before the stays: after a crash `catch_up` computes those.
        self.landing.done(planned)
        stays_version = bring_up_to_date(self.lake).stays_version
        self._compact_sometimes()
        return Landed(
            **asdict(result),
            stays_version=stays_version,
            seconds=time.perf_counter() - begun,
            segments=len(planned.names),
        )

    def _ingest(self, planned: PlannedBatch) -> IngestResult:
        """Commit a batch; a damaged segment is set aside and the others are committed."""
        options = self._config.options
        # By the plan's instant and not by the clock: a retry must refuse the same records.
        settings = settings_for(
            self._config.keys,
            planned.received_us,
            MAX_AGE_DAYS if options.max_age_days is None else options.max_age_days,
            MAX_AHEAD_DAYS if options.max_ahead_days is None else options.max_ahead_days,
        )
        while True:
            chunks = self.landing.chunks(planned)
            try:
                return run_chunks(
                    self.lake,
                    settings,
                    chunks,
                    planned.received_us,
                    series=self.landing.series,
                    number=planned.number,
                    late_seconds=options.lateness_seconds,
                )
            except DataError:
                if self.marks()[0] >= planned.number:
                    return IngestResult()  # another process was faster and has removed the segments
                # Searched for only now: reading every segment twice would slow every batch.
                damaged = self._damaged(planned)
                if damaged:
                    self._warn(f"{len(damaged)} segments are damaged and set aside in {self.landing.folder}")
                    self.landing.set_aside(damaged)
                elif len(self.landing.chunks(planned)) == len(chunks):  # no other process set them aside
                    raise

    def _damaged(self, planned: PlannedBatch) -> list[str]:
        names = []
        for chunk in self.landing.chunks(planned):
            try:
                for _ in read_blocks(chunk):
                    pass
            except DataError:
                names.append(chunk.path.rpartition("/")[2])
        return names

    def _compact_sometimes(self) -> None:
        """Join the small files that micro-batches leave, once there are many."""
        files = len(snapshot(self.lake, "scans").files)
        if files - self._files_after_compaction >= _FILES_BEFORE_COMPACTION:
            with contextlib.suppress(TruyVetError):  # another process keeps committing: next time
                compact(self.lake)
            self._files_after_compaction = len(snapshot(self.lake, "scans").files)
