"""Group-by on arrays: where groups change, the distinct values of each group, and lists of them."""

import numpy as np
import pyarrow as pa

from pipelines.kernels.types import Bool, Int64


def changes(*columns: Int64) -> Bool:
    """Return whether each row differs from the one before it in any column; the first row does.

    Example:
        >>> changes(np.array([5, 5, 6])).tolist()
        [True, False, True]

    Args:
        columns: at least one, int64[n] each.
    """
    # Set in two steps, so that an empty column gives an empty result.
    differs = np.ones(columns[0].size, np.bool_)
    differs[1:] = False
    for values in columns:
        differs[1:] |= values[1:] != values[:-1]
    return differs


def distinct_pairs(group: Int64, value: Int64) -> tuple[Int64, Int64]:
    """Return each pair of a group and a value once, ascending by group and then by value.

    Args:
        group: int64[n].
        value: int64[n].
    """
    # `lexsort` takes the foremost key last.
    order = np.lexsort((value, group))
    group, value = group[order], value[order]
    first = changes(group, value)
    return group[first], value[first]


def distinct_per_group(group: Int64, value: Int64, groups: int) -> Int64:
    """Return how many distinct values each group has, int64[groups].

    Args:
        group: int64[n], from 0.
        value: int64[n].
        groups: how many there are.
    """
    counts: Int64 = np.bincount(distinct_pairs(group, value)[0], minlength=groups)
    return counts


def lists_of(group: Int64, values: pa.Array, groups: int) -> pa.ListArray:
    """Return the values of each group as a list; a group without values has an empty one.

    Example:
        >>> lists_of(np.array([0, 0, 2]), pa.array(["a", "b", "c"]), 3).to_pylist()
        [['a', 'b'], [], ['c']]

    Args:
        group: int64[n], from 0, ascending.
        values: n values.
        groups: how many lists there are.
    """
    # Where the next group would begin is where a group ends, also one without values.
    return lists_until(np.searchsorted(group, np.arange(1, groups + 1)), values)


def lists_until(end: Int64, values: pa.Array) -> pa.ListArray:
    """Return the values of each group as a list; those of group i end before position `end[i]`."""
    # Offsets of a `list` are int32: up to 2^31 - 1 values in one column.
    return pa.ListArray.from_arrays(pa.array(np.append(0, end).astype(np.int32)), values)
