"""Lines of JSON as columns, for inputs that are small: an object a record, not a kernel."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipelines.arrays import Int64
from pipelines.ingest.kinds import NUMBER, TEXT, TEXTS, TIME, TRUTH, WHOLE
from pipelines.ingest.reasons import MALFORMED
from pipelines.ingest.records import count_records, raw_records
from pipelines.ingest.spans import Columns, Lines, Spans
from pipelines.ingest.strict import load
from pipelines.ingest.typed import text_spans


def columns_of_lines(block: Lines, kinds: dict[str, str]) -> tuple[Columns, list[bytes]]:
    """The records of a block as columns of text, and each record's raw bytes.

    A value of another type than its field's kind makes the record malformed.

    Args:
        block: lines of records.
        kinds: the kind of each field by name.
    """
    raw = raw_records(block, np.arange(count_records(block)))
    loaded = [load(line) for line in raw]
    broken = np.array([reason for _, reason in loaded], np.uint8)
    fields: dict[str, Spans | Int64] = {}
    for name, kind in kinds.items():
        text_of = _TEXT_OF[kind]
        texts: list[str | None] = []
        for row, (record, _) in enumerate(loaded):
            value = record.get(name)
            text = None if value is None else text_of(value)
            if value is not None and text is None:
                broken[row] = MALFORMED
            texts.append(text)
        fields[name] = text_spans(pa.array(texts, pa.string()))
    return Columns(block.first_row, fields, len(raw), broken), raw


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> str | None:
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Any) -> str | None:
    return repr(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _truth(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else None


def _texts(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ";".join(value)
    return _text(value)


_TEXT_OF: Final[dict[str, Callable[[Any], str | None]]] = {
    TEXT: _text,
    TIME: _text,
    NUMBER: _number,
    WHOLE: _whole,
    TRUTH: _truth,
    TEXTS: _texts,
}
"""The text of a value of JSON by the kind of its field; None for a value of another type."""
