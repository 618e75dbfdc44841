"""Refused records in the lake: a reason and a keyed hash of the raw bytes, never the record."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines import metrics
from pipelines.ingest.formats.blocks import ROW_BITS, Columns, Lines
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.line_blocks import after_first_line_end
from pipelines.ingest.formats.ndjson import lines_at
from pipelines.ingest.formats.ndjson_kernel import ends_of_lines
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.formats.record_numbers import record_numbers
from pipelines.ingest.refused.refusals import causes_of
from pipelines.ingest.refused.retries import (
    ACCEPTED_SINCE,
    KIND_ACCEPTED,
    KIND_REFUSED,
    TIMED_EVENT,
    head_bytes,
    heads_of,
    retry_rows,
    still_refused,
    write_retries,
)
from pipelines.ingest.reject_reasons import REASONS
from pipelines.ingest.validate.columns import row_json
from pipelines.ingest.validate.scans import raw_records
from pipelines.kernels.arrow_columns import texts_of
from pipelines.kernels.sha256 import macs
from pipelines.kernels.types import Int64, Spans, UInt8, read_only
from pipelines.lake import DataFile, Lake, storage, write_data_file
from pipelines.privacy.keys import Keys, digest
from pipelines.runtime.spill import Piece, read_pieces, spill
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.times import DAY_US, day_text
from schemas.tables import INSTANT, REJECTS

ROW_MASK = (1 << ROW_BITS) - 1
"""The part of a packed row number that counts within its chunk."""

_AROUND_A_LINE = 1 << 14  # reading one line alone takes as long as reading this many bytes in sequence


def refused_rows(
    keys: Keys, block: Lines | Columns, inside: Int64, row: Int64, reason: UInt8, contract: str = "scan"
) -> pa.Table:
    """Return refused records as they travel to the log.

    Args:
        keys: of the digests.
        block: that holds them.
        inside: int64[k], ascending: offsets of lines in the block, or its rows.
        row: int64[k], ascending: chunk number << ROW_BITS | row in the chunk.
        reason: uint8[k], reason codes.
        contract: what the records are.

    Returns:
        Columns `reason`, `digest`, `row`, `number` (in the chunk for NDJSON, else in the file; 0
        where the block does not know) and `cause` (see `causes_of`).
    """
    raw = _raw(block, inside, contract)
    columns = {
        "reason": reason,
        "digest": pa.array([digest(keys, record) for record in raw], pa.binary()),
        "row": row,
        "number": record_numbers(block, inside),
        "cause": causes_of(block, inside, reason, raw.__getitem__),
    }
    return pa.table(columns)


def digest_heads(keys: Keys, block: Lines | Columns, rows_in_chunk: Int64, contract: str = "scan") -> Int64:
    """Return the first 8 bytes of the same digests, int64[k]; of lines, eight are hashed at once."""
    if isinstance(block, Lines):
        rows = rows_in_chunk - block.first_row
        data = read_only(block.data)
        # As `raw_records` cuts a line: with its leading blanks, without its line end.
        length = (ends_of_lines(data, rows) - rows).astype(np.int32)
        return macs(Spans(data, rows, length), keys.digest_key)
    raw = _raw(block, rows_in_chunk - block.first_row, contract)
    return heads_of(pa.array([digest(keys, record) for record in raw], pa.binary()))


def retry_marks(kind: UInt8, heads: Int64) -> pa.Table:
    """Return rows for `retries`, in the columns of `refused_rows`, with which they travel.

    Args:
        kind: uint8[k], `TIMED_EVENT` or `ACCEPTED_SINCE`.
        heads: int64[k], the hashes.
    """
    nothing = np.zeros(kind.size, np.int64)
    columns = {
        "reason": kind,
        # Eight bytes where refused rows have 32: only their beginning is ever looked at.
        "digest": pa.array(head_bytes(heads), pa.binary()),
        "row": nothing,
        "number": nothing,
        "cause": nothing.astype(np.uint8),
    }
    return pa.table(columns)


def _raw(block: Lines | Columns, inside: Int64, contract: str) -> list[bytes]:
    """Return the bytes that the digests of some records cover."""
    if isinstance(block, Lines):
        return raw_records(block, inside)
    return [row_json(block, contract, row) for row in inside.tolist()]


def reject_rows(source: str, reasons: pa.Array, digests: pa.Array, received_us: int) -> pa.Table:
    """Return rows of the table `rejects` in its order; reasons are texts."""
    received = pa.array([received_us], INSTANT)[0]
    columns = {
        "reason": reasons,
        "source": pa.repeat(pa.scalar(source), len(reasons)),
        "digest": digests,
        "received_at": pa.repeat(received, len(reasons)),
    }
    rows = pa.table([columns[name] for name in REJECTS.file_schema.names], schema=REJECTS.file_schema)
    return rows.sort_by([("reason", "ascending"), ("digest", "ascending")])


def write_rejects(lake: Lake, rows: pa.Table, received_us: int) -> DataFile:
    """Write a file of `rejects` in the partition of the day received."""
    return write_data_file(lake, REJECTS, {"date": day_text(received_us // DAY_US)}, rows)


@dataclass
class DigestLater(ThreadedDoFn):
    """(chunk number, pieces of row and reason) -> (share, Piece of refused rows).

    Records that are refused after parsing, for a conflict or their time, are
    rare: their bytes are read once more instead of hashing every record.

    Attributes:
        contract: what the records are.
        epoch_us: what the times of a SocioPatterns file count from.
        numbered: whether the number of every record is wanted; else few lines are read alone,
            without numbers.
    """

    keys: Keys
    chunks: dict[int, Chunk]
    shares: int
    scratch: str
    contract: str = "scan"
    epoch_us: int = 0
    numbered: bool = False

    def work(self, element: tuple[int, Iterable[Piece]], *_sides: Any) -> Iterator[tuple[int, Piece]]:
        """Read one chunk again for its refused rows."""
        number, pieces = element
        wanted = read_pieces(pieces).sort_by("row")
        row, reason = wanted["row"].to_numpy(), wanted["reason"].to_numpy()
        parts: list[pa.Table] = []
        first = 0
        for block, inside in self._blocks(self.chunks[number], row & ROW_MASK):
            last = first + inside.size
            parts.append(
                refused_rows(self.keys, block, inside, row[first:last], reason[first:last], self.contract)
            )
            first = last
        name = f"digested-{self.contract}-{number:06}"
        # One key, so all rows of the chunk are one piece.
        keys = np.zeros(row.size, np.int64)
        for _key, piece in spill(self.scratch, name, pa.concat_tables(parts), keys):
            yield number % self.shares, piece

    def _blocks(self, chunk: Chunk, row: Int64) -> Iterator[tuple[Lines | Columns, Int64]]:
        """Yield blocks that hold the rows, ascending, and where the rows are inside each."""
        # For a line of an object a whole megabyte would be fetched.
        # Only a plain local file can be read from the middle on at the cost of a line.
        alone = chunk.format == "ndjson" and not chunk.compression and not storage.is_url(chunk.path)
        if alone and not self.numbered and row.size * _AROUND_A_LINE < chunk.stop - chunk.start:
            yield _join_lines(lines_at(chunk, row.tolist()))
            return
        # A block holds the rows up to the first of the next, so each is looked at with the one behind it.
        blocks = read_blocks(chunk, self.contract, self.epoch_us)
        for block, following in pairwise(chain(blocks, [None])):
            assert block is not None
            first = int(np.searchsorted(row, block.first_row))
            last = row.size if following is None else int(np.searchsorted(row, following.first_row))
            if last > first:
                yield block, row[first:last] - block.first_row


def _join_lines(blocks: Iterable[Lines]) -> tuple[Lines, Int64]:
    """Return the first lines of blocks as one block, and the offset of each; a table a line took 0.2 ms."""
    lines = [block.data[: after_first_line_end(block.data) or None] for block in blocks]
    begin = np.cumsum([0, *(line.size for line in lines[:-1])], dtype=np.int64)
    return Lines(0, np.concatenate(lines)), begin


@dataclass(frozen=True)
class RefusedCount:
    """Refused records of one reason in one file of `rejects`.

    >>> RefusedCount("bad_time", count=3, row=120, number=2, cause=0).count
    3

    Attributes:
        reason: a name of `REASONS`.
        count: how many.
        row: of the first one, chunk number << ROW_BITS | row in the chunk.
        number: of the first one, as `refused_rows` has it.
        cause: of the first one.
    """

    reason: str
    count: int
    row: int
    number: int
    cause: int


@dataclass(frozen=True)
class Refused:
    """A file of `rejects`, or of `retries`, whose rows are refused nowhere and counted nowhere.

    Attributes:
        file: itself.
        counts: by reason.
        listed: where `row`, `number` and `reason` of each record lie, if they were asked for.
    """

    file: DataFile
    counts: tuple[RefusedCount, ...]
    listed: tuple[Piece, ...] = ()


@dataclass
class WriteRejects(ThreadedDoFn):
    """(share, pieces of refused rows) -> Refused.

    Attributes:
        source: what the log calls the input.
        listed: whether a list of all records is wanted.
    """

    lake: Lake
    source: str
    received_us: int
    scratch: str
    listed: bool = False

    def work(self, element: tuple[int, Iterable[Piece]], *_sides: Any) -> Iterator[Refused]:
        """Write one share of the batch's rejects, and of what `retries` has to know."""
        share, pieces = element
        rows = read_pieces(pieces)
        # Larger codes are rows for `retries`, which travel along.
        is_refused = rows["reason"].to_numpy() < len(REASONS)
        if is_refused.any():
            yield self._rejects(share, rows.filter(pa.array(is_refused)))
        if not is_refused.all():
            yield from self._retries(rows["reason"].to_numpy(), rows["digest"])

    def _rejects(self, share: int, rows: pa.Table) -> Refused:
        reasons = texts_of(rows["reason"].to_numpy(), REASONS)
        written = reject_rows(self.source, reasons, rows["digest"].combine_chunks(), self.received_us)
        listed: list[tuple[int, Piece]] = []
        if self.listed:
            name = f"listed-{self.source}-{share:06}"
            one = np.zeros(rows.num_rows, np.int64)
            listed = spill(self.scratch, name, rows.select(["row", "number", "reason"]), one)
        file = write_rejects(self.lake, written, self.received_us)
        self.count_file(file)
        counts = tuple(refused_counts(rows))
        if self.source == "scans":
            self.count(metrics.REJECTED, rows.num_rows)
            for counted in counts:
                self.count(metrics.rejected_for(counted.reason), counted.count)
        return Refused(file, counts, tuple(piece for _, piece in listed))

    def _retries(self, code: UInt8, digest: pa.ChunkedArray) -> Iterator[Refused]:
        """Build rows of events refused for their time, and of records that were and are accepted now."""
        held = still_refused(self.lake).get(self.source, np.empty(0, np.int64))
        accepted = heads_of(digest.filter(pa.array(code == ACCEPTED_SINCE)))
        kinds = {
            KIND_REFUSED: heads_of(digest.filter(pa.array(code == TIMED_EVENT))),
            # Only what still counts as refused is taken back.
            KIND_ACCEPTED: accepted[np.isin(accepted, held)],
        }
        rows = pa.concat_tables(
            [retry_rows(kind, self.source, hashes, self.received_us) for kind, hashes in kinds.items()]
        )
        if rows.num_rows:
            file = write_retries(self.lake, rows, self.received_us)
            self.count_file(file)
            yield Refused(file, ())


def refused_reasons(refused: Iterable[Refused]) -> Iterator[tuple[str, int]]:
    """Yield how many records were refused for each reason, file by file."""
    return ((one.reason, one.count) for file in refused for one in file.counts)


def refused_counts(rows: pa.Table) -> Iterator[RefusedCount]:
    """Count refused rows by reason and describe the first of each, in order of the input."""
    reason, row = rows["reason"].to_numpy(), rows["row"].to_numpy()
    for code in np.unique(reason).tolist():
        mine = np.flatnonzero(reason == code)
        # Pieces come in any order of chunks; packed rows have that of the input.
        first = int(mine[np.argmin(row[mine])])
        number, cause = rows["number"][first].as_py(), rows["cause"][first].as_py()
        yield RefusedCount(REASONS[code], int(mine.size), int(row[first]), number, cause)


def summed_counts(counts: Iterable[RefusedCount]) -> list[RefusedCount]:
    """Add up counts by reason; the first record is the one with the smallest row."""
    found: dict[str, RefusedCount] = {}
    for one in counts:
        other = found.get(one.reason)
        if other is not None:
            first = min(one, other, key=lambda each: each.row)
            one = replace(first, count=one.count + other.count)
        found[one.reason] = one
    return [found[reason] for reason in REASONS if reason in found]
