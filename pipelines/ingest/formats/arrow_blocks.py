"""Arrow columns as fields of a block: texts as spans, instants as microseconds."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from pipelines.errors import DataError
from pipelines.ingest.formats.blocks import NO_INSTANT
from pipelines.ingest.formats.discovery.streams import unreadable
from pipelines.ingest.formats.field_types import NUMBER, TEXTS, TIME, TRUTH, WHOLE
from pipelines.ingest.reject_reasons import MALFORMED
from pipelines.kernels.types import Bool, Int32, Int64, Spans, UInt8, read_only
from pipelines.kernels.utf8 import is_utf8

_PER_US: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}
_NS_PER_US: Final = 1_000
_MOST_LENGTH: Final = np.iinfo(np.int32).max


def columns_of(
    path: str,
    kinds: dict[str, str],
    batch: pa.RecordBatch,
    informational: frozenset[str] = frozenset(),
) -> tuple[dict[str, Spans | Int64], UInt8]:
    """Turn Arrow columns into fields of a block, and tell which rows are malformed.

    Args:
        path: of the file, for errors.
        kinds: the kind of each field by name.
        batch: n rows; columns named by fields, each once.
        informational: fields whose values of another type become text, which a later check
            reads or drops.

    Returns:
        The fields, and uint8[n]: `MALFORMED` for rows with a value of another type than its kind.

    Raises:
        DataError: a column of instants has no time zone.
    """
    broken = np.zeros(batch.num_rows, np.uint8)
    fields: dict[str, Spans | Int64] = {}
    for name in batch.schema.names:
        column = batch.column(name)
        if name in informational:
            value, wrong = _lenient_field_of(column, kinds[name])
        else:
            refuse_local_time(path, name, kinds[name], column.type)
            value, wrong = _field_of(column, kinds[name])
        broken[wrong] = MALFORMED
        fields[name] = value
    return fields, broken


def refuse_local_time(path: str, name: str, kind: str, type_: pa.DataType) -> None:
    """Refuse instants without a time zone.

    Raises:
        DataError: naming the column.
    """
    if kind == TIME and pa.types.is_timestamp(type_) and type_.tz is None:
        raise local_time(path, name)


def local_time(path: str, name: str) -> DataError:
    """Build the error of a column of instants without a time zone."""
    return unreadable(path, f"has local times in `{name}`", "write instants that are adjusted to UTC")


def _field_of(column: pa.Array, kind: str) -> tuple[Spans | Int64, Bool]:
    """Return the values of a column, and which of them are of another type than its kind."""
    type_ = column.type
    none = np.zeros(len(column), bool)
    # A column of nulls alone has a type of its own, whatever its field.
    if pa.types.is_null(type_):
        return text_spans(column.cast(pa.string())), none
    if kind == TIME and (pa.types.is_timestamp(type_) or pa.types.is_int64(type_)):
        return instants_of(column), none
    if kind == TEXTS and _is_list(type_) and _is_text(type_.value_type):
        column, type_ = pc.binary_join(column, ";"), type_.value_type
    # Binary columns count as text, and Arrow reads strings without checking their UTF-8.
    if _is_text(type_) and kind not in (NUMBER, WHOLE, TRUTH):
        spans = text_spans(column)
        return spans, ~valid_text(spans)
    # Anything else becomes text for the digest of its row; a null fits every kind.
    spans = text_spans(_as_text(column))
    if _fits(type_, kind):
        return spans, none
    return spans, np.asarray(column.is_valid(), bool)


def _lenient_field_of(column: pa.Array, kind: str) -> tuple[Spans | Int64, Bool]:
    """Return the values of an informational column; only bytes that are not text are of the wrong type."""
    type_ = column.type
    is_instant = pa.types.is_timestamp(type_) and type_.tz is not None
    if kind == TIME and (is_instant or pa.types.is_int64(type_)):
        return instants_of(column), np.zeros(len(column), bool)
    spans = text_spans(column if _is_text(type_) else _as_text(column))
    return spans, ~valid_text(spans)


def _fits(type_: pa.DataType, kind: str) -> bool:
    """Tell whether values that are not text may stand in a field of a kind."""
    number = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
    return (
        (kind == NUMBER and number)
        or (kind == WHOLE and pa.types.is_integer(type_))
        or (kind == TRUTH and pa.types.is_boolean(type_))
        or (kind == TIME and pa.types.is_date(type_))
    )


def _as_text(column: pa.Array) -> pa.Array:
    """Return values as text for the digest of a row, null where there is no simple text of them."""
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        return pa.nulls(len(column), pa.string())


def _is_list(type_: pa.DataType) -> bool:
    return bool(pa.types.is_list(type_) or pa.types.is_large_list(type_))


def _is_text(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
    )
    return any(test(type_) for test in tests)


def text_spans(column: pa.Array) -> Spans:
    """Return the spans of texts in Arrow's own buffers; of a dictionary each text lies there once."""
    if pa.types.is_dictionary(column.type):
        texts = text_spans(column.dictionary)
        # A null index becomes -1, which picks the absent text appended to the dictionary.
        index = column.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        start = np.append(texts.start, 0)[index]
        return Spans(texts.data, start, np.append(texts.length, np.int32(-1))[index])
    # Views have no single buffer of offsets.
    if pa.types.is_string_view(column.type) or pa.types.is_binary_view(column.type):
        column = column.cast(pa.large_binary())
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    # Of a slice these are the buffers of the whole array; `column.offset` says where it begins.
    _, offsets_buffer, data_buffer = column.buffers()
    # Arrow may leave the offsets of an empty array out.
    if len(column) == 0 or offsets_buffer is None:
        return Spans(
            np.zeros(0, np.uint8), np.zeros(len(column), np.int64), np.full(len(column), -1, np.int32)
        )
    whole = np.frombuffer(offsets_buffer, np.int64 if wide else np.int32)
    offsets = whole[column.offset : column.offset + len(column) + 1].astype(np.int64)
    length = np.minimum(np.diff(offsets), _MOST_LENGTH).astype(np.int32)
    # A null may span bytes: the validity bitmap alone counts.
    if column.null_count:
        length[np.asarray(column.is_null(), bool)] = -1
    return Spans(_bytes_of(data_buffer), offsets[:-1], length)


def arrow_texts(spans: Spans) -> pa.Array:
    """Return texts as an Arrow array; the bytes are shared where each text follows the one before.

    Args:
        spans: well-formed UTF-8.
    """
    stop = spans.start + spans.length
    in_line = (spans.length >= 0).all() and (spans.start[1:] == stop[:-1]).all()
    if not in_line or not len(spans):
        # Texts out of line, or absent ones: copy value by value.
        return pa.array([spans.value(row) for row in range(len(spans))], pa.binary()).cast(pa.string())
    offsets = pa.py_buffer(np.append(spans.start, stop[-1]))
    buffers = [None, offsets, pa.py_buffer(np.ascontiguousarray(spans.data))]
    # `from_buffers` checks nothing, hence the demand for well-formed UTF-8. Offsets are int64, so large.
    return pa.Array.from_buffers(pa.large_string(), len(spans), buffers).cast(pa.string())


def _bytes_of(buffer: Any) -> UInt8:
    """Return an Arrow buffer as a read-only array."""
    return read_only(np.frombuffer(buffer, np.uint8) if buffer else np.zeros(0, np.uint8))


def instants_of(column: pa.Array) -> Int64:
    """Return timestamps of any unit, or whole numbers, as microseconds; too large ones become the largest."""
    unit = column.type.unit if pa.types.is_timestamp(column.type) else "us"
    # The bytes below a null are arbitrary, so they are set before numpy sees them.
    return microseconds(
        column.cast(pa.int64()).fill_null(0).to_numpy(), unit, np.asarray(column.is_null(), bool)
    )


def microseconds(value: Int64, unit: str, null: Bool) -> Int64:
    """Convert instants in seconds, ms, us or ns to microseconds, rounded down.

    >>> microseconds(np.array([1999, 0]), "ns", np.array([False, True]))[0]
    np.int64(1)
    """
    if unit == "ns":
        instants = value // _NS_PER_US
    else:
        # Clipped first, or int64 wraps round in silence; its smallest number stays free for NO_INSTANT.
        farthest = np.iinfo(np.int64).max // _PER_US[unit]
        instants = np.clip(value, -farthest, farthest) * _PER_US[unit]
    return np.where(null, NO_INSTANT, instants)


@njit(cache=True, nogil=True)
def _valid_text(data: UInt8, start: Int64, length: Int32, valid: Bool) -> None:
    for row in range(start.size):
        # The OR of all bytes is below 0x80 where the text is ASCII: no further check.
        bits = 0
        for at in range(start[row], start[row] + max(length[row], 0)):
            bits |= data[at]
        valid[row] = bits < 0x80 or is_utf8(data, start[row], start[row] + length[row])


def valid_text(spans: Spans) -> Bool:
    """Tell which values are well-formed UTF-8; null is."""
    valid = np.empty(len(spans), bool)
    _valid_text(read_only(spans.data), spans.start, spans.length, valid)
    return valid
