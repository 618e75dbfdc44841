"""One record of JSON at a time, with all that JSON allows: what the fast parser does not read."""

from typing import Any

import numpy as np
import orjson
from numba import njit

from pipelines.ingest.limits import FIELDS, RECORD_BYTES
from pipelines.ingest.reject_reasons import MALFORMED, TOO_DEEP, TOO_LARGE
from pipelines.kernels.types import UInt8

DEPTH = 16
"""Objects and arrays within one another that a record may have, its own braces included."""

_FIELD_OF_NAME = {name: number for number, name in enumerate(FIELDS)}
_QUOTE, _ESCAPE = ord('"'), ord("\\")
_OPENING = np.frombuffer(b"{[", np.uint8)
_CLOSING = np.frombuffer(b"}]", np.uint8)


def decode(raw: bytes) -> tuple[dict[int, bytes], int]:
    """The texts of a record's fields and the reason to refuse it, or 0.

    The last of several equal keys counts.

    Args:
        raw: the record without a line end.

    Returns:
        UTF-8 by the number of the field; null and an empty text are left out.
    """
    record, reason = load(raw)
    texts = {}
    for name, value in record.items():
        field = _FIELD_OF_NAME.get(name)
        if field is None or value is None:
            continue
        if not isinstance(value, str):
            return {}, MALFORMED
        if value:
            texts[field] = value.encode()
    return texts, reason


def load(raw: bytes) -> tuple[dict[str, Any], int]:
    """A record as an object and the reason to refuse it, or 0; a refused one has nothing in it.

    Args:
        raw: the record without a line end.
    """
    if len(raw) > RECORD_BYTES:
        return {}, TOO_LARGE
    if raw.count(b"{") + raw.count(b"[") > DEPTH:
        deepest, balanced = _depth(np.frombuffer(raw, np.uint8))
        if deepest > DEPTH:
            return {}, TOO_DEEP if balanced else MALFORMED
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}, MALFORMED
    return (record, 0) if isinstance(record, dict) else ({}, MALFORMED)


@njit(cache=True, nogil=True)
def _depth(data: UInt8) -> tuple[int, bool]:
    """How many brackets are open at most, and whether each is closed by its like."""
    open_kinds = np.empty(data.size, np.uint8)
    depth = deepest = at = 0
    while at < data.size:
        byte = data[at]
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
