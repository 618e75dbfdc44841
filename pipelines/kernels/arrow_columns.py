"""Arrow columns as the numbers that kernels work on, and back.

Pure functions; a code is the position in the tuples of `schemas.codes`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.types import UInt64

_KEY_BYTES = 16


def column(values: npt.NDArray[np.int64]) -> pa.Array:
    """Return numbers as an Arrow column, without a copy.

    `pa.array` does the same, but imports `numpy.ma` for 13 ms when it meets its first NumPy array.

    Example:
        >>> column(np.array([4, 2])).to_pylist()
        [4, 2]
    """
    # The buffer keeps the array alive; an int64 column without nulls needs no validity bitmap.
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.int64(), values.size, [None, pa.py_buffer(values)])


def event_key_words(event_key: pa.Array) -> tuple[UInt64, UInt64]:
    """Return the 16 bytes of each event key as two big-endian words, uint64[n] each."""
    # Keys are `binary`, all of 16 bytes and never null, so their bytes lie one after the other. A slice
    # shares the buffers of its parent: its first byte is where the offset of its first row says.
    first = np.frombuffer(event_key.buffers()[1], np.int32)[event_key.offset] if len(event_key) else 0
    # An empty array may come without a data buffer.
    words = np.frombuffer(event_key.buffers()[2] or b"", ">u8", count=2 * len(event_key), offset=int(first))
    pairs = words.reshape(-1, 2).astype(np.uint64)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def event_key_column(high: UInt64, low: UInt64) -> pa.Array:
    """Return event keys of two words each as binary of 16 bytes."""
    data = np.stack((high, low), axis=1).astype(">u8")
    offsets = np.arange(high.size + 1, dtype=np.int32) * _KEY_BYTES
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), high.size, buffers)


def codes_of(column: pa.Array | pa.ChunkedArray, values: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Return the code of each text, uint8[n]; null has the code of the empty text.

    Raises:
        ValueError: a text is none of `values`.
    """
    # `index_in` gives null for a text that is not among the values.
    codes = pc.index_in(pc.fill_null(column, ""), pa.array(values))
    if codes.null_count:
        raise ValueError("a text is none of the known values")
    numbers: npt.NDArray[np.uint8] = codes.to_numpy().astype(np.uint8)
    return numbers


def texts_of(codes: npt.NDArray[np.uint8], values: Sequence[str]) -> pa.Array:
    """Return the text of each code; the empty text becomes null."""
    texts = pa.array([value or None for value in values], pa.string())
    return texts.take(pa.array(codes))


def zone_codes(zone: pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """Return the distinct zones of a dictionary column, and each row's code, int32[n], -1 for null."""
    # Each chunk, as each row group of a file, has a dictionary of its own: codes mean nothing across chunks.
    unified: Any = zone.unify_dictionaries().combine_chunks()  # an Array, or chunks if there is not one
    if isinstance(unified, pa.ChunkedArray):
        unified = unified.chunk(0) if unified.num_chunks else pa.array([], zone.type)
    codes = unified.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return unified.dictionary, codes.astype(np.int32)
