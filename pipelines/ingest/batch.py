"""One batch: plan its inputs, run them through the pipeline, commit; again if another commit came between."""

import datetime as dt
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pyarrow as pa

from pipelines.errors import ServiceError, UsageError
from pipelines.ingest.commit import Upsert
from pipelines.ingest.dedupe_step import HeldFile
from pipelines.ingest.event_steps import DatedInput
from pipelines.ingest.events import DATED
from pipelines.ingest.formats.discovery.discover import Chunk, total_bytes
from pipelines.ingest.formats.discovery.streams import SEALED
from pipelines.ingest.ingest_result import IngestResult
from pipelines.ingest.reference_tables import CASE_SOURCE, VENUE_SOURCE, Source, read_records, upsert
from pipelines.ingest.refused.input_findings import InputFindings, WatchedBlocks, findings_of_steps
from pipelines.ingest.refused.receipt_ages import ReceiptAges
from pipelines.ingest.transforms import Ingest, IngestScans
from pipelines.ingest.validate.scans import ParseSettings
from pipelines.ingest.write_step import write_other_files
from pipelines.kernels.sort import buckets_for, parts_for
from pipelines.lake import Lake, Snapshot, read_table, snapshot, storage
from pipelines.lake.forgotten import read_forgotten
from pipelines.lake.writer_lock import writing_with_others
from pipelines.metrics import LATE_SECONDS
from pipelines.privacy.keys import Keys
from pipelines.registry.registry import registry_from
from pipelines.runtime.job_result import run_job
from pipelines.times import DAY_US, day_number

UPSERTED: Final = (VENUE_SOURCE, CASE_SOURCE)
"""The inputs that are upserted by key, in the order of their commits."""

# About how many scans a bucket holds in memory, and how many chunks share a file of refusals.
ROWS_A_BUCKET = 1 << 19
CHUNKS_A_SHARE = 64

_ATTEMPTS = 8
_BYTES_A_SCAN = 128  # a short line; a guess that is too low makes more and smaller buckets
_PACKING = 8  # the highest compression ratio expected
_HELD_A_SCAN = 8  # about how many scans of the lake a late one is compared with
_DATED_A_FILE = 1 << 22
_DAYS_AT_MOST = 36_500
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # the UTC days of years 1 to 9999


@dataclass(frozen=True)
class BatchInputs:
    """What a batch is made from.

    Attributes:
        scans: chunks, numbered from 0.
        upserted: chunks of the inputs of `UPSERTED`, by name.
        dated: chunks of encounters, declarations and links, by name.
        epoch_us: the instant that the times of SocioPatterns files count from.
    """

    scans: tuple[Chunk, ...] = ()
    upserted: Mapping[str, tuple[Chunk, ...]] = field(default_factory=dict)
    dated: Mapping[str, tuple[Chunk, ...]] = field(default_factory=dict)
    epoch_us: int = 0


@dataclass(frozen=True)
class LandedBatch:
    """A committed batch.

    Attributes:
        result: the counts of scans, and of each other input that was given.
        findings: what is to be said about each input.
        notes: lines for people about what may be a mistake in the inputs.
    """

    result: IngestResult
    findings: dict[str, InputFindings] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def received(self) -> dict[str, int]:
        """Return how many records of each input were read."""
        others = {name: counts["received"] for name, counts in self.result.others.items()}
        return {"scans": self.result.received, **others}


@dataclass(frozen=True)
class BatchJob:
    """A batch that is to be committed once, however often that is attempted.

    Attributes:
        lake: an open lake.
        settings: keys and time limits, from `settings_for`.
        inputs: what was given.
        received_us: the instant of receipt, the same for each attempt.
        ages: counts accepted scans by their age.
        runner: the name of the Beam runner.
        series: names the batch, or a series of batches that are committed one after the other.
        number: of the batch in its series; ascends.
        list_refused: whether to list the place and reason of every refused record.
    """

    lake: Lake
    settings: ParseSettings
    inputs: BatchInputs
    received_us: int
    ages: ReceiptAges
    runner: str = "direct"
    series: str = field(default_factory=lambda: os.urandom(8).hex())
    number: int = 1
    list_refused: bool = False

    def land(self, remove: Callable[[str], object] = storage.remove_all) -> LandedBatch:
        """Commit the batch, deduplicated against the newest scans.

        Args:
            remove: removes a scratch folder.

        Raises:
            DataError: an input cannot be read; nothing is committed.
            ServiceError: the lake cannot be written, or other writers keep committing.
        """
        with writing_with_others(self.lake):
            return self._land(remove)

    def _land(self, remove: Callable[[str], object]) -> LandedBatch:
        """Try until the batch is committed; the same errors as `land`."""
        committed: dict[str, Any] = {}  # inputs kept by date that an earlier attempt has committed
        findings: dict[str, InputFindings] = {}
        for _ in range(_ATTEMPTS):
            # A folder for each attempt, in the lake itself where the workers may be other machines.
            scratch = self.lake.scratch(
                f"run-{os.getpid()}-{os.urandom(4).hex()}", shared=self.runner != "direct"
            )
            try:
                landed = self._attempt(scratch, committed)
            finally:
                remove(scratch)
            findings |= {name: one for name, one in landed.findings.items() if name not in committed}
            if landed.result.is_final:
                return replace(landed, findings=findings)
            # What an attempt committed is neither run nor counted again.
            committed |= {name: landed.result.others[name] for name in landed.result.landed}
        # Each attempt is a whole run, so there are only a few.
        raise ServiceError("other writers keep committing scans", "run it again when they are done")

    def _attempt(self, scratch: str, committed: Mapping[str, Any]) -> LandedBatch:
        """Try once; the result is not final when another commit came between."""
        inputs = self.inputs
        # Read by each attempt: the commit is refused if a purge or an erasure began after this.
        settings = replace(self.settings, forgotten=read_forgotten(self.lake))
        read = [self._read(source, settings) for source in UPSERTED if source.name in inputs.upserted]
        upserts = [upsert for upsert, _ in read]
        dated = [name for name in inputs.dated if name not in committed]
        # The upserted inputs are read here, in the launching process; the plan takes the rest to the workers.
        plan = self._plan(settings, upserts, dated, scratch)
        result = run_job(
            lambda begin: begin | "Ingest" >> IngestScans(plan, scratch), scratch, self.runner, IngestResult
        )
        # Counts of an attempt before stand beside those of this one.
        by_date = {**committed, **result.others}
        others = {given.source.name: given.other.report() for given in upserts}
        others |= {name: by_date[name] for name in inputs.dated}
        if "links" in by_date:  # codes of scans show links too
            others["links"] = by_date["links"]
        findings = {found.source: found for _, found in read}
        for name, of_steps in result.findings.items():
            contract = "scan" if name == "scans" else DATED[name].contract
            chunks = inputs.scans if name == "scans" else inputs.dated[name]
            findings[name] = findings_of_steps(name, contract, chunks, of_steps)
        notes = tuple(line for given in upserts for line in given.other.notes)
        return LandedBatch(replace(result, others=others, findings={}), findings, notes)

    def _read(self, source: Source, settings: ParseSettings) -> tuple[Upsert, InputFindings]:
        """Read an input beside scans whole."""
        blocks = WatchedBlocks(self.inputs.upserted[source.name], source.contract)
        current = _current(self.lake, source)
        other = read_records(source, blocks, settings.keys, current, settings.forgotten)
        found = blocks.findings(source.name, other.refused_at, listed=self.list_refused)
        return Upsert(source, other), found

    def _plan(
        self, settings: ParseSettings, upserts: Sequence[Upsert], dated: Sequence[str], scratch: str
    ) -> Ingest:
        # Files and version are of one snapshot: the commit is refused if the table has moved on since.
        held = snapshot(self.lake, "scans")
        chunks = self.inputs.scans
        rows = _rows_at_most(chunks)
        return Ingest(
            lake=self.lake,
            batch=self.series,
            settings=settings,
            chunks=chunks,
            held=tuple(
                HeldFile(number, file.path, day_number(dt.date.fromisoformat(file.partition["date"])))
                for number, file in enumerate(held.files)
            ),
            base=held.version,
            # As after the batch: scans of a venue that is registered with them are not unregistered.
            registry=registry_from(_registry_after(self.lake, upserts)).store_in(scratch),
            upserts=tuple(given.rows_alone().store_in(scratch) for given in upserts),
            other_files=write_other_files(self.lake, settings.keys, upserts, self.received_us),
            received_us=self.received_us,
            ages=self.ages,
            buckets=buckets_for(rows + _held_at_most(held, rows), ROWS_A_BUCKET),
            shares=parts_for(sum(map(len, (chunks, *self.inputs.dated.values()))), CHUNKS_A_SHARE),
            number=self.number,
            dated=tuple(self._dated(name) for name in dated),
            list_refused=self.list_refused,
        )

    def _dated(self, name: str) -> DatedInput:
        held, chunks = snapshot(self.lake, name), self.inputs.dated[name]
        parts = parts_for(_rows_at_most(chunks), _DATED_A_FILE)
        return DatedInput(name, chunks, held.files, held.version, parts, self.inputs.epoch_us)


def run_chunks(
    lake: Lake,
    settings: ParseSettings,
    chunks: Sequence[Chunk],
    received_us: int,
    *,
    series: str,
    number: int,
    late_seconds: float = LATE_SECONDS,
) -> IngestResult:
    """Commit chunks of scans once, however often it is called; nothing is recomputed.

    Args:
        lake: an open lake.
        settings: from `settings_for`.
        chunks: of scans, numbered from 0.
        received_us: the instant of receipt, the same whenever the batch is tried again.
        series: names a series of batches that are committed one after the other.
        number: of the batch in its series; ascends.
        late_seconds: the allowed lateness.

    Raises:
        DataError: a chunk cannot be read; nothing is committed.
        ServiceError: the lake cannot be written.
    """
    ages = ReceiptAges(received_us, late_seconds)
    inputs = BatchInputs(scans=tuple(chunks))
    return BatchJob(lake, settings, inputs, received_us, ages, series=series, number=number).land().result


def settings_for(keys: Keys, now_us: int, max_age_days: float, max_ahead_days: float) -> ParseSettings:
    """Combine the keys of a lake with the range of instants that records may have.

    Args:
        keys: the lake's own.
        now_us: the instant that ages are measured from, microseconds UTC.
        max_age_days: older records are refused.
        max_ahead_days: records further ahead are refused.

    Raises:
        UsageError: a number of days is out of range.
    """
    for flag, days in (("--max-age-days", max_age_days), ("--max-ahead-days", max_ahead_days)):
        if not 0 <= days <= _DAYS_AT_MOST:
            raise UsageError(
                f"{flag} must be a number of days from 0 to {_DAYS_AT_MOST}", "write days, such as 60"
            )
    oldest_us, newest_us = now_us - round(max_age_days * DAY_US), now_us + round(max_ahead_days * DAY_US)
    # Outside these years an instant has no date, and so no partition.
    return ParseSettings(keys, max(oldest_us, _FIRST_US), min(newest_us, _LAST_US))


def _current(lake: Lake, source: Source) -> pa.Table | None:
    return read_table(lake, source.name) if snapshot(lake, source.name).version >= 0 else None


def _registry_after(lake: Lake, upserts: Sequence[Upsert]) -> pa.Table:
    """Return the registry as it will be when the batch is committed."""
    held = read_table(lake, "venues")
    for given in upserts:
        if given.source is VENUE_SOURCE:
            held = upsert(held, given.other, given.source)
    return held


def _held_at_most(held: Snapshot, rows: int) -> int:
    """Estimate how many scans of the lake `rows` new ones are compared with: those of the days they touch."""
    by_date: dict[str, int] = {}
    for file in held.files:
        by_date[file.partition["date"]] = by_date.get(file.partition["date"], 0) + file.rows
    # At least the largest day, since a single late scan is compared with all of its day.
    return min(sum(by_date.values()), max([rows * _HELD_A_SCAN, *by_date.values()]))


def _rows_at_most(chunks: Sequence[Chunk]) -> int:
    """Estimate how many scans the chunks hold, rather too many than too few."""
    # A sealed file is about as long as what it holds, so it does not count as packed.
    packed = total_bytes(
        [chunk for chunk in chunks if chunk.compression not in ("", SEALED) or chunk.format == "parquet"]
    )
    plain = total_bytes(chunks) - packed
    return (plain + packed * _PACKING) // _BYTES_A_SCAN
