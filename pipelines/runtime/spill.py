"""Rows spilled to files between two steps of a pipeline.

A runner's grouping step holds its values in memory or in a buffer of limited
size: on Flink 8 values of 10 MB under one key exceed the sort buffer. Rows
therefore never travel through it. A step writes its output once, sorted by the
next step's key, and emits only where the rows of each key lie.

A file holds one Arrow stream per key, one after the other, so a piece is a
range of bytes that can be read in one go. The folder must be reachable by all
workers: on this machine, or where the lake is stored.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.kernels.sort import few_at_once
from pipelines.lake import storage

_ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """A reference to spilled rows: the Arrow stream in [offset, offset + size) of a file.

    Attributes:
        path: of the file.
        offset: first byte.
        size: bytes.
        rows: rows in the stream.

    >>> sorted([Piece("b", 0, 9, 1), Piece("a", 9, 9, 1), Piece("a", 0, 9, 1)])[0]
    Piece(path='a', offset=0, size=9, rows=1)
    """

    path: str
    offset: int
    size: int
    rows: int


def spill(
    folder: str,
    name: str,
    rows: pa.Table,
    keys: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64] | None = None,
    *,
    rows_at_once: int = _ROWS_AT_ONCE,
) -> list[tuple[int, Piece]]:
    """Write rows grouped by key and return where each key's rows lie.

    Args:
        folder: an existing folder.
        name: identifies the element that the step works on. A retry writes a second file beside the first,
            since a runner may run a step twice at once; readers use the pieces of the attempt that counts.
        rows: any schema.
        keys: int64[k], ascending.
        order: int64[k], the row for each key; None if `rows` are already in the order of the keys.
        rows_at_once: how many rows are reordered at a time, so that there is never a second copy of all.

    Returns:
        One (key, piece) per distinct key, ascending; together they are the rows in that order.
    """
    if keys.size == 0:
        return []
    path = f"{folder}/{name}-{os.urandom(4).hex()}.arrow"
    (batch,) = rows.combine_chunks().to_batches()  # a slice of one batch copies nothing
    pieces = []
    with storage.new_stream(path) as file:
        for key, of_key in _by_key(batch, keys, order, rows_at_once):
            offset = file.tell()
            # Closing the writer ends this key's stream, not the file.
            with pa.ipc.new_stream(file, rows.schema) as writer:
                writer.write_batch(of_key)
            pieces.append((key, Piece(path, offset, file.tell() - offset, of_key.num_rows)))
    return pieces


def _by_key(
    batch: pa.RecordBatch,
    keys: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64] | None,
    rows_at_once: int,
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the rows of each key."""
    # Where each key begins, and the end: [4, 4, 9] gives [0, 2, 3].
    bounds = np.append(np.flatnonzero(np.diff(keys, prepend=keys[0] - 1)), keys.size)
    # Groups of whole keys with about `rows_at_once` rows each.
    for first, last in few_at_once(bounds, rows_at_once):
        begin, *_, end = chunk = bounds[first : last + 1].tolist()
        taken = batch.slice(begin, end - begin) if order is None else batch.take(pa.array(order[begin:end]))
        for start, stop in pairwise(chunk):
            yield int(keys[start]), taken.slice(start - begin, stop - start)


def read_pieces(pieces: Iterable[Piece]) -> pa.Table:
    """Read pieces in the order of path and offset, as one chunk per column.

    Sorting makes the result independent of the order in which a runner delivers the pieces.

    Raises:
        ValueError: there are no pieces.
    """
    tables = [_read(piece) for piece in sorted(pieces)]
    if not tables:
        raise ValueError("there must be at least one piece to read")
    # Each stream has a dictionary of its own; chunks can only be combined over a common one.
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _read(piece: Piece) -> pa.Table:
    return pa.ipc.open_stream(storage.read_range(piece.path, piece.offset, piece.size)).read_all()
