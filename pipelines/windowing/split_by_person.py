"""Scans of the lake, read file by file and spilled by person bucket."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.kernels.arrow_columns import event_key_words
from pipelines.kernels.hash_table import IdSet
from pipelines.kernels.sort import part_of, stable_order
from pipelines.kernels.types import Int64
from pipelines.registry.registry import UNREGISTERED
from pipelines.runtime.job_errors import noted
from pipelines.runtime.spill import Piece, read_pieces, spill
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.windowing.scan_files import Registries, ScanFile, micros, read_batches
from schemas.codes import DIRECTIONS

_COLUMNS = ("event_key", "person", "venue", "zone", "direction", "occurred_at")


@dataclass
class FindChangedPersons(ThreadedDoFn):
    """ScanFile -> Piece of the persons whose scans, or the venues of whose scans, changed in it."""

    registries: Registries
    scratch: str

    def work(self, file: ScanFile, *_: Any) -> Iterable[Piece]:
        """The distinct changed persons of one file, spilled."""
        changed = [np.empty(0, np.int64)]
        with noted(self.scratch):
            for batch in read_batches(file.path, ("person", "venue", "occurred_at")):
                venue, occurred_us = batch["venue"].to_numpy(), micros(batch["occurred_at"])
                before, after = self.registries.types(file, venue, occurred_us)
                changed.append(np.unique(batch["person"].to_numpy()[before != after]))
        persons = np.unique(np.concatenate(changed))
        rows, key = pa.table({"person": persons}), np.zeros(persons.size, np.int64)
        return [piece for _, piece in spill(self.scratch, f"changed-{file.number:06}", rows, key)]


@dataclass
class SplitByPerson(ThreadedDoFn):
    """ScanFile -> (person bucket, Piece), with only the changed persons unless all are wanted."""

    registries: Registries
    buckets: int
    scratch: str
    everyone: bool

    def setup(self) -> None:
        super().setup()
        self._lock = Lock()
        self._changed: tuple[tuple[Piece, ...], IdSet] = ((), IdSet(np.empty(0, np.int64)))

    def work(self, file: ScanFile, *sides: Any) -> Iterator[tuple[int, Piece]]:
        """One file's rows, spilled by person bucket."""
        changed = None if self.everyone else self._persons(sides[0])
        with noted(self.scratch):
            for number, batch in enumerate(read_batches(file.path, _COLUMNS)):
                rows, bucket = self._rows(file, batch, changed)
                yield from spill(self.scratch, f"scans-{file.number:06}-{number:04}", rows, bucket)

    def _persons(self, pieces: Sequence[Piece]) -> IdSet:
        """The changed persons, read once for all files."""
        with self._lock:
            key = tuple(sorted(pieces))
            if self._changed[0] != key:
                self._changed = (key, IdSet(read_pieces(key)["person"].to_numpy()))
            return self._changed[1]

    def _rows(self, file: ScanFile, batch: pa.RecordBatch, changed: IdSet | None) -> tuple[pa.Table, Int64]:
        """The batch's scans that matter, by bucket, and the bucket of each."""
        venue, occurred_us = batch["venue"].to_numpy(), micros(batch["occurred_at"])
        before, after = self.registries.types(file, venue, occurred_us)
        person = batch["person"].to_numpy()
        matters = (before != UNREGISTERED) | (after != UNREGISTERED)
        if changed is not None:
            matters &= changed.holds(person)
        kept = np.flatnonzero(matters)
        bucket = part_of(person[kept], self.buckets)
        order = stable_order(bucket)
        row = kept[order]
        high, low = event_key_words(batch["event_key"])
        zone = batch["zone"]
        columns = {
            "person": person[row],
            "venue": venue[row],
            "occurred_us": occurred_us[row],
            "event_high": high[row],
            "event_low": low[row],
            "direction": direction_codes(batch["direction"])[row],
            "zone": zone.take(pa.array(row)),
            "type_after": after[row],
        }
        if not self.everyone:
            columns["type_before"] = before[row]
        return pa.table(columns), bucket[order]


def direction_codes(direction: pa.DictionaryArray) -> npt.NDArray[np.uint8]:
    """The position in `DIRECTIONS` of each direction, uint8[n]."""
    texts = direction.dictionary.to_pylist()
    codes: npt.NDArray[np.uint8] = np.array([DIRECTIONS.index(text) for text in texts], np.uint8)
    indices: npt.NDArray[np.int32] = direction.indices.to_numpy()
    return codes[indices]
