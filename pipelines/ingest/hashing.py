"""SHA-256 and HMAC-SHA-256 of many short texts, compiled."""

import numpy as np
import numpy.typing as npt
from numba import njit

from pipelines.arrays import Int64
from pipelines.ingest.lanes import LANES, compress
from pipelines.ingest.machine import load64
from pipelines.ingest.spans import Int32, Spans, UInt8

UInt32 = npt.NDArray[np.uint32]

BLOCK = 64
"""Bytes that SHA-256 takes in at once."""

PADDING = 9
"""Bytes that SHA-256 appends at least: a mark and the length."""

_INITIAL = np.array(
    [
        *(0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A),
        *(0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19),
    ],
    np.uint32,
)
"""FIPS 180-4, 5.3.3."""

_NOTHING = np.empty(0, np.uint32)


def key_states(key: bytes) -> UInt32:
    """The states of SHA-256 after the inner and the outer block of HMAC, uint32[2, 8].

    Args:
        key: at most 64 bytes.
    """
    padded = np.frombuffer(key.ljust(BLOCK, b"\0"), np.uint8)
    return np.stack([_state_after(padded ^ np.uint8(0x36)), _state_after(padded ^ np.uint8(0x5C))])


def macs(texts: Spans, key: bytes) -> Int64:
    """The first 8 bytes of the HMAC-SHA-256 of each text, big-endian signed, int64[n]."""
    inner, outer = key_states(key)
    return _hash_all(texts.data, texts.start, texts.length, inner, outer)


def hashes(texts: Spans) -> Int64:
    """The first 8 bytes of the SHA-256 of each text, big-endian signed, int64[n]."""
    return _hash_all(texts.data, texts.start, texts.length, _INITIAL, _NOTHING)


@njit(cache=True, nogil=True)
def _state_after(block: UInt8) -> UInt32:
    words = np.empty((16, LANES), np.uint32)
    state = np.empty((8, LANES), np.uint32)
    for lane in range(LANES):
        _load_block(block, 0, words, lane)
        for index in range(8):
            state[index, lane] = _INITIAL[index]
    compress(state, words)
    return state[:, 0].copy()


@njit(cache=True, nogil=True)
def _hash_all(data: UInt8, start: Int64, length: Int32, inner: UInt32, outer: UInt32) -> Int64:
    longest = 0
    for row in range(start.size):
        longest = max(longest, length[row])
    room = np.zeros((LANES, (longest + PADDING) // BLOCK * BLOCK + BLOCK), np.uint8)
    sizes = np.zeros(LANES, np.int64)
    state = np.empty((8, LANES), np.uint32)
    words = np.empty((16, LANES), np.uint32)
    heads = np.empty(start.size, np.int64)
    for first in range(0, start.size, LANES):
        count = min(LANES, start.size - first)
        for lane in range(count):
            sizes[lane] = max(0, length[first + lane])
            for index in range(sizes[lane]):
                room[lane, index] = data[start[first + lane] + index]
        hash_lanes(room, sizes, inner, outer, state, words)
        for lane in range(count):
            heads[first + lane] = np.int64(head(state, 0, lane))
    return heads


@njit(cache=True, nogil=True)
def head(state: UInt32, word: int, lane: int) -> np.uint64:
    """Words `word` and `word + 1` of a lane's hash as one number, big-endian."""
    return (np.uint64(state[word, lane]) << np.uint64(32)) | np.uint64(state[word + 1, lane])


@njit(cache=True, nogil=True)
def hash_lanes(room: UInt8, sizes: Int64, inner: UInt32, outer: UInt32, state: UInt32, words: UInt32) -> None:
    """Hash one message a lane.

    Args:
        room: uint8[LANES, blocks * BLOCK], a message from the start of each
            row on, `PADDING` bytes free behind it; what lies behind is overwritten.
        sizes: int64[LANES], bytes of each message.
        inner: uint32[8], the state to start from.
        outer: uint32[8], the state that the second hash of HMAC starts from;
            empty for SHA-256 itself.
        state: uint32[8, LANES], receives the hashes.
        words: uint32[16, LANES], scratch.
    """
    hashed_before = BLOCK if outer.size else 0
    blocks = 0
    shortest = room.shape[1]
    for lane in range(LANES):
        count = _pad(room[lane], sizes[lane], hashed_before)
        blocks = max(blocks, count)
        shortest = min(shortest, count)
        for index in range(8):
            state[index, lane] = inner[index]
    kept = state.copy() if shortest < blocks else state
    for block in range(blocks):
        for lane in range(LANES):
            _load_block(room[lane], block * BLOCK, words, lane)
        if block >= shortest:
            kept[:] = state
        compress(state, words)
        if block >= shortest:
            for lane in range(LANES):
                if (sizes[lane] + PADDING + BLOCK - 1) // BLOCK <= block:
                    for index in range(8):
                        state[index, lane] = kept[index, lane]
    if outer.size:
        _hash_again(outer, state, words)


@njit(cache=True, nogil=True)
def _pad(message: UInt8, size: int, hashed_before: int) -> int:
    """Append the mark, zeros and the length in bits; the number of blocks."""
    blocks = (size + PADDING + BLOCK - 1) // BLOCK
    end = blocks * BLOCK
    message[size] = 0x80
    for index in range(size + 1, end - 4):
        message[index] = 0
    bits = (size + hashed_before) * 8
    for index in range(4):
        message[end - 1 - index] = (bits >> (8 * index)) & 0xFF
    return blocks


@njit(cache=True, nogil=True)
def _load_block(message: UInt8, offset: int, words: UInt32, lane: int) -> None:
    for pair in range(8):
        word = load64(message, offset + 8 * pair)
        words[2 * pair, lane] = np.uint32(word & np.uint64(0xFFFFFFFF))
        words[2 * pair + 1, lane] = np.uint32(word >> np.uint64(32))


@njit(cache=True, nogil=True)
def _hash_again(outer: UInt32, state: UInt32, words: UInt32) -> None:
    """The outer hash of HMAC over the 32 bytes of each lane's inner hash."""
    for index in range(8):
        for lane in range(LANES):
            words[index, lane] = _swapped(state[index, lane])
            words[index + 8, lane] = 0
            state[index, lane] = outer[index]
    for lane in range(LANES):
        words[8, lane] = _swapped(np.uint32(0x80000000))
        words[15, lane] = _swapped(np.uint32((BLOCK + 32) * 8))
    compress(state, words)


@njit(cache=True, nogil=True)
def _swapped(word: np.uint32) -> np.uint32:
    """The bytes of a word in the other order."""
    low = ((word & np.uint32(0xFF)) << np.uint32(24)) | ((word & np.uint32(0xFF00)) << np.uint32(8))
    high = ((word >> np.uint32(8)) & np.uint32(0xFF00)) | (word >> np.uint32(24))
    return np.uint32(low | high)
