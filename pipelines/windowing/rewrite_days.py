"""Rewrite one part of one UTC day: its stays in one order, and its footfall."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from pipelines.kernels.sort import part_of
from pipelines.kernels.types import Int64
from pipelines.lake import DataFile, Lake, LiveFile, write_data_file
from pipelines.lake.sidecars.sidecar import write_sidecar
from pipelines.runtime.job_errors import report_errors
from pipelines.runtime.spill import Piece, read_pieces
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.times import DAY_US, day_text
from pipelines.windowing.footfall import Footfall, footfall
from pipelines.windowing.stay_rows import (
    CHANGES,
    CODED,
    merged,
    merged_in_order,
    read_coded,
    uncoded,
)
from schemas.tables import FOOTFALL, STAYS

ROWS_A_FILE = 1 << 19

_PRESENCE = ("person", "venue", "enter", "exit", "stay_id")


@dataclass(frozen=True)
class DayPart:
    """What to rewrite: the stays of `date` in the order `by` whose ids lie in range `part`.

    >>> DayPart(date=18809, by="venue", part=0, own=True)
    DayPart(date=18809, by='venue', part=0, own=True)

    Attributes:
        date: day number.
        by: order of the stays, `venue` or `person`.
        part: number of the part, by the top bits of the id of `by`.
        own: whether a stay that begins on the date changed; else only its footfall did.
    """

    date: int
    by: str
    part: int
    own: bool


@dataclass(frozen=True)
class DayFiles:
    """The live files of `stays` with stays on a date.

    Attributes:
        venue, person: of the stays that begin on it, in either order.
        reaching: of earlier dates, in the order `venue`, where a stay reaches into the date.
    """

    venue: tuple[LiveFile, ...] = ()
    person: tuple[LiveFile, ...] = ()
    reaching: tuple[LiveFile, ...] = ()


@dataclass(frozen=True)
class Rewritten:
    """The new files of a table for one part of a date; none if nothing is left of it."""

    table: str
    date: int
    files: tuple[DataFile, ...]


@dataclass
class RewriteDays(ThreadedDoFn):
    """(DayPart, change pieces) -> Rewritten, at most one for `stays` and one for `footfall`.

    Attributes:
        live: by date, the files of the lake with stays on it.
        parts: number of parts of a date, where it has more than one, a power of two.
        window_us: length of a footfall window.
    """

    lake: Lake
    live: dict[int, DayFiles]
    parts: dict[int, int]
    window_us: int
    scratch: str
    STEP: ClassVar[str] = "write stays"

    def work(self, element: tuple[DayPart, list[Piece]], *_: Any) -> Iterator[Rewritten]:
        """Merge one day part's changes into what the lake holds, and write it."""
        day, pieces = element
        with report_errors(self.scratch):
            # Held in a list that `_write_stays` empties: encoding needs the memory that the rows take up.
            stays, reaching = self._merged(day, pieces)
            held = [stays]
            del stays
            # Footfall is counted once, with the part of the venue order.
            if day.by == "venue":
                yield Rewritten("footfall", day.date, self._write_footfall(held[0], reaching, day))
            if day.own:
                yield Rewritten("stays", day.date, self._write_stays(held, day))

    def _merged(self, day: DayPart, pieces: list[Piece]) -> tuple[pa.Table, pa.Table]:
        """Return the stays that begin on the date, in order, and those that reach into it, by venue."""
        live = self.live.get(day.date, DayFiles())
        own, earlier = self._changes(day, pieces)
        # Only files whose ids overlap the part, and of these only rows of the part.
        base = self._read(live.venue if day.by == "venue" else live.person, day, CODED.names)
        stays = merged_in_order(base, own, day.by)
        # Only footfall needs those that reach into the date, and only the venue order counts it.
        files = live.reaching if day.by == "venue" else ()
        reaching = self._read(files, day, _PRESENCE, day.date * DAY_US)
        return stays, merged(reaching, earlier) if day.by == "venue" else reaching

    def _changes(self, day: DayPart, pieces: list[Piece]) -> tuple[pa.Table, pa.Table]:
        """Read the changes of stays that begin on the date, and of earlier ones that reach into it."""
        if not pieces:
            return CHANGES.empty_table(), CHANGES.empty_table()
        # In the order of the pieces' names, which ascend with the tokens: almost sorted by person.
        changes = read_pieces(pieces)
        begun = changes["enter"].to_numpy() >= day.date * DAY_US
        mine = self._is_mine(changes, day)
        # In the common case all rows are of this part, and none is copied.
        own = changes if (begun & mine).all() else changes.filter(pa.array(begun & mine))
        return own, changes.filter(pa.array(~begun & mine)) if own is not changes else CHANGES.empty_table()

    def _is_mine(self, rows: pa.Table, day: DayPart) -> Any:
        parts = self.parts.get(day.date, 1)
        # A piece, or a file from before the date grew, may hold rows of several parts.
        return part_of(rows[day.by].to_numpy(), parts) == day.part

    def _read(
        self, files: tuple[LiveFile, ...], day: DayPart, columns: Any, reaches_us: int | None = None
    ) -> pa.Table:
        """Read the lake's rows of a day part, without those whose exit is before `reaches_us`."""
        # An empty table first, for a date without files.
        tables = [pa.schema([CODED.field(name) for name in columns]).empty_table()]
        for file in files:
            if self._may_be_mine(file, day):
                rows = read_coded(file.path, columns)
                kept = self._is_mine(rows, day)
                if reaches_us is not None:
                    # An exit exactly at midnight counts in the first window of the new day.
                    kept &= rows["exit"].to_numpy() >= reaches_us
                tables.append(rows if kept.all() else rows.filter(pa.array(kept)))
        return pa.concat_tables(tables)

    def _may_be_mine(self, file: LiveFile, day: DayPart) -> bool:
        """Tell whether the file's range of ids overlaps the part."""
        parts = self.parts.get(day.date, 1)
        extremes: Int64 = np.array([file.stats.least[day.by], file.stats.greatest[day.by]], np.int64)
        # Bounds of persons are wide, so this may say yes in vain, but never no.
        first, last = part_of(extremes, parts).tolist()
        # Seen as unsigned, negative ids come last: a range across zero holds both ends of the parts.
        return bool(first <= day.part <= last if first <= last else day.part >= first or day.part <= last)

    def _write_stays(self, held: list[pa.Table], day: DayPart) -> tuple[DataFile, ...]:
        if not held[0].num_rows:
            return ()
        rows = uncoded(held.pop())
        file = write_data_file(self.lake, STAYS, {"by": day.by, "date": day_text(day.date)}, rows)
        # While the rows are in memory and sorted; made from the file again it would cost a second reading.
        write_sidecar(self.lake, file, rows)
        self.count_file(file)
        return (file,)

    def _write_footfall(self, stays: pa.Table, reaching: pa.Table, day: DayPart) -> tuple[DataFile, ...]:
        # Those that reach into the date count only here: they are rows of the date on which they began.
        present = pa.concat_tables([reaching, stays.select(_PRESENCE)])
        person, venue, enter_us, exit_us = (present[name].to_numpy() for name in _PRESENCE[:4])
        start_us = day.date * DAY_US
        found = footfall(person, venue, enter_us, exit_us, start_us, start_us + DAY_US, self.window_us)
        rows = footfall_rows(found)
        if not rows.num_rows:
            return ()
        file = write_data_file(self.lake, FOOTFALL, {"date": day_text(day.date)}, rows)
        self.count_file(file)
        return (file,)


def footfall_rows(found: Footfall) -> pa.Table:
    """Turn footfall into rows of its table."""
    columns = []
    for field in FOOTFALL.file_schema:
        is_time = pa.types.is_timestamp(field.type)
        column = pa.array(getattr(found, f"{field.name}_us" if is_time else field.name))
        columns.append(column.view(field.type) if is_time else column)
    return pa.table(columns, schema=FOOTFALL.file_schema)
