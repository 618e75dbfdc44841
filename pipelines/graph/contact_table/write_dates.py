"""Find and write the contacts of one part of a date, and the crowds of a date."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from pipelines.errors import DataError
from pipelines.graph.contact_table.pair_sweep import (
    Contacts,
    Crowds,
    Partners,
    Presences,
    blocks,
    contacts,
    outside,
    partners,
    presences,
)
from pipelines.graph.contact_table.plan import Limits, Written
from pipelines.kernels.arrow_columns import column
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, LiveFile, storage, write_data_file
from pipelines.lake.sidecars.sidecar import open_sidecar
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.times import DAY_US, SECOND_US, day_text
from pipelines.windowing.plan import date_of
from schemas.tables import CONTACTS, CROWDS

_CROWD_COLUMNS = ["venue", "window_start", "window_end", "people"]


@dataclass(frozen=True)
class DatePart:
    """The contacts that begin on `date` at the venues of range `part` of `parts` equal ones.

    Example:
        >>> DatePart(18809, 1, 2).venues == (-(2**63), -1)
        True
    """

    date: int
    part: int
    parts: int

    @property
    def start_us(self) -> int:
        """Where the date begins, microseconds UTC."""
        return self.date * DAY_US

    @property
    def stop_us(self) -> int:
        """Where the date ends, microseconds UTC."""
        return self.start_us + DAY_US

    @property
    def venues(self) -> tuple[int, int]:
        """The first and the last venue of the range, as signed ids; ranges are cut from unsigned ones."""
        # Python integers: 2^64 fits none of NumPy's.
        first = self.part * (2**64 // self.parts)
        last = first + 2**64 // self.parts - 1
        if self.parts == 1:
            return -(2**63), 2**63 - 1
        # Parts are powers of two, so a range lies wholly on one side of zero.
        return (first, last) if last < 2**63 else (first - 2**64, last - 2**64)


@dataclass
class WriteContacts(ThreadedDoFn):
    """DatePart -> Written of `contacts`, a file for up to `rows_a_file` rows.

    Attributes:
        stays: all files in the order `venue`.
        footfall: all files.
        limits: of contacts.
        rows_a_file: a file has no more, unless one presence alone has more contacts.
    """

    lake: Lake
    stays: tuple[LiveFile, ...]
    footfall: tuple[LiveFile, ...]
    limits: Limits
    rows_a_file: int
    scratch: str
    STEP: ClassVar[str] = "write contacts"

    def work(self, part: DatePart, *_: Any) -> Iterator[Written]:
        """Find and write the contacts of one part of a date."""
        there, met = self._found(part)
        # A block at a time: the contacts of a date may be far more than its stays.
        for rows in blocks(met, self.rows_a_file):
            table = contact_rows(contacts(there, met, rows))
            file = write_data_file(self.lake, CONTACTS, {"date": day_text(part.date)}, table)
            self.count_file(file)
            yield Written("contacts", part.date, file)

    def _found(self, part: DatePart) -> tuple[Presences, Partners]:
        """Return everybody's presences, and whom they meet in contacts that begin on the date.

        Where a contact begins depends only on stays that touch the date. But
        a stay that begins later may prolong a presence, and so a contact:
        stays are read until no presence reaches beyond them.
        """
        until_us, stays = part.stop_us, self._read_stays(part, part.stop_us)
        reach_us = int(stays[3].max(initial=part.start_us))
        # Touching stays merge, so one that begins exactly where another ends is needed too.
        while reach_us >= until_us and self._begins_later(until_us):
            until_us = reach_us + 1
            stays = self._read_stays(part, until_us)
            everybody = presences(*stays)
            # Presences that begin on a later date make no contact of this one, however long they are.
            reach_us = int(everybody.end_us[everybody.begin_us < part.stop_us].max())
        # A presence may reach beyond the last stay read; crowds up to its end cut it as well.
        crowds = crowds_between(self.footfall, part, max(until_us, reach_us), self.limits.cap)
        there = outside(presences(*stays), crowds, self.limits.min_us)
        return there, partners(there, self.limits.min_us, part.start_us, part.stop_us)

    def _begins_later(self, until_us: int) -> bool:
        """Tell whether a stay of the lake may begin at an instant or after it."""
        # By the bounds in the log: where none does, nothing can prolong a presence.
        return any(file.stats.greatest["enter"] >= until_us for file in self.stays)

    def _read_stays(self, part: DatePart, until_us: int) -> list[Int64]:
        """Return person, venue, enter and exit of stays that end no earlier than the date begins."""
        first, last = part.venues
        found = [[np.empty(0, np.int64)] * 4]
        for file in self.stays:
            least, greatest = file.stats.least, file.stats.greatest
            if greatest["exit"] < part.start_us or least["enter"] >= until_us:
                continue
            if greatest["venue"] < first or least["venue"] > last:
                continue
            columns = open_sidecar(file)
            columns.check("person", "venue", "enter_us", "exit_us")
            rows = slice(
                int(columns.venue.searchsorted(np.int64(first), "left")),
                int(columns.venue.searchsorted(np.int64(last), "right")),
            )
            enter_us, exit_us = columns.enter_us[rows], columns.exit_us[rows]
            # Also stays that end exactly at midnight: one that begins there continues them.
            kept = (exit_us >= part.start_us) & (enter_us < until_us)
            given = (columns.person[rows], columns.venue[rows], enter_us, exit_us)
            found.append([values[kept] for values in given])
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]


@dataclass
class WriteCrowds(ThreadedDoFn):
    """Day number -> Written of `crowds`, if the date has crowds.

    Attributes:
        footfall: all files.
        cap: a window with more people is a crowd.
    """

    lake: Lake
    footfall: tuple[LiveFile, ...]
    cap: int
    scratch: str

    def work(self, date: int, *_: Any) -> Iterator[Written]:
        """Write the crowds of a date."""
        own = [file for file in self.footfall if date_of(file) == date]
        rows = crowd_rows(own, self.cap)
        if rows.num_rows:
            file = write_data_file(self.lake, CROWDS, {"date": day_text(date)}, rows)
            self.count_file(file)
            yield Written("crowds", date, file)


def crowd_rows(footfall: list[LiveFile], cap: int) -> pa.Table:
    """Return the windows of files with more than `cap` people, as rows of `crowds` in its order.

    Raises:
        DataError: a file is missing or damaged.
    """
    parts = [CROWDS.file_schema.empty_table()]
    for file in footfall:
        # Most days have no crowd, and their bounds in the log say so.
        if file.stats.greatest["people"] > cap:
            try:
                rows = storage.parquet(file.path, file.size).read(_CROWD_COLUMNS, use_threads=False)
            except (OSError, pa.ArrowInvalid) as error:
                raise DataError(f"{file.path} cannot be read", "run truyvet verify") from error
            kept = rows.filter(pa.array(rows["people"].to_numpy() > cap))
            parts.append(kept.select(CROWDS.file_schema.names).cast(CROWDS.file_schema))
    order = [(name, "ascending") for name in CROWDS.sorted_by]
    return pa.concat_tables(parts).sort_by(order).combine_chunks()


def crowds_between(footfall: tuple[LiveFile, ...], part: DatePart, until_us: int, cap: int) -> Crowds:
    """Return the crowds that cut contacts of a part, also those that end just as the date begins."""
    first, last = part.venues
    # A contact begins where a crowd ends, so one that ends exactly at the start of the date counts.
    near = [
        file
        for file in footfall
        if file.stats.greatest["window_end"] >= part.start_us
        and file.stats.least["window_start"] < until_us
        and file.stats.greatest["venue"] >= first
        and file.stats.least["venue"] <= last
    ]
    rows = crowd_rows(near, cap)
    venue = rows["venue"].to_numpy()
    start_us, end_us = (rows[name].cast(pa.int64()).to_numpy() for name in ("window_start", "window_end"))
    kept = (venue >= first) & (venue <= last)
    return Crowds(venue[kept], start_us[kept], end_us[kept])


def contact_rows(found: Contacts) -> pa.Table:
    """Return contacts as rows of their table."""
    columns = {
        "person_a": column(found.person_a),
        "person_b": column(found.person_b),
        "venue": column(found.venue),
        "start": column(found.start_us),
        "end": column(found.end_us),
        "seconds": column((found.end_us - found.start_us) // SECOND_US),
    }
    schema = CONTACTS.file_schema
    # `view` makes timestamps of microseconds without a copy.
    return pa.table([columns[field.name].view(field.type) for field in schema], schema=schema)
