"""Beam steps from chunks of encounters, declarations or links to files of their tables, date by date."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput

from pipelines.ingest.counts import Counts
from pipelines.ingest.dedupe import CONFLICT, DUPLICATE, NEW, OUT_OF_RANGE
from pipelines.ingest.dedupe_step import LATER
from pipelines.ingest.events import (
    DATED,
    DatedBlock,
    DatedSource,
    dated_order,
    event_marks,
    judge_dated,
    parse_dated,
)
from pipelines.ingest.formats.blocks import ROW_BITS
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.parse_step import COUNTS, ParseChunks, ParseCounts, parse_counts
from pipelines.ingest.refused.rejects import Refused, refused_reasons
from pipelines.ingest.reject_reasons import CONFLICTING_EVENT_ID
from pipelines.kernels.sort import part_of, stable_order
from pipelines.lake import DataFile, Lake, LiveFile, read_live_file, write_data_file
from pipelines.privacy.keys import Keys
from pipelines.runtime.spill import Piece, read_pieces, spill
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.times import DAY_US, day_text


@dataclass(frozen=True)
class DatedInput:
    """An input of a batch that is kept by date.

    Attributes:
        source: a name of `DATED`.
        chunks: by number.
        held: the files of its table in the version `base`.
        base: the version to deduplicate against.
        parts: of events within a day, a power of two.
        epoch_us: what the times of a SocioPatterns file count from.
    """

    source: str
    chunks: tuple[Chunk, ...]
    held: tuple[LiveFile, ...]
    base: int
    parts: int
    epoch_us: int


@dataclass
class ParseDated(ParseChunks):
    """Chunk -> ((day, part), Piece); with the tags of `ParseChunks` except dates.

    Attributes:
        source: a key of `DATED`.
        epoch_us: the instant that the times of a SocioPatterns file count from.
    """

    source: str
    epoch_us: int

    @property
    def _input(self) -> str:
        return self.source

    def work(self, chunk: Chunk, *_: Any) -> Iterator[Any]:
        """Parse one chunk, block by block."""
        source = DATED[self.source]
        for number, block in enumerate(read_blocks(chunk, source.contract, self.epoch_us)):
            # Each input numbers its chunks from 0, so its name keeps their files apart.
            name = f"{self.source}-{chunk.number:06}-{number:04}"
            parsed = parse_dated(source, block, chunk.number, self.settings)
            yield from self._rows(name, source, parsed)
            share = chunk.number % self.shares
            yield from self._refused(name, share, block, parsed, source.contract)
            marks = event_marks(parsed.rows, self.settings.keys)
            yield from self._retries(name, share, block, parsed.rows, marks, source.contract)
            yield from self._sealed(name, parsed)
            yield TaggedOutput(COUNTS, parse_counts(block, chunk, parsed.received, source.contract))

    def _rows(self, name: str, source: DatedSource, parsed: DatedBlock) -> Iterator[Any]:
        rows = parsed.rows
        day = rows[source.begins].cast(pa.int64()).to_numpy() // DAY_US
        # Rows of one event come to one part of one day, where they are judged.
        part = part_of(event_marks(rows, self.settings.keys), self.buckets)
        order = stable_order(day, part)
        key = (day * self.buckets + part)[order]
        for packed, piece in spill(self.scratch, f"parsed-{name}", rows, key, order):
            yield divmod(packed, self.buckets), piece  # (day, part), also of days before 1970


@dataclass(frozen=True)
class WrittenEvents:
    """Verdicts on the rows of one part of a day, and the file of the new rows, if any."""

    accepted: int
    duplicate: int
    file: DataFile | None


@dataclass
class JudgeDated(ThreadedDoFn):
    """((day, part), pieces) -> WrittenEvents; .later: (chunk, Piece) of rows refused here.

    Attributes:
        source: a key of `DATED`.
        held: the files of the table, in the version to deduplicate against.
        parts: the number of parts of a day, a power of two.
        keys: hash event ids.
    """

    lake: Lake
    source: str
    held: tuple[LiveFile, ...]
    parts: int
    keys: Keys
    scratch: str

    def work(self, element: tuple[tuple[int, int], Iterable[Piece]], *_: Any) -> Iterator[Any]:
        """Deduplicate the rows of one part of a day and write the new ones."""
        (day, part), pieces = element
        given = read_pieces(pieces)
        # The lake's rows first, so that the verdicts on the given ones are the last.
        rows = pa.concat_tables([*self._held(day, part), given])
        verdict = judge_dated(rows)[rows.num_rows - given.num_rows :]
        file = self._written(day, given.filter(pa.array(verdict == NEW)))
        yield WrittenEvents(int((verdict == NEW).sum()), int((verdict == DUPLICATE).sum()), file)
        reason = np.where(verdict == CONFLICT, np.uint8(CONFLICTING_EVENT_ID), given["fault"].to_numpy())
        refused = np.flatnonzero((verdict == CONFLICT) | (verdict == OUT_OF_RANGE))
        row = given["row"].to_numpy()[refused]
        # By row, and so by chunk, as `spill` wants its keys.
        order = np.argsort(row)
        table = pa.table({"row": row[order], "reason": reason[refused][order]})
        name = f"later-{self.source}-{day}-{part:06}"
        for chunk, piece in spill(self.scratch, name, table, row[order] >> ROW_BITS):
            yield TaggedOutput(LATER, (chunk, piece))

    def _held(self, day: int, part: int) -> Iterator[pa.Table]:
        """Yield the lake's rows of the same day and part."""
        source = DATED[self.source]
        for file in self.held:
            if file.partition["date"] == day_text(day):
                rows = read_live_file(file, source.table.file_schema)
                rows = rows.append_column("row", pa.array(np.full(rows.num_rows, -1)))
                rows = rows.append_column("fault", pa.array(np.zeros(rows.num_rows, np.uint8)))
                # The file holds the whole day, and other parts judge their own share of it.
                mine = part_of(event_marks(rows, self.keys), self.parts) == part
                yield rows.filter(pa.array(mine)).cast(source.rows_schema)

    def _written(self, day: int, new: pa.Table) -> DataFile | None:
        if not new.num_rows:
            return None
        source = DATED[self.source]
        rows = new.take(pa.array(dated_order(source, new))).select(source.table.file_schema.names)
        file = write_data_file(
            self.lake, source.table, {"date": day_text(day)}, rows.cast(source.table.file_schema)
        )
        self.count_file(file)
        return file


def files_of(parts: Iterable[WrittenEvents | Refused | ParseCounts]) -> list[DataFile]:
    """Return the files of an input's table, in the order of their names."""
    files = [part.file for part in parts if isinstance(part, WrittenEvents) and part.file is not None]
    return sorted(files, key=lambda file: file.path)


def counts_of(parts: Iterable[WrittenEvents | Refused | ParseCounts]) -> Counts:
    """Return what became of the records of an input."""
    parts = list(parts)
    written = [part for part in parts if isinstance(part, WrittenEvents)]
    return Counts.of(
        received=sum(part.received for part in parts if isinstance(part, ParseCounts)),
        accepted=sum(part.accepted for part in written),
        duplicate=sum(part.duplicate for part in written),
        reasons=refused_reasons(part for part in parts if isinstance(part, Refused)),
    )
