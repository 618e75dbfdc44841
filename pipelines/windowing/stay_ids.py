"""The id of a stay: the first 8 bytes of the SHA-256 of its first scan's event key.

Every stay needs one and `hashlib` would take a call a row, so the 16-byte
messages are hashed side by side: each step of the algorithm runs over a
block of lanes, which the compiler turns into vector instructions.
Source of the algorithm: FIPS 180-4, section 6.2.
"""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from pipelines.arrays import Int64, UInt64

UInt32 = npt.NDArray[np.uint32]

_LANES = 16


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found


def _cube_root_fraction(prime: int) -> int:
    """The first 32 bits of the fraction of a cube root, exactly."""
    scaled = prime << 96
    root = round(scaled ** (1 / 3))
    while root**3 > scaled:
        root -= 1
    while (root + 1) ** 3 <= scaled:
        root += 1
    return root & 0xFFFFFFFF


_ROUND_CONSTANTS = np.array([_cube_root_fraction(prime) for prime in _primes(64)], np.uint32)
_INITIAL = np.array([math.isqrt(prime << 64) & 0xFFFFFFFF for prime in _primes(8)], np.uint32)


@njit(cache=True, nogil=True)
def stay_ids(event_high: UInt64, event_low: UInt64) -> Int64:
    """The stay id of each first scan.

    Args:
        event_high: uint64[n], the first 8 bytes of the event key, big-endian.
        event_low: uint64[n], the last 8.

    Returns:
        int64[n], the first 8 bytes of the hash, big-endian signed.
    """
    ids = np.empty(event_high.size, np.int64)
    words = np.empty((64, _LANES), np.uint32)
    state = np.empty((8, _LANES), np.uint32)
    for start in range(0, event_high.size, _LANES):
        stop = min(start + _LANES, event_high.size)
        for lane in range(_LANES):
            row = min(start + lane, stop - 1)
            words[0, lane] = np.uint32(event_high[row] >> np.uint64(32))
            words[1, lane] = np.uint32(event_high[row] & np.uint64(0xFFFFFFFF))
            words[2, lane] = np.uint32(event_low[row] >> np.uint64(32))
            words[3, lane] = np.uint32(event_low[row] & np.uint64(0xFFFFFFFF))
        _compress(words, state)
        for lane in range(stop - start):
            # Numba widens a sum of two uint32, so each sum is cut back to 32 bits.
            high = np.uint32(state[0, lane] + _INITIAL[0])
            low = np.uint32(state[1, lane] + _INITIAL[1])
            ids[start + lane] = np.int64((np.uint64(high) << np.uint64(32)) | np.uint64(low))
    return ids


@njit(cache=True, nogil=True)
def _rotated(value: np.uint32, bits: int) -> np.uint32:
    return np.uint32((value >> np.uint32(bits)) | (value << np.uint32(32 - bits)))


@njit(cache=True, nogil=True)
def _compress(words: UInt32, state: UInt32) -> None:
    """Run one block whose first four words are the message, all lanes at once."""
    for lane in range(_LANES):
        words[4, lane] = np.uint32(0x80000000)
        words[15, lane] = np.uint32(128)
    words[5:15] = np.uint32(0)
    for step in range(16, 64):
        for lane in range(_LANES):
            near, far = words[step - 15, lane], words[step - 2, lane]
            mixed_near = _rotated(near, 7) ^ _rotated(near, 18) ^ (near >> np.uint32(3))
            mixed_far = _rotated(far, 17) ^ _rotated(far, 19) ^ (far >> np.uint32(10))
            words[step, lane] = words[step - 16, lane] + mixed_near + words[step - 7, lane] + mixed_far
    for row in range(8):
        state[row] = _INITIAL[row]
    for step in range(64):
        # The eight registers rotate by one a step; moving their names is cheaper than moving them.
        a, b, c, d = -step & 7, (1 - step) & 7, (2 - step) & 7, (3 - step) & 7
        e, f, g, h = (4 - step) & 7, (5 - step) & 7, (6 - step) & 7, (7 - step) & 7
        for lane in range(_LANES):
            early, late = state[a, lane], state[e, lane]
            chosen = (late & state[f, lane]) ^ (~late & state[g, lane])
            majority = (early & state[b, lane]) ^ (early & state[c, lane]) ^ (state[b, lane] & state[c, lane])
            mixed_late = _rotated(late, 6) ^ _rotated(late, 11) ^ _rotated(late, 25)
            mixed_early = _rotated(early, 2) ^ _rotated(early, 13) ^ _rotated(early, 22)
            first = state[h, lane] + mixed_late + chosen + _ROUND_CONSTANTS[step] + words[step, lane]
            state[d, lane] += first
            state[h, lane] = first + mixed_early + majority
