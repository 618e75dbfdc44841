"""The id of a stay: the first 8 bytes of the SHA-256 of its first scan's event key."""

import numpy as np
from numba import njit

from pipelines.kernels.sha256 import INITIAL, head
from pipelines.kernels.sha256_simd import LANES, compress
from pipelines.kernels.types import Int64, UInt64


def stay_ids(event_high: UInt64, event_low: UInt64) -> Int64:
    """Compute the stay id of each first scan.

    Args:
        event_high: uint64[n], the first 8 bytes of the event key, big-endian.
        event_low: uint64[n], the last 8.

    Returns:
        int64[n], the first 8 bytes of the hash, big-endian signed.
    """
    return _heads(event_high, event_low)


@njit(cache=True, nogil=True)
def _heads(high: UInt64, low: UInt64) -> Int64:
    """Hash messages of 16 bytes, which fill the first four words of their only block.

    Args:
        high: uint64[n], the first 8 bytes, big-endian.
        low: uint64[n], the last 8.
    """
    heads = np.empty(high.size, np.int64)
    state = np.empty(8 * LANES, np.uint32)
    # The words of a block, a word of all lanes after the other; the padding is written once, since every
    # message has the same length.
    words = np.zeros(16 * LANES, np.uint32)
    words[4 * LANES : 5 * LANES] = 0x80000000  # the mark behind the message
    words[15 * LANES :] = 128  # its length in bits
    for start in range(0, high.size, LANES):
        count = min(LANES, high.size - start)
        for lane in range(count):
            row = start + lane
            words[lane] = np.uint32(high[row] >> np.uint64(32))
            words[LANES + lane] = np.uint32(high[row] & np.uint64(0xFFFFFFFF))
            words[2 * LANES + lane] = np.uint32(low[row] >> np.uint64(32))
            words[3 * LANES + lane] = np.uint32(low[row] & np.uint64(0xFFFFFFFF))
        for lane in range(LANES):
            for index in range(8):
                state[index * LANES + lane] = INITIAL[index]
        compress(state, words)
        for lane in range(count):
            heads[start + lane] = np.int64(head(state, 0, lane))
    return heads
