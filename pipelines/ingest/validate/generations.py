"""Generations of the event key: what was made with those before is hashed once more.

A rotation cannot read event ids and scanners, of which the lake has hashes only. So it adds a generation
that hashes the hashes, and ingest does the same with what arrives: both come to the same values, and the
generations before it alone are of no use to a thief.

    event key   halves h ‖ l   ->   HMAC(g, h)[:8] ‖ HMAC(g, h ‖ l)[:8]
    scanner     token s        ->   HMAC(HMAC(g, "truyvet scanner v1"), s)[:8]

The first half of an event key hangs on the first half alone, since `retries` keeps no more of it.
"""

from collections.abc import Sequence

import numpy as np

from pipelines.kernels.sha256 import macs
from pipelines.kernels.types import Int64, Spans, UInt64, read_only
from pipelines.privacy.keys import Keys, scanner_key_of


def as_texts(*words: Int64) -> Spans:
    """Return texts of 8 big-endian bytes for each of the words, int64[n] each, side by side.

    >>> as_texts(np.array([1]), np.array([2])).value(0).hex()
    '00000000000000010000000000000002'
    """
    size = 8 * len(words)
    data = np.frombuffer(np.stack(words, axis=1).astype(">i8").tobytes(), np.uint8)
    count = words[0].size
    return Spans(read_only(data), np.arange(count, dtype=np.int64) * size, np.full(count, size, np.int32))


def nest_heads(heads: Int64, generations: Sequence[bytes]) -> Int64:
    """Hash the first halves of event keys by each generation, int64[n]."""
    for generation in generations:
        heads = macs(as_texts(heads), generation)
    return heads


def nest_event_keys(high: UInt64, low: UInt64, generations: Sequence[bytes]) -> tuple[UInt64, UInt64]:
    """Hash event keys, as big-endian halves of uint64[n], by each generation."""
    for generation in generations:
        # Both texts are made of the old halves before either half changes.
        first, both = as_texts(high.view(np.int64)), as_texts(high.view(np.int64), low.view(np.int64))
        high, low = macs(first, generation).view(np.uint64), macs(both, generation).view(np.uint64)
    return high, low


def nest_scanners(tokens: Int64, generations: Sequence[bytes]) -> Int64:
    """Hash tokens of scanners, int64[n], by each generation."""
    for generation in generations:
        tokens = macs(as_texts(tokens), scanner_key_of(generation))
    return tokens


def scanner_tokens(texts: Spans, keys: Keys) -> Int64:
    """Return the tokens of scanners, int64[n]."""
    return nest_scanners(macs(texts, keys.scanner_key), keys.generations)
