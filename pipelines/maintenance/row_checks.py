"""The laws that rows of a data file obey, and what breaks them, in words that hold no value of a row.

Pure functions over Arrow tables. Laws that span files are checked by sums:
`RowSum` tells whether two sets of files hold the same rows without keeping any.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.types import UInt64
from pipelines.lake.row_order import is_in_order, sort_columns, words
from pipelines.lake.statistics import Statistics, statistics_of
from pipelines.privacy.identifiers import KINDS
from schemas.codes import AUTHENTICITIES, DIRECTIONS, ENTER_KINDS, EXIT_KINDS, LINK_SOURCES, SCAN_MODES
from schemas.stay_rules import VENUE_TYPES
from schemas.tables import Table

_DATED_BY = {
    "scans": "occurred_at",
    "rejects": "received_at",
    "retries": "received_at",
    "encounters": "started_at",
    "declarations": "declared_at",
    "links": "seen_at",
    "stays": "enter",
    "footfall": "window_start",
    "contacts": "start",
    "crowds": "window_start",
}
"""The column whose UTC day is the date of the partition."""

_VALUES = {
    "direction": DIRECTIONS,
    "scan_mode": SCAN_MODES[1:],
    "authenticity": AUTHENTICITIES[1:],
    "enter_kind": ENTER_KINDS,
    "exit_kind": EXIT_KINDS,
    "type": VENUE_TYPES,
}
"""Allowed values of text columns that have few."""

_VALUES_OF = {"links": {"source": LINK_SOURCES, "kind_a": KINDS, "kind_b": KINDS}}
"""The same of columns whose name means something else in another table."""

_ASCENDING = {
    "stays": [("enter", "exit", 1_000_000), ("enter", "last_seen", 0), ("last_seen", "exit", 0)],
    "long_pairs": [("in_at", "out_at", 1)],
    "footfall": [("window_start", "window_end", 1)],
    "crowds": [("window_start", "window_end", 1)],
    "contacts": [("start", "end", 1)],
    "encounters": [("started_at", "ended_at", 1)],
}
"""(earlier column, later column, least microseconds between)."""

_AT_LEAST = {
    "stays": {"scans": 1},
    "footfall": {"entries": 0, "exits": 0, "people": 0, "person_seconds": 0},
    "crowds": {"people": 1},
    "point_days": {
        "scans": 1,
        "scans_in": 0,
        "scans_out": 0,
        "scans_guarded": 0,
        "people": 1,
        "people_once": 0,
    },
    "humans": {"links": 0},
}

_NOT_ABOVE = (("people", "scans"), ("people_once", "people"), ("scans_guarded", "scans"))
"""(column, column that is never smaller) of `point_days`."""

_MEASURES = ("distance_m", "attenuation_db")
"""Columns of `encounters` that hold null or a number ≥ 0."""

_LENGTHS = {"event_key": 16, "digest": 32}
"""Bytes of binary columns."""

_UNIQUE = {
    "venues": "venue",
    "humans": "person",
    "cases": "case_id",
    "unregistered_codes": "venue",
    "point_days": "venue",
}


def misshapen(table: Table, rows: pa.Table) -> str | None:
    """Return why rows do not have the shape of the table, or None."""
    if [(field.name, field.type) for field in rows.schema] != [
        (field.name, field.type) for field in table.file_schema
    ]:
        return "columns are not those of the table"
    empty = [field.name for field in table.file_schema if not field.nullable and rows[field.name].null_count]
    if empty:
        return f"nulls in {', '.join(empty)}"
    for name, length in _LENGTHS.items():
        if name in rows.column_names and pc.any(pc.not_equal(pc.binary_length(rows[name]), length)).as_py():
            return f"{name} is not of {length} bytes"
    return None


def broken_laws(table: Table, partition: Mapping[str, str], rows: pa.Table) -> Iterator[str]:
    """Find the laws that the rows of one file break.

    Args:
        table: which table.
        partition: of the file.
        rows: as read from it, not `misshapen`.

    Yields:
        One line for each broken law.
    """
    columns = sort_columns(table, partition)
    if not is_in_order(rows, columns):
        yield f"rows are not sorted by {', '.join(columns)}"
    for law in (_dates, _values, _times, _counts, _pairs, _unique_rows):
        yield from law(table, partition, rows)


def false_statistics(rows: pa.Table, recorded: Statistics) -> Iterator[str]:
    """Find where the log says something else about a file than its rows; what it leaves out is not false.

    Bounds of tokens must be wide: an exact one would show a token to readers of the log.
    """
    true = statistics_of(rows).widened()
    if recorded.rows != true.rows:
        yield f"{true.rows} rows, and the log says {recorded.rows}"
    for what, said, is_so in (
        ("least", recorded.least, true.least),
        ("greatest", recorded.greatest, true.greatest),
        ("nulls", recorded.nulls, true.nulls),
    ):
        # A column of nulls has no true bounds, so its recorded ones are not judged.
        wrong = [name for name, value in said.items() if is_so.get(name, value) != value]
        if wrong:
            yield f"statistics are false: {what} of {', '.join(wrong)}"


def _dates(table: Table, partition: Mapping[str, str], rows: pa.Table) -> Iterator[str]:
    if "date" in partition:
        column = _DATED_BY[table.name]
        # The cast to date32 takes the UTC day.
        other = pc.not_equal(rows[column].cast(pa.date32()), pa.scalar(partition["date"]).cast(pa.date32()))
        yield from _counted(other, f"{column} on another UTC day than the partition")


def _values(table: Table, _partition: Mapping[str, str], rows: pa.Table) -> Iterator[str]:
    allowed = _VALUES | _VALUES_OF.get(table.name, {})
    for name in set(allowed) & set(rows.column_names):
        # `is_in` is false for null; `misshapen` has checked where null is allowed.
        known = pc.is_in(rows[name], value_set=pa.array(allowed[name]))
        yield from _counted(pc.and_(pc.invert(known), rows[name].is_valid()), f"unknown {name}")


def _times(table: Table, _partition: Mapping[str, str], rows: pa.Table) -> Iterator[str]:
    for earlier, later, least_us in _ASCENDING.get(table.name, ()):
        apart = pc.subtract(rows[later].cast(pa.int64()), rows[earlier].cast(pa.int64()))
        yield from _counted(pc.less(apart, least_us), f"{later} too early after {earlier}")


def _counts(table: Table, _partition: Mapping[str, str], rows: pa.Table) -> Iterator[str]:
    for name, least in _AT_LEAST.get(table.name, {}).items():
        yield from _counted(pc.less(rows[name], least), f"{name} below {least}")
    if table.name == "footfall":
        yield from _counted(pc.greater(rows["peak"], rows["people"]), "peak above people")
    for less, more in _NOT_ABOVE if table.name == "point_days" else ():
        yield from _counted(pc.greater(rows[less], rows[more]), f"{less} above {more}")


def _pairs(table: Table, _partition: Mapping[str, str], rows: pa.Table) -> Iterator[str]:
    if table.name in ("contacts", "encounters", "links"):
        yield from _counted(
            pc.greater_equal(rows["person_a"], rows["person_b"]), "person_a not below person_b"
        )
    if table.name == "humans":
        yield from _counted(pc.greater(rows["human"], rows["person"]), "human above person")
    if table.name == "contacts":
        # Whole seconds, rounded down.
        us = pc.subtract(rows["end"].cast(pa.int64()), rows["start"].cast(pa.int64()))
        yield from _counted(pc.not_equal(rows["seconds"], pc.divide(us, 1_000_000)), "seconds not its length")
    for name in _MEASURES if table.name == "encounters" else ():
        # Null stays null throughout, and `_counted` does not count it.
        sound = pc.and_(pc.is_finite(rows[name]), pc.greater_equal(rows[name], 0))
        yield from _counted(pc.invert(sound), f"{name} must be a number ≥ 0")


def _unique_rows(table: Table, _partition: Mapping[str, str], rows: pa.Table) -> Iterator[str]:
    name = _UNIQUE.get(table.name)
    if name is not None and pc.count_distinct(rows[name]).as_py() != rows.num_rows:
        yield f"the same {name} twice"


def _counted(wrong: pa.ChunkedArray, problem: str) -> Iterator[str]:
    count = pc.sum(wrong).as_py() or 0  # None if there are no rows
    if count:
        yield f"{problem}: {count} rows"


@dataclass(frozen=True)
class RowSum:
    """A sum over rows that is the same for the same rows in any order and in any files.

    >>> RowSum(1, (2**64 - 1, 5)) + RowSum(2, (1, 6))
    RowSum(rows=3, sums=(0, 11))

    Attributes:
        rows: number of rows.
        sums: of two independent 64-bit hashes of each row, modulo 2^64.
    """

    rows: int = 0
    sums: tuple[int, int] = (0, 0)

    def __add__(self, other: "RowSum") -> "RowSum":
        first, second = ((a + b) % 2**64 for a, b in zip(self.sums, other.sums, strict=True))
        return RowSum(self.rows + other.rows, (first, second))


def row_sum(rows: pa.Table) -> RowSum:
    """Return the sum of a file's rows."""
    # uint64 wraps around, which gives the sum modulo 2^64.
    sums = [int(_row_hashes(rows, seed).sum(dtype=np.uint64)) for seed in (1, 2)]
    return RowSum(rows.num_rows, (sums[0], sums[1]))


def _row_hashes(rows: pa.Table, seed: int) -> UInt64:
    # Chained over the columns, so that swapped values give another hash.
    hashes: UInt64 = np.full(rows.num_rows, seed, np.uint64)
    for column in rows.columns:
        hashes = _mixed(hashes ^ _numbers(column), seed)
    return hashes


def _numbers(column: pa.ChunkedArray) -> UInt64:
    """Return a number for each value: texts by their hash, null as a text that no column holds."""
    if pa.types.is_string(column.type):
        coded = column.fill_null("\0").combine_chunks().dictionary_encode()
        numbers: UInt64 = np.array([_text_number(text) for text in coded.dictionary.to_pylist()], np.uint64)
        positions: npt.NDArray[np.int32] = coded.indices.to_numpy()
        return numbers[positions]
    signed: npt.NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
    return signed.view(np.uint64)  # the same bits


def _text_number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _mixed(values: UInt64, seed: int) -> UInt64:
    """Apply the finaliser of MurmurHash3 in place, with another multiplier for each seed."""
    values ^= values >> np.uint64(33)
    values *= np.uint64(0xFF51AFD7ED558CCD if seed == 1 else 0x9FB21C651E98DF25)
    values ^= values >> np.uint64(29)
    values *= np.uint64(0xC4CEB9FE1A85EC53)
    values ^= values >> np.uint64(32)
    return values


def repeated_keys(event_keys: list[pa.ChunkedArray]) -> int:
    """Return how many rows of a date repeat the event key of another."""
    if not event_keys:
        return 0
    high, low = words(pa.chunked_array([chunk for keys in event_keys for chunk in keys.chunks], pa.binary()))
    # Sort by the first 8 bytes only: different keys hardly ever share them.
    order = np.argsort(high)
    high, low = high[order], low[order]
    tied = np.flatnonzero(high[1:] == high[:-1])
    if tied.size == 0:
        return 0
    # Both rows of each tie; only these are compared in all 16 bytes.
    near = np.unique(np.concatenate([tied, tied + 1]))
    pairs = np.stack([high[near], low[near]], axis=1)
    return int(near.size - np.unique(pairs, axis=0).shape[0])  # each repeat beyond the first
