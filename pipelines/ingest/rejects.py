"""Refused records: a reason and a keyed hash of the raw bytes, never the record."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.ingest.formats.blocks import ROW_BITS, Columns, Lines
from pipelines.ingest.formats.discover import Chunk
from pipelines.ingest.formats.ndjson import lines_at
from pipelines.ingest.formats.ndjson_kernel import ends_of_lines
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.formats.streams import is_url
from pipelines.ingest.reject_reasons import REASONS
from pipelines.ingest.retries import (
    ACCEPTED_SINCE,
    KIND_ACCEPTED,
    KIND_REFUSED,
    NO_HEADS,
    TIMED_EVENT,
    heads_of,
    refused_heads,
    retry_rows,
    write_retries,
)
from pipelines.ingest.validate.columns import row_json
from pipelines.ingest.validate.scans import raw_records
from pipelines.kernels.arrow_columns import texts_of
from pipelines.kernels.sha256 import macs
from pipelines.kernels.types import Int64, Spans, read_only
from pipelines.lake import DataFile, Lake, write_data_file
from pipelines.privacy.keys import Keys, digest
from pipelines.runtime.spill import Piece, read_pieces, spill
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.times import DAY_US, day_text
from schemas.tables import INSTANT, REJECTS

ROW_MASK = (1 << ROW_BITS) - 1
"""The part of a packed row number that counts within its chunk."""

_AROUND_A_LINE = 1 << 14  # reading one line alone takes as long as so many bytes of all


def refused_rows(reason: npt.NDArray[np.uint8], digests: Sequence[bytes]) -> pa.Table:
    """Refused scans as they travel: reason code and digest, a row each."""
    return pa.table({"reason": reason, "digest": pa.array(digests, pa.binary())})


def digests_of(
    keys: Keys, block: Lines | Columns, rows_in_chunk: Int64, contract: str = "scan"
) -> list[bytes]:
    """The digests of the records of a block that stand at these rows of its chunk."""
    rows = rows_in_chunk - block.first_row
    if isinstance(block, Lines):
        return [digest(keys, raw) for raw in raw_records(block, rows)]
    return [digest(keys, row_json(block, contract, row)) for row in rows.tolist()]


def digest_heads(keys: Keys, block: Lines | Columns, rows_in_chunk: Int64, contract: str = "scan") -> Int64:
    """The first 8 bytes of the same digests, int64[k]; of lines eight are hashed at once."""
    if isinstance(block, Lines):
        rows = rows_in_chunk - block.first_row
        data = read_only(block.data)
        length = (ends_of_lines(data, rows) - rows).astype(np.int32)
        return macs(Spans(data, rows, length), keys.digest_key)
    return heads_of(pa.array(digests_of(keys, block, rows_in_chunk, contract), pa.binary()))


def reject_rows(source: str, reasons: pa.Array, digests: pa.Array, received_us: int) -> pa.Table:
    """Rows of the table `rejects`, sorted as it is; reasons are texts."""
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
    """One file of `rejects`, in the partition of the day received."""
    return write_data_file(lake, REJECTS, {"date": day_text(received_us // DAY_US)}, rows)


@dataclass
class DigestLater(ThreadedDoFn):
    """(chunk number, pieces of row and reason) -> (share, Piece of refused rows).

    What is refused after parsing, a conflict or a time, is rare: its raw
    record is read once more instead of hashing every record of every chunk.

    Attributes:
        contract: what the records are.
        epoch_us: what the times of a SocioPatterns file count from.
    """

    keys: Keys
    chunks: dict[int, Chunk]
    shares: int
    scratch: str
    contract: str = "scan"
    epoch_us: int = 0

    def work(self, element: tuple[int, Iterable[Piece]], *_sides: Any) -> Iterator[tuple[int, Piece]]:
        """Read one chunk again for its refused rows."""
        number, pieces = element
        wanted = read_pieces(pieces).sort_by("row")
        row = wanted["row"].to_numpy() & ROW_MASK
        table = refused_rows(wanted["reason"].to_numpy(), self._digests(self.chunks[number], row))
        for _key, piece in spill(
            self.scratch, f"digested-{self.contract}-{number:06}", table, np.zeros(row.size, np.int64)
        ):
            yield number % self.shares, piece

    def _digests(self, chunk: Chunk, row: Int64) -> list[bytes]:
        """The digests of some rows, ascending; few lines are read without the others."""
        # Of a store's file a megabyte is fetched for each line.
        plain = chunk.format == "ndjson" and not chunk.compression and not is_url(chunk.path)
        if plain and row.size * _AROUND_A_LINE < chunk.stop - chunk.start:
            blocks_at = zip(lines_at(chunk, row.tolist()), np.split(row, np.arange(1, row.size)), strict=True)
            return [digests_of(self.keys, block, one)[0] for block, one in blocks_at]
        digests: list[bytes] = []
        blocks = read_blocks(chunk, self.contract, self.epoch_us)
        for block, following in pairwise(chain(blocks, [None])):
            assert block is not None
            first = np.searchsorted(row, block.first_row)
            last = row.size if following is None else np.searchsorted(row, following.first_row)
            digests += digests_of(self.keys, block, row[first:last], self.contract)
        return digests


@dataclass(frozen=True)
class Refused:
    """A file of `rejects` and how many rows it has of each reason; of `retries` none is refused here."""

    file: DataFile
    count: tuple[tuple[str, int], ...]


@dataclass
class WriteRejects(ThreadedDoFn):
    """(share, pieces of refused rows) -> Refused."""

    lake: Lake
    source: str
    received_us: int
    scratch: str

    def work(self, element: tuple[int, Iterable[Piece]], *_sides: Any) -> Iterator[Refused]:
        """Write one share of the batch's rejects, and of what `retries` has to know."""
        rows = read_pieces(element[1])
        code: npt.NDArray[np.uint8] = rows["reason"].to_numpy()
        refused = code < len(REASONS)
        if refused.any():
            yield self._rejects(code[refused], rows["digest"].filter(pa.array(refused)))
        if not refused.all():
            yield from self._retries(code, rows["digest"])

    def _rejects(self, code: npt.NDArray[np.uint8], digest: pa.ChunkedArray) -> Refused:
        written = reject_rows(self.source, texts_of(code, REASONS), digest.combine_chunks(), self.received_us)
        counts = np.bincount(code, minlength=len(REASONS)).tolist()
        named = tuple((REASONS[number], count) for number, count in enumerate(counts) if count)
        return Refused(write_rejects(self.lake, written, self.received_us), named)

    def _retries(self, code: npt.NDArray[np.uint8], digest: pa.ChunkedArray) -> Iterator[Refused]:
        """Events that were refused for their time, and records that were and are accepted now."""
        held = refused_heads(self.lake).get(self.source, NO_HEADS).head
        accepted = heads_of(digest.filter(pa.array(code == ACCEPTED_SINCE)))
        kinds = {
            KIND_REFUSED: heads_of(digest.filter(pa.array(code == TIMED_EVENT))),
            KIND_ACCEPTED: accepted[np.isin(accepted, held)],
        }
        rows = pa.concat_tables(
            [retry_rows(kind, self.source, hashes, self.received_us) for kind, hashes in kinds.items()]
        )
        if rows.num_rows:
            yield Refused(write_retries(self.lake, rows, self.received_us), ())
