"""Binary searches in sorted columns, and the proof that their ends are right.

Pure functions over arrays. A search returns rows [first, last); it is proven by
the rows on both sides of its two ends, whatever rows it has read in between.
"""

import sys
from typing import Any

import numpy as np

from pipelines.kernels.types import Int64

_FEW = 256  # searches up to which numpy and a loop are faster than to load a kernel
_VERY_FEW = 16  # searches up to which a loop is faster than numpy, whose every call takes a microsecond


def rows_of(ids: Int64, wanted: Int64) -> tuple[Int64, Int64]:
    """Find the rows of each wanted id in a sorted column.

    >>> first, last = rows_of(np.array([3, 5, 5, 9]), np.array([5, 7]))
    >>> first.tolist(), last.tolist()
    ([1, 3], [3, 3])
    """
    # numpy needs no Python loop here, so numba is used only if it is loaded already.
    if wanted.size > _FEW and "numba" in sys.modules:
        from pipelines.lake.sidecars.sidecar_kernel import rows_of as many

        first, last = np.empty((2, wanted.size), np.int64)
        many(ids, wanted, first, last)
        return first, last
    return ids.searchsorted(wanted, "left"), ids.searchsorted(wanted, "right")


def is_proven(ids: Int64, wanted: Int64, first: Int64, last: Int64) -> bool:
    """Return whether the ends of `rows_of` are right."""
    size = ids.size
    if wanted.size <= _VERY_FEW:
        # `item` returns a Python int; indexing would make a numpy scalar each time.
        return all(
            (start == 0 or ids.item(start - 1) < id_)
            and (start == size or ids.item(start) >= id_)
            and (end == 0 or ids.item(end - 1) <= id_)
            and (end == size or ids.item(end) > id_)
            for id_, start, end in zip(wanted.tolist(), first.tolist(), last.tolist(), strict=True)
        )
    # An index of -1 reads the last row, which is harmless: the first term is true there.
    proofs = (
        (first == 0) | (ids[first - 1] < wanted),
        (first == size) | (ids[np.minimum(first, size - 1)] >= wanted),
        (last == 0) | (ids[last - 1] <= wanted),
        (last == size) | (ids[np.minimum(last, size - 1)] > wanted),
    )
    return all(bool(proof.all()) for proof in proofs)


def rows_entering(
    ids: Int64, enter_us: Int64, wanted: Int64, after_us: Int64, before_us: Int64
) -> tuple[Int64, Int64]:
    """Find the rows of each wanted id that enter after one instant and before another.

    Args:
        ids: int64[n].
        enter_us: int64[n]; the rows are in the order (id, enter).
        wanted: int64[k].
        after_us: int64[k], excluded.
        before_us: int64[k], excluded; greater than `after_us`.
    """
    if wanted.size > _FEW:
        from pipelines.lake.sidecars.sidecar_kernel import rows_entering as many  # numba takes long to load

        first, last = np.empty((2, wanted.size), np.int64)
        many(ids, enter_us, wanted, after_us, before_us, first, last)
        return first, last
    begin, end = rows_of(ids, wanted)
    # For ids without rows the range stays empty, [begin, begin).
    first, last = begin.copy(), begin
    for at in (begin < end).nonzero()[0].tolist():
        enters = enter_us[begin[at] : end[at]]
        start = begin[at]  # read before `last[at]` is set: `last` is `begin` itself
        first[at] = start + enters.searchsorted(after_us[at], "right")
        last[at] = start + enters.searchsorted(before_us[at], "left")
    return first, last


def is_entering_proven(
    ids: Int64,
    enter_us: Int64,
    wanted: Int64,
    after_us: Int64,
    before_us: Int64,
    first: Int64,
    last: Int64,
) -> bool:
    """Return whether the ends of `rows_entering` are right; arguments as there."""
    end = ids.size - 1
    if wanted.size <= _VERY_FEW:
        columns = (column.tolist() for column in (wanted, after_us, before_us, first, last))
        # Instants are integers: entering after `after` means at `after + 1` or later.
        return all(
            _is_between(ids, enter_us, start, id_, after + 1)
            and _is_between(ids, enter_us, stop, id_, before)
            for id_, after, before, start, stop in zip(*columns, strict=True)
        )
    # As in `is_proven`, the first term covers an index of -1.
    proofs = (
        (first == 0) | _precedes(ids, enter_us, first - 1, wanted, after_us + 1),
        (first > end) | ~_precedes(ids, enter_us, np.minimum(first, end), wanted, after_us + 1),
        (last == 0) | _precedes(ids, enter_us, last - 1, wanted, before_us),
        (last > end) | ~_precedes(ids, enter_us, np.minimum(last, end), wanted, before_us),
        first <= last,
    )
    return all(bool(proof.all()) for proof in proofs)


def _is_between(ids: Int64, enter_us: Int64, row: int, wanted: int, instant_us: int) -> bool:
    """Return whether (id, instant) lies behind the row before `row`, and not behind `row` itself."""
    key = (wanted, instant_us)
    return (row == 0 or (ids.item(row - 1), enter_us.item(row - 1)) < key) and (
        row == ids.size or (ids.item(row), enter_us.item(row)) >= key
    )


def _precedes(ids: Int64, enter_us: Int64, row: Int64, wanted: Int64, instant_us: Int64) -> Any:
    """Return whether rows come before (id, instant) in the order of the file."""
    at = ids[row]
    return (at < wanted) | ((at == wanted) & (enter_us[row] < instant_us))
