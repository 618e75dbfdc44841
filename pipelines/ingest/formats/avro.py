"""Avro as columns, by the names of the contract; a value of another type makes its row malformed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.ingest.formats import avro_kernel as kernel
from pipelines.ingest.formats.arrow_blocks import join_texts, local_time, microseconds, valid_text
from pipelines.ingest.formats.avro_container import AvroFile, Schema
from pipelines.ingest.formats.blocks import Columns
from pipelines.ingest.formats.discover import Chunk
from pipelines.ingest.formats.field_types import (
    NUMBER,
    TEXT,
    TEXTS,
    TIME,
    TRUTH,
    WHOLE,
    check_columns,
    kinds_of,
)
from pipelines.ingest.formats.streams import DamagedError, open_stream, reading
from pipelines.ingest.reject_reasons import MALFORMED
from pipelines.kernels.types import Bool, Int32, Int64, Spans, UInt8

BLOCK_ROWS: Final = 1 << 17

_JOINED_BYTES: Final = 8 << 20

_UNITS: Final = {"timestamp-millis": "ms", "timestamp-micros": "us", "timestamp-nanos": "ns"}


@dataclass(frozen=True)
class _Values:
    """A field of some records as the kernel found it.

    Attributes:
        data: uint8, the bytes of the block.
        leaf: int32[rows], the node of each value.
        what: int64[rows], what that node is.
        start: int64[rows], see `avro_kernel.collect`.
        length: int32[rows].
    """

    data: UInt8
    leaf: Int32
    what: Int64
    start: Int64
    length: Int32


def read_avro(chunk: Chunk, contract: str, block_rows: int = BLOCK_ROWS) -> Iterator[Columns]:
    """The records of a file.

    Raises:
        DataError: the file cannot be read, lacks a field, or has local times.
    """
    kinds = kinds_of(contract)
    with reading(chunk.path, "Avro"), open_stream(chunk.path, chunk.compression) as stream:
        file = AvroFile(stream)
        check_columns(chunk.path, contract, file.schema.fields)
        wanted = [name for name in kinds if name in file.schema.fields]
        for name in wanted:
            if kinds[name] == TIME:
                _refuse_local_time(chunk.path, name, file.schema)
        first_row = 0
        for records, data in _joined_blocks(file.blocks()):
            at = 0
            for done in range(0, records, block_rows):
                rows = min(block_rows, records - done)
                columns, at = _columns(file.schema, wanted, kinds, data, at, rows, first_row)
                yield columns
                first_row += rows
            if at != data.size:
                raise DamagedError


def _joined_blocks(blocks: Iterator[tuple[int, UInt8]]) -> Iterator[tuple[int, UInt8]]:
    """The blocks, several at once: writers cut them every 16 KB or so."""
    held: list[UInt8] = []
    held_records = held_bytes = 0
    for records, data in blocks:
        held.append(data)
        held_records += records
        held_bytes += data.size
        if held_bytes >= _JOINED_BYTES:
            yield held_records, np.concatenate(held)
            held, held_records, held_bytes = [], 0, 0
    if held_records:
        yield held_records, np.concatenate(held)


def _refuse_local_time(path: str, name: str, schema: Schema) -> None:
    if any(schema.logical.get(node, "").startswith("local-timestamp") for node in schema.leaves(name)):
        raise local_time(path, name)


def _columns(
    schema: Schema, wanted: list[str], kinds: dict[str, str], data: UInt8, at: int, rows: int, first_row: int
) -> tuple[Columns, int]:
    """The next records of a block, and the position behind them.

    Raises:
        DamagedError: the bytes do not follow the schema.
    """
    shape = (len(wanted), rows)
    found = kernel.Found(np.empty(shape, np.int32), np.empty(shape, np.int64), np.empty(shape, np.int32))
    numbers = [wanted.index(name) if name in wanted else -1 for name in schema.fields]
    slot = np.array(numbers, np.int32)
    at = kernel.collect(schema.tree, schema.root, slot, data, at, found)
    if at < 0:
        raise DamagedError
    broken = np.zeros(rows, np.uint8)
    fields: dict[str, Spans | Int64] = {}
    for number, name in enumerate(wanted):
        what = schema.tree.nodes[found.leaf[number], 0]
        values = _Values(data, found.leaf[number], what, found.start[number], found.length[number])
        fields[name], wrong = _field_of(schema, values, kinds[name])
        broken[wrong] = MALFORMED
    return Columns(first_row, fields, rows, broken), at


def _field_of(schema: Schema, values: _Values, kind: str) -> tuple[Spans | Int64, Bool]:
    """The values of a field, and which of them are of another type than its kind."""
    what = values.what
    null = what == kernel.NULL
    text = what == kernel.TEXT
    whole = what == kernel.LONG
    if kind == TIME and whole.any() and (whole | null).all() and not _has_dates(schema, values):
        return _instants(schema, values), np.zeros(what.size, bool)
    spans = Spans(values.data, values.start, np.where(text, values.length, np.int32(-1)))
    wrong = ~(null | text | _fits(what, kind))
    if kind in (NUMBER, WHOLE, TRUTH):
        wrong |= text
    other = np.flatnonzero(~null & ~text)
    if other.size:
        spans = join_texts(spans, other, _texts_of(schema, values, other, kind))
    return spans, wrong | ~valid_text(spans)


def _fits(what: Int64, kind: str) -> Bool:
    """Which values that are no text may stand in a field of a kind."""
    whats = {
        TEXT: (kernel.ENUM,),
        TIME: (kernel.LONG,),
        NUMBER: (kernel.LONG, kernel.FLOAT, kernel.DOUBLE),
        WHOLE: (kernel.LONG,),
        TRUTH: (kernel.BOOLEAN,),
        TEXTS: (kernel.ARRAY,),
    }[kind]
    return np.isin(what, whats)


def _has_dates(schema: Schema, values: _Values) -> bool:
    return any(schema.logical.get(int(node)) == "date" for node in np.unique(values.leaf))


def _instants(schema: Schema, values: _Values) -> Int64:
    """Microseconds, whatever unit each value's node has."""
    instants = np.empty(values.start.size, np.int64)
    for node in np.unique(values.leaf):
        rows = values.leaf == node
        unit = _UNITS.get(schema.logical.get(int(node), ""), "us")
        null = np.full(int(rows.sum()), schema.tree.nodes[node, 0] == kernel.NULL)
        instants[rows] = microseconds(values.start[rows], unit, null)
    return instants


def _texts_of(schema: Schema, values: _Values, rows: Int64, kind: str) -> list[str | None]:
    """Values that are no text, as text; null where there is no simple text of them."""
    return [_text_of(schema, values, int(values.leaf[row]), int(values.start[row]), kind) for row in rows]


def _text_of(schema: Schema, values: _Values, node: int, start: int, kind: str) -> str | None:
    what = schema.tree.nodes[node, 0]
    if what == kernel.ENUM:
        symbols = schema.symbols[node]
        return symbols[start] if 0 <= start < len(symbols) else None
    if what == kernel.BOOLEAN:
        return "true" if start else "false"
    if what == kernel.DOUBLE:
        return repr(float(np.int64(start).view(np.float64)))
    if what == kernel.FLOAT:
        return repr(float(np.uint32(start).view(np.float32)))
    if what == kernel.LONG:
        return _text_of_whole(start, kind, schema.logical.get(node, ""))
    if what == kernel.ARRAY and _item_of(schema, node) == kernel.TEXT:
        return _joined(values.data, start)
    return None


def _item_of(schema: Schema, node: int) -> int:
    """What the items of an array are."""
    nodes, children = schema.tree
    return int(nodes[children[nodes[node, 1]], 0])


def _text_of_whole(number: int, kind: str, logical: str) -> str:
    """A number, or in a field of instants the instant or the day that it is."""
    if kind != TIME:
        return str(number)
    if logical == "date":
        return str(np.datetime64(number, "D"))
    instant = microseconds(np.array([number]), _UNITS.get(logical, "us"), np.zeros(1, bool))
    return f"{np.datetime64(int(instant[0]), 'us')}Z"


def _joined(data: UInt8, at: int) -> str:
    """The texts of an array, joined by `;`."""
    texts: list[str] = []
    while True:
        items, at = kernel.read_long(data, at)
        if items < 0:
            items, (_, at) = -items, kernel.read_long(data, at)
        if items == 0:
            return ";".join(texts)
        for _ in range(items):
            size, at = kernel.read_long(data, at)
            texts.append(data[at : at + size].tobytes().decode("utf-8", errors="surrogateescape"))
            at += size
