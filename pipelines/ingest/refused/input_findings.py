"""What a user is told about an input after a batch: refused records and names of columns.

Steps run on any worker and know a record by its chunk and its row there. The
launching process, which knows the chunks, turns that into file and line.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.errors import TruyVetError
from pipelines.ingest.formats.blocks import ROW_BITS, ColumnNames, Columns, Lines
from pipelines.ingest.formats.column_names import column_names, nearest_field
from pipelines.ingest.formats.discovery.discover import Chunk, InputFiles
from pipelines.ingest.formats.discovery.streams import path_text
from pipelines.ingest.formats.ndjson import number_of_line
from pipelines.ingest.formats.read_blocks import read_files
from pipelines.ingest.parse_step import ParseCounts
from pipelines.ingest.refused.refusals import RefusedGroup, RefusedRecord, grouped, refusal_notes
from pipelines.ingest.refused.rejects import ROW_MASK, Refused, RefusedCount, summed_counts
from pipelines.ingest.reject_reasons import REASONS
from pipelines.kernels.arrow_columns import texts_of
from pipelines.kernels.types import Int64
from pipelines.runtime.spill import Piece, read_pieces

LISTED = pa.schema(
    [("input", pa.string()), ("file", pa.string()), ("row", pa.int64()), ("reason", pa.string())]
)
"""Refused records as `run --rejects` lists them, in order of input, file and row. `row` is the line of
an NDJSON or CSV file, and of another file the place among its records, from 1."""

_NAMES_AT_MOST = 20


@dataclass(frozen=True)
class InputFindings:
    """What is to be said about one input after a batch.

    >>> names = (("/in/cases.csv", ColumnNames(unknown=("isolated_date",))),)
    >>> list(InputFindings("cases", "case", names=names).notes(received=3))
    ['cases: unknown column `isolated_date` in /in/cases.csv is not read; the nearest field is `isolated_at`']

    Attributes:
        source: as its flag calls it.
        contract: what its records are.
        refused: by reason.
        names: (file, what is to be said about its columns), each name once.
        listed: schema `LISTED`, every refused record; empty where no list was asked for.
    """

    source: str
    contract: str
    refused: tuple[RefusedGroup, ...] = ()
    names: tuple[tuple[str, ColumnNames], ...] = ()
    listed: pa.Table = field(default_factory=LISTED.empty_table)

    def notes(self, received: int) -> Iterator[str]:
        """Yield the lines that a user should read, `received` records having been read."""
        said = list(self._about_names())
        yield from said[:_NAMES_AT_MOST]
        if len(said) > _NAMES_AT_MOST:
            yield f"{self.source}: {len(said) - _NAMES_AT_MOST} more columns are not known"
        yield from refusal_notes(self.source, self.contract, received, self.refused)

    def _about_names(self) -> Iterator[str]:
        for path, names in ((path_text(path), names) for path, names in self.names):
            for name, known in names.taken:
                yield f"{self.source}: column `{name}` in {path} is read as `{known}`"
            for name in names.unknown:
                near = nearest_field(name, self.contract)
                guess = f"; the nearest field is `{near}`" if near else ""
                yield f"{self.source}: unknown column `{name}` in {path} is not read{guess}"


def step_findings(
    chunks: Sequence[Chunk], counts: Iterable[ParseCounts], rejects: Sequence[Refused]
) -> dict[str, Any]:
    """Gather what the steps found about an input, as JSON.

    Args:
        chunks: of the input.
        counts: one for each block.
        rejects: one for each file of `rejects`.
    """
    in_order = sorted(counts, key=lambda count: count.chunk)
    # Only of files in several chunks do the lines before a chunk have to be added.
    cut = {chunk.path for chunk in chunks if chunk.start}
    ends = {chunk.number: 0 for chunk in chunks if chunk.path in cut}
    for count in in_order:
        if count.chunk in ends:
            ends[count.chunk] += count.line_ends
    return {
        # The result of a job travels as JSON, which knows no classes: `findings_of_steps` makes them again.
        "refused": [astuple(one) for one in summed_counts(one for file in rejects for one in file.counts)],
        "listed": [astuple(piece) for file in rejects for piece in file.listed],
        "line_ends": list(ends.items()),
        "names": [(count.chunk, *astuple(count.names)) for count in in_order if count.names != ColumnNames()],
    }


def findings_of_steps(
    source: str, contract: str, chunks: Sequence[Chunk], found: Mapping[str, Any]
) -> InputFindings:
    """Turn what `step_findings` gathered into files and lines. Reads the scratch folder of the run.

    Args:
        source: as its flag calls it.
        contract: what the records are.
        chunks: by number.
        found: from `step_findings`, through JSON.
    """
    before = _lines_before(chunks, dict(found["line_ends"]))
    groups = [_group(RefusedCount(*one), chunks, before) for one in found["refused"]]
    names = [
        (chunks[chunk].path, ColumnNames(tuple(unknown), tuple(map(tuple, taken))))
        for chunk, unknown, taken in found["names"]
    ]
    pieces = [Piece(*piece) for piece in found["listed"]]
    listed = _listed(source, chunks, before, read_pieces(pieces)) if pieces else LISTED.empty_table()
    return InputFindings(source, contract, tuple(groups), tuple(_each_once(names)), listed)


def batch_notes(
    files: Mapping[str, InputFiles], received: Mapping[str, int], findings: Mapping[str, InputFindings]
) -> Iterator[str]:
    """Yield what a user should read after a batch, input by input.

    Args:
        files: what the paths of each input named, in the order of the notes.
        received: how many records were read, by input.
        findings: by input.
    """
    for source, named in files.items():
        yield from (f"{source}: {unread.note()}" for unread in named.unread)
        yield from findings[source].notes(received[source])


class WatchedBlocks:
    """The blocks of an input that is read whole, and what is to be said about the names of its columns."""

    def __init__(self, chunks: Iterable[Chunk], contract: str) -> None:
        """Read nothing yet.

        Args:
            chunks: in order.
            contract: what the records are.
        """
        self._chunks = chunks
        self._contract = contract
        self._names: list[tuple[str, ColumnNames]] = []

    def __iter__(self) -> Iterator[Lines | Columns]:
        for chunk, block in read_files(self._chunks, self._contract):
            self._names.append((chunk.path, column_names(block, self._contract)))
            yield block

    def findings(self, source: str, refused: Sequence[RefusedRecord], *, listed: bool) -> InputFindings:
        """Sum up, when all blocks have been read.

        Args:
            source: as its flag calls it.
            refused: the records that were refused, in order.
            listed: whether a list of them is wanted.
        """
        rows = _table(source, [(one.path, one.number, one.reason) for one in refused if listed])
        names = tuple(_each_once(self._names))
        return InputFindings(source, self._contract, tuple(grouped(refused)), names, rows)


def _each_once(names: Iterable[tuple[str, ColumnNames]]) -> Iterator[tuple[str, ColumnNames]]:
    """Keep each name where it comes first."""
    seen: set[Any] = set()
    for path, one in names:
        unknown = tuple(name for name in one.unknown if name not in seen)
        taken = tuple(pair for pair in one.taken if pair not in seen)
        seen |= {*unknown, *taken}
        if unknown or taken:
            yield path, ColumnNames(unknown, taken)


def _lines_before(chunks: Sequence[Chunk], line_ends: Mapping[int, int]) -> Int64:
    """Count, for each chunk, the lines of its file that lie before it."""
    before = np.zeros(len(chunks), np.int64)
    for one, other in pairwise(chunks):
        # Chunks of one file are neighbours, in the order of their offsets.
        if one.path == other.path:
            before[other.number] = before[one.number] + line_ends.get(one.number, 0)
    return before


def _group(count: RefusedCount, chunks: Sequence[Chunk], before: Int64) -> RefusedGroup:
    chunk = chunks[count.row >> ROW_BITS]
    number = count.number
    # Lines that were read alone have no number: count those before the first of them now.
    if not number:
        with suppress(TruyVetError, OSError):  # the file has gone meanwhile: its name must do
            number = number_of_line(chunk, count.row & ROW_MASK)
    if number:
        # 0 for all but NDJSON, whose blocks count lines within their chunk.
        number += int(before[chunk.number])
    return RefusedGroup(count.reason, count.count, chunk.path, chunk.format, number, count.cause)


def _listed(source: str, chunks: Sequence[Chunk], before: Int64, rows: pa.Table) -> pa.Table:
    """Turn rows of chunk, number and reason into rows of `LISTED`."""
    rows = rows.sort_by("row")
    chunk = rows["row"].to_numpy() >> ROW_BITS
    paths = pa.array([path_text(one.path) for one in chunks], pa.string())
    columns = {
        "input": pa.repeat(pa.scalar(source), rows.num_rows),
        "file": paths.take(pa.array(chunk)),
        "row": rows["number"].to_numpy() + before[chunk],
        "reason": texts_of(rows["reason"].to_numpy(), REASONS),
    }
    table = pa.table([columns[name] for name in LISTED.names], schema=LISTED)
    # Chunks are in order of path. Encounters of a SocioPatterns file are not in order of its lines.
    # The number of its first chunk stands for a file.
    first = np.array([one.number if one.start == 0 else 0 for one in chunks], np.int64)
    file = np.maximum.accumulate(first)[chunk]
    return table.take(pa.array(np.lexsort((table["row"].to_numpy(), file))))


def _table(source: str, rows: Sequence[tuple[str, int, str]]) -> pa.Table:
    files, numbers, reasons = zip(*rows, strict=True) if rows else ((), (), ())
    columns = [[source] * len(rows), list(map(path_text, files)), list(numbers), list(reasons)]
    return pa.table(columns, schema=LISTED)
