"""Loads, copies and comparisons of a few bytes inside kernels, eight at a time."""

from typing import Any

import numpy as np

from pipelines.kernels.compile import inlined
from pipelines.kernels.simd import load64, store64
from pipelines.kernels.types import UInt8

SLACK = 8
"""Bytes to keep behind the last one: with them, `load_upto` and `move` need no loop over single bytes."""


@inlined
def load_upto(data: UInt8, at: int, size: int) -> Any:
    """Load the first `size` bytes from `at` on, at most 8, as a little-endian uint64."""
    if size >= 8:
        return load64(data, at)
    # One load and a mask; `size` is below 8, so the shift is below 64.
    if at + 8 <= data.size:
        return load64(data, at) & ((np.uint64(1) << np.uint64(8 * size)) - np.uint64(1))
    # The last bytes of the array: a load of eight would read past its end.
    word = np.uint64(0)
    for index in range(size):
        word |= np.uint64(data[at + index]) << np.uint64(8 * index)
    return word


@inlined
def move(source: UInt8, at: int, size: int, target: UInt8, to: int) -> int:
    """Copy `size` bytes. Up to `SLACK` more are overwritten, for which `target` must have room.

    Returns:
        the position behind the copy.
    """
    index = 0
    while index < size:
        # The bytes behind the copy become zero, never others of the source: `load_upto` masks them.
        store64(target, to + index, load_upto(source, at + index, size - index))
        index += 8
    return to + size


@inlined
def same(left: UInt8, at: int, right: UInt8, to: int, size: int) -> bool:
    """Tell whether two texts of `size` bytes are the same."""
    index = 0
    while index < size:
        if load_upto(left, at + index, size - index) != load_upto(right, to + index, size - index):
            return False
        index += 8
    return True
