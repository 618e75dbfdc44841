"""Segments to the lake, in micro-batches."""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.drivers.recompute import bring_up_to_date
from pipelines.drivers.run import run_chunks, settings_for
from pipelines.errors import DataError, TruyVetError
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.limits import MAX_AGE_DAYS, MAX_AHEAD_DAYS
from pipelines.lake import Lake, LiveFile, Snapshot, mark, open_lake, read_live_file, snapshot
from pipelines.maintenance.compact import compact
from pipelines.streaming.batches import AGES, OLDER, Landed, Work
from pipelines.streaming.landing_spool import Landing, Planned, open_landing
from pipelines.times import SECOND_US
from pipelines.windowing.plan import check_stay_rules
from schemas.stay_rules import load_stay_rules

_OTHERS_TURN_SECONDS = 0.1
_FILES_BEFORE_COMPACTION = 200


class Lander:
    """Commits what waits in the landing of a lake."""

    def __init__(self, work: Work, say: Callable[[str], None], *, shared: bool = False) -> None:
        """Open the lake.

        Args:
            work: where the lake lies, and how it is kept.
            say: tells people about trouble, a line at a time.
            shared: whether segments of other machines are landed as well.

        Raises:
            TruyVetError: the lake is not there, or not to be used with these keys or stay rules.
        """
        self._work, self._say = work, say
        self.lake: Lake = open_lake(work.lake, work.keys)
        self.landing: Landing = open_landing(self.lake, work.keys.landing_key, shared=shared)
        check_stay_rules(self.lake, load_stay_rules())
        self._files_after_compaction = len(snapshot(self.lake, "scans").files)

    def catch_up(self) -> None:
        """Recompute what an earlier process has left behind."""
        self.landing.sweep()
        bring_up_to_date(self.lake)

    def land(self) -> Landed | None:
        """Commit the next batch; None when nothing waits or another process has the turn.

        Raises:
            ServiceError: the lake cannot be written; the segments stay.
        """
        with self.landing.turn() as own:
            if not own:
                time.sleep(_OTHERS_TURN_SECONDS)
                return None
            committed, known = self._marks()
            planned = self.landing.plan(committed, known)
            if planned is None or self._marks()[0] != committed:  # another process has gone on meanwhile
                return None
            if planned.after > committed:  # the lake knew that when it was written down, and no longer does
                self.landing.drop(planned)
                self._say(f"{self.lake.url} was restored to an earlier state; what waits is planned anew")
                return None
            return self._land(planned, committed=planned.number == committed)

    def _marks(self) -> tuple[int, int]:
        """The last batch of the landing whose scans the lake has, and the last that any table knows."""
        batch = f"batch:{self.landing.series}"
        known = [mark(self.lake, table, batch) or 0 for table in ("scans", "rejects", "vault")]
        return known[0], max(known)

    def _land(self, planned: Planned, *, committed: bool) -> Landed:
        begun = time.perf_counter()
        before = snapshot(self.lake, "scans")
        report = {} if committed else self._ingest(planned)
        self.landing.done(planned)
        new = self._files_of(report["scans_version"], before) if report.get("accepted") else []
        ages, late = self._ages(new, planned.received_us)
        report["stays_version"] = bring_up_to_date(self.lake).stays_version
        self._compact_sometimes()
        known = {name: value for name, value in report.items() if name in Landed.__dataclass_fields__}
        return Landed(
            **known,
            ages=ages,
            late=late,
            seconds=time.perf_counter() - begun,
            segments=len(planned.names),
        )

    def _ingest(self, planned: Planned) -> dict[str, Any]:
        """Commit a batch; a segment that is damaged is kept aside and the rest committed."""
        age, ahead = self._work.max_age_days, self._work.max_ahead_days
        settings = settings_for(
            self._work.keys,
            planned.received_us,
            MAX_AGE_DAYS if age is None else age,
            MAX_AHEAD_DAYS if ahead is None else ahead,
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
                )
            except DataError:
                if self._marks()[0] >= planned.number:
                    return {}  # another process was faster, and has removed the segments
                damaged = self._damaged(planned)
                if damaged:
                    self._say(f"{len(damaged)} segments are damaged and kept aside in {self.landing.folder}")
                    self.landing.set_aside(damaged)
                elif len(self.landing.chunks(planned)) == len(chunks):  # no other process has kept them aside
                    raise

    def _damaged(self, planned: Planned) -> list[str]:
        names = []
        for chunk in self.landing.chunks(planned):
            try:
                for _ in read_blocks(chunk):
                    pass
            except DataError:
                names.append(chunk.path.rpartition("/")[2])
        return names

    def _files_of(self, version: int, before: Snapshot) -> list[LiveFile]:
        """The files that a version of `scans` has brought."""
        if before.version != version - 1:  # others have committed meanwhile
            before = snapshot(self.lake, "scans", version - 1)
        known = {file.path for file in before.files}
        return [file for file in snapshot(self.lake, "scans", version).files if file.path not in known]

    def _ages(self, new: Sequence[LiveFile], received_us: int) -> tuple[dict[str, int], int]:
        """Scans of files by their age at receipt, and how many are late."""
        schema = pa.schema([("occurred_at", pa.timestamp("us", "UTC"))])
        parts = [read_live_file(file, schema)["occurred_at"].cast(pa.int64()).to_numpy() for file in new]
        age_seconds = (received_us - np.concatenate([np.empty(0, np.int64), *parts])) / SECOND_US
        bounds = np.array(list(AGES.values()))
        counts = np.bincount(np.searchsorted(bounds, age_seconds), minlength=bounds.size + 1).tolist()
        late = int((age_seconds > self._work.lateness_days * 86_400).sum())
        return dict(zip((*AGES, OLDER), counts, strict=True)), late

    def _compact_sometimes(self) -> None:
        """Join the small files that micro-batches leave, when there are many."""
        files = len(snapshot(self.lake, "scans").files)
        if files - self._files_after_compaction >= _FILES_BEFORE_COMPACTION:
            with contextlib.suppress(TruyVetError):  # another process keeps committing: next time
                compact(self.lake)
            self._files_after_compaction = len(snapshot(self.lake, "scans").files)
