"""Pieces: rows spilled between two steps of a pipeline.

A grouping step of a runner holds its values in memory or in a buffer of
limited size, so rows never travel through it: a step writes its output once,
as an Arrow IPC file sorted by the next step's key, and sends only where the
rows of each key lie. The folder must be reachable by all workers.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """Rows [start, stop) of the Arrow file at `path`."""

    path: str
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
    with (
        os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file,
        pa.ipc.new_file(file, rows.schema) as writer,
    ):
        writer.write_table(rows.combine_chunks())
    unfinished.replace(path)
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    stops = np.append(starts[1:], keys.size)
    return [
        (int(keys[start]), Piece(str(path), int(start), int(stop)))
        for start, stop in zip(starts, stops, strict=True)
    ]


def read_pieces(pieces: Iterable[Piece]) -> pa.Table:
    """The rows of `pieces` in the order of their paths, mapped from disk.

    Raises:
        ValueError: there is no piece.
    """
    tables = []
    for piece in sorted(pieces):
        with pa.memory_map(piece.path) as source:
            table = pa.ipc.open_file(source).read_all()
        tables.append(table.slice(piece.start, piece.stop - piece.start))
    return pa.concat_tables(tables)
