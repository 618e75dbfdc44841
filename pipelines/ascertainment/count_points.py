"""Count the scans of a week by point and day, file by file on all cores.

Scans are sorted by venue within a file, so a file finds its venues in the registry once each. The rows that
count are dealt out by person, and all rows of a person are counted together: in a table that fits into the
cache, and without a lock. Nothing but the person and the cell of a row is kept between the two passes.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ascertainment.point_kernels import (
    CELLS_A_PLACE,
    GUARDED,
    IN,
    OUT,
    Registry,
    Span,
    Tally,
    count_people,
    count_scans,
    new_tally,
    split,
)
from pipelines.kernels.sort import buckets_for
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.lake import Lake, LiveFile, read_live_file, snapshot
from pipelines.times import DAY_US

_TEXT: Final = pa.dictionary(pa.int32(), pa.string())
_COLUMNS: Final = pa.schema(
    [
        ("venue", pa.int64()),
        ("person", pa.int64()),
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("direction", _TEXT),
        pa.field("scan_mode", _TEXT),
    ]
)
_COLUMNS_BEFORE: Final = pa.schema([_COLUMNS.field(name) for name in ("venue", "occurred_at")])
_FLAGS: Final = {"in": IN, "out": OUT, "guard": GUARDED, "kiosk": GUARDED}
_ROWS_A_BUCKET: Final = 1 << 16
_NOT_A_POINT_US: Final = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Counted:
    """What `adoption.sql` reads of the scans.

    Attributes:
        days: a row a point and day with a scan: `venue day scans ins outs guarded visits single`.
        around: a row a venue: `venue scans_before unregistered_scans`; a null venue is in no registry.
        people: a row an area: `area people_7d`.
    """

    days: pa.Table
    around: pa.Table
    people: pa.Table


def count_points(lake: Lake, places: pa.Table, end_us: int) -> Counted:
    """Count the scans of the 7 local days before an instant, and those of the 7 days before them.

    Args:
        lake: where.
        places: the registry, `venue area is_point closed_us`; the area may be null.
        end_us: a local midnight.
    """
    places = places.sort_by("venue")
    registry, areas = _registry(places)
    span = Span(end_us - 14 * DAY_US, end_us - 7 * DAY_US, DAY_US)
    files = [file for file in snapshot(lake, "scans").files if _reaches(file, span.before_us, end_us)]
    bits = buckets_for(sum(file.rows for file in files), _ROWS_A_BUCKET).bit_length() - 1
    tallies, parts = _first_pass(files, registry, span, bits)
    visits, single, people = _second_pass(parts, bits, registry.area, len(areas))
    venue = places["venue"].combine_chunks()
    return Counted(
        days=_days(venue, tallies, visits, single),
        around=_around(venue, tallies),
        people=pa.table({"area": areas, "people_7d": people}),
    )


def _registry(places: pa.Table) -> tuple[Registry, pa.Array]:
    """The registry as arrays, and the areas by number."""
    coded = places["area"].combine_chunks().dictionary_encode(null_encoding="encode")
    closed_us = places["closed_us"].to_numpy()
    counts_until_us = np.where(places["is_point"].to_numpy(), closed_us, _NOT_A_POINT_US)
    area = coded.indices.to_numpy().astype(np.int64)
    return Registry(places["venue"].to_numpy(), area, counts_until_us, closed_us), coded.dictionary


def _reaches(file: LiveFile, from_us: int, end_us: int) -> bool:
    return bool(file.stats.least["occurred_at"] < end_us and file.stats.greatest["occurred_at"] >= from_us)


_Part = tuple[Int64, Int64, Int64]


def _first_pass(
    files: Iterable[LiveFile], registry: Registry, span: Span, bits: int
) -> tuple[list[Tally], list[_Part]]:
    """Read the files: the tallies of the threads, and the rows that count, dealt out by person."""

    def work(queue: Iterator[LiveFile]) -> tuple[Tally, list[_Part]]:
        tally, parts = new_tally(registry.venue.size), []
        for file in queue:
            kept = _count(file, registry, span, tally)
            parts.append(split(*kept, bits))
        return tally, parts

    done = _on_all_cores(work, files)
    return [tally for tally, _ in done], [part for _, parts in done for part in parts]


def _count(file: LiveFile, registry: Registry, span: Span, tally: Tally) -> tuple[Int64, Int64]:
    """Add a file to a tally, and return the person and the cell of the rows that count."""
    is_recent = file.stats.greatest["occurred_at"] >= span.from_us
    schema = _COLUMNS if is_recent else _COLUMNS_BEFORE
    rows = read_live_file(file, schema).unify_dictionaries().combine_chunks()
    at_us = rows["occurred_at"].combine_chunks().view(pa.int64()).to_numpy()
    person, flags = np.empty(0, np.int64), np.empty(0, np.uint8)
    if is_recent:
        person, flags = rows["person"].to_numpy(), _coded(rows["direction"]) | _coded(rows["scan_mode"])
    return count_scans(rows["venue"].to_numpy(), person, at_us, flags, registry, span, tally)


def _coded(column: pa.ChunkedArray) -> UInt8:
    """The flag of each text, 0 for others and for none."""
    texts: Any = column.combine_chunks()
    flags = np.array([*(_FLAGS.get(text, 0) for text in texts.dictionary.to_pylist()), 0], np.uint8)
    found: UInt8 = flags[pc.fill_null(texts.indices, len(texts.dictionary)).to_numpy()]
    return found


def _second_pass(
    parts: list[_Part], bits: int, area: Int64, areas: int
) -> tuple[Int32, Int32, npt.NDArray[np.int64]]:
    """Count visits, those with one scan, and people of areas."""

    def work(queue: Iterator[int]) -> tuple[Int32, Int32, Int64]:
        visits, single = (np.zeros(area.size * CELLS_A_PLACE, np.int32) for _ in range(2))
        people = np.zeros(areas, np.int64)
        for bucket in queue:
            person, cell = (
                np.concatenate(
                    [
                        np.empty(0, np.int64),
                        *(part[column][slice(*part[2][bucket : bucket + 2])] for part in parts),
                    ]
                )
                for column in (0, 1)
            )
            count_people(person, cell, area, visits, single, people)
        return visits, single, people

    done = _on_all_cores(work, range(1 << bits))
    visits, single, people = (sum(columns[1:], columns[0]) for columns in zip(*done, strict=True))
    return visits, single, people


def _on_all_cores(work: Callable[[Iterator[Any]], Any], items: Iterable[Any]) -> list[Any]:
    """Call `work` on each thread with one queue that they share."""
    queue = iter(list(items))
    threads = min(4, len(os.sched_getaffinity(0)))
    with ThreadPoolExecutor(threads) as pool:
        return [future.result() for future in [pool.submit(work, queue) for _ in range(threads)]]


def _days(venue: pa.Array, tallies: list[Tally], visits: Int32, single: Int32) -> pa.Table:
    columns = {
        name: sum(getattr(tally, name) for tally in tallies) for name in ("scans", "ins", "outs", "guarded")
    }
    columns |= {"visits": visits, "single": single}
    cell = np.flatnonzero(columns["scans"])
    place, day = np.divmod(cell, CELLS_A_PLACE)
    counts = {name: column[cell] for name, column in columns.items()}
    return pa.table({"venue": venue.take(pa.array(place)), "day": day, **counts})


def _around(venue: pa.Array, tallies: list[Tally]) -> pa.Table:
    before, unregistered = (
        sum(tally.before for tally in tallies),
        sum(tally.unregistered for tally in tallies),
    )
    venues = pa.concat_arrays([venue, pa.nulls(1, pa.int64())])
    return pa.table(
        {"venue": venues, "scans_before": np.append(before, 0), "unregistered_scans": unregistered}
    )
