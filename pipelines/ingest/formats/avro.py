"""Avro as columns, by the field names of the contract.

pyarrow has no reader of Avro, and fastavro makes a dictionary of every record
(some 100,000 records a second): send large files as Parquet or NDJSON.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipelines.ingest.formats.arrow_blocks import local_time, microseconds, text_spans, valid_text
from pipelines.ingest.formats.avro_container import AvroContainer
from pipelines.ingest.formats.avro_schema import logical_types
from pipelines.ingest.formats.blocks import ColumnNames, Columns
from pipelines.ingest.formats.column_names import check_columns, unknown_among
from pipelines.ingest.formats.discovery.discover import Chunk
from pipelines.ingest.formats.discovery.streams import open_stream, reading
from pipelines.ingest.formats.field_types import (
    INFORMATIONAL,
    NUMBER,
    TEXT,
    TEXTS,
    TIME,
    TRUTH,
    WHOLE,
    kinds_of,
)
from pipelines.ingest.reject_reasons import MALFORMED
from pipelines.kernels.types import Bool, Int64, Spans, UInt8

BLOCK_ROWS: Final = 1 << 16

_TEXTUAL: Final = (TEXT, TIME, TEXTS)
_KINDS_OF_TYPE: Final[dict[type, tuple[str, ...]]] = {
    str: _TEXTUAL,
    bytes: _TEXTUAL,
    bool: (TRUTH,),
    int: (TIME, NUMBER, WHOLE),
    float: (NUMBER,),
    list: (TEXTS,),
}
"""The kinds of field that a value of a Python type may stand in."""

# The smallest int64 is NO_INSTANT.
_FIRST_US, _LAST_US = np.iinfo(np.int64).min + 1, np.iinfo(np.int64).max


def read_avro(chunk: Chunk, contract: str, block_rows: int = BLOCK_ROWS) -> Iterator[Columns]:
    """Read the records of a file. A row with a value of another type than its field is malformed.

    Raises:
        DataError: the file cannot be read, lacks a field, or has local times.
    """
    kinds = kinds_of(contract)
    times = [name for name, kind in kinds.items() if kind == TIME]
    with reading(chunk.path, "Avro"), open_stream(chunk.path, chunk.compression) as stream:
        container = AvroContainer(stream, times)
        check_columns(chunk.path, contract, container.fields)
        wanted = [name for name in kinds if name in container.fields]
        informational = INFORMATIONAL.get(contract, frozenset())
        for name in wanted:
            if kinds[name] == TIME and name not in informational:
                _refuse_local_time(chunk.path, name, container)
        said = ColumnNames(unknown_among(container.fields, contract))
        first_row = 0
        for values in _joined(container, wanted, block_rows):
            fields, broken = _columns(values, kinds, informational)
            yield Columns(first_row, fields, broken.size, broken, names=said, path=chunk.path, format="avro")
            first_row += broken.size


def _joined(container: AvroContainer, wanted: list[str], rows: int) -> Iterator[dict[str, list[Any]]]:
    """Yield the values of fields, at least `rows` at a time: writers cut blocks at 16 KB or so."""
    held: dict[str, list[Any]] = {name: [] for name in wanted}
    for records in container.blocks():
        for name, values in held.items():
            values.extend([record[name] for record in records])
        # There is a first: without a required field the file is refused.
        if len(held[wanted[0]]) >= rows:
            yield held
            held = {name: [] for name in wanted}
    if held[wanted[0]]:
        yield held


def _refuse_local_time(path: str, name: str, container: AvroContainer) -> None:
    if any(logical.startswith("local-timestamp") for logical in logical_types(container.schema, name)):
        raise local_time(path, name)


def _columns(
    values: dict[str, list[Any]], kinds: dict[str, str], informational: frozenset[str]
) -> tuple[dict[str, Spans | Int64], UInt8]:
    """Return the fields of some records, and which of these are malformed.

    Of informational fields only bytes that are not text are: a later check reads or drops the rest.
    """
    broken = np.zeros(len(next(iter(values.values()))), np.uint8)
    fields: dict[str, Spans | Int64] = {}
    for name, column in values.items():
        value, wrong = _field_of(column, kinds[name])
        if name in informational and isinstance(value, Spans):
            wrong = ~valid_text(value)
        broken[wrong] = MALFORMED
        fields[name] = value
    return fields, broken


def _field_of(values: list[Any], kind: str) -> tuple[Spans | Int64, Bool]:
    """Return the values of a field, and which of them are of another type than its kind."""
    types = set(map(type, values)) - {type(None)}
    # Plain columns go through Arrow at once; `type` is exact here, so a bool does not pass for an int.
    if types == {int} and kind == TIME:
        return _instants(values), np.zeros(len(values), bool)
    if types <= {str} and kind in _TEXTUAL:
        try:
            return text_spans(pa.array(values, pa.string())), np.zeros(len(values), bool)
        except UnicodeEncodeError:  # bytes that are not UTF-8
            pass
    # Mixed types or bytes that are not UTF-8: value by value, each judged against the kind.
    spans = text_spans(pa.array([_text_of(value, kind) for value in values], pa.binary()))
    fits = [value is None or kind in _KINDS_OF_TYPE.get(type(value), ()) for value in values]
    # A list may stand in a field of texts only if all of its items are texts.
    unreadable = [isinstance(value, list) and _text_of(value, kind) is None for value in values]
    return spans, ~np.array(fits, bool) | np.array(unreadable, bool) | ~valid_text(spans)


def _instants(values: list[int | None]) -> Int64:
    """Return an instant in microseconds; beyond the range of int64 it is the farthest."""
    null = np.array([value is None for value in values], bool)
    within = [min(max(value or 0, _FIRST_US), _LAST_US) for value in values]
    return microseconds(np.array(within, np.int64), "us", null)


def _text_of(value: Any, kind: str) -> bytes | None:
    """Return a value as text, for the digest of its row too; None where there is no simple text of it."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int) and kind == TIME:
        return f"{np.datetime64(min(max(value, _FIRST_US), _LAST_US), 'us')}Z".encode()
    if isinstance(value, int | float):
        return repr(value).encode()
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ";".join(value).encode("utf-8", "surrogateescape")
    return None
