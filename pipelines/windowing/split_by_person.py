"""Read the scans of the lake file by file and spill them by person bucket."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from pipelines.kernels.arrow_columns import event_key_words, zone_codes
from pipelines.kernels.hash_table import IdSet
from pipelines.kernels.sort import part_of, stable_order
from pipelines.kernels.types import Bool, Int64
from pipelines.registry.registry import UNREGISTERED
from pipelines.runtime.job_errors import report_errors
from pipelines.runtime.spill import Piece, read_pieces, spill
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.windowing.pairing import twins
from pipelines.windowing.scan_files import (
    SCAN_COLUMNS,
    Registries,
    ScanFile,
    direction_codes,
    micros,
    read_batches,
)

_CONTENT = ("person", "venue", "occurred_us", "direction", "zone", "type")


@dataclass
class FindChangedPersons(ThreadedDoFn):
    """A group of files -> Piece of the persons of whom a scan, or the venue of a scan, changed in them."""

    registries: Registries
    scratch: str

    def work(self, files: tuple[ScanFile, ...], *_: Any) -> Iterable[Piece]:
        """Spill the distinct changed persons of a group of `compared_together`."""
        with report_errors(self.scratch):
            # All scans of a file alone are new, gone, or at venues whose type may have changed: types tell.
            if len(files) == 1:
                changed = [np.empty(0, np.int64), *self._of_file(files[0])]
                persons = np.unique(np.concatenate(changed))
            else:
                before, after = (
                    self._scans([file for file in files if file.was == was]) for was in (True, False)
                )
                # Files that replace one another hold mostly the same scans: compared by content.
                persons = changed_persons(before, after)
        rows, key = pa.table({"person": persons}), np.zeros(persons.size, np.int64)
        return [piece for _, piece in spill(self.scratch, f"changed-{files[0].number:06}", rows, key)]

    def _of_file(self, file: ScanFile) -> Iterator[Int64]:
        for batch in read_batches(file.path, ("person", "venue", "occurred_at")):
            venue, occurred_us = batch["venue"].to_numpy(), micros(batch["occurred_at"])
            before, after = self.registries.types(file, venue, occurred_us)
            # Ids of events are not needed here: the whole file came or went, or stayed.
            yield np.unique(batch["person"].to_numpy()[before != after])

    def _scans(self, files: list[ScanFile]) -> pa.Table:
        """Read what decides the stays of some files that are all gone, or all new."""
        tables = []
        for file in files:
            for batch in read_batches(file.path, SCAN_COLUMNS):
                venue, occurred_us = batch["venue"].to_numpy(), micros(batch["occurred_at"])
                high, low = event_key_words(batch["event_key"])
                columns = {
                    # `twins` takes signed ids; only equality matters.
                    "high": high.view(np.int64),
                    "low": low.view(np.int64),
                    "person": batch["person"],
                    "venue": venue,
                    "occurred_us": occurred_us,
                    "direction": direction_codes(batch["direction"]),
                    "zone": batch["zone"],
                    "type": self.registries.types(file, venue, occurred_us)[0 if file.was else 1],
                }
                tables.append(pa.table(columns))
        return pa.concat_tables(tables).unify_dictionaries()


@dataclass
class SplitByPerson(ThreadedDoFn):
    """ScanFile -> (person bucket, Piece); only of changed persons, unless `everyone` is set."""

    registries: Registries
    buckets: int
    scratch: str
    STEP: ClassVar[str] = "read scans"
    UNIT: ClassVar[str] = "file"
    everyone: bool

    def setup(self) -> None:
        super().setup()
        # Made once a worker, as locks cannot be pickled; the step's threads share the set of persons.
        self._lock = Lock()
        self._changed: tuple[tuple[Piece, ...], IdSet] = ((), IdSet(np.empty(0, np.int64)))

    def work(self, file: ScanFile, *sides: Any) -> Iterator[tuple[int, Piece]]:
        """Spill one file's scans by person bucket."""
        changed = None if self.everyone else self._persons(sides[0])
        with report_errors(self.scratch):
            for number, batch in enumerate(read_batches(file.path, SCAN_COLUMNS)):
                rows, bucket = self._rows(file, batch, changed)
                yield from spill(self.scratch, f"scans-{file.number:06}-{number:04}", rows, bucket)

    def _persons(self, pieces: Sequence[Piece]) -> IdSet:
        """Read the changed persons, once for all files."""
        with self._lock:
            # A side input comes with every element: it is read again only if it differs.
            key = tuple(sorted(pieces))
            if self._changed[0] != key:
                self._changed = (key, IdSet(read_pieces(key)["person"].to_numpy()))
            return self._changed[1]

    def _rows(self, file: ScanFile, batch: pa.RecordBatch, changed: IdSet | None) -> tuple[pa.Table, Int64]:
        """Select the scans that count before or after, by bucket, and return the bucket of each."""
        venue, occurred_us = batch["venue"].to_numpy(), micros(batch["occurred_at"])
        before, after = self.registries.types(file, venue, occurred_us)
        person = batch["person"].to_numpy()
        # A scan that counts neither before nor after decides nothing.
        matters = (before != UNREGISTERED) | (after != UNREGISTERED)
        if changed is not None:
            matters &= changed.holds(person)
        kept = np.flatnonzero(matters)
        # A bucket is a range of unsigned tokens, so all scans of a person meet in one.
        bucket = part_of(person[kept], self.buckets)
        order = stable_order(bucket)
        # Grouped by bucket, as `spill` wants its keys.
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
        # That the column is missing tells the next step of a rebuild.
        if not self.everyone:
            columns["type_before"] = before[row]
        return pa.table(columns), bucket[order]


def changed_persons(before: pa.Table, after: pa.Table) -> Int64:
    """Return the persons whose registered scans differ between two sets of scans, ascending.

    A scan that both sets hold with the same content has not changed. One that either holds twice counts
    as changed.

    Args:
        before: columns `high low` (of the event key) and those of `_CONTENT`.
        after: the same.
    """
    twin = twins(*_keys(before), *_keys(after))
    found = np.flatnonzero(twin >= 0)
    old = twin[found]
    # A lake holds an event key once. If one stands twice here, the second row has no twin or shares one: in
    # either case it counts as a difference, which costs work and no correctness.
    holders = np.bincount(old, minlength=before.num_rows)
    same = holders[old] == 1
    # The same key and content: a scan that only moved to another file.
    for of_before, of_after in _content(before, after):
        same &= of_before[old] == of_after[found]
    # Changed is what has no equal on the other side.
    gone, new = np.ones(before.num_rows, np.bool_), np.ones(after.num_rows, np.bool_)
    gone[old[same]], new[found[same]] = False, False
    return np.unique(np.concatenate((_registered(before, gone), _registered(after, new))))


def _keys(scans: pa.Table) -> tuple[Int64, Int64]:
    return scans["high"].to_numpy(), scans["low"].to_numpy()


def _content(before: pa.Table, after: pa.Table) -> Iterator[tuple[Any, Any]]:
    """Yield each column of the content as comparable numbers, before and after."""
    for name in _CONTENT:
        if name == "zone":
            # Both sides have dictionaries of their own; codes compare only over a common one.
            chunks = [*before[name].chunks, *after[name].chunks]
            _, codes = zone_codes(pa.chunked_array(chunks, before[name].type))
            yield codes[: before.num_rows], codes[before.num_rows :]
        else:
            yield before[name].to_numpy(), after[name].to_numpy()


def _registered(scans: pa.Table, rows: Bool) -> Int64:
    # A scan at no registered venue makes no stay, so its coming or going changes none.
    persons: Int64 = scans["person"].to_numpy()[rows & (scans["type"].to_numpy() != UNREGISTERED)]
    return persons
