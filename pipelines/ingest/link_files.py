"""Links that codes show, from the blocks of scans to files of the table `links`.

They are few beside the scans, so no step of the pipeline is theirs: the parsing step spills them, and the
last one compares them with what the lake holds, day by day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa

from pipelines.ingest.counts import Counts
from pipelines.ingest.dedupe import NEW
from pipelines.ingest.events import DATED, dated_order, judge_dated
from pipelines.ingest.validate.code_links import CodeLinks
from pipelines.lake import DataFile, Lake, Snapshot, read_live_file, snapshot, storage, write_data_file
from pipelines.runtime.spill import Piece, read_pieces, spill
from pipelines.times import DAY_US, day_text
from schemas.tables import LINKS

LINK_SOURCE: Final = DATED[LINKS.name]

DayPiece = tuple[int, Piece]
"""A UTC day and the links seen on it."""


def spill_links(scratch: str, name: str, links: CodeLinks) -> tuple[DayPiece, ...]:
    """Write the links of a block, by day."""
    day = links.rows["seen_at"].cast(pa.int64()).to_numpy() // DAY_US
    order = np.argsort(day, kind="stable")
    return tuple(spill(scratch, f"links-{name}", links.rows, day[order], order))


@dataclass(frozen=True)
class NewLinks:
    """The links of a batch that codes show and the lake lacks.

    >>> NewLinks([], base=3).bases
    {}

    Attributes:
        files: of the table `links`.
        base: the version of it that they were compared with.
    """

    files: list[DataFile]
    base: int

    @property
    def bases(self) -> dict[str, int]:
        """The version to commit them after, by table; empty where there are none."""
        return {LINKS.name: self.base} if self.files else {}

    def joined(self, by_table: Mapping[str, list[DataFile]]) -> dict[str, list[DataFile]]:
        """Add the files to those of the inputs that are kept by date."""
        both = [*by_table.get(LINKS.name, ()), *self.files]
        return {**by_table, LINKS.name: both} if both else dict(by_table)

    def counted_in(self, others: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Add to the counts of the inputs beside scans how many links codes show."""
        if not self.files and LINKS.name not in others:
            return dict(others)
        counts = others.get(LINKS.name, Counts.of(0, 0, 0, []).report())
        return {**others, LINKS.name: {**counts, "from_codes": sum(file.rows for file in self.files)}}


class _HasLinks(Protocol):
    @property
    def links(self) -> tuple[DayPiece, ...]: ...


def new_links(lake: Lake, batch: Sequence[DataFile], blocks: Iterable[_HasLinks]) -> NewLinks:
    """Write the links of a batch's codes that are new.

    Args:
        lake: where.
        batch: files of the same batch, from records of links.
        blocks: counts of all blocks of scans, with what `spill_links` returned.

    Raises:
        DataError: a file is missing or damaged.
        ServiceError: the lake cannot be written.
    """
    by_day: dict[int, list[Piece]] = {}
    for day, piece in (one for block in blocks for one in block.links):
        by_day.setdefault(day, []).append(piece)
    held = snapshot(lake, LINKS.name)
    written = [_new_of_day(lake, held, batch, day, by_day[day]) for day in sorted(by_day)]
    return NewLinks([file for file in written if file is not None], held.version)


def _new_of_day(
    lake: Lake, held: Snapshot, batch: Sequence[DataFile], day: int, pieces: Sequence[Piece]
) -> DataFile | None:
    schema, date = LINKS.file_schema, day_text(day)
    known = [read_live_file(file, schema) for file in held.files if file.partition["date"] == date]
    # Links that the same batch brings as records stand before those that its codes show.
    for file in batch:
        if dict(file.partition)["date"] == date:
            known.append(storage.parquet(f"{lake.table_url(LINKS.name)}/{file.path}").read().cast(schema))
    # Pieces are read in the order of chunk and block, whichever worker wrote them.
    shown = read_pieces(pieces).select(schema.names).cast(schema)
    rows = pa.concat_tables([*(_judged(one, -1) for one in known), _judged(shown, 0)])
    # Known links come first, so the verdicts on the shown ones are the last.
    verdict = judge_dated(rows)[rows.num_rows - shown.num_rows :]
    new = _judged(shown, 0).filter(pa.array(verdict == NEW))
    if not new.num_rows:
        return None
    # Rows of one instant and pair differ in self or source alone; both orders would be a right file.
    ordered = new.sort_by([(name, "ascending") for name in ("self", "source")])
    ordered = ordered.take(pa.array(dated_order(LINK_SOURCE, ordered))).select(schema.names)
    return write_data_file(lake, LINKS, {"date": date}, ordered.cast(schema))


def _judged(rows: pa.Table, row: int) -> pa.Table:
    """Add what `judge_dated` asks for; `row` -1 stands for rows that are accepted already."""
    number = np.full(rows.num_rows, row) if row < 0 else np.arange(rows.num_rows)
    rows = rows.append_column("row", pa.array(number))
    rows = rows.append_column("fault", pa.array(np.zeros(rows.num_rows, np.uint8)))
    return rows.cast(LINK_SOURCE.rows_schema)
