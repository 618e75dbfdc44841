"""Searches in sorted arrays for kernels, fast where the wanted position is near."""

from typing import Any

from pipelines.kernels.compile import inlined


@inlined
def first_from(ascending: Any, wanted: int, begin: int) -> int:
    """Return the first position from `begin` whose value is not below `wanted`.

    Doubles its steps before it halves them, so that a near position is found in few.
    """
    # Gallop: all values before `low` are below `wanted`, and the next look is `step` further on.
    step = 1
    low, high = begin, begin
    while high < ascending.size and ascending[high] < wanted:
        low = high + 1
        high += step
        step *= 2
    # The last step may have left the array. From here a plain binary search of [low, high).
    high = min(high, ascending.size)
    while low < high:
        middle = (low + high) >> 1
        if ascending[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def first_after(ascending: Any, wanted: int, begin: int) -> int:
    """Return the first position from `begin` whose value is above `wanted`."""
    step = 1
    low, high = begin, begin
    while high < ascending.size and ascending[high] <= wanted:
        low = high + 1
        high += step
        step *= 2
    high = min(high, ascending.size)
    while low < high:
        middle = (low + high) >> 1
        if ascending[middle] <= wanted:
            low = middle + 1
        else:
            high = middle
    return low
