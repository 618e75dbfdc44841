"""Lines of JSON as columns, for the inputs beside scans: these are small, so Python parses them."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa

from pipelines.ingest.formats.arrow_blocks import text_spans
from pipelines.ingest.formats.blocks import Columns, Lines
from pipelines.ingest.formats.field_types import NUMBER, TEXT, TEXTS, TIME, TRUTH, WHOLE
from pipelines.ingest.formats.json_fallback import load
from pipelines.ingest.reject_reasons import MALFORMED
from pipelines.ingest.validate.scan_records import raw_records, rows_of
from pipelines.kernels.types import Int64, Spans, UInt8

_LINES_AT_ONCE: Final = 1 << 9  # of more live objects Python's garbage collector walks each again and again
_TEXTUAL: Final = (TEXT, TIME, TEXTS)
_TEXT_TYPES: Final = frozenset((str, type(None)))


def columns_of_lines(
    block: Lines,
    kinds: dict[str, str],
    informational: frozenset[str] = frozenset(),
    *,
    note_absent: bool = False,
) -> tuple[Columns, list[bytes]]:
    """Turn the records of a block into columns of text; return them and each record's raw bytes.

    A value whose type does not suit its field makes the record malformed.

    Args:
        block: lines of records.
        kinds: the kind of each field, by name.
        informational: fields whose values of another type become text, which a later check
            reads or drops.
        note_absent: whether `absent` of the columns is filled.
    """
    raw = raw_records(block, rows_of(block))
    broken = np.zeros(len(raw), np.uint8)
    # An empty array first, so that a block without records can be joined too.
    parts: dict[str, list[pa.Array]] = {name: [pa.array([], pa.string())] for name in kinds}
    absent = {name: np.zeros(len(raw), bool) for name in kinds} if note_absent else {}
    for start in range(0, len(raw), _LINES_AT_ONCE):
        loaded = [load(line) for line in raw[start : start + _LINES_AT_ONCE]]
        # A view: what `_texts_of` notes here stands in `broken`.
        reasons = broken[start : start + len(loaded)]
        reasons[:] = [reason for _, reason in loaded]
        for name, kind in kinds.items():
            values = [record.get(name) for record, _ in loaded]
            lenient = name in informational
            parts[name].append(pa.array(_texts_of(values, kind, reasons, lenient=lenient), pa.string()))
        for name, rows in absent.items():
            rows[start : start + len(loaded)] = [name not in record for record, _ in loaded]
    fields: dict[str, Spans | Int64] = {
        name: text_spans(pa.concat_arrays(texts)) for name, texts in parts.items()
    }
    return Columns(block.first_row, fields, len(raw), broken, absent=absent), raw


def _texts_of(values: list[Any], kind: str, reasons: UInt8, *, lenient: bool) -> list[str | None]:
    """Return the values of a field as text, and note values of a wrong type in `reasons`."""
    # Nearly all columns are texts and nulls already.
    if kind in _TEXTUAL and _TEXT_TYPES.issuperset(map(type, values)):
        return values
    if lenient:
        return [None if value is None else _lenient(value) for value in values]
    text_of = _TEXT_OF[kind]
    texts = [None if value is None else text_of(value) for value in values]
    for row, (value, text) in enumerate(zip(values, texts, strict=True)):
        if value is not None and text is None:
            reasons[row] = MALFORMED
    return texts


def _lenient(value: Any) -> str:
    text = _list(value)
    return orjson.dumps(value).decode() if text is None else text


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> str | None:
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Any) -> str | None:
    return repr(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _truth(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else None


def _list(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ";".join(value)
    return _text(value)


_TEXT_OF: Final[dict[str, Callable[[Any], str | None]]] = {
    TEXT: _text,
    TIME: _text,
    NUMBER: _number,
    WHOLE: _whole,
    TRUTH: _truth,
    TEXTS: _list,
}
"""By the kind of a field: returns the text of a JSON value, or None for a value of a wrong type."""
