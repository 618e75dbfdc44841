"""Deduplicate one bucket of event keys: new scans are spilled by date and venue, refused ones by chunk."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import TimestampedValue

from pipelines import metrics
from pipelines.errors import DataError
from pipelines.ingest.dedupe import CONFLICT, DUPLICATE, NEW, OUT_OF_RANGE, Scans, verdicts
from pipelines.ingest.formats.blocks import ROW_BITS
from pipelines.ingest.reject_reasons import REASONS
from pipelines.ingest.validate.scans import PARSED
from pipelines.kernels.arrow_columns import codes_of, event_key_words, zone_codes
from pipelines.kernels.sort import part_of, part_of_group, parts_for, stable_order
from pipelines.kernels.types import Int64
from pipelines.lake import storage
from pipelines.runtime.spill import Piece, read_pieces, spill
from pipelines.runtime.threaded_dofn import ThreadedDoFn
from pipelines.times import DAY_SECONDS, DAY_US
from schemas.codes import DIRECTIONS

VERDICTS, LATER = "verdicts", "later"
"""Tags of outputs: counts of the verdicts, and refused rows, whose bytes must be read from their chunk."""

_CONFLICTING = REASONS.index("conflicting_event_id")
_ROWS_AT_ONCE = 1 << 19
_ROWS_A_FILE = 1 << 19
# Venue parts of a day at most; also what packs a day and a part into one key.
_PARTS_AT_MOST = 1 << 12
# What is compared; nothing else of a scan is read.
_HELD = ["event_key", "person", "venue", "zone", "direction", "occurred_at"]


@dataclass(frozen=True)
class HeldFile:
    """A data file of `scans` in the lake, with its UTC day number.

    >>> HeldFile(0, "/lake/scans/date=2021-07-01/x.parquet", day=18_809).day
    18809
    """

    number: int
    path: str
    day: int


@dataclass
class ReadHeld(ThreadedDoFn):
    """HeldFile -> (event bucket, Piece) of scans that the lake accepted on a touched day."""

    buckets: int
    scratch: str

    def work(self, file: HeldFile, *sides: Any) -> Iterator[tuple[int, Piece]]:
        """Read one file, unless no scan of the batch lies on its day."""
        days: Iterable[Mapping[int, int]] = sides[0]
        # An event key covers its UTC day, so only scans of the same day can be repeats.
        if not any(file.day in touched for touched in days):
            return
        for number, batch in enumerate(_batches(file.path)):
            rows = held_rows(batch)
            # The same split as that of the new scans, so that equal events meet.
            bucket = part_of(rows["event_high"].to_numpy(), self.buckets)
            order = stable_order(bucket)
            name = f"held-{file.number:06}-{number:04}"
            yield from spill(self.scratch, name, rows, bucket[order], order)


def _batches(path: str) -> Iterator[pa.RecordBatch]:
    """Read the rows of a file of `scans`.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        yield from storage.parquet(path).iter_batches(_ROWS_AT_ONCE, columns=_HELD)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read", "run truyvet verify") from error


def held_rows(batch: pa.RecordBatch) -> pa.Table:
    """Bring rows of `scans` into the form of parsed ones; `row` is -1: accepted before any of the batch."""
    high, low = event_key_words(batch["event_key"])
    size = batch.num_rows
    nothing = np.zeros(size, np.uint8)
    columns = {
        "person": batch["person"],
        "venue": batch["venue"],
        "occurred_us": batch["occurred_at"].cast(pa.int64()),
        "event_high": high,
        "event_low": low,
        "direction": codes_of(batch["direction"], DIRECTIONS),
        "zone": batch["zone"].dictionary_encode(),
        # Columns that no comparison looks at are left blank.
        "scan_mode": nothing,
        "scanner": pa.nulls(size, pa.int64()),
        "authenticity": nothing,
        "row": np.full(size, -1, np.int64),
        "fault": nothing,
    }
    return pa.table([columns[name] for name in PARSED.names], schema=PARSED)


@dataclass(frozen=True)
class Verdicts:
    """How many rows of a batch are new, and how many repeat an accepted one.

    >>> Verdicts(accepted=2, duplicate=1).accepted
    2

    Attributes:
        accepted: new scans.
        duplicate: repeats of an accepted scan.
    """

    accepted: int = 0
    duplicate: int = 0


@dataclass
class JudgeScans(ThreadedDoFn):
    """(event bucket, pieces) -> (venue part, Piece) in the window of each day with new scans.

    The side input says how many scans of the batch each day has at most.
    """

    scratch: str
    STEP: ClassVar[str] = "deduplicate"
    UNIT: ClassVar[str] = "bucket"

    def work(self, element: tuple[int, Iterable[Piece]], *sides: Any) -> Iterator[Any]:
        """Judge one bucket."""
        bucket, pieces = element
        rows = read_pieces(pieces)
        # Pieces come from several chunks; `row` tells which of two records came first.
        verdict = verdicts(_scans_of(rows))
        # Rows of the lake are judged along, as those accepted first, and are neither counted nor written.
        of_batch = rows["row"].to_numpy() >= 0
        counts = Verdicts(
            accepted=int(((verdict == NEW) & of_batch).sum()),
            duplicate=int(((verdict == DUPLICATE) & of_batch).sum()),
        )
        self.count(metrics.ACCEPTED, counts.accepted)
        self.count(metrics.DUPLICATE, counts.duplicate)
        yield TaggedOutput(VERDICTS, counts)
        parts = _parts_of_days(sides[0])
        yield from self._accepted(bucket, rows, np.flatnonzero((verdict == NEW) & of_batch), parts)
        refused = np.flatnonzero(((verdict == CONFLICT) | (verdict == OUT_OF_RANGE)) & of_batch)
        yield from self._refused(bucket, rows, verdict, refused)

    def _accepted(self, bucket: int, rows: pa.Table, kept: Int64, parts: Mapping[int, int]) -> Iterator[Any]:
        if not kept.size:
            return
        day = rows["occurred_us"].to_numpy()[kept] // DAY_US
        part = part_of_group(rows["venue"].to_numpy()[kept], day, parts)
        # Ascending by (day, part), as `spill` wants its keys.
        order = stable_order(day, part)
        key = (day * _PARTS_AT_MOST + part)[order]
        table = rows.drop(["row", "fault"])
        for packed, piece in spill(self.scratch, f"judged-{bucket:06}", table, key, kept[order]):
            number, venue_part = divmod(packed, _PARTS_AT_MOST)
            # The start of the day as its time puts the piece into the window of that day.
            yield TimestampedValue((venue_part, piece), number * DAY_SECONDS)

    def _refused(self, bucket: int, rows: pa.Table, verdict: Any, refused: Int64) -> Iterator[Any]:
        if not refused.size:
            return
        row = rows["row"].to_numpy()[refused]
        fault = rows["fault"].to_numpy()[refused]
        # What is refused here is a conflict, or out of range and then its fault says how.
        reason = np.where(verdict[refused] == CONFLICT, _CONFLICTING, fault).astype(np.uint8)
        order = np.argsort(row)
        table = pa.table({"row": row[order], "reason": reason[order]})
        for chunk, piece in spill(self.scratch, f"later-{bucket:06}", table, row[order] >> ROW_BITS):
            yield TaggedOutput(LATER, (chunk, piece))


def _parts_of_days(blocks: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Return the number of venue parts for the new files of each day, a power of two."""
    # Repeats are counted too, so files may come out smaller than planned, not larger.
    scans: dict[int, int] = {}
    for block in blocks:
        for day, count in block.items():
            scans[day] = scans.get(day, 0) + count
    return {day: min(parts_for(count, _ROWS_A_FILE), _PARTS_AT_MOST) for day, count in scans.items()}


def _scans_of(rows: pa.Table) -> Scans:
    _, zone = zone_codes(rows["zone"])
    columns = {
        name: rows[name].to_numpy()
        for name in ("person", "venue", "occurred_us", "event_high", "event_low", "direction", "row", "fault")
    }
    return Scans(zone=zone, **columns)
