"""Inputs beside scans: the registry and cases, read whole, checked and upserted by their key.

One table-driven reader for all of them: a `Source` says how the fields of a
contract become the columns of a table. Records are taken in the order of
their path, then their place in it; the last received wins.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.ingest.formats.arrow_blocks import text_spans
from pipelines.ingest.formats.blocks import Columns, Lines
from pipelines.ingest.formats.discover import list_chunks
from pipelines.ingest.formats.field_types import kinds_of
from pipelines.ingest.formats.read_blocks import read_blocks
from pipelines.ingest.refusals import RefusedRecord, refused_records
from pipelines.ingest.reject_reasons import REASONS
from pipelines.ingest.validate.columns import CheckedColumns, check, row_json
from pipelines.ingest.validate.distinct import distinct
from pipelines.ingest.validate.json_columns import columns_of_lines
from pipelines.ingest.validate.scan_records import rows_of
from pipelines.ingest.validate.text_column import column_of
from pipelines.kernels.sha256 import hashes
from pipelines.kernels.types import Int64, Spans, read_only
from pipelines.privacy.keys import Keys, digest
from schemas.tables import CASES, VENUES, Table


@dataclass(frozen=True)
class Source:
    """An input and the table it goes to.

    Attributes:
        name: what its flag and the column `source` of `rejects` call it.
        contract: the name of its contract.
        table: the table of the lake.
        key: the column that identifies a row; a later one replaces an earlier one.
        columns: the table's columns from the checked fields of accepted rows.
    """

    name: str
    contract: str
    table: Table
    key: str
    columns: Callable[[dict[str, pa.Array]], dict[str, pa.Array]]


@dataclass(frozen=True)
class UpsertedInput:
    """What became of an input: received = accepted + duplicate + rejected.

    Attributes:
        rows: the rows to put in, one a key, in the table's schema and order.
        refused: reason and digest (32 bytes) of each refused record, in their order.
        received: records read.
        accepted: records that say something new of their key.
        duplicate: records that repeat what stands for their key at that moment,
            in the lake or by an earlier record.
        tokens: int64[d], the distinct persons of accepted and repeated records, ascending.
        identifiers: their canonical identifiers, UTF-8, for the vault.
        refused_at: where the refused records are, parallel to `refused`.
    """

    rows: pa.Table
    refused: list[tuple[str, bytes]]
    received: int
    accepted: int
    duplicate: int
    tokens: Int64
    identifiers: list[bytes]
    refused_at: list[RefusedRecord] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """How many records were refused."""
        return len(self.refused)

    @property
    def reasons(self) -> dict[str, int]:
        """How many records were refused by reason, in the order of the reasons."""
        counts = Counter(reason for reason, _ in self.refused)
        return {reason: counts[reason] for reason in REASONS if counts[reason]}


def _venue_columns(fields: dict[str, pa.Array]) -> dict[str, pa.Array]:
    codes = text_spans(fields["venue"])
    ids, texts = distinct(column_of(Spans(read_only(codes.data), codes.start, codes.length)))
    return {**fields, "venue": pa.array(hashes(texts)[ids]), "venue_code": fields["venue"]}


def _unchanged(fields: dict[str, pa.Array]) -> dict[str, pa.Array]:
    return fields


VENUE_SOURCE: Final = Source("venues", "venue", VENUES, "venue_code", _venue_columns)
CASE_SOURCE: Final = Source("cases", "case", CASES, "case_id", _unchanged)


def read_venues(paths: Sequence[str], keys: Keys, current: pa.Table | None = None) -> UpsertedInput:
    """Read a registry: `read_other` of `VENUE_SOURCE`."""
    return read_other(VENUE_SOURCE, paths, keys, current)


def read_cases(paths: Sequence[str], keys: Keys, current: pa.Table | None = None) -> UpsertedInput:
    """Read cases: `read_other` of `CASE_SOURCE`."""
    return read_other(CASE_SOURCE, paths, keys, current)


def read_other(
    source: Source, paths: Sequence[str], keys: Keys, current: pa.Table | None = None
) -> UpsertedInput:
    """Read all records that `paths` name.

    Args:
        source: what they are.
        paths: files, folders, globs and URLs, as `list_chunks` takes them.
        keys: of tokens and digests.
        current: the table as the lake has it, None where it has none.

    Raises:
        DataError: a file cannot be read or lacks a required column.
        ServiceError: a file's store does not answer.
    """
    blocks = (block for chunk in list_chunks(paths) for block in read_blocks(chunk, source.contract))
    return read_records(source, blocks, keys, current)


def read_records(
    source: Source, blocks: Iterable[Lines | Columns], keys: Keys, current: pa.Table | None = None
) -> UpsertedInput:
    """Read records that have been read already, as `read_other` does."""
    parts: list[pa.Table] = []
    refused: list[tuple[str, bytes]] = []
    refused_at: list[RefusedRecord] = []
    identifiers: dict[int, bytes] = {}
    received = 0
    for block in blocks:
        checked, raw_of = _checked(source, block, keys)
        received += checked.reason.size
        bad = np.flatnonzero(checked.reason)
        raw = [raw_of(row) for row in bad.tolist()]
        reasons = checked.reason[bad]
        refused += zip(
            [REASONS[reason] for reason in reasons], [digest(keys, one) for one in raw], strict=True
        )
        refused_at += refused_records(block, rows_of(block)[bad], reasons, raw.__getitem__)
        parts.append(_rows(source, checked))
        people = checked.identities(checked.reason == 0)
        identifiers |= dict(zip(people.tokens.tolist(), people, strict=True))
    rows, duplicate = _upserted(
        source, pa.concat_tables([source.table.schema.empty_table(), *parts]), current
    )
    tokens = np.array(sorted(identifiers), np.int64)
    return UpsertedInput(
        rows=rows,
        refused=refused,
        received=received,
        accepted=received - len(refused) - duplicate,
        duplicate=duplicate,
        tokens=tokens,
        identifiers=[identifiers[token] for token in tokens.tolist()],
        refused_at=refused_at,
    )


def upsert(current: pa.Table, other: UpsertedInput, source: Source) -> pa.Table:
    """The table with the rows of an input put in, in its order."""
    replaced = pc.is_in(current[source.key], other.rows[source.key].combine_chunks())
    kept = current.filter(pc.invert(replaced)).select(source.table.schema.names)
    return _sorted(source, pa.concat_tables([kept.cast(source.table.schema), other.rows]))


def _checked(
    source: Source, block: Lines | Columns, keys: Keys
) -> tuple[CheckedColumns, Callable[[int], bytes]]:
    """A block's columns, and where to find the raw bytes of a row."""
    if isinstance(block, Lines):
        columns, raw = columns_of_lines(block, kinds_of(source.contract))
        return check(columns, source.contract, keys), raw.__getitem__
    return check(block, source.contract, keys), lambda row: row_json(block, source.contract, row)


def _rows(source: Source, checked: CheckedColumns) -> pa.Table:
    """The rows that are not refused, in the table's schema."""
    schema = source.table.schema
    accepted = pa.array(checked.reason == 0)
    columns = source.columns({name: column.filter(accepted) for name, column in checked.columns.items()})
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _upserted(source: Source, batch: pa.Table, current: pa.Table | None) -> tuple[pa.Table, int]:
    """The last row of each key that got a new one, and how many rows said nothing new."""
    key = source.key
    if current is not None and batch.num_rows:
        known = pc.is_in(current[key], batch[key].combine_chunks())
        before = current.filter(known).select(batch.schema.names).cast(batch.schema)
    else:
        before = batch.slice(0, 0)
    rows = pa.concat_tables([before, batch]).combine_chunks()
    keys = _codes(rows[key])
    order = np.argsort(keys, kind="stable")
    same_key = keys[order][1:] == keys[order][:-1]
    same = same_key.copy()
    for name in rows.schema.names:
        codes = _codes(rows[name])[order]
        same &= codes[1:] == codes[:-1]
    duplicate = np.append(False, same)[: order.size]
    new = (order >= before.num_rows) & ~duplicate
    last = np.append(~same_key, True)[: order.size]
    group = np.cumsum(np.append(0, last[:-1]))[: order.size]
    changed = np.bincount(group, weights=new, minlength=int(last.sum())) > 0
    return _sorted(source, rows.take(pa.array(order[last][changed]))), int(duplicate.sum())


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """A number for each row, the same for the same value; -1 for null."""
    encoded = column.combine_chunks().dictionary_encode()
    indices: npt.NDArray[np.int32] = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return indices


def _sorted(source: Source, rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in source.table.sorted_by]).combine_chunks()
