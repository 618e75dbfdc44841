"""SHA-256 and HMAC-SHA-256 of many short texts, compiled.

Every person, scanner and event of a batch is hashed. Python's `hmac` takes
2.6 µs a text, eight lanes of vector registers about 0.05 µs. Only the first 8
or 16 bytes of a hash are kept, as big-endian numbers.

**How it is checked against hashlib.** Nothing here is trusted by reading it:

* `tests/kernels/test_sha256.py` compares both functions with `hashlib` and
  `hmac` of the standard library, which are OpenSSL's: every length from 0 to
  259 bytes, which crosses each padding boundary (55, 56, 63, 64 bytes and the
  same a block later), texts of the longest record, any number of texts that
  fill the eight lanes in part, random lengths side by side, and random keys
  of up to a block. It also has the example of the standard, "abc".
* Lanes are independent: the property test mixes lengths, so that lanes end
  in different blocks while the others go on (`_compress_some`).
* The oracles of ingest and of the end-to-end tests compute tokens, event keys
  and stay ids with `hashlib` alone, and whole lakes are compared with them.
* The constants are those of FIPS 180-4, sections 4.2.2 and 5.3.3; one wrong
  digit fails every comparison above.

A key longer than a block is not hashed first, as HMAC would have it: keys of
this project have 32 bytes, and `key_states` refuses longer ones.
"""

import numpy as np
from numba import njit

from pipelines.kernels.byte_copy import SLACK, move
from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.sha256_simd import LANES, compress
from pipelines.kernels.simd import load64_big, store64
from pipelines.kernels.types import Int32, Int64, Spans, UInt8, UInt32

BLOCK = 64
"""Bytes that the compression function takes in at once."""

_PADDING = 9
"""Bytes that are appended to a message at least: a mark of one byte and the length in eight."""

INITIAL = np.array(
    [
        *(0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A),
        *(0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19),
    ],
    np.uint32,
)
"""FIPS 180-4, 5.3.3."""

_NOTHING = np.empty(0, np.uint32)


def key_states(key: bytes) -> UInt32:
    """Return the states of SHA-256 after the inner and the outer key block of HMAC, uint32[2, 8].

    Args:
        key: at most 64 bytes.

    Raises:
        ValueError: it is longer.
    """
    if len(key) > BLOCK:
        raise ValueError(f"an HMAC key must have at most {BLOCK} bytes")
    padded = np.frombuffer(key.ljust(BLOCK, b"\0"), np.uint8)
    # The ipad and opad of RFC 2104.
    return np.stack([_state_after(padded ^ np.uint8(0x36)), _state_after(padded ^ np.uint8(0x5C))])


def macs(texts: Spans, key: bytes) -> Int64:
    """Return the first 8 bytes of the HMAC-SHA-256 of each text, big-endian signed, int64[n]."""
    inner, outer = key_states(key)
    return _hash_all(texts.data, texts.start, texts.length, inner, outer)


def hashes(texts: Spans) -> Int64:
    """Return the first 8 bytes of the SHA-256 of each text, big-endian signed, int64[n]."""
    return _hash_all(texts.data, texts.start, texts.length, INITIAL, _NOTHING)


@njit(cache=True, nogil=True)
def _state_after(block: UInt8) -> UInt32:
    # All lanes hash the same block, and one is kept: not worth a kernel of its own for two blocks a call.
    words = np.empty(16 * LANES, np.uint32)
    state = np.empty(8 * LANES, np.uint32)
    for lane in range(LANES):
        _load_block(block, block.size - BLOCK, words, lane)
    _set_all(state, INITIAL)
    _compress(state, words)
    # A word of all lanes after the other: every `LANES`-th one is of lane 0.
    return state[::LANES].copy()


@njit(cache=True, nogil=True)
def _hash_all(data: UInt8, start: Int64, length: Int32, inner: UInt32, outer: UInt32) -> Int64:
    room, places = room_for(max(0, length.max()) if length.size else start.size)
    # Idle lanes of the last round hash whatever lies in their room, and nobody reads it.
    sizes = np.zeros(LANES, np.int64)
    state = np.empty(16 * LANES, np.uint32)
    words = np.empty(16 * LANES, np.uint32)
    heads = np.empty(start.size, np.int64)
    for first in range(0, start.size, LANES):
        count = min(LANES, start.size - first)
        for lane in range(count):
            sizes[lane] = max(0, length[first + lane])
            # Padding overwrites what follows a message, so a message is copied before it is hashed.
            move(data, start[first + lane], sizes[lane], room, places[lane])
        hash_lanes(room, places, sizes, inner, outer, state, words)
        for lane in range(count):
            # The same 64 bits, read as signed.
            heads[first + lane] = np.int64(head(state, 0, lane))
    return heads


@inlined
def blocks_of(size: int) -> int:
    """Return how many blocks a message of `size` bytes takes."""
    return (size + _PADDING + BLOCK - 1) // BLOCK


@njit(cache=True, nogil=True)
def room_for(longest: int) -> tuple[UInt8, Int64]:
    """Return a buffer for messages of at most `longest` bytes, and where each lane's begins."""
    # `move` and `_pad` write up to 8 bytes past their end: not into the next lane.
    stride = blocks_of(longest) * BLOCK + SLACK
    return np.zeros(LANES * stride, np.uint8), np.arange(LANES) * stride


@inlined
def head(state: UInt32, word: int, lane: int) -> np.uint64:
    """Return words `word` and `word + 1` of a lane's hash as one big-endian number."""
    high, low = state[word * LANES + lane], state[(word + 1) * LANES + lane]
    return (np.uint64(high) << np.uint64(32)) | np.uint64(low)


@helper
def hash_lanes(
    room: UInt8,
    places: Int64,
    sizes: Int64,
    inner: UInt32,
    outer: UInt32,
    state: UInt32,
    words: UInt32,
) -> None:
    """Hash one message a lane.

    Args:
        room: uint8, the messages; what lies behind a message is overwritten.
        places: int64[LANES], where each message begins.
        sizes: int64[LANES], bytes of each message.
        inner: uint32[8], the state to start from.
        outer: uint32[8], the state that the second hash of HMAC starts from;
            empty for SHA-256 itself.
        state: uint32[16 * LANES], receives in its first half the hashes, a word of
            all lanes after the other; the second half is scratch.
        words: uint32[16 * LANES], scratch.
    """
    # HMAC starts behind the key's block, which counts in the length of the padding.
    hashed_before = BLOCK if outer.size else 0
    # In blocks: `fewest` starts above any count.
    blocks, fewest = 0, room.size
    for lane in range(LANES):
        count = _pad(room, places[lane], sizes[lane], hashed_before)
        blocks, fewest = max(blocks, count), min(fewest, count)
    _set_all(state, inner)
    for block in range(blocks):
        for lane in range(LANES):
            _load_block(room, places[lane] + block * BLOCK, words, lane)
        # Every lane has the first `fewest` blocks; from then on finished lanes must keep their hash.
        if block < fewest:
            _compress(state, words)
        else:
            _compress_some(state, words, sizes, block)
    if outer.size:
        _hash_again(outer, state, words)


@helper
def _compress(state: UInt32, words: UInt32) -> None:
    """Call `compress` from a function of its own: inlined at each call it would take seconds to compile."""
    compress(state, words)


@helper
def _compress_some(state: UInt32, words: UInt32, sizes: Int64, block: int) -> None:
    """Compress the lanes whose message has not ended before this block; the others keep their state."""
    # The second half of `state` holds what finished lanes go back to.
    for index in range(8 * LANES):
        state[8 * LANES + index] = state[index]
    _compress(state, words)
    for lane in range(LANES):
        # The key's block is not in `room`, so it does not count here.
        if blocks_of(sizes[lane]) <= block:
            for index in range(lane, 8 * LANES, LANES):
                state[index] = state[8 * LANES + index]


@inlined
def _pad(room: UInt8, at: int, size: int, hashed_before: int) -> int:
    """Append the mark, zeros and the length in bits; return the number of blocks.

    Only the last three bytes of the length are written: messages are far shorter than 2 MB.
    """
    blocks = blocks_of(size)
    end = at + blocks * BLOCK
    room[at + size] = 0x80
    # Eight at a time: the last store may reach 7 bytes past `end`, which `SLACK` has room for.
    for index in range(at + size + 1, end, 8):
        store64(room, index, np.uint64(0))
    bits = (size + hashed_before) * 8
    for index in range(3):
        room[end - 1 - index] = (bits >> (8 * index)) & 0xFF
    return blocks


@inlined
def _load_block(room: UInt8, at: int, words: UInt32, lane: int) -> None:
    # The words of a block are big-endian, and lie a word of all lanes after the other.
    for pair in range(8):
        word = load64_big(room, at + 8 * pair)
        words[2 * pair * LANES + lane] = np.uint32(word >> np.uint64(32))
        words[(2 * pair + 1) * LANES + lane] = np.uint32(word & np.uint64(0xFFFFFFFF))


@inlined
def _set_all(state: UInt32, start: UInt32) -> None:
    """Set every lane to the same state."""
    for index in range(8):
        for lane in range(LANES):
            state[index * LANES + lane] = start[index]


@helper
def _hash_again(outer: UInt32, state: UInt32, words: UInt32) -> None:
    """Compute the outer hash of HMAC over the 32 bytes of each lane's inner hash."""
    # The inner hash already has the layout of the first half of a block.
    for index in range(8 * LANES):
        words[index] = state[index]
        words[index + 8 * LANES] = 0

    # Its padding: the mark right behind the 32 bytes, and the length in bits, the key's block included.
    _set_all(state, outer)
    for lane in range(LANES):
        words[8 * LANES + lane] = np.uint32(0x80000000)
        words[15 * LANES + lane] = (BLOCK + 32) * 8
    _compress(state, words)
