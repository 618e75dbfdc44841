"""From a block of records to columns of scans: every check that needs no other record."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipelines.ingest.formats.blocks import ROW_BITS, Columns, Lines
from pipelines.ingest.reject_reasons import ERASED, PAST_RETENTION, TOO_NEW, TOO_OLD
from pipelines.ingest.validate.code_links import NO_LINKS, CodeLinks, code_links
from pipelines.ingest.validate.erased_persons import NEVER_US, erased_until
from pipelines.ingest.validate.event_keys import EventFields, event_keys
from pipelines.ingest.validate.generations import nest_event_keys, scanner_tokens
from pipelines.ingest.validate.scan_columns import CheckedScans, check
from pipelines.ingest.validate.scan_records import raw_records, records_of, rows_of
from pipelines.kernels.sha256 import hashes, macs
from pipelines.kernels.types import Int32, Int64, Spans, UInt8
from pipelines.lake.forgotten import Forgotten
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
"""Parsed scans, in the order of the file. `event_high` and `event_low` are the halves of the event key,
big-endian; `direction`, `scan_mode` and `authenticity` are codes of `schemas.codes`; `row` = chunk number
<< ROW_BITS | row in the chunk; `fault` = the reason code of the time check, or 0."""


@dataclass(frozen=True)
class ParseSettings:
    """What the result of parsing depends on beside the bytes.

    Attributes:
        keys: make tokens and event keys.
        oldest_us: the earliest accepted instant.
        newest_us: the latest accepted instant.
        forgotten: what the lake has forgotten and does not take again.
    """

    keys: Keys
    oldest_us: int
    newest_us: int
    forgotten: Forgotten = field(default_factory=Forgotten)


class Identifiers(Sequence[bytes]):
    """Canonical identifiers; each becomes a Python object only when it is read."""

    def __init__(self, texts: Spans, rows: Int64) -> None:
        self._texts = texts
        self._rows = rows

    def __len__(self) -> int:
        return int(self._rows.size)

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override] # slices are not offered
        return self._texts.value(int(self._rows[index])) or b""


@dataclass(frozen=True)
class Parsed:
    """The result of a block: every record received is in `scans` or in the refused ones.

    Attributes:
        scans: schema `PARSED`; includes rows that only the time check refuses.
        refused_row: int64[k], packed like `row`, ascending.
        refused_reason: uint8[k].
        received: the number of records in the block.
        tokens: int64[d], the distinct persons of scans without a fault.
        identifiers: their canonical identifiers, UTF-8.
        venues: int64[v], the distinct venues of the scans without a fault.
        venue_codes: their codes, UTF-8.
        links: what the personal codes of scans without a fault show.
    """

    scans: pa.Table
    refused_row: Int64
    refused_reason: UInt8
    received: int
    tokens: Int64
    identifiers: Sequence[bytes]
    venues: Int64
    venue_codes: Sequence[bytes]
    links: CodeLinks = NO_LINKS


def parse(block: Lines | Columns, chunk_number: int, settings: ParseSettings) -> Parsed:
    """Check, canonicalise and hash a block; a bad record is refused, never an exception.

    Args:
        block: records of one chunk.
        chunk_number: the chunk's number among those of the batch.
        settings: keys and the accepted range of time.
    """
    records = records_of(block)
    checked = check(records, settings.keys.codes)
    # Chunk above row: the packed numbers order the records of the whole batch.
    row = records.row + ((chunk_number << ROW_BITS) + block.first_row)
    refused = np.flatnonzero(checked.reason)
    # None spares a copy of all columns where nothing is refused.
    kept = np.flatnonzero(checked.reason == 0) if refused.size else None
    scans = checked.rows(kept)
    # Rows with a fault go on to deduplication: a repeat of an accepted scan is a duplicate at any age.
    fault = _faults(scans, settings)
    # Persons and venues are hashed once each; only event keys are hashed row by row.
    tokens = macs(scans.person.texts, settings.keys.token_key)
    venues = hashes(scans.venue.texts)
    # A scan that is refused for its time must leave no identifier in the vault.
    sealed = _used(scans.person.ids[fault == 0], tokens.size)
    visited = _used(scans.venue.ids[fault == 0], venues.size)
    return Parsed(
        scans=_table(scans, tokens, venues, fault, row if kept is None else row[kept], settings.keys),
        refused_row=row[refused],
        refused_reason=checked.reason[refused],
        received=int(checked.reason.size),
        tokens=tokens[sealed],
        identifiers=Identifiers(scans.person.texts, sealed),
        venues=venues[visited],
        venue_codes=Identifiers(scans.venue.texts, visited),
        links=_links(scans, fault, settings),
    )


def _links(scans: CheckedScans, fault: UInt8, settings: ParseSettings) -> CodeLinks:
    if scans.person_codes is None or scans.person_code_ids is None:
        return NO_LINKS
    # Scans that are refused for their time show no links.
    ids = np.where(fault == 0, scans.person_code_ids, np.int32(-1))
    return code_links(scans.person_codes, ids, scans.occurred_us, settings.keys, settings.forgotten)


def _faults(scans: CheckedScans, settings: ParseSettings) -> UInt8:
    """Check each scan against the time limits and what is forgotten; of two faults the first counts."""
    occurred_us, forgotten = scans.occurred_us, settings.forgotten
    # From the last reason to the first: what is written later stands.
    fault = np.zeros(occurred_us.size, np.uint8)
    if forgotten.erased:
        until_us = erased_until(scans.person.texts, settings.keys, forgotten)
        # Up to the erasure and at its very instant; later scans of the person are taken.
        fault[occurred_us <= np.append(until_us, NEVER_US)[scans.person.ids]] = ERASED
    fault[occurred_us < forgotten.horizon_us] = PAST_RETENTION
    fault[occurred_us < settings.oldest_us] = TOO_OLD
    fault[occurred_us > settings.newest_us] = TOO_NEW
    return fault


def _used(ids: Int32, count: int) -> Int64:
    """Return the numbers below `count` that occur in `ids`, ascending; negative ids count as absent."""
    # The element at the end is where id -1 writes to.
    marks = np.zeros(count + 1, bool)
    marks[ids] = True
    return np.flatnonzero(marks[:count])


def _table(
    scans: CheckedScans, tokens: Int64, venue: Int64, fault: UInt8, row: Int64, keys: Keys
) -> pa.Table:
    people, venues, zones, scanners = scans.person, scans.venue, scans.zone, scans.scanner
    fields = EventFields(
        event_id=scans.event_id,
        persons=people.texts,
        venues=venues.texts,
        zones=zones.texts,
        scanners=scanners.texts,
        ids=np.stack([column.ids for column in (people, venues, zones, scanners)]),
        direction=scans.direction,
        occurred_us=scans.occurred_us,
    )
    high, low = event_keys(keys.event_key, fields)
    # After a rotation the lake holds nested keys alone: what arrives must come to the same ones.
    high, low = nest_event_keys(high, low, keys.generations)
    columns = {
        # A scan without a person or a venue was refused, so no id is -1 in these two.
        "person": tokens[people.ids],
        "venue": venue[venues.ids],
        "occurred_us": scans.occurred_us,
        "event_high": high,
        "event_low": low,
        "direction": scans.direction,
        "zone": _dictionary(zones.texts, zones.ids),
        "scan_mode": scans.scan_mode,
        "scanner": _nullable(scanner_tokens(scanners.texts, keys), scanners.ids),
        "authenticity": scans.authenticity,
        "row": row,
        "fault": fault,
    }
    return pa.table([columns[name] for name in PARSED.names], schema=PARSED)


def _nullable(values: Int64, ids: Int32) -> pa.Array:
    """Look up values by number; null for negative numbers."""
    if not values.size:
        return pa.nulls(ids.size, pa.int64())
    return pa.array(values[ids], mask=ids < 0)


def _dictionary(texts: Spans, ids: Int32) -> pa.DictionaryArray:
    """Look up texts by number, as a dictionary column without unused or repeated texts."""
    # Distinct texts may have become equal when they were made tidy: a word stands once.
    words: dict[bytes, int] = {}
    code_of = np.zeros(len(texts) + 1, np.int32)
    for number in _used(ids, len(texts)).tolist():
        code_of[number] = words.setdefault(texts.value(number) or b"", len(words))
    dictionary = pa.array([word.decode() for word in words], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(code_of[ids], mask=ids < 0), dictionary)
