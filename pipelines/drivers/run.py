"""Files into the lake, and the stays that follow from them: what `truyvet run` does."""

import datetime as dt
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from pipelines.drivers.recompute import bring_up_to_date
from pipelines.errors import ServiceError, UsageError
from pipelines.ingest.commit import Upsert
from pipelines.ingest.dedupe_step import HeldFile
from pipelines.ingest.formats.discover import Chunk, list_chunks, total_bytes
from pipelines.ingest.formats.streams import SEALED
from pipelines.ingest.limits import MAX_AGE_DAYS, MAX_AHEAD_DAYS
from pipelines.ingest.reference_tables import (
    CASE_SOURCE,
    VENUE_SOURCE,
    Source,
    UpsertedInput,
    read_other,
    upsert,
)
from pipelines.ingest.transforms import DatedInput, Ingest, IngestScans
from pipelines.ingest.validate.scans import ParseSettings
from pipelines.ingest.write_step import write_other_files
from pipelines.kernels.sort import buckets_for, parts_for
from pipelines.lake import Lake, Snapshot, open_lake, read_table, snapshot, storage
from pipelines.privacy.keys import Keys, load_keys
from pipelines.registry.registry import registry_from
from pipelines.runtime.job_result import outcome_of
from pipelines.terminal.options import keys_folder
from pipelines.times import DAY_US, day_number
from pipelines.windowing.plan import check_stay_rules
from schemas.stay_rules import load_stay_rules

SOURCES: Final = (VENUE_SOURCE, CASE_SOURCE)
"""The inputs beside scans, in the order of their commits."""

_ATTEMPTS = 8
_BYTES_A_SCAN = 128  # a short line; a guess that is too low makes more and smaller buckets
_PACKING = 8  # how much smaller a compressed file is, at most
_ROWS_A_BUCKET = 1 << 19
_HELD_A_SCAN = 8  # scans of the lake that a late one is compared with, about
_DATED_A_FILE = 1 << 22
_CHUNKS_A_SHARE = 64
_DAYS_AT_MOST = 36_500
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # the UTC days of years 1 to 9999


@dataclass(frozen=True)
class Report:
    """What became of a batch; received = accepted + duplicate + rejected.

    Attributes:
        received: scans read, refused ones included.
        accepted: scans that are new to the lake.
        duplicate: repeats of an accepted scan.
        rejected: scans refused.
        unregistered: accepted scans of a venue that is not registered, or had closed.
        reasons: refused scans by reason.
        others: the same counts for each other input that was given.
        scans_version: the newest version of `scans`.
        stays_version: the version of `scans` that `stays` reflects.
    """

    received: int
    accepted: int
    duplicate: int
    rejected: int
    unregistered: int
    reasons: dict[str, int]
    others: dict[str, dict[str, Any]]
    scans_version: int
    stays_version: int


def run(
    lake: str,
    scans: Sequence[str] = (),
    *,
    venues: Sequence[str] = (),
    cases: Sequence[str] = (),
    encounters: Sequence[str] = (),
    declarations: Sequence[str] = (),
    encounters_epoch_us: int = 0,
    keys: str | None = None,
    now_us: int | None = None,
    max_age_days: float = MAX_AGE_DAYS,
    max_ahead_days: float = MAX_AHEAD_DAYS,
    runner: str = "direct",
) -> Report:
    """Bring files into a lake, which is made when there is none, and recompute what they change.

    Args:
        lake: folder or URL.
        scans: files, folders, globs or URLs of scans.
        venues: the same of the registry.
        cases: the same of cases.
        encounters: the same of encounters, and SocioPatterns files (`.dat`, `.dat.gz`).
        declarations: the same of health declarations.
        encounters_epoch_us: what the times of SocioPatterns files count from, microseconds UTC.
        keys: folder of the keys; None is `LAKE.keys`.
        now_us: the instant that ages are measured from, microseconds UTC; None is the time of receipt.
        max_age_days: scans, encounters and declarations that are older are refused.
        max_ahead_days: those that are further ahead are refused.
        runner: a name of `runner.RUNNERS`.

    Raises:
        UsageError: a flag is wrong, or nothing was given.
        DataError: an input cannot be read; nothing is committed.
        RefusedError: other keys, or other stay rules.
        ServiceError: the lake cannot be written.
    """
    received_us = time.time_ns() // 1000
    given = {"venues": venues, "cases": cases}
    by_date = {"encounters": encounters, "declarations": declarations}
    if not scans and not any((given | by_date).values()):
        raise UsageError("there is no input", "name files with --scans, --venues, --cases or --encounters")
    chunks = tuple(list_chunks(scans)) if scans else ()
    dated = {name: tuple(list_chunks(paths)) for name, paths in by_date.items() if paths}
    folder = keys_folder(keys, lake)
    opened = open_lake(lake, folder, create=True)
    settings = settings_for(
        load_keys(folder), received_us if now_us is None else now_us, max_age_days, max_ahead_days
    )
    check_stay_rules(opened, load_stay_rules())
    batch = _RunBatch(opened, settings, chunks, received_us, runner, given, dated, encounters_epoch_us)
    with _removing() as remove:
        summary = batch.land(remove)
        recomputed = bring_up_to_date(opened, runner=runner)
    del summary["strict"]
    summary["scans_version"] = snapshot(opened, "scans").version  # another run may have ended meanwhile
    return Report(**summary, stays_version=recomputed.stays_version)


def run_chunks(
    lake: Lake,
    settings: ParseSettings,
    chunks: Sequence[Chunk],
    received_us: int,
    *,
    series: str,
    number: int,
) -> dict[str, Any]:
    """Bring chunks of scans into a lake, once however often it is called; nothing is recomputed.

    Args:
        lake: an open lake.
        settings: from `settings_for`.
        chunks: of scans, numbered from 0.
        received_us: the instant of receipt, the same whenever the batch is tried again.
        series: names a series of batches that are committed one after the other.
        number: of the batch in its series; ascends.

    Returns:
        The counts of `Report`, without `stays_version`.

    Raises:
        DataError: a chunk cannot be read; nothing is committed.
        ServiceError: the lake cannot be written.
    """
    return _RunBatch(lake, settings, tuple(chunks), received_us, "direct", name=series, number=number).land()


def settings_for(keys: Keys, now_us: int, max_age_days: float, max_ahead_days: float) -> ParseSettings:
    """What scans are judged by.

    Args:
        keys: the lake's own.
        now_us: the instant that ages are measured from, microseconds UTC.
        max_age_days: scans that are older are refused.
        max_ahead_days: scans that are further ahead are refused.

    Raises:
        UsageError: no such number of days.
    """
    for flag, days in (("--max-age-days", max_age_days), ("--max-ahead-days", max_ahead_days)):
        if not 0 <= days <= _DAYS_AT_MOST:
            raise UsageError(f"{flag} is no number of days", f"write a number from 0 to {_DAYS_AT_MOST}")
    oldest_us, newest_us = now_us - round(max_age_days * DAY_US), now_us + round(max_ahead_days * DAY_US)
    return ParseSettings(keys, max(oldest_us, _FIRST_US), min(newest_us, _LAST_US))


@contextmanager
def _removing() -> Iterator[Callable[[str], object]]:
    """What removes folders on a thread: a gigabyte of scratch takes half a second that nobody waits for."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda folder: pool.submit(storage.remove_all, folder)


@dataclass(frozen=True)
class _RunBatch:
    """One invocation's inputs, or one of a series."""

    lake: Lake
    settings: ParseSettings
    chunks: tuple[Chunk, ...]
    received_us: int
    runner: str
    given: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dated: Mapping[str, tuple[Chunk, ...]] = field(default_factory=dict)
    epoch_us: int = 0
    name: str = field(default_factory=lambda: os.urandom(8).hex())
    number: int = 1

    def land(self, remove: Callable[[str], object] = storage.remove_all) -> dict[str, Any]:
        """Commit the batch, deduplicated against the newest scans.

        Args:
            remove: takes away a scratch folder.

        Raises:
            ServiceError: other writers leave no gap.
        """
        landed: dict[str, Any] = {}  # what an attempt has committed before it met another's scans
        for _ in range(_ATTEMPTS):
            scratch = self.lake.scratch(
                f"run-{os.getpid()}-{os.urandom(4).hex()}", shared=self.runner != "direct"
            )
            try:
                outcome = self._attempt(scratch, landed)
            finally:
                remove(scratch)
            if "scans_version" in outcome:
                return outcome
            landed |= {name: outcome["others"][name] for name in outcome["landed"]}
        raise ServiceError("other writers keep committing scans", "run it again when they are done")

    def _attempt(self, scratch: str, landed: Mapping[str, Any]) -> dict[str, Any]:
        """One try: what became of it, without `scans_version` when another commit came between."""
        upserts = [
            Upsert(source, read_other(source, paths, self.settings.keys, _current(self.lake, source)))
            for source in SOURCES
            if (paths := self.given.get(source.name))
        ]
        plan = self._plan(upserts, [name for name in self.dated if name not in landed], scratch)
        outcome = outcome_of(
            lambda begin: begin | "Ingest" >> IngestScans(plan, scratch), scratch, self.runner
        )
        by_date = {**landed, **outcome["others"]}
        outcome["others"] = {upsert.source.name: _counts(upsert.other) for upsert in upserts}
        outcome["others"] |= {name: by_date[name] for name in self.dated}
        return outcome

    def _plan(self, upserts: Sequence[Upsert], dated: Sequence[str], scratch: str) -> Ingest:
        held = snapshot(self.lake, "scans")
        rows = _rows_at_most(self.chunks)
        return Ingest(
            lake=self.lake,
            batch=self.name,
            settings=self.settings,
            chunks=self.chunks,
            held=tuple(
                HeldFile(number, file.path, day_number(dt.date.fromisoformat(file.partition["date"])))
                for number, file in enumerate(held.files)
            ),
            base=held.version,
            registry=registry_from(_registry_after(self.lake, upserts)).left_in(scratch),
            upserts=tuple(given.rows_alone().left_in(scratch) for given in upserts),
            other_files=write_other_files(self.lake, self.settings.keys, upserts, self.received_us),
            received_us=self.received_us,
            buckets=buckets_for(rows + _held_at_most(held, rows), _ROWS_A_BUCKET),
            shares=parts_for(sum(map(len, (self.chunks, *self.dated.values()))), _CHUNKS_A_SHARE),
            number=self.number,
            dated=tuple(self._dated(name) for name in dated),
        )

    def _dated(self, name: str) -> DatedInput:
        held, chunks = snapshot(self.lake, name), self.dated[name]
        parts = parts_for(_rows_at_most(chunks), _DATED_A_FILE)
        return DatedInput(name, chunks, held.files, held.version, parts, self.epoch_us)


def _current(lake: Lake, source: Source) -> pa.Table | None:
    return read_table(lake, source.name) if snapshot(lake, source.name).version >= 0 else None


def _registry_after(lake: Lake, upserts: Sequence[Upsert]) -> pa.Table:
    """The registry as it will be when the batch is committed."""
    held = read_table(lake, "venues")
    for given in upserts:
        if given.source is VENUE_SOURCE:
            held = upsert(held, given.other, given.source)
    return held


def _counts(other: UpsertedInput) -> dict[str, Any]:
    return {
        "received": other.received,
        "accepted": other.accepted,
        "duplicate": other.duplicate,
        "rejected": other.rejected,
        "reasons": other.reasons,
    }


def _held_at_most(held: Snapshot, rows: int) -> int:
    """About how many scans of the lake a batch of `rows` is compared with: those of the days it touches."""
    by_date: dict[str, int] = {}
    for file in held.files:
        by_date[file.partition["date"]] = by_date.get(file.partition["date"], 0) + file.rows
    return min(sum(by_date.values()), max([rows * _HELD_A_SCAN, *by_date.values()]))


def _rows_at_most(chunks: Sequence[Chunk]) -> int:
    """About how many scans the chunks hold, or more."""
    packed = total_bytes(
        [chunk for chunk in chunks if chunk.compression not in ("", SEALED) or chunk.format == "parquet"]
    )
    plain = total_bytes(chunks) - packed
    return (plain + packed * _PACKING) // _BYTES_A_SCAN
