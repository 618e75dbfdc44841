"""Registered codes and words: what a text stands for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from pipelines.arrays import Int64
from pipelines.ingest.copying import same
from pipelines.ingest.reasons import BAD_CODE
from pipelines.ingest.spans import Int32, Spans, UInt8
from pipelines.ingest.texts import Texts

UNKNOWN_WORD = 255
"""The code of a text that is none of the words."""


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
        words: in the order of their codes; an empty one is what absence means.
    """
    encoded = [word.encode() for word in words]
    sizes = np.array([len(word) for word in encoded], np.int32)
    alphabet = np.frombuffer(b"".join(encoded), np.uint8)
    return _codes(column.data, column.side, column.start, column.length, alphabet, sizes)


@njit(cache=True, nogil=True)
def _codes(data: UInt8, side: UInt8, start: Int64, length: Int32, alphabet: UInt8, sizes: Int32) -> UInt8:
    codes = np.zeros(start.size, np.uint8)
    for row in range(start.size):
        if length[row] < 0:
            continue
        if start[row] < data.size:
            codes[row] = _code(data, start[row], length[row], alphabet, sizes)
        else:
            codes[row] = _code(side, start[row] - data.size, length[row], alphabet, sizes)
    return codes


@njit(cache=True, nogil=True)
def _code(data: UInt8, at: int, size: int, alphabet: UInt8, sizes: Int32) -> int:
    place = 0
    for code in range(sizes.size):
        if sizes[code] == size and same(data, at, alphabet, place, size):
            return code
        place += sizes[code]
    return UNKNOWN_WORD
