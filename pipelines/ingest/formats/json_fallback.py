"""Parse one record of JSON at a time, with everything that JSON allows.

The kernel of `ndjson_kernel` leaves lines to it that are rare: nested values,
numbers with an exponent, repeated keys. Both give the same texts.
"""

from typing import Any

import numpy as np
import orjson
from numba import njit

from pipelines.ingest.limits import FIELDS, RECORD_BYTES
from pipelines.ingest.reject_reasons import MALFORMED, TOO_DEEP, TOO_LARGE
from pipelines.kernels.types import UInt8

DEPTH = 16
"""How deep objects and arrays of a record may nest, its own braces included."""

_FIELD_OF_NAME = {name: number for number, name in enumerate(FIELDS)}
_QUOTE, _ESCAPE = ord('"'), ord("\\")
_OPENING = np.frombuffer(b"{[", np.uint8)
_CLOSING = np.frombuffer(b"}]", np.uint8)


def decode(raw: bytes) -> tuple[dict[int, bytes], int]:
    """Return the texts of a record's fields and the reason to refuse it, or 0.

    Of equal keys the last counts.

    >>> decode(b'{"venue": "V1", "note": {"a": [1]}}')
    ({3: b'V1'}, 0)

    Args:
        raw: the record without a line end.

    Returns:
        UTF-8 by the number of the field; null and empty texts are left out.
    """
    record, reason = load(raw)
    texts = {}
    for name, value in record.items():
        field = _FIELD_OF_NAME.get(name)
        if field is None or value is None:
            continue
        # A field of the contract is text or null; nothing is converted.
        if not isinstance(value, str):
            return {}, MALFORMED
        if value:
            texts[field] = value.encode()
    return texts, reason


def load(raw: bytes) -> tuple[dict[str, Any], int]:
    """Return a record as an object and the reason to refuse it, or 0; a refused one is empty.

    Args:
        raw: the record without a line end.
    """
    if len(raw) > RECORD_BYTES:
        return {}, TOO_LARGE
    # orjson accepts 1,024 levels; counting brackets first spares the kernel for nearly all records.
    if raw.count(b"{") + raw.count(b"[") > DEPTH:
        deepest, balanced = _depth(np.frombuffer(raw, np.uint8))
        # Of several defects the first in the order of the reasons: malformed comes before too deep.
        if deepest > DEPTH:
            return {}, TOO_DEEP if balanced else MALFORMED
    # orjson, not `json`: the standard library accepts NaN, Infinity and lone surrogates.
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}, MALFORMED
    return (record, 0) if isinstance(record, dict) else ({}, MALFORMED)


@njit(cache=True, nogil=True)
def _depth(data: UInt8) -> tuple[int, bool]:
    """Return how many brackets are open at most, and whether each is closed by its like."""
    # Which bracket is open at each level, 0 for a brace and 1 for a square one.
    open_kinds = np.empty(data.size, np.uint8)
    depth = deepest = at = 0
    while at < data.size:
        byte = data[at]
        # Brackets within texts do not count.
        if byte == _QUOTE:
            at += 1
            while at < data.size and data[at] != _QUOTE:
                at += 2 if data[at] == _ESCAPE else 1
        for kind in range(2):
            if byte == _OPENING[kind]:
                open_kinds[depth] = kind
                depth += 1
                deepest = max(deepest, depth)
            elif byte == _CLOSING[kind]:
                if depth == 0 or open_kinds[depth - 1] != kind:
                    return deepest, False
                depth -= 1
        at += 1
    return deepest, depth == 0
