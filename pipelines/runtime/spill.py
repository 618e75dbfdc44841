"""Pieces: rows spilled between two steps of a pipeline.

A grouping step of a runner holds its values in memory or in a buffer of
limited size, so rows never travel through it: a step writes its output once,
sorted by the next step's key, and sends only where the rows of each key lie.
A file holds one Arrow stream a key, one after the other, so that a piece is a
range of bytes that is read at once. The folder must be reachable by all workers:
one of this machine, or one where the lake lies.
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
    """The Arrow stream of `rows` rows that lies at [offset, offset + size) of `path`."""

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
) -> list[tuple[int, Piece]]:
    """Write rows by key, and say where each key's rows lie.

    Args:
        folder: an existing folder.
        name: of the step's element. A retry writes a file of its own beside it: a runner may
            start a step twice at once, and a reader keeps what the attempt that counts has named.
        rows: any schema.
        keys: int64[k], ascending.
        order: int64[k], the row of each key; None where `rows` are in the order of the keys.

    Returns:
        One (key, piece) for each distinct key, ascending; together they are the rows in that order.
    """
    if keys.size == 0:
        return []
    path = f"{folder}/{name}-{os.urandom(4).hex()}.arrow"
    (batch,) = rows.combine_chunks().to_batches()
    pieces = []
    with storage.new_stream(path) as file:
        for key, of_key in _by_key(batch, keys, order):
            offset = file.tell()
            with pa.ipc.new_stream(file, rows.schema) as writer:
                writer.write_batch(of_key)
            pieces.append((key, Piece(path, offset, file.tell() - offset, of_key.num_rows)))
    return pieces


def _by_key(
    batch: pa.RecordBatch, keys: npt.NDArray[np.int64], order: npt.NDArray[np.int64] | None
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each key; so many are put into order at once that a second copy of all is never held."""
    bounds = np.append(np.flatnonzero(np.diff(keys, prepend=keys[0] - 1)), keys.size)
    for first, last in few_at_once(bounds, _ROWS_AT_ONCE):
        begin, *_, end = own = bounds[first : last + 1].tolist()
        some = batch.slice(begin, end - begin) if order is None else batch.take(pa.array(order[begin:end]))
        for start, stop in pairwise(own):
            yield int(keys[start]), some.slice(start - begin, stop - start)


def read_pieces(pieces: Iterable[Piece]) -> pa.Table:
    """The rows of `pieces` in the order of their paths, each column in one chunk.

    Raises:
        ValueError: there is no piece.
    """
    tables = [_read(piece) for piece in sorted(pieces)]
    if not tables:
        raise ValueError("there is no piece to read")
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _read(piece: Piece) -> pa.Table:
    return pa.ipc.open_stream(storage.read_range(piece.path, piece.offset, piece.size)).read_all()
