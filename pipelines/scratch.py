"""Pieces: rows spilled between two steps of a pipeline.

A grouping step of a runner holds its values in memory or in a buffer of
limited size, so rows never travel through it: a step writes its output once,
as an Arrow IPC file sorted by the next step's key, and sends only where the
rows of each key lie. The folder must be reachable by all workers.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """Rows [start, stop) of the Arrow file at `path`, which are its batch `number`."""

    path: str
    number: int
    start: int
    stop: int


def spill(folder: str, name: str, rows: pa.Table, keys: npt.NDArray[np.int64]) -> list[tuple[int, Piece]]:
    """Write `rows`, already sorted by `keys`, and say where each key's rows lie.

    Args:
        folder: an existing folder.
        name: unique in the folder; a retried step writes the same name again.
        rows: any schema.
        keys: int64[rows], ascending.

    Returns:
        One (key, piece) for each distinct key, ascending.
    """
    if rows.num_rows == 0:
        return []
    path = Path(folder) / f"{name}.arrow"
    unfinished = path.with_name(f"_tmp-{os.getpid()}-{name}")
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    bounds = [*starts.tolist(), keys.size]
    (batch,) = rows.combine_chunks().to_batches()
    with (
        os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
        pa.ipc.new_file(file, rows.schema) as writer,
    ):
        for start, stop in pairwise(bounds):
            writer.write_batch(batch.slice(start, stop - start))
    unfinished.replace(path)
    return [
        (int(keys[start]), Piece(str(path), number, start, stop))
        for number, (start, stop) in enumerate(pairwise(bounds))
    ]


def read_pieces(pieces: Iterable[Piece]) -> pa.Table:
    """The rows of `pieces` in the order of their paths, mapped from disk.

    Raises:
        ValueError: there is no piece.
    """
    batches = []
    for piece in sorted(pieces):
        with pa.memory_map(piece.path) as source:
            batches.append(pa.ipc.open_file(source).get_batch(piece.number))
    return pa.Table.from_batches(batches)
