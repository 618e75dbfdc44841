"""Parse a chunk of input and spill its scans by event bucket."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput

from pipelines import metrics
from pipelines.ingest.code_texts import CodeCollector
from pipelines.ingest.events import DatedBlock
from pipelines.ingest.formats.blocks import ColumnNames, Columns, Lines
from pipelines.ingest.formats.column_names import column_names
from pipelines.ingest.formats.discovery.discover import Chunk, total_bytes
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.link_files import DayPiece, spill_links
from pipelines.ingest.refused.rejects import ROW_MASK, digest_heads, refused_rows, retry_marks
from pipelines.ingest.refused.retries import ACCEPTED_SINCE, TIMED_EVENT, retried, watched_events
from pipelines.ingest.validate.code_links import CodeLinks
from pipelines.ingest.validate.scans import Parsed, ParseSettings, parse
from pipelines.ingest.vault_backlog import Unsealed
from pipelines.kernels.sort import part_of, stable_order
from pipelines.kernels.types import Int64, UInt64
from pipelines.lake import Lake, read_table
from pipelines.privacy.vault import Sealer
from pipelines.registry.registry import Registry
from pipelines.runtime.job_errors import report_errors
from pipelines.runtime.spill import Piece, spill
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.times import DAY_US

REFUSED, SEALED, COUNTS, DATES = "refused", "sealed", "counts", "dates"
"""Tags of outputs beside the scans: refused rows, sealed identifiers, counts, scans by day."""

_ROWS_AT_ONCE = 1 << 18
_SEALED_AT_ONCE = 1 << 14
_FEW_DAYS = 1 << 16  # counted without being sorted


@dataclass(frozen=True)
class ParseCounts:
    """What one block held, to be summed.

    >>> ParseCounts(received=3, chunk=0, line_ends=3, names=ColumnNames()).received
    3

    Attributes:
        received: records read, refused ones included.
        chunk: number of its chunk.
        line_ends: line feeds in a block of NDJSON.
        names: what is to be said about the names of its columns.
        codes: texts of venue codes that are not registered.
        links: by day, what personal codes show.
    """

    received: int
    chunk: int
    line_ends: int
    names: ColumnNames
    codes: tuple[Piece, ...] = ()
    links: tuple[DayPiece, ...] = ()


def parse_counts(
    block: Lines | Columns, chunk: Chunk, received: int, contract: str, codes: tuple[Piece, ...] = ()
) -> ParseCounts:
    """Count what a block held.

    Args:
        block: of the chunk.
        chunk: itself.
        received: records in the block.
        contract: what they are.
        codes: texts of its venue codes that are not registered.
    """
    line_ends = block.line_ends if isinstance(block, Lines) else 0
    return ParseCounts(received, chunk.number, line_ends, column_names(block, contract), codes)


@dataclass
class ParseChunks(ThreadedDoFn):
    """Chunk -> (event bucket, Piece); .refused and .sealed: (share, Piece); .counts; .dates."""

    lake: Lake
    settings: ParseSettings
    buckets: int
    shares: int
    scratch: str
    registry: Registry
    STEP: ClassVar[str] = "read"
    UNIT: ClassVar[str] = "B"

    def units(self, chunk: Chunk) -> int:
        return total_bytes([chunk])

    def start_bundle(self) -> None:
        """Forget which persons earlier bundles sealed: a bundle that is retried must seal them again."""
        super().start_bundle()
        with report_errors(self.scratch):
            self._unsealed = Unsealed(read_table(self.lake, "vault", ["person"])["person"].to_numpy())
            self._watched = watched_events(self.lake, self._input)
        self._sealer = Sealer(self.settings.keys.authority_public)
        # Like the persons: what an earlier bundle collected may be lost.
        self._codes = CodeCollector(self.registry)

    @property
    def _input(self) -> str:
        """What the log of rejects calls the records."""
        return "scans"

    def work(self, chunk: Chunk, *_: Any) -> Iterator[Any]:
        """Parse one chunk block by block; the scans of several small blocks are spilled together."""
        self.count(metrics.INPUT_BYTES, chunk.stop - chunk.start)
        held: list[pa.Table] = []
        name = ""
        for number, block in enumerate(read_blocks(chunk)):
            name = f"{chunk.number:06}-{number:04}"
            parsed = parse(block, chunk.number, self.settings)
            # Refusals of a chunk stay together; the shares spread the chunks over files.
            share = chunk.number % self.shares
            yield from self._refused(name, share, block, parsed)
            yield from self._retries(name, share, block, parsed.scans, parsed.scans["event_high"].to_numpy())
            yield from self._sealed(name, parsed)
            # A personal code names persons who are in no scan of the block.
            yield from self._sealed(f"{name}-links", parsed.links)
            codes = self._unregistered(name, parsed)
            self.count(metrics.RECEIVED, parsed.received)
            counts = parse_counts(block, chunk, parsed.received, "scan", codes)
            yield TaggedOutput(COUNTS, replace(counts, links=spill_links(self.scratch, name, parsed.links)))
            held.append(parsed.scans)
            # Before the next block is read, or two of them would be in memory.
            del block, parsed
            # Many small blocks would else make as many small pieces for every bucket.
            if sum(scans.num_rows for scans in held) >= _ROWS_AT_ONCE:
                yield from self._scans(name, held)
        if held:
            yield from self._scans(name, held)

    def _scans(self, name: str, held: list[pa.Table]) -> Iterator[Any]:
        """Spill the scans that are held, and empty the list."""
        # Each block has a dictionary of zones of its own.
        scans = pa.concat_tables(held).unify_dictionaries().combine_chunks()
        held.clear()
        # By the top bits of a keyed hash: equal events meet, and no input can aim at one bucket.
        bucket = part_of(scans["event_high"].to_numpy(), self.buckets)
        order = stable_order(bucket)
        yield from spill(self.scratch, f"parsed-{name}", scans, bucket[order], order)
        # Repeats included: deduplication has not seen them yet.
        yield TaggedOutput(DATES, _rows_a_day(scans["occurred_us"].to_numpy() // DAY_US))

    def _unregistered(self, name: str, parsed: Parsed) -> tuple[Piece, ...]:
        codes = self._codes.new_codes(parsed)
        return tuple(
            piece
            for _, piece in spill(self.scratch, f"codes-{name}", codes, np.zeros(codes.num_rows, np.int64))
        )

    def _refused(
        self, name: str, share: int, block: Any, parsed: Parsed | DatedBlock, contract: str = "scan"
    ) -> Iterator[Any]:
        row, reason = parsed.refused_row, parsed.refused_reason
        if row.size:
            inside = (row & ROW_MASK) - block.first_row
            table = refused_rows(self.settings.keys, block, inside, row, reason, contract)
            for _, piece in spill(self.scratch, f"refused-{name}", table, np.zeros(row.size, np.int64)):
                yield TaggedOutput(REFUSED, (share, piece))

    def _retries(
        self, name: str, share: int, block: Any, rows: pa.Table, event: UInt64, contract: str = "scan"
    ) -> Iterator[Any]:
        """Find the new events of rows that fail the time check, and the digests of those that did before."""
        events, fault = event.view(np.int64), rows["fault"].to_numpy()
        timed = events[fault != 0]
        # Events that the lake watches already need no further row.
        timed = timed[~np.isin(timed, self._watched)]
        # Only accepted records of watched events are digested; the others are never hashed as a whole.
        again = rows["row"].to_numpy()[retried(events, fault, self._watched)] & ROW_MASK
        if timed.size or again.size:
            heads = np.concatenate((timed, digest_heads(self.settings.keys, block, again, contract)))
            kind = np.repeat(np.array([TIMED_EVENT, ACCEPTED_SINCE], np.uint8), [timed.size, again.size])
            table = retry_marks(kind, heads)
            for _, piece in spill(self.scratch, f"retries-{name}", table, np.zeros(kind.size, np.int64)):
                yield TaggedOutput(REFUSED, (share, piece))

    def _sealed(self, name: str, parsed: Parsed | DatedBlock | CodeLinks) -> Iterator[Any]:
        fresh = self._unsealed.claim(parsed.tokens)
        if fresh.size:
            # By token, so that a person of several chunks comes to one share, which writes each once.
            share = part_of(parsed.tokens[fresh], self.shares)
            order = stable_order(share)
            fresh = fresh[order]
            # A few at a time: only then do their identifiers become Python objects.
            some = [fresh[start : start + _SEALED_AT_ONCE] for start in range(0, fresh.size, _SEALED_AT_ONCE)]
            rows = pa.concat_tables([self._sealer.seal(*_persons(parsed, positions)) for positions in some])
            for key, piece in spill(self.scratch, f"sealed-{name}", rows, share[order]):
                yield TaggedOutput(SEALED, (key, piece))


def _persons(parsed: Parsed | DatedBlock | CodeLinks, positions: Int64) -> tuple[Int64, list[bytes]]:
    """Return the tokens and the identifiers at some positions."""
    return parsed.tokens[positions], [parsed.identifiers[position] for position in positions.tolist()]


def _rows_a_day(day: Int64) -> dict[int, int]:
    """Count the rows of each day."""
    if not day.size:
        return {}
    first, last = int(day.min()), int(day.max())
    if last - first >= _FEW_DAYS:
        days, counts = np.unique(day, return_counts=True)
        return dict(zip(days.tolist(), counts.tolist(), strict=True))
    # A batch has few days: counting needs no sort.
    rows = np.bincount(day - first)
    return {first + number: count for number, count in enumerate(rows.tolist()) if count}
