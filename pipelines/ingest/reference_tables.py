"""Inputs that are upserted by key: the registry and cases, read whole, checked and merged.

One table-driven reader for both: a `Source` says how the fields of a contract
become the columns of a table. KeyedRecords are taken in the order of their path,
then their place in it; the last received wins. Of the registry it wins field
by field: a column that a file lacks keeps what is known.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.counts import Counts
from pipelines.ingest.formats.arrow_blocks import text_spans
from pipelines.ingest.formats.blocks import Columns, Lines
from pipelines.ingest.formats.discovery.discover import list_chunks
from pipelines.ingest.formats.field_types import INFORMATIONAL, kinds_of
from pipelines.ingest.formats.read_blocks import read_files
from pipelines.ingest.formats.record_numbers import record_numbers
from pipelines.ingest.refused.record_places import RecordPlace
from pipelines.ingest.refused.refusals import RefusedRecord, refused_records
from pipelines.ingest.reject_reasons import REASONS
from pipelines.ingest.upsert_notes import contradiction_notes, drop_notes, fault_notes, fault_remedies
from pipelines.ingest.upsert_rows import KeyedRecords, contradictions, fold
from pipelines.ingest.validate.columns import CheckedColumns, check, row_json
from pipelines.ingest.validate.distinct import distinct
from pipelines.ingest.validate.erased_persons import forgotten_cases
from pipelines.ingest.validate.json_columns import columns_of_lines
from pipelines.ingest.validate.scan_records import rows_of
from pipelines.ingest.validate.text_column import column_of
from pipelines.kernels.sha256 import hashes
from pipelines.kernels.types import Bool, Int64, Spans, read_only
from pipelines.lake.forgotten import Forgotten
from pipelines.privacy.keys import Keys, digest
from schemas.tables import CASES, VENUES, Table

Block = Lines | Columns


@dataclass(frozen=True)
class Source:
    """An input and the table it goes to.

    Attributes:
        name: the name of its flag, and of the input in `rejects`.
        contract: the name of its contract.
        table: the table of the lake.
        key: the column that identifies a row; a later row replaces an earlier one.
        columns: the table's columns from the checked fields of accepted rows.
        by_field: whether a later row replaces only the fields that it gives.
        earliest: columns of instants of which the earliest stands until it is emptied.
    """

    name: str
    contract: str
    table: Table
    key: str
    columns: Callable[[dict[str, pa.Array]], dict[str, pa.Array]]
    by_field: bool = False
    earliest: tuple[str, ...] = ()


@dataclass(frozen=True)
class UpsertedInput:
    """What became of an input.

    Attributes:
        rows: the rows that change, one a key, in the table's schema and order.
        records: all records that were not refused, to be merged again where the table has moved on.
        counts: accepted records say something new of their key; duplicates repeat what stands
            for their key at that moment, in the lake or by an earlier record.
        refused: reason and digest (32 bytes) of each refused record, in their order.
        dropped: by informational field, how many unreadable cells were dropped; their rows stand.
        notes: lines for people about what may be a mistake; they never hold a value of a record.
        tokens: int64[d], the distinct persons of accepted and repeated records, ascending.
        identifiers: their canonical identifiers, UTF-8, for the vault.
        refused_at: where the refused records are, parallel to `refused`.
        faults: by field for which records were refused, what to write instead; of those that have a remedy.
    """

    rows: pa.Table
    records: KeyedRecords
    counts: Counts
    refused: list[tuple[str, bytes]]
    dropped: dict[str, int]
    notes: tuple[str, ...]
    tokens: Int64
    identifiers: list[bytes]
    refused_at: list[RefusedRecord] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def received(self) -> int:
        """How many records were read."""
        return self.counts.received

    @property
    def accepted(self) -> int:
        """How many records say something new of their key."""
        return self.counts.accepted

    @property
    def duplicate(self) -> int:
        """How many records repeat what stands for their key."""
        return self.counts.duplicate

    @property
    def rejected(self) -> int:
        """How many records were refused."""
        return self.counts.rejected

    @property
    def reasons(self) -> dict[str, int]:
        """How many records were refused by reason, in the order of the reasons."""
        return self.counts.reasons

    def report(self) -> dict[str, Any]:
        """Return the counts as the JSON report of a run has them; `dropped` only where there is any."""
        return self.counts.report() | ({"dropped": self.dropped} if self.dropped else {})


def _venue_columns(fields: dict[str, pa.Array]) -> dict[str, pa.Array]:
    codes = text_spans(fields["venue"])
    # Spans of Arrow are read-only; codes are hashed once each.
    ids, texts = distinct(column_of(Spans(read_only(codes.data), codes.start, codes.length)))
    return {**fields, "venue": pa.array(hashes(texts)[ids]), "venue_code": fields["venue"]}


def _unchanged(fields: dict[str, pa.Array]) -> dict[str, pa.Array]:
    return fields


VENUE_SOURCE: Final = Source(
    "venues", "venue", VENUES, "venue_code", _venue_columns, by_field=True, earliest=("closed_at",)
)
CASE_SOURCE: Final = Source("cases", "case", CASES, "case_id", _unchanged)


def read_venues(paths: Sequence[str], keys: Keys, current: pa.Table | None = None) -> UpsertedInput:
    """Read a registry: `read_upserted` of `VENUE_SOURCE`."""
    return read_upserted(VENUE_SOURCE, paths, keys, current)


def read_cases(paths: Sequence[str], keys: Keys, current: pa.Table | None = None) -> UpsertedInput:
    """Read cases: `read_upserted` of `CASE_SOURCE`."""
    return read_upserted(CASE_SOURCE, paths, keys, current)


def read_upserted(
    source: Source, paths: Sequence[str], keys: Keys, current: pa.Table | None = None
) -> UpsertedInput:
    """Read and check all records of some files.

    Args:
        source: which input they are.
        paths: files, folders, globs and URLs, as `list_chunks` takes them.
        keys: for tokens and digests.
        current: the table as the lake has it, None where it has none.

    Raises:
        DataError: a file cannot be read or lacks a required column.
        ServiceError: a file's store cannot be reached.
    """
    blocks = (block for _, block in read_files(list_chunks(paths), source.contract))
    return read_records(source, blocks, keys, current)


def read_records(
    source: Source,
    blocks: Iterable[Block],
    keys: Keys,
    current: pa.Table | None = None,
    forgotten: Forgotten | None = None,
) -> UpsertedInput:
    """Check records that have been read already, as `read_upserted` does."""
    seen = _Reading()
    for block in blocks:
        columns, checked, raw_of = _checked(source, block, keys)
        if source is CASE_SOURCE and forgotten is not None:
            # Before persons are collected: one who was erased must not be sealed again.
            checked.refuse(forgotten_cases(checked, keys, forgotten))
        places = _Places(block, rows_of(block))
        _note_refused(seen, checked, raw_of, places, keys)
        seen.parts.append(_records(source, columns, checked))
        people = checked.identities(checked.reason == 0)
        # By token, so a person of several records is sealed once.
        seen.identifiers |= dict(zip(people.tokens.tolist(), people, strict=True))
    return _upserted(source, seen, current)


def upsert(current: pa.Table, given: UpsertedInput, source: Source) -> pa.Table:
    """Merge an input into a table, which may be newer than the one it was read beside."""
    folded = fold(current, given.records, source.key, source.earliest)
    # Rows whose key the input names leave the table and come back as they are after the merge.
    replaced = pc.is_in(current[source.key], folded.rows[source.key].combine_chunks())
    kept = current.filter(pc.invert(replaced)).select(source.table.schema.names)
    return _sorted(source, pa.concat_tables([kept.cast(source.table.schema), folded.rows]))


@dataclass(frozen=True)
class _Places:
    """Where records of a block stand: `rows` is int64[n], as `rows_of` has them."""

    block: Block
    rows: Int64

    def of(self, wanted: Bool) -> "_Places":
        return _Places(self.block, self.rows[wanted])

    def list(self) -> list[RecordPlace]:
        format_ = "ndjson" if isinstance(self.block, Lines) else self.block.format
        numbers = record_numbers(self.block, self.rows).tolist()
        return [RecordPlace(self.block.path, format_, number) for number in numbers]


@dataclass
class _Reading:
    """What has been read of an input so far."""

    received: int = 0
    parts: list[KeyedRecords] = field(default_factory=list)
    places: list[_Places] = field(default_factory=list)
    refused: list[tuple[str, bytes]] = field(default_factory=list)
    refused_at: list[RefusedRecord] = field(default_factory=list)
    dropped: dict[str, list[RecordPlace]] = field(default_factory=dict)
    faults: dict[str, list[RecordPlace]] = field(default_factory=dict)
    identifiers: dict[int, bytes] = field(default_factory=dict)


def _note_refused(
    seen: _Reading, checked: CheckedColumns, raw_of: Callable[[int], bytes], places: _Places, keys: Keys
) -> None:
    """Add what a block refuses and drops."""
    seen.received += checked.reason.size
    bad = np.flatnonzero(checked.reason)
    # From here on positions count among the refused records, not among the rows.
    raw = [raw_of(row) for row in bad.tolist()]
    reasons = checked.reason[bad]
    names = [REASONS[reason] for reason in reasons.tolist()]
    seen.refused += zip(names, [digest(keys, one) for one in raw], strict=True)
    seen.refused_at += refused_records(places.block, places.rows[bad], reasons, raw.__getitem__)
    stands = checked.reason == 0
    seen.places.append(places.of(stands))
    for name, rows in checked.dropped.items():
        seen.dropped.setdefault(name, []).extend(places.of(rows & stands).list())
    for name, rows in checked.faults.items():
        seen.faults.setdefault(name, []).extend(places.of(rows).list())


def _place_of(seen: _Reading, position: int) -> RecordPlace:
    """Find where a record that stands was read."""
    for places in seen.places:
        if position < places.rows.size:
            return _Places(places.block, places.rows[position : position + 1]).list()[0]
        # Positions run through the records that stand, block after block.
        position -= places.rows.size
    raise IndexError(position)


def _upserted(source: Source, seen: _Reading, current: pa.Table | None) -> UpsertedInput:
    schema = source.table.schema
    records = KeyedRecords.concat(seen.parts, schema)
    # Without a table everything is new.
    table = schema.empty_table() if current is None else current
    folded = fold(table, records, source.key, source.earliest)
    tokens = np.array(sorted(seen.identifiers), np.int64)
    differing = [
        (_place_of(seen, one), _place_of(seen, other))
        for one, other in contradictions(records, source.key).tolist()
    ]
    notes = (
        *drop_notes(source.name, seen.dropped),
        *fault_notes(source.name, seen.faults),
        *contradiction_notes(source.name, source.contract, differing),
    )
    return UpsertedInput(
        rows=_sorted(source, folded.rows),
        records=records,
        counts=Counts.of(
            seen.received, folded.accepted, folded.duplicate, ((reason, 1) for reason, _ in seen.refused)
        ),
        refused=seen.refused,
        dropped={name: len(places) for name, places in seen.dropped.items() if places},
        notes=notes,
        faults=fault_remedies(seen.faults),
        tokens=tokens,
        identifiers=[seen.identifiers[token] for token in tokens.tolist()],
        refused_at=seen.refused_at,
    )


def _checked(
    source: Source, block: Block, keys: Keys
) -> tuple[Columns, CheckedColumns, Callable[[int], bytes]]:
    """Check a block as columns, and return a function for the raw bytes of a row."""
    if isinstance(block, Lines):
        informational = INFORMATIONAL.get(source.contract, frozenset())
        kinds = kinds_of(source.contract)
        columns, raw = columns_of_lines(block, kinds, informational, note_absent=source.by_field)
        return columns, check(columns, source.contract, keys), raw.__getitem__
    return block, check(block, source.contract, keys), lambda row: row_json(block, source.contract, row)


def _records(source: Source, block: Columns, checked: CheckedColumns) -> KeyedRecords:
    """Return the accepted records in the table's schema."""
    schema = source.table.schema
    stands = checked.reason == 0
    accepted = pa.array(stands)
    columns = source.columns({name: column.filter(accepted) for name, column in checked.columns.items()})
    rows = pa.table([columns[name] for name in schema.names], schema=schema)
    return KeyedRecords(rows, dict(_given(block, checked, stands)) if source.by_field else {})


def _given(block: Columns, checked: CheckedColumns, stands: Bool) -> Iterator[tuple[str, Bool]]:
    """Find the fields that some records do not set: the file lacks the column, or its cell was dropped."""
    for name in checked.columns:
        # A file without the column sets it in none of its records.
        given = np.full(stands.size, name in block.fields)
        if name in block.absent:
            given &= ~block.absent[name]
        if name in checked.dropped:
            # A cell that could not be read must not empty what is known.
            given &= ~checked.dropped[name]
        if not given.all():
            yield name, given[stands]


def _sorted(source: Source, rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in source.table.sorted_by]).combine_chunks()
