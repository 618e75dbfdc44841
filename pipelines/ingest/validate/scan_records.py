"""Blocks of every format in one form: a text column for each field of a scan."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import orjson

from pipelines.ingest.formats.blocks import NO_INSTANT, Columns, Lines
from pipelines.ingest.formats.json_fallback import decode
from pipelines.ingest.formats.ndjson_kernel import IN_DOUBT, TOO_LONG, ends_of_lines, line_begins, read_lines
from pipelines.ingest.limits import FIELDS, OCCURRED_AT, RECORD_BYTES
from pipelines.ingest.reject_reasons import TOO_LARGE
from pipelines.ingest.validate.text_column import NO_BYTES, Texts
from pipelines.kernels.types import Int32, Int64, Spans, UInt8, read_only

_WORST_ESCAPE = 6
"""The most bytes of JSON that one byte of text takes, as in `\\u0000`."""

_JSON_FRAME = 256
"""An upper bound for the names of all fields and the punctuation of a record."""


@dataclass(frozen=True)
class Records:
    """The records of a block.

    Attributes:
        texts: one column per field, in the order of `FIELDS`; n rows each.
        instants: int64[n] when `occurred_at` is UTC microseconds, None when it is text.
        row: int64[n], the number of each record in the block, as in `rows_of`.
        reason: uint8[n], why a record is refused so far, or 0.
    """

    texts: tuple[Texts, ...]
    instants: Int64 | None
    row: Int64
    reason: UInt8


def records_of(block: Lines | Columns) -> Records:
    """Turn the records of a block into columns."""
    return _of_lines(block) if isinstance(block, Lines) else _of_columns(block)


def rows_of(block: Lines | Columns) -> Int64:
    """Return the number of each record in the block: the offset of its line, or its row."""
    return line_begins(read_only(block.data)) if isinstance(block, Lines) else np.arange(block.rows)


def raw_records(block: Lines | Columns, rows: Int64) -> list[bytes]:
    """Return the bytes that a record's digest covers: its line without the line end, or its JSON.

    Args:
        block: the block that was parsed.
        rows: int64[k], some of those that `rows_of` returns.
    """
    if isinstance(block, Columns):
        return [_json_of(block, row) for row in rows.tolist()]
    ends = ends_of_lines(read_only(block.data), rows)
    return [block.data[begin:end].tobytes() for begin, end in zip(rows.tolist(), ends.tolist(), strict=True)]


def _of_lines(block: Lines) -> Records:
    data = read_only(block.data)
    begin, end, state, start, length, escaped = read_lines(data)
    reason = np.where(state == TOO_LONG, np.uint8(TOO_LARGE), np.uint8(0))
    # Lines in doubt are read again, by the strict parser; lines that are too long are not.
    doubtful = np.flatnonzero(state == IN_DOUBT)
    side, reason[doubtful] = _read_strictly(data, escaped, doubtful, (begin, end), start, length)
    columns = tuple(Texts(data, side, start[field], length[field]) for field in range(len(FIELDS)))
    return Records(columns, None, begin, reason)


def _read_strictly(
    data: UInt8, side: UInt8, rows: Int64, bounds: tuple[Int64, Int64], start: Int64, length: Int32
) -> tuple[UInt8, UInt8]:
    """Decode lines with the fallback parser, append their texts to `side` and set their spans.

    Returns:
        The longer `side`, and the reason of each line, 0 for none.
    """
    pieces: list[bytes] = []
    fields: list[int] = []
    counts: list[int] = []
    reasons: list[int] = []
    for begin, end in zip(bounds[0][rows].tolist(), bounds[1][rows].tolist(), strict=True):
        texts, reason = decode(data[begin:end].tobytes())
        # Bytes, no dictionaries: of many live objects the garbage collector walks each again and again.
        pieces.extend(texts.values())
        fields.extend(texts)
        counts.append(len(texts))
        reasons.append(reason)
    sizes = np.array([len(text) for text in pieces], np.int64)
    # The field and the row of each text.
    place = np.array(fields, np.int64), np.repeat(rows, counts)
    # Positions behind `data` and behind the texts with escapes that `side` holds already.
    start[place] = data.size + side.size + np.cumsum(sizes) - sizes
    length[place] = sizes
    more = np.frombuffer(b"".join(pieces), np.uint8)
    return read_only(np.concatenate((side, more))), np.array(reasons, np.uint8)


def _of_columns(block: Columns) -> Records:
    reason = block.broken.copy()
    texts = [_text_column(block, name) for name in FIELDS]
    sizes = sum(column.length.clip(0).astype(np.int64) for column in texts)
    # A bound first, then the exact size. A row that is malformed stays so: that reason comes first.
    for row in np.flatnonzero(sizes * _WORST_ESCAPE + _JSON_FRAME > RECORD_BYTES).tolist():
        if len(_json_of(block, row)) > RECORD_BYTES and not 0 < reason[row] < TOO_LARGE:
            reason[row] = TOO_LARGE
    instants = block.fields.get(FIELDS[OCCURRED_AT])
    given = None if isinstance(instants, Spans) else instants
    if given is not None:
        # Instants came as numbers; blank them in refused rows, as `_without` does with texts.
        given = np.where(reason == 0, given, NO_INSTANT)
    return Records(tuple(_without(column, reason) for column in texts), given, rows_of(block), reason)


def _text_column(block: Columns, name: str) -> Texts:
    """Return a field's texts; empty ones are absent."""
    column = block.fields.get(name)
    if not isinstance(column, Spans):
        return Texts(NO_BYTES, NO_BYTES, np.zeros(block.rows, np.int64), np.full(block.rows, -1, np.int32))
    length = np.where(column.length > 0, column.length, np.int32(-1)).astype(np.int32)
    # Arrow's arrays are read-only, and numba would compile the kernels again for those: copied.
    start = np.require(column.start, np.int64, ["C", "W"])
    return Texts(read_only(column.data), NO_BYTES, start, length)


def _without(column: Texts, reason: UInt8) -> Texts:
    """Blank a column in the rows that are refused."""
    if not reason.any():
        return column
    length = np.where(reason == 0, column.length, np.int32(-1)).astype(np.int32)
    return Texts(column.data, column.side, column.start, length)


def _json_of(block: Columns, row: int) -> bytes:
    """Return a row's fields as JSON in the order of the contract, without absent ones."""
    if row in block.raw:
        return block.raw[row]
    return orjson.dumps(dict(_present(block, row)))


def _present(block: Columns, row: int) -> Iterable[tuple[str, str | int]]:
    for name in FIELDS:
        column = block.fields.get(name)
        if isinstance(column, Spans):
            if raw := column.value(row):
                # A refused row may hold any bytes, and needs a digest too.
                yield name, raw.decode(errors="backslashreplace")
        elif column is not None and column[row] != NO_INSTANT:
            yield name, int(column[row])
