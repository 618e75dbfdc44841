"""Deterministic draws of nine keys in ten, by SHA-256.

Draw `i` keeps a key when the first 8 bytes of SHA-256(seed ‖ unit ‖ i ‖ key), read as a big-endian number,
lie below 0.9 · 2^64. The parts stand one after another without a separator:

* seed: 8 bytes, big-endian, the number 0;
* unit: `scans`, `visits` or `people`, ASCII;
* i: 8 bytes, big-endian, the number of the draw, from 0;
* key: of scans the 16 bytes of `event_key`; of visits `stay_id` and of people the token, each as 8 bytes,
  big-endian, two's complement.

So a draw does not depend on how many are made, nor on what else is in the lake, and one that kept fewer keys
would keep a part of these.
"""

from typing import Final

import numpy as np

from pipelines.kernels.byte_copy import SLACK
from pipelines.kernels.sha256 import hashes
from pipelines.kernels.types import Bool, Int64, Spans, UInt8, UInt64

SEED: Final = 0
UNITS: Final = ("scans", "visits", "people")
KEPT: Final = (9, 10)
"""The share of keys that a draw keeps, as a fraction."""


def kept(unit: str, draw: int, keys: UInt8, share: tuple[int, int] = KEPT) -> Bool:
    """Tell which keys a draw keeps, bool[n].

    Example:
        >>> kept("people", 3, keys_of(np.array([7, -1, 12, 99]))).tolist()
        [True, True, True, True]

    Args:
        unit: one of `UNITS`.
        draw: its number, from 0.
        keys: uint8[n, k], the bytes of each key.
        share: numerator and denominator of the share that is kept.
    """
    head = np.frombuffer(SEED.to_bytes(8, "big") + unit.encode() + draw.to_bytes(8, "big"), np.uint8)
    size = head.size + keys.shape[1]
    data = np.zeros(keys.shape[0] * size + SLACK, np.uint8)
    texts = data[: keys.shape[0] * size].reshape(-1, size)
    texts[:, : head.size], texts[:, head.size :] = head, keys
    start = np.arange(keys.shape[0], dtype=np.int64) * size
    number = hashes(Spans(data, start, np.full(start.size, size, np.int32))).view(np.uint64)
    above = -(-(share[0] << 64) // share[1])  # the first number that is not below the share
    if above > np.iinfo(np.uint64).max:
        return np.ones(number.size, np.bool_)
    found: Bool = number < np.uint64(above)
    return found


def keys_of(numbers: Int64) -> UInt8:
    """Return numbers as keys of 8 bytes, big-endian, uint8[n, 8].

    Example:
        >>> keys_of(np.array([258])).tolist()
        [[0, 0, 0, 0, 0, 0, 1, 2]]
    """
    return np.ascontiguousarray(numbers.astype(">i8")).view(np.uint8).reshape(-1, 8)


def keys_of_events(high: UInt64, low: UInt64) -> UInt8:
    """Return event keys of two words each as keys of 16 bytes, uint8[n, 16]."""
    return np.stack((high, low), axis=1).astype(">u8").view(np.uint8).reshape(-1, 16)


def masks_of(
    unit: str, draws: range, keys: UInt8, share: tuple[int, int] = KEPT, always: Int64 | None = None
) -> UInt64:
    """Return the draws that keep each key as the bits of a mask, the first draw lowest, uint64[n].

    Example:
        >>> masks_of("people", range(3), keys_of(np.array([7, -1]))).tolist()
        [5, 7]

    Args:
        unit: one of `UNITS`.
        draws: their numbers, at most 64.
        keys: uint8[n, k], the bytes of each key.
        share: numerator and denominator of the share that is kept.
        always: positions of keys that are kept whatever the draw.
    """
    mask = np.zeros(keys.shape[0], np.uint64)
    for bit, draw in enumerate(draws):
        mask |= kept(unit, draw, keys, share).astype(np.uint64) << np.uint64(bit)
    if always is not None:
        mask[always] = np.uint64(2 ** len(draws) - 1)
    return mask
