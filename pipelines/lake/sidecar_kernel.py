"""Many binary searches at once in sorted columns, each from where the one before ended."""

from typing import Any

from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.types import Int64


@helper
def rows_of(ids: Int64, wanted: Int64, first: Int64, last: Int64) -> None:
    """Find the rows [first, last) of each wanted id; fastest where these ascend."""
    row = 0
    for at in range(wanted.size):
        if at and wanted[at] < wanted[at - 1]:
            row = 0
        first[at] = _first_from(ids, wanted[at], row)
        row = last[at] = _first_after(ids, wanted[at], first[at])
        if at + 1 < wanted.size and wanted[at + 1] == wanted[at]:
            row = first[at]


@helper
def rows_entering(
    ids: Int64,
    enter_us: Int64,
    wanted: Int64,
    after_us: Int64,
    before_us: Int64,
    first: Int64,
    last: Int64,
) -> None:
    """Find the rows of each wanted id that enter after one instant and before another."""
    begin = end = 0
    for at in range(wanted.size):
        if at and wanted[at] < wanted[at - 1]:
            end = 0
        if at == 0 or wanted[at] != wanted[at - 1]:
            begin = _first_from(ids, wanted[at], end)
            end = _first_after(ids, wanted[at], begin)
        first[at] = last[at] = begin
        if begin < end:
            enters = enter_us[begin:end]
            first[at] = begin + _first_after(enters, after_us[at], 0)
            last[at] = begin + _first_from(enters, before_us[at], 0)


@inlined
def _first_from(ascending: Any, wanted: int, begin: int) -> int:
    """Return the first position from `begin` whose value is not below `wanted`; fast when that is near."""
    step = 1
    low, high = begin, begin
    while high < ascending.size and ascending[high] < wanted:
        low = high + 1
        high += step
        step *= 2
    high = min(high, ascending.size)
    while low < high:
        middle = (low + high) >> 1
        if ascending[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def _first_after(ascending: Any, wanted: int, begin: int) -> int:
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
