"""Types of the arrays of the simulator."""

from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.void]
"""A structured array; docstrings name its dtype, as in STAY[n]."""

Row = Any
"""One record of a structured array inside a kernel: numba knows its fields, mypy does not."""

Int64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Texts = npt.NDArray[np.bytes_]
