"""Files of scans, encounters, declarations and links to accepted rows in the lake: wiring without logic."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsList
from apache_beam.transforms.window import FixedWindows, GlobalWindows

from pipelines import metrics
from pipelines.ingest.code_texts import forget_registered, keep_codes
from pipelines.ingest.commit import Batch, Upsert, commit_batch
from pipelines.ingest.counts import Counts
from pipelines.ingest.dedupe_step import LATER, VERDICTS, HeldFile, JudgeScans, ReadHeld, Verdicts
from pipelines.ingest.event_steps import (
    DatedInput,
    JudgeDated,
    ParseDated,
    WrittenEvents,
    counts_of,
    files_of,
)
from pipelines.ingest.events import DATED
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.ingest_result import IngestResult
from pipelines.ingest.link_files import new_links
from pipelines.ingest.parse_step import COUNTS, DATES, REFUSED, SEALED, ParseChunks, ParseCounts
from pipelines.ingest.reference_tables import VENUE_SOURCE
from pipelines.ingest.refused.input_findings import step_findings
from pipelines.ingest.refused.receipt_ages import ReceiptAges
from pipelines.ingest.refused.rejects import DigestLater, Refused, WriteRejects, refused_reasons
from pipelines.ingest.validate.scans import ParseSettings
from pipelines.ingest.write_step import WriteScans, WriteVault, WrittenScans
from pipelines.lake import CommitConflict, DataFile, Lake
from pipelines.registry.registry import Registry
from pipelines.runtime.job_errors import report_errors
from pipelines.runtime.job_metrics import report_counts
from pipelines.runtime.job_result import write_result
from pipelines.runtime.spill import Piece
from pipelines.runtime.threaded_dofn import keep_times_early
from pipelines.times import DAY_SECONDS

DatedPart = tuple[str, WrittenEvents | Refused | ParseCounts]
"""What one step made of an input that is kept by date: `("encounters", WrittenEvents(…))`."""


@dataclass(frozen=True)
class Ingest:
    """Everything that one batch is made from.

    Attributes:
        batch: names the invocation, or a series of batches.
        chunks: of all inputs, by number.
        held: the data files of `scans` in the version `base`.
        base: the version of `scans` to deduplicate against.
        registry: decides which accepted scans count as unregistered.
        upserts: rows of small tables that are committed with the scans.
        other_files: files of other tables that are committed with the scans.
        received_us: the one instant at which the batch was received.
        ages: counts accepted scans by their age.
        buckets: of event keys, a power of two.
        shares: of rejects and of sealed identifiers, a power of two.
        number: of the batch in its series.
        dated: the inputs that are kept by date.
        list_refused: whether every refused record is to be listed with its number.
    """

    lake: Lake
    batch: str
    settings: ParseSettings
    chunks: tuple[Chunk, ...]
    held: tuple[HeldFile, ...]
    base: int
    registry: Registry
    upserts: tuple[Upsert, ...]
    other_files: dict[str, tuple[DataFile, ...]]
    received_us: int
    ages: ReceiptAges
    buckets: int
    shares: int
    number: int = 1
    dated: tuple[DatedInput, ...] = ()
    list_refused: bool = False


@dataclass
class IngestScans(beam.PTransform[Any, Any]):
    """Begin -> the result of the commit, also written for the launcher."""

    plan: Ingest
    scratch: str

    def expand(self, begin: Any) -> Any:
        """Wire the steps; `Create` spreads what it lists over the workers by itself."""
        plan = self.plan
        # parsed: (event bucket, Piece); .refused and .sealed: (share, Piece); .dates: scans by day
        parsed = (
            begin
            | "List chunks" >> beam.Create(plan.chunks)
            | "Parse"
            >> beam.ParDo(
                ParseChunks(plan.lake, plan.settings, plan.buckets, plan.shares, self.scratch, plan.registry)
            ).with_outputs(REFUSED, SEALED, COUNTS, DATES, main="scans")
        )
        judged = self._judge(begin, parsed)
        files = self._write_scans(judged["scans"])
        rejects = (parsed[REFUSED], judged[LATER]) | "Log refused" >> LogRefused(
            plan, "scans", plan.chunks, self.scratch
        )
        sealed, dated = self._dated(begin)
        vault = (
            [parsed[SEALED], *sealed]
            | "Join sealed" >> beam.Flatten()
            | "Group sealed" >> beam.GroupByKey()
            | "Write vault" >> beam.ParDo(WriteVault(plan.lake, self.scratch))
        )
        return (
            begin
            | "Once" >> beam.Create([None], reshuffle=False)  # one element, so one commit
            | "Commit batch"
            >> beam.ParDo(
                CommitBatch(plan, self.scratch),
                AsList(files),
                AsList(rejects),
                AsList(vault),
                AsList(parsed[COUNTS]),
                AsList(judged[VERDICTS]),
                AsList(dated),
            )
        )

    def _dated(self, begin: Any) -> tuple[list[Any], Any]:
        """(share, Piece) of sealed identifiers by input, and the DatedPart of all inputs kept by date."""
        landed = [
            begin | f"Ingest {given.source}" >> IngestDated(self.plan, given, self.scratch)
            for given in self.plan.dated
        ]
        none = begin | "No dated" >> beam.Create([], reshuffle=False)
        parts = [none, *(one["parts"] for one in landed)] | "Join dated" >> beam.Flatten()
        return [one[SEALED] for one in landed], parts

    def _judge(self, begin: Any, parsed: Any) -> Any:
        """(event bucket, Piece) -> (venue part, Piece) in the window of its day; .later: (chunk, Piece)."""
        plan = self.plan
        pieces = [parsed["scans"]]
        if plan.held:
            held = (
                begin
                | "List held files" >> beam.Create(plan.held)
                | "Read held" >> beam.ParDo(ReadHeld(plan.buckets, self.scratch), AsList(parsed[DATES]))
            )
            pieces.append(held)
        return (
            pieces
            | "Join held" >> beam.Flatten()
            | "Keep times early" >> keep_times_early()
            | "Group by event" >> beam.GroupByKey()
            | "Judge"
            >> beam.ParDo(JudgeScans(self.scratch), AsList(parsed[DATES])).with_outputs(
                LATER, VERDICTS, main="scans"
            )
        )

    def _write_scans(self, scans: Any) -> Any:
        """(venue part, Piece) -> WrittenScans."""
        plan = self.plan
        return (
            scans
            | "Window by day" >> beam.WindowInto(FixedWindows(DAY_SECONDS))
            | "Group by venue" >> beam.GroupByKey()
            | "Name the day" >> beam.Map(name_day)
            | "Leave the windows" >> beam.WindowInto(GlobalWindows())  # the commit is of all days
            | "Spread days" >> beam.Reshuffle()  # or one worker would write all days of a part
            | "Write scans"
            >> beam.ParDo(WriteScans(plan.lake, plan.registry, plan.received_us, plan.ages, self.scratch))
        )


@dataclass
class IngestDated(beam.PTransform[Any, Any]):
    """Begin -> .parts: DatedPart; .sealed: (share, Piece) of sealed identifiers."""

    plan: Ingest
    given: DatedInput
    scratch: str

    def expand(self, begin: Any) -> Any:
        """Wire the steps."""
        plan, given = self.plan, self.given
        parse = ParseDated(
            plan.lake,
            plan.settings,
            given.parts,
            plan.shares,
            self.scratch,
            plan.registry,
            given.source,
            given.epoch_us,
        )
        judge = JudgeDated(plan.lake, given.source, given.held, given.parts, plan.settings.keys, self.scratch)
        # parsed: ((day, part), Piece); .refused and .sealed: (share, Piece)
        parsed = (
            begin
            | "List chunks" >> beam.Create(given.chunks)
            | "Parse" >> beam.ParDo(parse).with_outputs(REFUSED, SEALED, COUNTS, main="rows")
        )
        judged = (
            parsed["rows"]
            | "Group by day" >> beam.GroupByKey()
            | "Judge and write" >> beam.ParDo(judge).with_outputs(LATER, main="landed")
        )
        rejects = (parsed[REFUSED], judged[LATER]) | "Log refused" >> LogRefused(
            plan, given.source, given.chunks, self.scratch, DATED[given.source].contract, given.epoch_us
        )
        parts = (
            [judged["landed"], rejects, parsed[COUNTS]]
            | "Join parts" >> beam.Flatten()
            | "Name the input" >> beam.Map(named, given.source)
        )
        return {"parts": parts, SEALED: parsed[SEALED]}


def named(part: Any, source: str) -> tuple[str, Any]:
    """Pair a step's result with the name of its input."""
    return source, part


@dataclass
class LogRefused(beam.PTransform[Any, Any]):
    """((share, Piece) refused at once, (chunk, Piece) refused later) -> Refused.

    Attributes:
        source: what the log calls the input.
        chunks: of the input, by number.
        contract: what its records are.
        epoch_us: what the times of a SocioPatterns file count from.
    """

    plan: Ingest
    source: str
    chunks: tuple[Chunk, ...]
    scratch: str
    contract: str = "scan"
    epoch_us: int = 0

    def expand(self, pieces: Any) -> Any:
        """Wire the steps."""
        plan, (refused, later) = self.plan, pieces
        chunks = {chunk.number: chunk for chunk in self.chunks}
        digest = DigestLater(
            plan.settings.keys,
            chunks,
            plan.shares,
            self.scratch,
            self.contract,
            self.epoch_us,
            numbered=plan.list_refused,
        )
        write = WriteRejects(plan.lake, self.source, plan.received_us, self.scratch, plan.list_refused)
        digested = (
            later
            | "Leave the early times" >> beam.WindowInto(GlobalWindows())
            | "Group by chunk" >> beam.GroupByKey()
            | "Digest later" >> beam.ParDo(digest)
        )
        return (
            [refused, digested]
            | "Join refused" >> beam.Flatten()
            | "Group refused" >> beam.GroupByKey()
            | "Write rejects" >> beam.ParDo(write)
        )


def name_day(
    element: tuple[int, Iterable[Piece]], window: Any = beam.DoFn.WindowParam
) -> tuple[tuple[int, int], list[Piece]]:
    """(venue part, pieces) of one window -> ((day, part), [Piece])."""
    part, pieces = element
    return (int(window.start) // DAY_SECONDS, part), list(pieces)


@dataclass
class CommitBatch(beam.DoFn):
    """The last step: one element on one worker, idempotent."""

    plan: Ingest
    scratch: str

    def process(
        self,
        _element: None,
        files: list[WrittenScans],
        rejects: list[Refused],
        vault: list[DataFile],
        counts: list[ParseCounts],
        verdicts: list[Verdicts],
        dated: list[DatedPart],
    ) -> Iterator[IngestResult]:
        """Commit, and report the result to the launcher."""
        with report_errors(self.scratch):
            parts = {
                given.source: [part for name, part in dated if name == given.source]
                for given in self.plan.dated
            }
            findings = {"scans": step_findings(self.plan.chunks, counts, rejects)}
            for given in self.plan.dated:
                findings[given.source] = _findings_of(given, parts[given.source])
            counted = replace(
                _counted(files, rejects, counts, verdicts),
                others={source: counts_of(own).report() for source, own in parts.items()},
                findings=findings,
            )
            rejected = [*rejects, *(part for _, part in dated if isinstance(part, Refused))]
            keep_codes(
                self.plan.lake,
                [piece for count in counts for piece in count.codes],
                {venue for written in files for venue in written.unknown_venues},
            )
            by_date = {source: files_of(own) for source, own in parts.items()}
            links = new_links(self.plan.lake, by_date.get("links", ()), counts)
            counted = replace(counted, others=links.counted_in(counted.others))
            result = self._commit(files, rejected, vault, links.joined(by_date), links.bases, counted)
            report_counts([(metrics.CONFLICTED_COMMITS, int(result.conflict))])
            write_result(self.scratch, result)
        yield result

    def _commit(
        self,
        files: list[WrittenScans],
        rejects: list[Refused],
        vault: list[DataFile],
        by_date: dict[str, list[DataFile]],
        bases: dict[str, int],
        counted: IngestResult,
    ) -> IngestResult:
        plan = self.plan
        by_table = {
            **plan.other_files,
            **by_date,
            "scans": [written.file for written in files],
            "rejects": [*plan.other_files.get("rejects", ()), *_of_table("rejects", rejects)],
            "retries": _of_table("retries", rejects),
            "vault": [*plan.other_files.get("vault", ()), *vault],
        }
        names = ("received", "accepted", "duplicate", "rejected")
        note = {name: str(getattr(counted, name)) for name in names}
        bases |= {given.source: given.base for given in plan.dated}
        forgotten = plan.settings.forgotten.number
        batch = Batch(plan.batch, plan.base, by_table, plan.upserts, note, plan.number, bases, forgotten)
        try:
            version, own = commit_batch(plan.lake, batch)
        except CommitConflict:
            landed = [source for source in bases if batch.is_in(plan.lake, source)]
            return replace(counted, conflict=True, landed=landed)
        if any(given.source is VENUE_SOURCE for given in plan.upserts):
            forget_registered(plan.lake)
        # A batch of a series that another machine committed is counted there. A batch by itself may be
        # committed by a twin of this step (a runner may start a step twice), and either leaves the counts.
        if batch.of_series and not own:
            counted = replace(_counted([], [], [], []), others=counted.others)
        return replace(counted, scans_version=version)


def _of_table(name: str, refused: Iterable[Refused]) -> list[DataFile]:
    return [one.file for one in refused if one.file.table == name]


def _findings_of(given: DatedInput, parts: list[Any]) -> dict[str, Any]:
    """Gather what was found about an input that is kept by date."""
    counts = [part for part in parts if isinstance(part, ParseCounts)]
    return step_findings(given.chunks, counts, [part for part in parts if isinstance(part, Refused)])


def _counted(
    files: list[WrittenScans], rejects: list[Refused], counts: list[ParseCounts], verdicts: list[Verdicts]
) -> IngestResult:
    """Count what became of the scans of a batch."""
    accepted = sum(verdict.accepted for verdict in verdicts)
    assert accepted == sum(written.file.rows for written in files), "accepted scans and written rows differ"
    counted = Counts.of(
        received=sum(count.received for count in counts),
        accepted=accepted,
        duplicate=sum(verdict.duplicate for verdict in verdicts),
        reasons=refused_reasons(rejects),
    )
    return IngestResult(
        **counted.report(),
        unregistered=sum(written.unregistered for written in files),
        late=sum(written.late for written in files),
        ages={name: sum(written.ages[name] for written in files) for name in (*metrics.AGES, metrics.OLDER)},
    )
