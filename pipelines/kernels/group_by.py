"""Rows in groups: which differ from the row before, the distinct values of each group, and lists of them."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.kernels.types import Int64


def changes(*columns: Int64) -> npt.NDArray[np.bool_]:
    """Whether each row differs from the one before it in any column; the first row does.

    Args:
        columns: at least one, int64[n] each.
    """
    differs = np.ones(columns[0].size, np.bool_)
    differs[1:] = False
    for values in columns:
        differs[1:] |= values[1:] != values[:-1]
    return differs


def distinct_pairs(group: Int64, value: Int64) -> tuple[Int64, Int64]:
    """Each pair of a group and a value once, ascending by group and then by value.

    Args:
        group: int64[n].
        value: int64[n].
    """
    order = np.lexsort((value, group))
    group, value = group[order], value[order]
    first = changes(group, value)
    return group[first], value[first]


def distinct_per_group(group: Int64, value: Int64, groups: int) -> Int64:
    """How many distinct values each group has, int64[groups].

    Args:
        group: int64[n], from 0.
        value: int64[n].
        groups: how many there are.
    """
    counts: Int64 = np.bincount(distinct_pairs(group, value)[0], minlength=groups)
    return counts


def lists_of(group: Int64, values: pa.Array, groups: int) -> pa.ListArray:
    """The values of each group as a list; a group without any has an empty one.

    Args:
        group: int64[n], from 0, ascending.
        values: n of them.
        groups: how many lists there are.
    """
    return lists_until(np.searchsorted(group, np.arange(1, groups + 1)), values)


def lists_until(end: Int64, values: pa.Array) -> pa.ListArray:
    """The values of each group as a list, where `end`, int64[g], says up to where they are a group's."""
    return pa.ListArray.from_arrays(pa.array(np.append(0, end).astype(np.int32)), values)
