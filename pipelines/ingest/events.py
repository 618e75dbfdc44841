"""Encounters, declarations and links: inputs that happen at an instant and are kept by date.

Like scans they are checked one by one, then compared with what is accepted of the
same UTC day. They have no scanner, so an event id is unique within its day.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.dedupe import judge_codes
from pipelines.ingest.formats.arrow_blocks import text_spans
from pipelines.ingest.formats.blocks import ROW_BITS, Columns, Lines
from pipelines.ingest.formats.field_types import kinds_of
from pipelines.ingest.reject_reasons import (
    BAD_PERSON,
    BAD_TIME,
    ERASED,
    MALFORMED,
    PAST_RETENTION,
    TOO_NEW,
    TOO_OLD,
)
from pipelines.ingest.validate.columns import CheckedColumns, check
from pipelines.ingest.validate.distinct import distinct
from pipelines.ingest.validate.erased_persons import last_erased
from pipelines.ingest.validate.generations import as_texts, nest_heads
from pipelines.ingest.validate.json_columns import columns_of_lines
from pipelines.ingest.validate.scan_records import rows_of
from pipelines.ingest.validate.scans import ParseSettings
from pipelines.ingest.validate.text_column import column_of
from pipelines.kernels.sha256 import macs
from pipelines.kernels.sort import as_unsigned, order_by_key
from pipelines.kernels.types import Int64, UInt8, UInt64
from pipelines.privacy.keys import Keys
from schemas.tables import DECLARATIONS, ENCOUNTERS, LINKS, Table

Fields = dict[str, pa.Array]


@dataclass(frozen=True)
class DatedSource:
    """An input whose rows are kept by date.

    Attributes:
        contract: the name of its wire contract.
        table: its table in the lake, named like its flag.
        begins: the column whose UTC day is the date; too old rows are refused by it.
        ends: the column by which too new rows are refused.
        defects: returns the reasons of rows whose fields are sound but do not fit together, uint8[n].
        columns: makes the table's columns of the checked fields of accepted rows.
    """

    contract: str
    table: Table
    begins: str
    ends: str
    defects: Callable[[Fields], UInt8]
    columns: Callable[[Fields], Fields]

    @property
    def rows_schema(self) -> pa.Schema:
        """The table's columns, then what deduplication needs.

        `row` = chunk number << ROW_BITS | row in the chunk, or -1 for a row of the lake;
        `fault` = the reason code of the time check, or 0.
        """
        judging = [pa.field("row", pa.int64()), pa.field("fault", pa.uint8())]
        return pa.schema([*self.table.file_schema, *judging])


@dataclass(frozen=True)
class DatedBlock:
    """The result of a block: every record received is in `rows` or in the refused ones.

    Attributes:
        rows: `rows_schema`; includes rows that only the time check refuses.
        refused_row: int64[k], packed like `row`, ascending.
        refused_reason: uint8[k].
        received: the number of records in the block.
        tokens: int64[d], the distinct persons of rows without a fault.
        identifiers: their canonical identifiers, UTF-8.
    """

    rows: pa.Table
    refused_row: Int64
    refused_reason: UInt8
    received: int
    tokens: Int64
    identifiers: Sequence[bytes]


def parse_dated(
    source: DatedSource, block: Lines | Columns, chunk_number: int, settings: ParseSettings
) -> DatedBlock:
    """Check a block; a bad record is refused, never an exception.

    Args:
        source: what the records are.
        block: records of one chunk.
        chunk_number: the chunk's number among those of the input.
        settings: keys and the accepted range of time.
    """
    # From the lines themselves: as columns they have no offsets any more.
    row = rows_of(block) + ((chunk_number << ROW_BITS) + block.first_row)
    if isinstance(block, Lines):
        block, _ = columns_of_lines(block, kinds_of(source.contract))
    checked = check(block, source.contract, settings.keys)
    if source.table is LINKS:
        kinds = (column.kinds() for column in checked.persons)
        checked.columns |= dict(zip(("kind_a", "kind_b"), kinds, strict=True))
    # Fields must be sound before they are compared, but a smaller reason of a field still stands.
    checked.refuse(source.defects(checked.columns))
    accepted = checked.reason == 0
    fault = _faults(source, checked, settings)
    # A record that is refused for its time must leave no identifier in the vault.
    people = checked.identities(accepted & (fault == 0))
    # Rows with a fault stay: as with scans, repeats are judged before the time is.
    mask = pa.array(accepted)
    columns = source.columns({name: column.filter(mask) for name, column in checked.columns.items()})
    columns |= {"row": row[accepted], "fault": fault[accepted]}
    schema = source.rows_schema
    return DatedBlock(
        rows=pa.table([columns[name] for name in schema.names], schema=schema),
        refused_row=row[~accepted],
        refused_reason=checked.reason[~accepted],
        received=block.rows,
        tokens=people.tokens,
        identifiers=people,
    )


def _faults(source: DatedSource, checked: CheckedColumns, settings: ParseSettings) -> UInt8:
    """Check the time of each row; return reason codes, 0 for none; of two faults the first counts."""
    begins_us = _micros(checked.columns[source.begins])
    # From the last reason to the first: what is written later stands.
    fault = np.zeros(begins_us.size, np.uint8)
    if settings.forgotten.erased:
        fault[begins_us <= last_erased(checked.persons, settings.keys, settings.forgotten)] = ERASED
    fault[begins_us < settings.forgotten.horizon_us] = PAST_RETENTION
    fault[_micros(checked.columns[source.ends]) > settings.newest_us] = TOO_NEW
    fault[begins_us < settings.oldest_us] = TOO_OLD
    return fault


def judge_dated(rows: pa.Table) -> UInt8:
    """Return the verdicts of `pipelines.ingest.dedupe` on rows of one UTC day, including the lake's.

    Args:
        rows: `rows_schema` of a source.
    """
    event_id = _codes(rows["event_id"])
    content = np.zeros(rows.num_rows, np.int64)
    for name in rows.column_names:
        if name not in ("event_id", "row", "fault"):
            codes = _codes(rows[name])
            # A pair of numbers becomes one, exactly: both are below the rows, so their product fits int64.
            content = _codes(pa.array(content * (codes.max(initial=0) + 2) + codes + 1))
    # Without an event id the content is the event; its numbers begin behind all ids.
    key = np.where(event_id >= 0, event_id, content + rows.num_rows)
    return judge_codes(key, content, rows["row"].to_numpy(), rows["fault"].to_numpy())


def dated_order(source: DatedSource, rows: pa.Table) -> Int64:
    """Return the permutation that sorts rows as the table is sorted, ties in the order of the input."""
    # By input first: the sorts that follow are stable.
    first = np.argsort(rows["row"].to_numpy(), kind="stable")
    at, *tokens = source.table.sorted_by
    ties = [as_unsigned(rows[name].to_numpy()[first]) for name in tokens]
    blank = np.zeros(first.size, np.uint64)
    # Two tie breaks are taken: tables with one token get a blank one beside it.
    return first[order_by_key(_micros(rows[at])[first], *(*ties, blank)[:2])]


def event_marks(rows: pa.Table, keys: Keys) -> UInt64:
    """Return a number that all rows of one event share: a hash of the event id, or of its instant.

    `retries` keeps it, so no token may be in it: it would outlive an erasure and a rotation.

    Args:
        rows: `rows_schema` of a source.
        keys: of the hash, so that nobody can craft ids that all fall into one part.
    """
    ids, texts = distinct(column_of(text_spans(rows["event_id"].combine_chunks())))
    # The first column whose name ends in `_at` is the instant that gives the date.
    begins = rows[next(name for name in rows.column_names if name.endswith("_at"))]
    instants, at = np.unique(_micros(begins), return_inverse=True)
    # The 0 appended last is for id -1, which the next line replaces.
    marks = np.append(macs(texts, keys.event_key), 0)[ids]
    marks = np.where(ids >= 0, marks, macs(as_texts(instants), keys.event_key)[at])
    return nest_heads(marks, keys.generations).view(np.uint64)


def _codes(column: pa.Array | pa.ChunkedArray) -> Int64:
    """Number the values of a column, equal values equally; -1 for null."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    codes: Int64 = (
        whole.dictionary_encode().indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    )
    return codes


def _micros(column: pa.Array | pa.ChunkedArray) -> Int64:
    """Return instants as microseconds, null as 0."""
    micros: Int64 = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return micros


def _no_defects(fields: Fields) -> UInt8:
    return np.zeros(len(fields["person"]), np.uint8)


def _encounter_defects(fields: Fields) -> UInt8:
    """Refuse an encounter with oneself, and one that does not end after it starts."""
    alone = pc.fill_null(pc.equal(fields["person_a"], fields["person_b"]), False)
    # Null where a field is absent or refused, which has a reason of its own.
    backward = pc.fill_null(pc.less_equal(fields["ended_at"], fields["started_at"]), False)
    late = np.where(np.asarray(backward, bool), np.uint8(BAD_TIME), np.uint8(0))
    reasons: UInt8 = np.where(np.asarray(alone, bool), np.uint8(BAD_PERSON), late)
    return reasons


def _encounter_columns(fields: Fields) -> Fields:
    """Order each pair by its tokens: an encounter has no direction."""
    one, other = (fields[name].to_numpy(zero_copy_only=False) for name in ("person_a", "person_b"))
    # Signed comparison, as the contract has it.
    pair: dict[str, Any] = {"person_a": np.minimum(one, other), "person_b": np.maximum(one, other)}
    return {**fields, **{name: pa.array(column) for name, column in pair.items()}}


def _link_defects(fields: Fields) -> UInt8:
    """Refuse a link of an identifier to itself, however it is spelled."""
    alone = pc.fill_null(pc.equal(fields["person_a"], fields["person_b"]), False)
    reasons: UInt8 = np.where(np.asarray(alone, bool), np.uint8(MALFORMED), np.uint8(0))
    return reasons


def _link_columns(fields: Fields) -> Fields:
    """Order each pair by its tokens, kinds with them; who does not say that he showed both did not."""
    one, other = (fields[name].to_numpy(zero_copy_only=False) for name in ("person_a", "person_b"))
    # Before the tokens change places, so that the kinds can follow them.
    swapped = pa.array(one > other)
    ordered = {**_encounter_columns(fields), "self": pc.fill_null(fields["self"], False)}
    ordered["kind_a"] = pc.if_else(swapped, fields["kind_b"], fields["kind_a"])
    ordered["kind_b"] = pc.if_else(swapped, fields["kind_a"], fields["kind_b"])
    return ordered


DATED: Final = {
    source.table.name: source
    for source in (
        DatedSource(
            "encounter", ENCOUNTERS, "started_at", "ended_at", _encounter_defects, _encounter_columns
        ),
        DatedSource("declaration", DECLARATIONS, "declared_at", "declared_at", _no_defects, dict),
        DatedSource("link", LINKS, "seen_at", "seen_at", _link_defects, _link_columns),
    )
}
"""The sources by the name of their table, in the order of their commits."""
