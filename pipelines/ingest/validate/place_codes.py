"""Scanned codes of places, and words with a code of one byte."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
from numba import njit

from pipelines.codes.decoder import decode
from pipelines.ingest.limits import TEXT_BYTES
from pipelines.ingest.reject_reasons import BAD_CODE
from pipelines.ingest.validate.text_column import Texts
from pipelines.kernels.byte_copy import SLACK, load_upto
from pipelines.kernels.types import Int32, Int64, Spans, UInt8, UInt64, read_only
from pipelines.privacy.code_keys import CodeKeys
from schemas.codes import AUTHENTICITIES, DIRECTIONS
from schemas.wire_text import tidy, zone_name

UNKNOWN_WORD = 255
"""The code of any text that is not one of the words."""

_WORD_BYTES = 8


@dataclass(frozen=True)
class RegisteredCodes:
    """What the raw texts of scanned codes say; d texts.

    Attributes:
        reason: uint8[d], why a text is refused, or 0.
        venue: tidy venue codes, absent where refused.
        zone: tidy zones, absent where a code has none.
        direction: uint8[d] codes, 0 where a code has none.
        authenticity: uint8[d] codes.
        valid_from_us: int64[d], start of the validity.
        valid_to_us: int64[d], end of the validity, exclusive.
    """

    reason: UInt8
    venue: Spans
    zone: Spans
    direction: UInt8
    authenticity: UInt8
    valid_from_us: Int64
    valid_to_us: Int64


def places_of(codes: Spans, wanted: npt.NDArray[np.bool_], keys: CodeKeys) -> RegisteredCodes:
    """Decode the distinct raw texts of codes.

    Args:
        codes: d texts.
        wanted: bool[d], false for texts that are refused already or absent.
        keys: what codes are verified with.
    """
    decode = _decoder(keys)
    rows = [
        decode(codes.value(row) or b"") if is_wanted else _REFUSED
        for row, is_wanted in enumerate(wanted.tolist())
    ]
    # Needs one text at least: a block without codes does not come here.
    reason, venue, zone, direction, authenticity, first, last = zip(*rows, strict=True)
    return RegisteredCodes(
        np.array(reason, np.uint8),
        spans_of_values(venue),
        spans_of_values(zone),
        np.array(direction, np.uint8),
        np.array(authenticity, np.uint8),
        np.array(first, np.int64),
        np.array(last, np.int64),
    )


_Row = tuple[int, bytes | None, bytes | None, int, int, int, int]
"""Reason, venue, zone, direction, authenticity, valid from, valid to."""

_ALWAYS = np.iinfo(np.int64)
_REFUSED: _Row = (BAD_CODE, None, None, 0, 0, _ALWAYS.min, _ALWAYS.max)
_CODES_KEPT = 1 << 14


@lru_cache(maxsize=4)
def _decoder(keys: CodeKeys) -> Callable[[bytes], _Row]:
    """Return a decoder with a cache: the same posters are scanned in every chunk."""
    return lru_cache(maxsize=_CODES_KEPT)(partial(_row_of, keys=keys))


def _row_of(raw: bytes, keys: CodeKeys) -> _Row:
    said = decode(raw, keys)
    if said.reason or said.venue is None:  # the code of a person does not name a place
        return _REFUSED
    zone = zone_name(tidy(said.zone or "")).encode() or None
    # The spelling of a zone may be longer than the code had it.
    if zone is not None and len(zone) > TEXT_BYTES:
        return _REFUSED
    # A code that was revoked ends then, or with its validity if that is earlier.
    ends = [end for end in (said.valid_to_us, said.revoked_us) if end is not None]
    return (
        0,
        tidy(said.venue).encode(),
        zone,
        DIRECTIONS.index(said.direction or DIRECTIONS[0]),
        AUTHENTICITIES.index(said.authenticity),
        _ALWAYS.min if said.valid_from_us is None else said.valid_from_us,
        min(ends, default=_ALWAYS.max),
    )


def spans_of_values(values: Sequence[bytes | None]) -> Spans:
    """Put texts one behind another, with `SLACK` bytes after the last; None is absent."""
    length = np.array([-1 if value is None else len(value) for value in values], np.int32)
    ends = np.cumsum(length.clip(0), dtype=np.int64)
    data = np.frombuffer(b"".join(value or b"" for value in values) + bytes(SLACK), np.uint8)
    return Spans(read_only(data), ends - length.clip(0), length)


def words_to_codes(column: Texts, words: Sequence[str]) -> UInt8:
    """Return the position of each text among some words, uint8[n].

    Absent texts have code 0, other texts `UNKNOWN_WORD`.

    Args:
        column: n texts.
        words: in the order of their codes, at most 8 bytes each; an empty word never matches.
    """
    encoded = [word.encode() for word in words]
    # Words are compared as numbers filled up with zeros, so their sizes must agree too.
    sizes = np.array([len(word) for word in encoded], np.int32)
    alphabet = np.array([int.from_bytes(word, "little") for word in encoded], np.uint64)
    codes = np.zeros(column.start.size, np.uint8)
    for buffer, base in column.buffers():
        _note_codes(buffer, base, column.start, column.length, alphabet, sizes, codes)
    return codes


@njit(cache=True, nogil=True)
def _note_codes(
    buffer: UInt8, base: int, start: Int64, length: Int32, alphabet: UInt64, sizes: Int32, codes: UInt8
) -> None:
    """Look up the rows that lie in a buffer whose first byte has the position `base`."""
    for row in range(start.size):
        at, size = start[row] - base, length[row]
        if size <= 0 or not 0 <= at < buffer.size:
            continue
        codes[row] = UNKNOWN_WORD
        if size > _WORD_BYTES:
            continue
        word = load_upto(buffer, at, size)
        for code in range(sizes.size):
            if sizes[code] == size and alphabet[code] == word:
                codes[row] = code
