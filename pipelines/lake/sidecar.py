"""Sidecars: plain columns beside a data file, which are mapped and not read.

Parquet is decoded a row group at a time; the stays of one person are a few
rows in a file of millions. So beside each file of `stays` lie the columns that
an overlap needs, uncompressed and in the file's own order, for binary searches
that touch a few pages. (Those beside `scans` are told in `pipelines.registry.unregistered_scans`.)
A sidecar is derived data: it is named by the hash of the file that it was made
from, nobody commits it, and it is made again when it is missing or unfit. A file
in an object store has its sidecar in a folder of this machine, for objects
cannot be mapped.
"""

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import DataError
from pipelines.kernels.types import Int64
from pipelines.lake import storage
from pipelines.lake.data_files import DataFile
from pipelines.lake.durable_files import TEMPORARY, make_private, writing
from pipelines.lake.lake_root import Lake
from pipelines.lake.snapshots import LiveFile

UNUSED_SECONDS = 7 * 24 * 60 * 60
"""How long a sidecar stays in the cache of a machine that does not open it."""

_T = TypeVar("_T")
_KEPT_AT_MOST = 8192  # mapped files; a process may map 65,530

_FORMAT = b"3"
_TIMES = ("enter_us", "exit_us", "imputed_from_us")
_SCHEMA = pa.schema(
    [
        ("person", pa.int64()),
        ("venue", pa.int64()),
        *[(name, pa.int64()) for name in _TIMES],
        ("scanned_both", pa.uint8()),
        ("stay_id", pa.int64()),
        ("zone", pa.dictionary(pa.int32(), pa.string())),
    ]
)
_SOURCES = ["person", "venue", "zone", "enter", "exit", "enter_kind", "exit_kind", "last_seen", "stay_id"]


@dataclass(frozen=True)
class Sidecar:
    """The columns of one file of `stays`, in the order of its rows.

    Attributes:
        person, venue: int64[n].
        enter_us, exit_us: int64[n], microseconds UTC.
        imputed_from_us: int64[n], where the imputed part of the stay begins; `exit_us` when
            there is none.
        scanned_both: uint8[n], 1 where enter and exit were scanned.
        stay_id: int64[n].
        zone_code: int32[n], the position of the stay's zone in `zone_names`.
        zone_names: the zones of the file; one of them is null if a stay has none.
        longest_us: the longest stay of the file.
    """

    person: Int64
    venue: Int64
    enter_us: Int64
    exit_us: Int64
    imputed_from_us: Int64
    scanned_both: npt.NDArray[np.uint8]
    stay_id: Int64
    zone_code: npt.NDArray[np.int32]
    zone_names: pa.Array
    longest_us: int

    def zone_codes(self, rows: Int64) -> npt.NDArray[np.int32]:
        """The zone codes of some rows, each of them sure to have a name.

        Args:
            rows: int64[m], positions.

        Raises:
            DataError: the sidecar is damaged.
        """
        codes = self.zone_code[rows]
        if codes.size and (codes.min() < 0 or codes.max() >= len(self.zone_names)):
            raise DataError("a sidecar of stays is damaged", "run truyvet verify")
        return codes


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


def write_columns(lake: Lake, file: DataFile, columns: pa.Table) -> None:
    """Write the columns that are to lie beside a data file that has just been written.

    They need no fsync: after a power cut they are of another length, or made again.
    Of a lake in an object store they go to the cache of this machine, if there can be one.

    Raises:
        ServiceError: the lake cannot be written.
    """
    path = sidecar_path(f"{lake.table_url(file.table)}/{file.path}")
    if storage.is_url(lake.url):
        _written(columns, path)
        return
    with writing(path.parent):
        _write(columns, path)


def open_sidecar(live: LiveFile) -> Sidecar:
    """The columns of a live file of `stays`, mapped from its sidecar.

    A missing or unfit sidecar is made from the Parquet; where the folder
    cannot be written, the columns are kept in memory instead.

    Raises:
        OSError: the data file itself cannot be read.
    """
    return _sidecar(
        open_columns(
            live,
            lambda table: _fits(table, live.rows),
            lambda: _columns(storage.parquet(live.path, live.size).read(columns=_SOURCES)),
        )
    )


class Mapped(Generic[_T]):
    """What was opened beside data files, by their paths, kept for as long as the process lives.

    A data file is named by its content, so what was made of it alone never goes stale.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _T] = {}

    def find(self, path: str) -> _T | None:
        """What is kept of a file."""
        return self._kept.get(path)

    def keep(self, path: str, opened: _T) -> _T:
        """Keep what was opened, in place of what was kept of the file."""
        with self._lock:
            if len(self._kept) >= _KEPT_AT_MOST:
                self._kept.clear()
            self._kept[path] = opened
        return opened


def open_columns(live: LiveFile, fits: Callable[[pa.Table], bool], make: Callable[[], pa.Table]) -> pa.Table:
    """The columns beside a data file, mapped; made where they are missing or do not fit.

    Args:
        live: the data file.
        fits: whether a table found there can be used; may raise `pa.ArrowException`.
        make: from the Parquet.
    """
    path = sidecar_path(live.path)
    table = mapped(live, fits)
    if table is None:
        table = make()
        if _written(table, path):
            table = mapped(live, fits) or table
    if storage.is_url(live.path):
        _note_use(path)
    return table


def _note_use(path: Path) -> None:
    """Keep a sidecar in the cache while it is used, for no sweep of a lake comes by every machine."""
    with contextlib.suppress(OSError):
        os.utime(path)
    _forget_unused(storage.cache())


@cache
def _forget_unused(folder: str) -> None:
    """Remove what nobody has used for long, once a process."""
    before = time.time() - UNUSED_SECONDS
    for found in storage.files(folder):
        if found.modified_ns < before * 1e9:
            with contextlib.suppress(OSError):
                storage.remove(found.place)


def mapped(live: LiveFile, fits: Callable[[pa.Table], bool]) -> pa.Table | None:
    """The table beside a data file without reading it; None when it is missing or unfit.

    Args:
        live: the data file.
        fits: whether the table can be used; may raise `pa.ArrowException`.
    """
    try:
        table = pa.ipc.open_file(_bytes(sidecar_path(live.path))).read_all()
        return table if fits(table) else None
    except (OSError, pa.ArrowException):
        return None


def _bytes(path: Path) -> pa.Buffer:
    """The bytes of a file, of which only those that are looked at are read.

    Arrow has the system read what it hands out of a mapped file: so one byte is asked for, whose
    buffer keeps all of them mapped. (Python's own mapping would keep a file open for each.)
    """
    with pa.memory_map(str(path)) as source:
        first = source.read_buffer(1)
        return pa.foreign_buffer(first.address, source.size(), first)


def check(live: LiveFile, rows: pa.Table) -> str | None:
    """What is wrong with the sidecar of a live file of `stays`, or None.

    A missing one is not wrong. The same rows make the same bytes, so each byte is compared.

    Args:
        live: the data file.
        rows: its rows, at least the columns that a sidecar is made from.
    """
    return check_columns(live, _columns(rows))


def check_columns(live: LiveFile, columns: pa.Table) -> str | None:
    """What is wrong with the sidecar of a live file that should hold `columns`, or None."""
    try:
        stored = sidecar_path(live.path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return "sidecar cannot be read"
    made = pa.BufferOutputStream()
    _write_to(made, columns)
    return None if made.getvalue().equals(pa.py_buffer(stored)) else "sidecar is not what its file makes it"


def sidecar_path(data_path: str) -> Path:
    """Where the sidecar of a data file lies: beside it, under a name that no reader takes for data.

    Args:
        data_path: of the data file. Of an object the sidecar lies below the user's cache.
    """
    path = Path(storage.local(data_path))
    return path.with_name(f"_{path.stem}.arrow")


def _columns(rows: pa.Table) -> pa.Table:
    """The columns of a sidecar, with format and longest stay in the schema's metadata."""
    enter, leave, seen = (_micros(rows, name) for name in ("enter", "exit", "last_seen"))
    entered, left = (pc.equal(rows[name], "scanned") for name in ("enter_kind", "exit_kind"))
    imputed_from = pc.if_else(entered, pc.if_else(left, leave, seen), enter)
    longest_us = pc.max(pc.subtract(leave, enter)).as_py() or 0
    metadata = {b"format": _FORMAT, b"longest_us": str(longest_us).encode()}
    arrays = [
        *(rows["person"], rows["venue"], enter, leave, imputed_from),
        *(pc.and_(entered, left).cast(pa.uint8()), rows["stay_id"], _coded(rows["zone"])),
    ]
    return pa.table(arrays, schema=_SCHEMA.with_metadata(metadata)).combine_chunks()


def _micros(rows: pa.Table, name: str) -> Any:
    return rows[name].cast(pa.timestamp("us", "UTC")).cast(pa.int64())


def _coded(zone: pa.ChunkedArray) -> pa.Array:
    """The zones in one chunk over one dictionary, in which null is an entry: no row needs a mask."""
    array = zone.combine_chunks().cast(pa.string()).dictionary_encode(null_encoding="encode")
    coded = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    # Built anew: the encoder leaves the bits behind the last value of its bitmap as they were in memory.
    names = pa.array(coded.dictionary.to_pylist(), pa.string())
    return pa.DictionaryArray.from_arrays(coded.indices, names)


def _sidecar(table: pa.Table) -> Sidecar:
    columns = {name: table[name].chunk(0) for name in _SCHEMA.names}
    zone = columns.pop("zone")
    arrays = {name: column.to_numpy(zero_copy_only=True) for name, column in columns.items()}
    return Sidecar(
        **arrays,
        zone_code=zone.indices.to_numpy(zero_copy_only=True),
        zone_names=zone.dictionary,
        longest_us=int(table.schema.metadata[b"longest_us"]),
    )


def _fits(table: pa.Table, rows: int) -> bool:
    """Whether a table can be used as a sidecar without harm, though it may lie.

    Raises:
        pa.ArrowException: it would lead outside of its own bytes.
    """
    metadata = table.schema.metadata or {}
    if table.num_rows != rows or not table.schema.equals(_SCHEMA) or metadata.get(b"format") != _FORMAT:
        return False
    table.validate()
    columns = [table[name] for name in _SCHEMA.names]
    if any(column.num_chunks != 1 or column.chunk(0).buffers()[0] for column in columns):
        return False
    columns[-1].chunk(0).dictionary.validate(full=True)  # its indices are looked at when they are used
    return bool(metadata.get(b"longest_us", b"").isdigit())


def _written(table: pa.Table, path: Path) -> bool:
    """Whether the sidecar could be written: a lake may be read-only, or its disk full."""
    try:
        _write(table, path)
    except OSError:
        return False
    return True


def _write(table: pa.Table, path: Path) -> None:
    """Write under another name first: two processes may make the same sidecar, with the same bytes."""
    make_private(path.parent)
    handle, unfinished = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)  # of mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            _write_to(file, table)
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise


def _write_to(sink: Any, table: pa.Table) -> None:
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
