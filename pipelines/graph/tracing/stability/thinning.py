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
    everything = np.uint64(2 ** len(draws) - 1)
    above = -(-(share[0] << 64) // share[1])  # the first number that is not below the share
    # A share of 1 is 2^64 here, which a Python number holds and a uint64 does not.
    if above > np.iinfo(np.uint64).max:
        return np.full(keys.shape[0], everything)
    mask = _masks(_blocks(unit, 0, keys), _differences(unit, draws), np.uint64(above))
    if always is not None:
        mask[always] = everything
    return mask


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
def _masks(blocks: UInt32, differences: UInt32, above: Any) -> UInt64:
    """Hash eight keys at a time, each with all draws, and compare the first 8 bytes.

    Args:
        blocks: uint32[n, 16], of draw 0.
        differences: uint32[draws, 16].
        above: uint64, the numbers below it are kept.
    """
    # Words of all lanes side by side, as `compress` wants them: index * LANES + lane.
    mask = np.zeros(blocks.shape[0], np.uint64)
    own, words = np.zeros(16 * LANES, np.uint32), np.zeros(16 * LANES, np.uint32)
    state = np.empty(8 * LANES, np.uint32)
    for first in range(0, blocks.shape[0], LANES):
        # The last lanes of the last turn may hold keys of the turn before; their hashes are not read.
        count = min(LANES, blocks.shape[0] - first)
        for lane in range(count):
            for index in range(16):
                own[index * LANES + lane] = blocks[first + lane, index]
        # The same keys for another draw: only the words that hold its number change.
        for draw in range(differences.shape[0]):
            for index in range(16):
                for lane in range(LANES):
                    words[index * LANES + lane] = own[index * LANES + lane] ^ differences[draw, index]
            for index in range(8):
                for lane in range(LANES):
                    state[index * LANES + lane] = INITIAL[index]
            compress(state, words)
            for lane in range(count):
                is_kept = head(state, 0, lane) < above
                mask[first + lane] |= np.uint64(is_kept) << np.uint64(draw)
    return mask
