"""From a block of records to columns of scans: every check that a record can be judged by alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipelines.ingest.formats.blocks import ROW_BITS, Columns, Lines
from pipelines.ingest.reject_reasons import TOO_NEW, TOO_OLD
from pipelines.ingest.validate.event_keys import EventFields, event_keys
from pipelines.ingest.validate.scan_columns import CheckedScans, check
from pipelines.ingest.validate.scan_records import raw_records, records_of, rows_of
from pipelines.kernels.sha256 import hashes, macs
from pipelines.kernels.types import Int32, Int64, Spans, UInt8
from pipelines.privacy.keys import Keys

__all__ = ["PARSED", "ParseSettings", "Parsed", "parse", "raw_records", "rows_of"]

PARSED = pa.schema(
    [
        pa.field("person", pa.int64(), nullable=False),
        pa.field("venue", pa.int64(), nullable=False),
        pa.field("occurred_us", pa.int64(), nullable=False),
        pa.field("event_high", pa.uint64(), nullable=False),
        pa.field("event_low", pa.uint64(), nullable=False),
        pa.field("direction", pa.uint8(), nullable=False),
        pa.field("zone", pa.dictionary(pa.int32(), pa.string())),
        pa.field("scan_mode", pa.uint8(), nullable=False),
        pa.field("scanner", pa.int64()),
        pa.field("authenticity", pa.uint8(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("fault", pa.uint8(), nullable=False),
    ]
)
"""Scans that were read, in the order of the file. `event_high` and `event_low` are the halves
of the event key, big-endian; `direction`, `scan_mode` and `authenticity` codes of `schemas.codes`;
`row` = chunk number << ROW_BITS | row in the chunk; `fault` the reason code of the time check, else 0."""


@dataclass(frozen=True)
class ParseSettings:
    """What parsing depends on beside the bytes.

    Attributes:
        keys: of the tokens and of the event keys.
        oldest_us: the earliest instant that is not too old.
        newest_us: the latest instant that is not too new.
    """

    keys: Keys
    oldest_us: int
    newest_us: int


class Identifiers(Sequence[bytes]):
    """Canonical identifiers that become objects only where somebody asks for them."""

    def __init__(self, texts: Spans, rows: Int64) -> None:
        self._texts = texts
        self._rows = rows

    def __len__(self) -> int:
        return int(self._rows.size)

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override] # slices are not offered
        return self._texts.value(int(self._rows[index])) or b""


@dataclass(frozen=True)
class Parsed:
    """What became of a block; refused rows and those of `scans` make up all that were received.

    Attributes:
        scans: schema `PARSED`; rows that only the time check refuses are among them.
        refused_row: int64[k], packed like `row`, ascending.
        refused_reason: uint8[k].
        received: records in the block.
        strict: lines that the fast parser left to the strict one.
        tokens: int64[d], the distinct persons of the scans without a fault.
        identifiers: their canonical identifiers, UTF-8.
    """

    scans: pa.Table
    refused_row: Int64
    refused_reason: UInt8
    received: int
    strict: int
    tokens: Int64
    identifiers: Sequence[bytes]


def parse(block: Lines | Columns, chunk_number: int, settings: ParseSettings) -> Parsed:
    """Check, canonicalise and hash a block; no record is ever an exception.

    Args:
        block: records of one chunk.
        chunk_number: of all chunks of the batch.
        settings: keys and the range of time.
    """
    records = records_of(block)
    checked = check(records, settings.keys.codes)
    row = records.row + ((chunk_number << ROW_BITS) + block.first_row)
    refused = np.flatnonzero(checked.reason)
    kept = np.flatnonzero(checked.reason == 0) if refused.size else None
    scans = checked.rows(kept)
    fault = _faults(scans.occurred_us, settings)
    tokens = macs(scans.person.texts, settings.keys.token_key)
    sealed = _used(scans.person.ids[fault == 0], tokens.size)
    return Parsed(
        scans=_table(scans, tokens, fault, row if kept is None else row[kept], settings.keys),
        refused_row=row[refused],
        refused_reason=checked.reason[refused],
        received=int(checked.reason.size),
        strict=records.strict,
        tokens=tokens[sealed],
        identifiers=Identifiers(scans.person.texts, sealed),
    )


def _faults(occurred_us: Int64, settings: ParseSettings) -> UInt8:
    fault = np.zeros(occurred_us.size, np.uint8)
    fault[occurred_us < settings.oldest_us] = TOO_OLD
    fault[occurred_us > settings.newest_us] = TOO_NEW
    return fault


def _used(ids: Int32, count: int) -> Int64:
    """The numbers below `count` that are among `ids`, ascending; ids below 0 stand for nothing."""
    marks = np.zeros(count + 1, bool)
    marks[ids] = True
    return np.flatnonzero(marks[:count])


def _table(scans: CheckedScans, tokens: Int64, fault: UInt8, row: Int64, keys: Keys) -> pa.Table:
    people, venues, zones, scanners = scans.person, scans.venue, scans.zone, scans.scanner
    fields = EventFields(
        scans.event_id,
        *(column.texts for column in (people, venues, zones, scanners)),
        np.stack([column.ids for column in (people, venues, zones, scanners)]),
        scans.direction,
        scans.occurred_us,
    )
    high, low = event_keys(keys.event_key, fields)
    columns = {
        "person": tokens[people.ids],
        "venue": hashes(venues.texts)[venues.ids],
        "occurred_us": scans.occurred_us,
        "event_high": high,
        "event_low": low,
        "direction": scans.direction,
        "zone": _dictionary(zones.texts, zones.ids),
        "scan_mode": scans.scan_mode,
        "scanner": _nullable(macs(scanners.texts, keys.token_key), scanners.ids),
        "authenticity": scans.authenticity,
        "row": row,
        "fault": fault,
    }
    return pa.table([columns[name] for name in PARSED.names], schema=PARSED)


def _nullable(values: Int64, ids: Int32) -> pa.Array:
    """`values` by number; null for numbers below 0."""
    if not values.size:
        return pa.nulls(ids.size, pa.int64())
    return pa.array(values[ids], mask=ids < 0)


def _dictionary(texts: Spans, ids: Int32) -> pa.DictionaryArray:
    """Texts by number as a dictionary of those in use, each once; null for numbers below 0."""
    words: dict[bytes, int] = {}
    code_of = np.zeros(len(texts) + 1, np.int32)
    for number in _used(ids, len(texts)).tolist():
        code_of[number] = words.setdefault(texts.value(number) or b"", len(words))
    dictionary = pa.array([word.decode() for word in words], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(code_of[ids], mask=ids < 0), dictionary)
