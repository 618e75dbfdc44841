"""Encounters as tracing reads them: who was near whom, seen from both sides, merged by pair.

Pure functions over rows of `encounters`, which the lake keeps as they arrived.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from pipelines.kernels.sort import as_unsigned, dense_rank, order_by
from pipelines.kernels.types import Int64


class Proximity(NamedTuple):
    """When two people were near each other; each interval stands twice, once for each of them.

    Ascending by (person, other, start); the intervals of a pair neither
    overlap nor touch, and none is empty.

    Attributes:
        person: int64[n], tokens.
        other: int64[n], tokens, never the person's own.
        start_us, end_us: int64[n], microseconds UTC; the interval is [start_us, end_us).
    """

    person: Int64
    other: Int64
    start_us: Int64
    end_us: Int64


def proximity(
    encounters: pa.Table, max_distance_m: float | None = None, max_attenuation_db: float | None = None
) -> Proximity:
    """Return the encounters that count under a rule, merged by pair where they overlap or touch.

    Args:
        encounters: rows of `encounters` in any order, at least the persons,
            the times and the measures.
        max_distance_m: the limit, inclusive; an encounter without a distance
            does not count then. None means no limit.
        max_attenuation_db: the same for the attenuation.
    """
    for name, most in (("distance_m", max_distance_m), ("attenuation_db", max_attenuation_db)):
        if most is not None:
            # A comparison with null is null: an encounter without the measure does not count.
            encounters = encounters.filter(pc.fill_null(pc.less_equal(encounters[name], most), False))
    columns = (encounters[name] for name in ("person_a", "person_b", "started_at", "ended_at"))
    person_a, person_b, start_us, end_us = (_numbers(column) for column in columns)
    # The smaller token comes first in every row of the lake, so the rows of a pair are neighbours here.
    order = _order_of_pairs(person_a, person_b, start_us)
    return _from_both_sides(*_merged(person_a[order], person_b[order], start_us[order], end_us[order]))


def _numbers(column: pa.ChunkedArray) -> Int64:
    numbers: Int64 = column.cast(pa.int64()).to_numpy()
    return numbers


def _order_of_pairs(person: Int64, other: Int64, start_us: Int64) -> Int64:
    """Return the permutation that sorts by (person, other, start)."""
    ranks, distinct = dense_rank(np.concatenate((person, other)))  # two ranks fit into one int64
    pair = ranks[: person.size] * max(distinct.size, 1) + ranks[person.size :]
    # Equal rows need no order of their own: they are merged.
    tie = as_unsigned(start_us)
    return order_by(pair, start_us, tie, tie)


def _from_both_sides(person: Int64, other: Int64, start_us: Int64, end_us: Int64) -> Proximity:
    both = (
        np.concatenate((person, other)),
        np.concatenate((other, person)),
        np.tile(start_us, 2),
        np.tile(end_us, 2),
    )
    order = _order_of_pairs(*both[:3])
    return Proximity(*(column[order] for column in both))


@njit(cache=True, nogil=True)
def _merged(person: Int64, other: Int64, start_us: Int64, end_us: Int64) -> Any:
    """Return the union of each pair's intervals, which ascend by (person, other, start); drop empty ones."""
    kept = np.empty(person.size, np.int64)
    ends_us = np.empty(person.size, np.int64)
    count = 0
    for row in range(person.size):
        if end_us[row] <= start_us[row]:
            continue
        # The row that the newest interval began with.
        last = kept[count - 1] if count else row
        if (
            count
            and person[last] == person[row]
            and other[last] == other[row]
            and start_us[row] <= ends_us[count - 1]
        ):
            ends_us[count - 1] = max(ends_us[count - 1], end_us[row])
            continue
        kept[count], ends_us[count] = row, end_us[row]
        count += 1
    kept = kept[:count]
    return person[kept], other[kept], start_us[kept], ends_us[:count]
