"""Registered codes and words: what a text stands for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from pipelines.arrays import Int64, UInt64
from pipelines.ingest.copying import load_upto
from pipelines.ingest.reasons import BAD_CODE
from pipelines.ingest.spans import Int32, Spans, UInt8
from pipelines.ingest.texts import Texts

UNKNOWN_WORD = 255
"""The code of a text that is none of the words."""

_WORD_BYTES = 8


@dataclass(frozen=True)
class Decoded:
    """What the raw texts of scanned codes say; d texts.

    Attributes:
        reason: uint8[d], why a text is refused, or 0.
    """

    reason: UInt8


def decode_codes(codes: Spans) -> Decoded:
    """Decode the distinct raw texts of codes. No format is known yet: all are refused.

    A decoder added here also says venue, zone, direction and authenticity of
    each text; `parse` then takes them for scans that name no venue, and
    refuses as `BAD_CODE` those that name another.
    """
    return Decoded(np.full(len(codes), BAD_CODE, np.uint8))


def words_to_codes(column: Texts, words: Sequence[str]) -> UInt8:
    """The position of each text among `words`, uint8[n]; 0 where absent, `UNKNOWN_WORD` for others.

    Args:
        column: n texts.
        words: in the order of their codes, at most 8 bytes each; an empty one is what
            absence means.
    """
    encoded = [word.encode() for word in words]
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
    """Look up the rows that lie in a buffer whose positions count from `base` on."""
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
