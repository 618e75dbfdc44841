"""Sidecar files: columns beside a data file that are mapped instead of read, and checksums that guard them.

A sidecar is an Arrow file with a tail. A question touches a few pages of it, so
no checksum of the whole could be compared each time. The tail holds a CRC-32
for every `BLOCK_ROWS` rows of every column, compared once a process when the
block is first used, and says in JSON where the columns are, so that opening a
sidecar parses no Arrow metadata, which takes five times as long:

    Arrow file | padding | uint32[blocks, columns] | head (JSON) | length, CRC-32 and magic, 16 bytes

A sidecar is derived data: it is named by the hash of the file that it was made
from, no commit names it, and it is made again when it is missing or unfit. A
file in an object store has its sidecar in a folder of this machine, for objects
cannot be mapped.
"""

import contextlib
import os
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from pipelines.lake import storage
from pipelines.lake.data_files import DataFile
from pipelines.lake.durable_files import TEMPORARY, file_mode, make_private, writing
from pipelines.lake.lake_root import Lake
from pipelines.lake.snapshots import LiveFile

BLOCK_ROWS = 1024
"""Number of rows that share a checksum in each column.

The checks of a first question, over 31 files of 1.3 M stays, take 1, 1.05, 1.2, 1.3 and 1.5 times as
long with 128, 256, 512, 1,024 and 2,048 rows: most of it is waiting for pages. From 640 rows of 8 bytes
on `zlib` lets other threads run meanwhile, so that columns which are read whole are checked side by side.
"""

UNUSED_SECONDS = 7 * 24 * 60 * 60
"""How long a sidecar stays in the cache of a machine that does not open it."""

_T = TypeVar("_T")
_KEPT_AT_MOST = 8192  # mapped files; a process may map 65,530
_END = struct.Struct("<II8s")  # bytes of the head, its CRC-32, magic
_MAGIC = b"truyvet4"


@dataclass(frozen=True)
class Blocks:
    """The checksums of the columns of a mapped sidecar.

    Attributes:
        content: the bytes of the file.
        start: byte at which each column starts.
        width: bytes that a row takes in each column.
        rows: number of rows.
        sums: uint32[blocks, columns].
    """

    content: memoryview
    start: tuple[int, ...]
    width: tuple[int, ...]
    rows: int
    sums: npt.NDArray[np.uint32]

    def is_intact(self, block: int, passed: Collection[int] = ()) -> bool:
        """Return whether a block is as it was written, in all columns but those that are passed over."""
        first, last = block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, self.rows)
        columns = zip(self.start, self.width, self.sums[block].tolist(), strict=True)
        return all(
            column in passed or zlib.crc32(self.content[start + first * width : start + last * width]) == crc
            for column, (start, width, crc) in enumerate(columns)
        )

    def is_column_intact(self, column: int) -> bool:
        """Return whether all of a column is as it was written."""
        sums = block_sums(self.content, [self.start[column]], [self.width[column]], self.rows)
        return bool((sums[:, 0] == self.sums[:, column]).all())


def block_sums(
    content: memoryview, start: Sequence[int], width: Sequence[int], rows: int
) -> npt.NDArray[np.uint32]:
    """Compute the checksums of columns; arguments as the attributes of `Blocks`."""
    sums = np.empty((-(-rows // BLOCK_ROWS), len(start)), np.uint32)
    for column, (begin, size) in enumerate(zip(start, width, strict=True)):
        # Block bounds in bytes; the last block may be shorter, and without rows there is none.
        ends = [*range(begin, begin + rows * size, BLOCK_ROWS * size), begin + rows * size]
        sums[:, column] = [zlib.crc32(content[a:b]) for a, b in pairwise(ends)]
    return sums


class Mapped(Generic[_T]):
    """Values opened beside data files, by path, kept as long as the process lives.

    A data file is named by its content, so what was derived from it alone never goes stale.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _T] = {}

    def find(self, path: str) -> _T | None:
        """Return what is kept of a file."""
        return self._kept.get(path)

    def keep(self, path: str, opened: _T) -> _T:
        """Keep what was opened, in place of what was kept of the file."""
        with self._lock:
            if len(self._kept) >= _KEPT_AT_MOST:
                self._kept.clear()
            self._kept[path] = opened
        return opened


@dataclass(frozen=True)
class OpenFile:
    """A sidecar that has been mapped, or made in memory.

    Attributes:
        columns: arrays by name; codes where a column has a dictionary.
        dictionaries: the values of such columns.
        metadata: what else it says.
        blocks: what guards the columns; None where nothing needs to, since they have just been made.
    """

    columns: Mapping[str, npt.NDArray[Any]]
    dictionaries: Mapping[str, Sequence[str | None]]
    metadata: Mapping[str, str]
    blocks: Blocks | None

    def is_intact(self) -> bool:
        """Return whether all columns are as they were written, for those that are read whole anyway."""
        guard = self.blocks
        return guard is None or all(map(guard.is_column_intact, range(len(self.columns))))


def write_columns(lake: Lake, file: DataFile, columns: pa.Table) -> None:
    """Write the columns that are to lie beside a data file that has just been written.

    They need no fsync: after a power cut they are of another length, or their
    checksums tell. Of a lake in an object store they go to the cache of this
    machine, if there can be one.

    Args:
        lake: where.
        file: the data file.
        columns: one chunk each, without nulls; numbers, or a dictionary of text.

    Raises:
        ServiceError: the lake cannot be written.
    """
    path = sidecar_path(f"{lake.table_url(file.table)}/{file.path}")
    if storage.is_url(lake.url):
        try_to_write(columns, path)
        return
    with writing(path.parent):
        _write(columns, path)


def open_columns(
    live: LiveFile, fits: Callable[[OpenFile], bool], make: Callable[[], pa.Table], *, whole: bool = False
) -> OpenFile:
    """Map the columns beside a data file; make them where they are missing or do not fit.

    Args:
        live: the data file.
        fits: whether the columns found there can be used.
        make: computes the columns from the Parquet.
        whole: whether to check all of the columns at once, since they will be read whole.
    """
    path = sidecar_path(live.path)
    found = map_columns(path)
    if found is not None and fits(found) and whole and not found.is_intact():
        say_damaged(path)
        found = None
    if found is None or not fits(found):
        found = make_again(live, make)
    if storage.is_url(live.path):
        note_use(path)
    return found


def make_again(live: LiveFile, make: Callable[[], pa.Table]) -> OpenFile:
    """Make the columns beside a data file in place of what is there, and map them if they can be written."""
    path, table = sidecar_path(live.path), make()
    if try_to_write(table, path):
        with contextlib.suppress(OSError, ValueError):
            return replace(_parse(_map(path)), blocks=None)
    return columns_in_memory(table)


def columns_in_memory(table: pa.Table) -> OpenFile:
    """Return columns as a sidecar has them, without a file."""
    return replace(_parse(_made(table)), blocks=None)


def note_use(path: Path) -> None:
    """Touch a sidecar so that cache eviction keeps it; no sweep of a lake reaches every machine's cache."""
    with contextlib.suppress(OSError):
        os.utime(path)
    _evict_unused(storage.cache())


@cache
def _evict_unused(folder: str) -> None:
    """Remove what has not been used for long, once a process."""
    before = time.time() - UNUSED_SECONDS
    for found in storage.files(folder):
        if found.modified_ns < before * 1e9:
            with contextlib.suppress(OSError):
                storage.remove(found.place)


def map_columns(path: Path) -> OpenFile | None:
    """Map a sidecar; None when it is missing or unfit. Says in a line when it is damaged."""
    try:
        return _parse(_map(path))
    except OSError:
        return None
    except (ValueError, KeyError, TypeError):
        say_damaged(path)
        return None


def say_damaged(path: Path) -> None:
    """Say on standard error that a sidecar is damaged."""
    print(f"{path} is damaged and is made again from its data file", file=sys.stderr, flush=True)


def _map(path: Path) -> pa.Buffer:
    """Map the bytes of a file; only those that are looked at are read.

    Arrow has the system read ahead what it hands out of a mapped file: so one byte is asked for,
    whose buffer keeps all of them mapped. (Python's own mapping would keep a file open for each.)
    """
    with pa.memory_map(str(path)) as source:
        first = source.read_buffer(1)
        return pa.foreign_buffer(first.address, source.size(), first)


def _parse(content: pa.Buffer) -> OpenFile:
    """Find the columns of a sidecar.

    Raises:
        ValueError: its head is damaged.
        KeyError: likewise.
        TypeError: likewise.
    """
    view = memoryview(content)
    if len(view) < _END.size:
        raise ValueError("a sidecar must have a tail")
    size, crc, magic = _END.unpack(view[-_END.size :])
    # A damaged size could reach before the file, and a negative start counts from the end.
    head = view[max(len(view) - _END.size - size, 0) : -_END.size]
    if magic != _MAGIC or zlib.crc32(head) != crc:
        raise ValueError("the head of a sidecar must have its checksum")
    said = orjson.loads(head)
    rows, names = said["rows"], said["columns"]
    columns = {name: np.frombuffer(content, kind, rows, start) for name, (kind, start) in names.items()}
    blocks = -(-rows // BLOCK_ROWS)
    sums = np.frombuffer(content, np.uint32, blocks * len(names), said["sums"])
    guard = Blocks(
        view,
        tuple(start for _, start in names.values()),
        tuple(array.itemsize for array in columns.values()),
        rows,
        sums.reshape(blocks, len(names)),
    )
    return OpenFile(columns, said["dictionaries"], said["metadata"], guard)


def check_columns(
    live: LiveFile,
    make: Callable[[], pa.Table],
    concerns: Callable[[OpenFile], bool] = lambda _found: True,
) -> str | None:
    """Return what is wrong with the sidecar of a live file, or None.

    A missing one is not wrong. The same rows make the same bytes, so every
    byte is compared. The file is read once: another process may replace it at any time.

    Args:
        live: the data file.
        make: computes the columns that the sidecar should hold.
        concerns: whether a sound sidecar is one that `make` should make, and not made of something else.
    """
    try:
        stored = sidecar_path(live.path).read_bytes()
    except FileNotFoundError:
        return None
    except PermissionError:
        return "permission denied for its sidecar"
    except OSError:
        return "sidecar cannot be read"
    # If the head cannot be parsed, the bytes below will differ.
    with contextlib.suppress(ValueError, KeyError, TypeError):
        if not concerns(_parse(pa.py_buffer(stored))):
            return None
    is_same = _made(make()).equals(pa.py_buffer(stored))
    return None if is_same else "sidecar is not what its file makes it"


def sidecar_path(data_path: str) -> Path:
    """Return where the sidecar of a data file lies: beside it, under a name that no reader takes for data.

    >>> sidecar_path("/lake/stays/by=venue/part-ab.parquet").name
    '_part-ab.arrow'

    Args:
        data_path: of the data file. Of an object the sidecar lies below the user's cache.
    """
    path = Path(storage.local(data_path))
    return path.with_name(f"_{path.stem}.arrow")


def try_to_write(table: pa.Table, path: Path) -> bool:
    """Write a sidecar if that is possible: a lake may be read-only, or its disk full."""
    try:
        _write(table, path)
    except OSError:
        return False
    return True


def _write(table: pa.Table, path: Path) -> None:
    """Write under another name first: two processes may make the same sidecar, with the same bytes."""
    make_private(path.parent)
    handle, unfinished = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)  # of mode 0600
    os.fchmod(handle, file_mode(path.parent))
    try:
        with os.fdopen(handle, "wb") as file:
            arrow_bytes = _write_arrow(file, table)
            file.flush()  # `_map` reads the file itself
            file.write(_tail(_map(Path(unfinished)), arrow_bytes, table))
        os.replace(unfinished, path)
    except BaseException:  # an interrupt must leave no file behind either
        os.unlink(unfinished)
        raise


def _made(table: pa.Table) -> pa.Buffer:
    """Return the bytes of a sidecar."""
    sink = pa.BufferOutputStream()
    arrow_bytes = _write_arrow(sink, table)
    arrow = sink.getvalue()
    return pa.py_buffer(arrow.to_pybytes() + _tail(arrow, arrow_bytes, table))


def _write_arrow(sink: Any, table: pa.Table) -> int:
    """Write the Arrow file, padded to 8 bytes; return its size without the padding."""
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    size = int(sink.tell())
    sink.write(bytes(-size % 8))
    return size


def _tail(arrow: pa.Buffer, arrow_bytes: int, table: pa.Table) -> bytes:
    """Return what follows the Arrow file: checksums by block, the head, and what finds it."""
    stored = pa.ipc.open_file(arrow.slice(0, arrow_bytes)).read_all()
    columns, dictionaries = {}, {}
    for name in table.column_names:
        # A table without rows has no chunk; combining one chunk would copy it.
        array = stored[name].chunk(0) if stored.num_rows else stored[name].combine_chunks()
        if isinstance(array, pa.DictionaryArray):
            dictionaries[name] = array.dictionary.to_pylist()
            array = array.indices
        # Buffer 1 holds the values; without nulls the validity bitmap can be ignored.
        start = array.buffers()[1].address - arrow.address if stored.num_rows else 0
        columns[name] = (array.to_numpy().dtype.str, start)  # `str` includes the byte order
    starts = [start for _, start in columns.values()]
    widths = [np.dtype(kind).itemsize for kind, _ in columns.values()]
    sums = block_sums(memoryview(arrow), starts, widths, table.num_rows)
    said = {
        "rows": table.num_rows,
        "columns": columns,
        "sums": arrow.size,
        "dictionaries": dictionaries,
        "metadata": {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()},
    }
    head = orjson.dumps(said)
    return sums.tobytes() + head + _END.pack(len(head), zlib.crc32(head), _MAGIC)
