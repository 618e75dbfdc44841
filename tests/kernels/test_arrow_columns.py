"""Columns of the lake as numbers, and back."""

import numpy as np

from pipelines.kernels.arrow_columns import column


def test_a_column_is_the_same_memory():
    values = np.arange(5, dtype=np.int64)
    made = column(values)
    assert made.to_pylist() == [0, 1, 2, 3, 4]
    assert made.buffers()[1].address == values.ctypes.data
    assert column(np.arange(10, dtype=np.int64)[::2]).to_pylist() == [0, 2, 4, 6, 8]
    assert column(np.empty(0, np.int64)).to_pylist() == []
