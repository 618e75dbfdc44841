"""The two passes over scans that count points: the first by place and day, the second by person.

Scans are sorted by venue within a file, so a file finds its venues in the registry once each. The rows that
count are dealt out by person, and all rows of a person are counted together: in a table that fits into the
cache, and without a lock. Nothing but the person and the cell of a row is kept between the two passes.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ascertainment.point_days.kernels import (
    CELLS_A_PLACE,
    GUARDED,
    IN,
    OUT,
    CountedDays,
    PlaceColumns,
    ScanCounts,
    count_people,
    count_scans,
    new_tally,
    split,
)
from pipelines.kernels.sort import buckets_for
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.lake import LiveFile, read_live_file
from schemas.tables import INSTANT

_TEXT: Final = pa.dictionary(pa.int32(), pa.string())
_COLUMNS: Final = pa.schema(
    [
        ("venue", pa.int64()),
        ("person", pa.int64()),
        ("occurred_at", INSTANT),
        ("direction", _TEXT),
        ("scan_mode", _TEXT),
    ]
)
_COLUMNS_OF_PEOPLE: Final = pa.schema([_COLUMNS.field(name) for name in ("venue", "person", "occurred_at")])
_COLUMNS_BEFORE: Final = pa.schema([_COLUMNS.field(name) for name in ("venue", "occurred_at")])
_FLAGS: Final = {"in": IN, "out": OUT, "guard": GUARDED, "kiosk": GUARDED}
_ROWS_A_BUCKET: Final = 1 << 14
_NOBODY: Final = np.frombuffer(b"", np.int64)  # read-only as Arrow's are: else numba compiles a kernel twice

_Part = tuple[Int64, Int64, Int64]
"""Persons and cells by the highest bits of the person, and where the rows of each value of the bits begin."""


class Passed(NamedTuple):
    """What both passes have counted.

    Attributes:
        tally: of scans.
        visits: int32[8 p], by place and day: of a person and a day.
        single: int32[8 p], visits with one scan.
        people: int64[areas], distinct.
    """

    tally: ScanCounts
    visits: Int32
    single: Int32
    people: Int64


def count_files(
    files: Sequence[LiveFile],
    registry: PlaceColumns,
    span: CountedDays,
    threads: int | None = None,
    *,
    people_only: bool = False,
) -> Passed:
    """Count the scans of files.

    Args:
        files: of `scans`.
        registry: of all venues.
        span: the days that count.
        threads: None is one a core, at most four.
        people_only: leave `ins`, `outs` and `guarded` at 0, and spare their columns.
    """
    threads = threads or min(4, len(os.sched_getaffinity(0)))
    # Files whose bounds miss the span are not read at all.
    near = [file for file in files if _reaches(file, span)]
    # 2^bits buckets of about _ROWS_A_BUCKET rows each: their hash tables stay in the cache.
    bits = buckets_for(sum(file.rows for file in near), _ROWS_A_BUCKET).bit_length() - 1
    columns_read = _COLUMNS_OF_PEOPLE if people_only else _COLUMNS
    tallies, parts = _first_pass(near, registry, span, bits, threads, columns_read)
    visits, single, people = _second_pass(parts, registry.area, bits, threads)
    # Each thread has added up on its own; the sums do not depend on which took what.
    columns = (sum(columns[1:], columns[0]) for columns in zip(*tallies, strict=True))
    return Passed(ScanCounts(*columns), visits, single, people)


def _reaches(file: LiveFile, span: CountedDays) -> bool:
    least_us, greatest_us = file.stats.least["occurred_at"], file.stats.greatest["occurred_at"]
    # The span is half-open at its end, the bounds of a file include both.
    return bool(least_us < span.end_us and greatest_us >= span.before_us)


def _first_pass(
    files: Sequence[LiveFile],
    registry: PlaceColumns,
    span: CountedDays,
    bits: int,
    threads: int,
    schema: pa.Schema,
) -> tuple[list[ScanCounts], list[_Part]]:
    """Read the files: a tally of each thread, and the rows that count, dealt out by person."""

    def work(queue: Iterator[LiveFile]) -> tuple[ScanCounts, list[_Part]]:
        # A tally of its own, so that no cell is written by two threads.
        tally, parts = new_tally(registry.venue.size), []
        for file in queue:
            # Split at once: only persons and cells of the file stay, dealt out into buckets.
            parts.append(split(*_count(file, registry, span, tally, schema), bits))
        return tally, parts

    done = _on_threads(work, files, threads)
    return [tally for tally, _ in done], [part for _, parts in done for part in parts]


def _count(
    file: LiveFile, registry: PlaceColumns, span: CountedDays, tally: ScanCounts, schema: pa.Schema
) -> tuple[Int64, Int64]:
    """Add a file to a tally, and return the person and the cell of the rows that count."""
    # A file that ends before the days gives only scans before, for which the column of persons is not read.
    counts = file.stats.greatest["occurred_at"] >= span.from_us
    # Row groups have dictionaries of their own; unified, one code means one text.
    rows = read_live_file(file, schema if counts else _COLUMNS_BEFORE).unify_dictionaries().combine_chunks()
    # view: the int64 of the timestamps without a copy.
    at_us = rows["occurred_at"].combine_chunks().view(pa.int64()).to_numpy()
    person, flags = _NOBODY, np.empty(0, np.uint8)
    if counts:
        person, flags = rows["person"].to_numpy(), np.zeros(rows.num_rows, np.uint8)
        # `people_only` reads neither column, and flags stay 0.
        for name in {"direction", "scan_mode"} & set(schema.names):
            flags |= _coded(rows[name])
    return count_scans(rows["venue"].to_numpy(), person, at_us, flags, registry, span, tally)


def _coded(column: pa.ChunkedArray) -> UInt8:
    """The flag of each text, 0 for others and for none."""
    texts: Any = column.combine_chunks()
    # One more flag, 0, behind those of the dictionary; nulls are sent there.
    flags = np.array([*(_FLAGS.get(text, 0) for text in texts.dictionary.to_pylist()), 0], np.uint8)
    found: UInt8 = flags[pc.fill_null(texts.indices, len(texts.dictionary)).to_numpy()]
    return found


def _second_pass(parts: Sequence[_Part], area: Int64, bits: int, threads: int) -> tuple[Int32, Int32, Int64]:
    """Count visits, those with one scan, and the people of areas."""

    def work(queue: Iterator[int]) -> tuple[Int32, Int32, Int64]:
        visits, single = (np.zeros(area.size * CELLS_A_PLACE, np.int32) for _ in range(2))
        # Areas are numbered from 0; an empty registry has none.
        people = np.zeros(int(area.max(initial=-1)) + 1, np.int64)
        for bucket in queue:
            # The rows of one bucket in all files: everything of some persons, and of nobody else.
            rows = [(part, slice(part[2][bucket], part[2][bucket + 1])) for part in parts]
            person, cell = (
                np.concatenate([np.empty(0, np.int64), *(part[column][own] for part, own in rows)])
                for column in (0, 1)
            )
            count_people(person, cell, area, visits, single, people)
        return visits, single, people

    done = _on_threads(work, range(1 << bits), threads)
    visits, single, people = (sum(columns[1:], columns[0]) for columns in zip(*done, strict=True))
    return visits, single, people


def _on_threads(work: Callable[[Iterator[Any]], Any], items: Iterable[Any], threads: int) -> list[Any]:
    """Call `work` on each thread with one queue that they share."""
    # A list's iterator can be shared under the interpreter's lock; a generator could not.
    queue = iter(list(items))
    if threads == 1:
        return [work(queue)]
    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(work, queue) for _ in range(threads)]]
