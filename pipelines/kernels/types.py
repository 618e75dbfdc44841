"""Types of the arrays that kernels work on, and the text column."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
UInt8 = npt.NDArray[np.uint8]
Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]
UInt32 = npt.NDArray[np.uint32]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spans:
    """A text column: the value of row i is `data[start[i] : start[i] + length[i]]`, UTF-8.

    Example:
        >>> data = np.frombuffer(b"officehome", np.uint8)
        >>> column = Spans(data, start=np.array([0, 6]), length=np.array([6, 4], np.int32))
        >>> column.value(1)
        b'home'

    Attributes:
        data: uint8, any number of bytes; may be shared by columns.
        start: int64[n].
        length: int32[n], bytes; -1 is null.
    """

    data: UInt8
    start: Int64
    length: Int32

    def __len__(self) -> int:
        return int(self.start.size)

    def value(self, row: int) -> bytes | None:
        """Return the bytes of one value, or None where it is null."""
        start, length = int(self.start[row]), int(self.length[row])
        return None if length < 0 else self.data[start : start + length].tobytes()


def read_only(data: UInt8) -> UInt8:
    """Return a contiguous read-only view: numba compiles a kernel again for each other layout of an array."""
    view = np.ascontiguousarray(data).view()
    view.flags.writeable = False
    return view
