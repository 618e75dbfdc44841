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

from typing import Any, Final

import numpy as np
from numba import njit

from pipelines.kernels.compile import inlined
from pipelines.kernels.sha256 import BLOCK, INITIAL, head
from pipelines.kernels.sha256_simd import LANES, compress
from pipelines.kernels.types import Bool, Int64, UInt8, UInt32, UInt64

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
    return masks_of(unit, range(draw, draw + 1), keys, share).astype(np.bool_)


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
    unit: str, draws: range, keys: UInt8, share: tuple[int, int] = KEPT, wanted: UInt64 | None = None
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
        wanted: uint64[n], the draws that matter, all others are left out; None is all draws of all keys.
    """
    if wanted is None:
        wanted = np.full(keys.shape[0], np.uint64(2 ** len(draws) - 1))
    above = -(-(share[0] << 64) // share[1])  # the first number that is not below the share
    # A share of 1 is 2^64 here, which a Python number holds and a uint64 does not.
    if above > np.iinfo(np.uint64).max:
        return wanted
    return _masks(_blocks(unit, 0, keys), _differences(unit, draws), np.uint64(above), wanted)


def _blocks(unit: str, draw: int, keys: UInt8) -> UInt32:
    """Return the message of each key, padded to the only block it takes, as words, uint32[n, 16]."""
    # At most 8 + 6 + 8 + 16 bytes: with mark and length still one block of 64.
    head = SEED.to_bytes(8, "big") + unit.encode() + draw.to_bytes(8, "big")
    size = len(head) + keys.shape[1]
    blocks = np.zeros((keys.shape[0], BLOCK), np.uint8)
    blocks[:, : len(head)] = np.frombuffer(head, np.uint8)
    blocks[:, len(head) : size] = keys
    blocks[:, size] = 0x80  # the mark behind the message
    blocks[:, -2:] = divmod(8 * size, 256)  # its length in bits
    return blocks.view(">u4").astype(np.uint32)


def _differences(unit: str, draws: range) -> UInt32:
    """Return in which bits the messages of draws differ from those of draw 0, uint32[draws, 16]."""
    # Of one length, messages differ only in the number of the draw: what follows it cancels out.
    no_key = np.empty((1, 0), np.uint8)
    first = _blocks(unit, 0, no_key)
    return np.concatenate([_blocks(unit, draw, no_key) ^ first for draw in draws])


@njit(cache=True, nogil=True)
def _masks(blocks: UInt32, differences: UInt32, above: Any, wanted: UInt64) -> UInt64:
    """Hash keys with the draws that are wanted, eight at a time, and compare the first 8 bytes.

    Args:
        blocks: uint32[n, 16], of draw 0.
        differences: uint32[draws, 16].
        above: uint64, the numbers below it are kept.
        wanted: uint64[n], the draws to hash each key with.
    """
    mask = np.zeros(blocks.shape[0], np.uint64)
    # Words of all lanes side by side, as `compress` wants them: index * LANES + lane.
    words, state = np.zeros(16 * LANES, np.uint32), np.empty(8 * LANES, np.uint32)
    keys, bits = np.empty(LANES, np.int64), np.empty(LANES, np.uint64)
    count = 0
    for key in range(blocks.shape[0]):
        for draw in range(differences.shape[0]):
            bit = np.uint64(1) << np.uint64(draw)
            if not wanted[key] & bit:
                continue
            for index in range(16):
                words[index * LANES + count] = blocks[key, index] ^ differences[draw, index]
            keys[count], bits[count] = key, bit
            count += 1
            if count == LANES:
                _compare(words, state, above, keys, bits, count, mask)
                count = 0
    _compare(words, state, above, keys, bits, count, mask)
    return mask


@inlined
def _compare(
    words: UInt32, state: UInt32, above: Any, keys: Int64, bits: UInt64, count: int, mask: UInt64
) -> None:
    """Hash a message a lane, of the first `count` lanes, and set the bits of those that are kept."""
    for index in range(8):
        for lane in range(LANES):
            state[index * LANES + lane] = INITIAL[index]
    compress(state, words)
    for lane in range(count):
        if head(state, 0, lane) < above:
            mask[keys[lane]] |= bits[lane]
