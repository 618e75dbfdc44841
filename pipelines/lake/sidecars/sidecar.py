"""The sidecars of `stays`: what questions need of a file, found by binary search, checked where it is read.

Parquet is decoded a row group at a time; the stays of one person are a few
rows in a file of millions. So beside each file of `stays` lie the columns that
questions need, uncompressed and in the file's own order (see `sidecar_file`).

A search reads rows all over a column, and a damaged row may mislead it. So its
result is checked, not each row on the way: if the rows on both sides of a
boundary are sound and the wanted value lies between them, the boundary is
right, because the column was sorted when it was written.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.types import Int64, UInt8
from pipelines.lake.data_files import DataFile
from pipelines.lake.lake_root import Lake
from pipelines.lake.read_rows import read_live_file
from pipelines.lake.sidecars import sidecar_search as search
from pipelines.lake.sidecars.sidecar_file import (
    BLOCK_ROWS,
    Blocks,
    OpenFile,
    check_columns,
    make_again,
    open_columns,
    say_damaged,
    sidecar_path,
    write_columns,
)
from pipelines.lake.snapshots import LiveFile
from schemas.codes import ENTER_KINDS, EXIT_KINDS
from schemas.tables import STAYS

_FORMAT = b"4"  # raise it when the columns change: sidecars of other formats are made again
_TIMES = ("enter_us", "exit_us", "imputed_from_us")
_SCHEMA = pa.schema(
    [
        ("person", pa.int64()),
        ("venue", pa.int64()),
        *[(name, pa.int64()) for name in _TIMES],
        ("scanned_both", pa.uint8()),
        ("kinds", pa.uint8()),
        ("stay_id", pa.int64()),
        ("zone", pa.dictionary(pa.int32(), pa.string())),
    ]
)
_NAMES = tuple(_SCHEMA.names)
# `scans` is the only stored column that no column of the sidecar is made from.
_SOURCES = pa.schema([STAYS.schema.field(name) for name in STAYS.file_schema.names if name != "scans"])
_KIND_BITS = 4  # of `kinds`, the lower ones, that hold the enter kind
_FEW = 64  # ranges up to which a loop in Python is faster than numpy
_OFTEN = 32
_ATTRIBUTES = {"zone": "zone_code"}  # attributes that are named otherwise than their columns in the file
_STORED = {attribute: name for name, attribute in _ATTRIBUTES.items()}

# One lock for all files: damage is rare.
_mending = threading.Lock()


@dataclass(eq=False)
class Sidecar:
    """The columns of one file of `stays`, in the order of its rows.

    Read only rows that `rows_of` or `rows_entering` has returned, or columns that `check` has checked;
    and read the attribute afterwards, for a damaged column is replaced.

    Attributes:
        by: `person` or `venue`, the column that the rows are sorted by, then by `enter_us`.
        person, venue: int64[n].
        enter_us, exit_us: int64[n], microseconds UTC.
        imputed_from_us: int64[n], where the imputed part of the stay begins; `exit_us` when
            there is none.
        scanned_both: uint8[n], 1 where enter and exit were scanned.
        kinds: uint8[n], the codes of enter and exit kind; see `enter_kind` and `exit_kind`.
        stay_id: int64[n].
        zone_code: int32[n], the position of the stay's zone in `zone_names`.
        zone_names: the zones of the file; one of them is null if a stay has none.
        longest_us: the longest stay of the file.
    """

    by: str
    person: Int64
    venue: Int64
    enter_us: Int64
    exit_us: Int64
    imputed_from_us: Int64
    scanned_both: UInt8
    kinds: UInt8
    stay_id: Int64
    zone_code: npt.NDArray[np.int32]
    zone_names: pa.Array
    longest_us: int
    guard: "Guard | None" = field(default=None, repr=False)

    @property
    def rows(self) -> int:
        """Number of rows of the file."""
        return int(self.person.size)

    @property
    def ids(self) -> Int64:
        """The column that the rows are sorted by."""
        return self.person if self.by == "person" else self.venue

    def rows_of(self, wanted: Int64) -> tuple[Int64, Int64]:
        """Find the rows [first, last) of each id, and check them.

        Args:
            wanted: int64[k], persons or venues, whichever the file is sorted by.

        Raises:
            DataError: the sidecar is damaged, and so is the data file that it could be made from again.
        """
        # At most one mending: mended columns have no guard.
        while True:
            guard = self.guard
            first, last = search.rows_of(self.ids, wanted)
            # Rows first: a proof reads those on both sides of each end, and damaged rows prove nothing.
            if guard is None or (
                guard.check_rows(first, last)
                and (guard.knows(self.by) or search.is_proven(self.ids, wanted, first, last))
            ):
                return first, last
            self._mend(guard)

    def rows_entering(self, wanted: Int64, after_us: Int64, before_us: Int64) -> tuple[Int64, Int64]:
        """Find the rows [first, last) of each id that enter between two instants, and check them.

        Args:
            wanted: int64[k], persons or venues, whichever the file is sorted by.
            after_us: int64[k], excluded.
            before_us: int64[k], excluded; greater than `after_us`.

        Raises:
            DataError: as in `rows_of`.
        """
        query = wanted, after_us, before_us
        while True:
            guard = self.guard
            first, last = search.rows_entering(self.ids, self.enter_us, *query)
            if guard is None or (
                guard.check_rows(first, last)
                and (
                    guard.knows(self.by, "enter_us")
                    or search.is_entering_proven(self.ids, self.enter_us, *query, first, last)
                )
            ):
                return first, last
            self._mend(guard)

    def first_enter_us(self) -> int:
        """Return the enter of the first row, checked.

        Raises:
            DataError: as in `rows_of`.
        """
        guard, row = self.guard, np.zeros(1, np.int64)  # the range [0, 1); no data file is empty
        if guard and not guard.check_rows(row, row + 1):
            self._mend(guard)
        return int(self.enter_us[0])

    def check(self, *names: str) -> None:
        """Check whole columns, which may then be read as one likes.

        Args:
            names: of attributes.

        Raises:
            DataError: as in `rows_of`.
        """
        guard = self.guard
        if guard and not all(guard.check_column(name) for name in names):
            self._mend(guard)

    def enter_kind(self, rows: Any) -> pa.Array:
        """Return the enter kinds of rows as text."""
        return pa.array(ENTER_KINDS).take(pa.array(enter_code(self.kinds[rows])))

    def exit_kind(self, rows: Any) -> pa.Array:
        """Return the exit kinds of rows as text."""
        return pa.array(EXIT_KINDS).take(pa.array(exit_code(self.kinds[rows])))

    def _mend(self, guard: "Guard") -> None:
        """Make a damaged sidecar again from its data file, and take its columns from there.

        Raises:
            DataError: the data file is damaged too.
        """
        with _mending:
            if self.guard is not guard:
                return  # another thread has done it
            say_damaged(sidecar_path(guard.live.path))
            mended = make_again(guard.live, lambda: _made(guard.live))
            # Drop the guard last: a thread that sees none must see the mended columns.
            for name, value in _attributes(mended).items():
                setattr(self, name, value)
            self.guard = None


class Guard:
    """What is known to be sound of a mapped sidecar, and how to make it again.

    Attributes:
        live: the data file.
        blocks: the checksums.
        checked: uint8[blocks], 1 where all columns have been checked.
        whole: the columns that have been checked from end to end.
        searches: how often it has been searched.
    """

    def __init__(self, live: LiveFile, blocks: Blocks) -> None:
        self.live = live
        self.blocks = blocks
        self.checked = np.zeros(len(blocks.sums), np.uint8)
        self.whole: set[int] = set()
        self.searches = 0

    def check_column(self, name: str) -> bool:
        """Check a column from end to end, once; return whether it is sound."""
        column = _NAMES.index(_STORED.get(name, name))
        if column not in self.whole:
            if not self.blocks.is_column_intact(column):
                return False
            self.whole.add(column)
        return True

    def knows(self, *names: str) -> bool:
        """Return whether columns are sound from end to end, so that a search in them needs no proof.

        From the `_OFTEN`th search on it is cheaper to check them once than to prove each search.
        """
        self.searches += 1  # not locked: a lost count only delays the whole check
        if self.searches < _OFTEN:
            return all(_NAMES.index(name) in self.whole for name in names)
        return all(self.check_column(name) for name in names)

    def check_rows(self, first: Int64, last: Int64) -> bool:
        """Check the blocks of rows [first, last) and of a row at either side; return if all are sound."""
        # int64[k] each: half-open ranges of blocks, one row wider at both ends for the proof.
        begin = np.maximum(first - 1, 0) // BLOCK_ROWS
        end = np.minimum(last, self.blocks.rows - 1) // BLOCK_ROWS + 1
        return all(self._check_block(block) for block in self._unchecked(begin, end))

    def _unchecked(self, begin: Int64, end: Int64) -> list[int]:
        """Return the blocks of some ranges that have not been checked."""
        if begin.size <= _FEW:
            touched = {
                block for a, b in zip(begin.tolist(), end.tolist(), strict=True) for block in range(a, b)
            }
            return [block for block in sorted(touched) if not self.checked.item(block)]
        # +1 where a range begins and -1 where it ends: blocks with a positive running sum are covered.
        depth = np.zeros(self.checked.size + 1, np.int64)
        # `depth[begin] += 1` would count repeated blocks only once.
        np.add.at(depth, begin, 1)
        np.add.at(depth, end, -1)
        found: list[int] = np.flatnonzero((np.cumsum(depth[:-1]) > 0) & (self.checked == 0)).tolist()
        return found

    def _check_block(self, block: int) -> bool:
        if not self.blocks.is_intact(block, self.whole):
            return False
        self.checked[block] = 1
        return True


def enter_code(kinds: Any) -> Any:
    """Return the codes of enter kinds, positions in `ENTER_KINDS`, of the column `kinds`."""
    return kinds & (1 << _KIND_BITS) - 1


def exit_code(kinds: Any) -> Any:
    """Return the codes of exit kinds, positions in `EXIT_KINDS`."""
    return kinds >> _KIND_BITS


def kinds_of(entered: Any, left: Any) -> Any:
    """Return the column `kinds` of codes of enter and exit kinds."""
    return entered + (left << _KIND_BITS)


def write_sidecar(lake: Lake, file: DataFile, rows: pa.Table) -> None:
    """Write the sidecar of a file of `stays` that has just been written.

    Args:
        lake: where.
        file: the data file.
        rows: its rows in their order, of `STAYS.file_schema`.

    Raises:
        ServiceError: the lake cannot be written.
    """
    write_columns(lake, file, _columns(rows))


def open_sidecar(live: LiveFile) -> Sidecar:
    """Map the columns of a live file of `stays`.

    A missing or unfit sidecar is made from the Parquet; where the folder
    cannot be written, the columns are kept in memory instead.

    Raises:
        DataError: the data file itself cannot be read, or is damaged.
    """
    found = open_columns(live, lambda there: _fits(there, live.rows), lambda: _made(live))
    guard = None if found.blocks is None else Guard(live, found.blocks)
    return Sidecar(live.partition["by"], **_attributes(found), guard=guard)


def check(live: LiveFile, rows: pa.Table) -> str | None:
    """Return what is wrong with the sidecar of a live file of `stays`, or None.

    Args:
        live: the data file.
        rows: its rows, at least the columns that a sidecar is made from.
    """
    return check_columns(live, lambda: _columns(rows))


def _made(live: LiveFile) -> pa.Table:
    return _columns(read_live_file(live, _SOURCES))


def _columns(rows: pa.Table) -> pa.Table:
    """Compute the columns of a sidecar, with format and longest stay in the schema's metadata."""
    enter, leave, seen = (_micros(rows, name) for name in ("enter", "exit", "last_seen"))
    entered, left = (pc.equal(rows[name], "scanned") for name in ("enter_kind", "exit_kind"))
    # Both scanned: nothing is imputed; only enter: from the last scan on; otherwise the whole stay.
    imputed_from = pc.if_else(entered, pc.if_else(left, leave, seen), enter)
    longest_us = pc.max(pc.subtract(leave, enter)).as_py() or 0  # null if there are no rows
    metadata = {b"format": _FORMAT, b"longest_us": str(longest_us).encode()}
    # In the order of `_SCHEMA`.
    arrays = [
        *(rows["person"], rows["venue"], enter, leave, imputed_from),
        *(pc.and_(entered, left).cast(pa.uint8()), _kinds(rows)),
        *(rows["stay_id"], _coded(rows["zone"])),
    ]
    # One chunk per column, since each is mapped as one run of bytes.
    return pa.table(arrays, schema=_SCHEMA.with_metadata(metadata)).combine_chunks()


def _kinds(rows: pa.Table) -> Any:
    enter = pc.index_in(rows["enter_kind"], pa.array(ENTER_KINDS))
    leave = pc.index_in(rows["exit_kind"], pa.array(EXIT_KINDS))
    return pc.add(enter, pc.shift_left(leave, _KIND_BITS)).cast(pa.uint8())


def _micros(rows: pa.Table, name: str) -> Any:
    return rows[name].cast(pa.timestamp("us", "UTC")).cast(pa.int64())


def _coded(zone: pa.ChunkedArray) -> pa.Array:
    """Return the zones in one chunk over one dictionary, in which null is an entry: no row needs a mask."""
    array = zone.combine_chunks().cast(pa.string()).dictionary_encode(null_encoding="encode")
    coded = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    # Built again: the encoder leaves the bits behind the last value of its bitmap as they were in memory.
    names = pa.array(coded.dictionary.to_pylist(), pa.string())
    return pa.DictionaryArray.from_arrays(coded.indices, names)


def _attributes(found: OpenFile) -> dict[str, Any]:
    """Return the attributes of a `Sidecar` that lie in its file."""
    return {
        **{_ATTRIBUTES.get(name, name): array for name, array in found.columns.items()},
        "zone_names": pa.array(found.dictionaries["zone"], pa.string()),
        "longest_us": int(found.metadata["longest_us"]),
    }


def _fits(found: OpenFile, rows: int) -> bool:
    """Tell whether the columns are those of that number of stays."""
    is_ours = found.metadata.get("format") == _FORMAT.decode() and tuple(found.columns) == _NAMES
    return is_ours and all(array.size == rows for array in found.columns.values())
