"""Orders and partitions of columns: the one way this project sorts rows by (id, time, tie).

Ids are signed 64-bit, times int64 microseconds.
"""

from collections.abc import Mapping

import numpy as np
from numba import njit

from pipelines.kernels.hash_table import number_distinct
from pipelines.kernels.types import Int64, UInt64

_MANY_ROWS = 1 << 26
"""Rows beyond which the buckets of a batch grow, see `grown`."""

_SHORT = 1 << 10  # rows below which a comparison sort is faster
_LONG_TIE = 64  # rows of one (id, time) up to which an insertion sort is used


def dense_rank(values: Int64) -> tuple[Int64, Int64]:
    """Return the rank of each value among the distinct ones.

    `np.unique` sorts all values; this one sorts the distinct ones only.

    Example:
        >>> ranks, distinct = dense_rank(np.array([30, 10, 30]))
        >>> ranks.tolist(), distinct.tolist()
        ([1, 0, 1], [10, 30])

    Args:
        values: int64[n].

    Returns:
        ranks int64[n] and the distinct values int64[d], ascending:
        `distinct[ranks] == values`.
    """
    # Columns that a table is sorted by are ranked in one pass, without hashing.
    if _is_ascending(values):
        first = np.flatnonzero(values[1:] != values[:-1]) + 1
        ranks = np.zeros(values.size, np.int64)
        ranks[first] = 1
        return np.cumsum(ranks), values[np.append(np.zeros(min(1, values.size), np.int64), first)]
    # `ids` number the values in the order of their first row; only the few distinct ones are sorted.
    ids, distinct = number_distinct(values)
    order = np.argsort(distinct)
    # The inverse of `order`: the distinct value `order[r]` has rank r.
    rank_of_id = np.empty(distinct.size, np.int64)
    rank_of_id[order] = np.arange(distinct.size)
    return rank_of_id[ids], distinct[order]


@njit(cache=True, nogil=True)
def _sort_ties(key: Int64, order: Int64, high: UInt64, low: UInt64, long_tie: int) -> int:
    """Sort rows of equal `key` by (high, low); return the length of the longest tie left unsorted."""
    start = 0
    longest = 0
    # Rows [start, end) of `order` tie; one step past the last row closes the last tie.
    for end in range(1, order.size + 1):
        if end < order.size and key[order[end]] == key[order[start]]:
            continue
        if end - start > long_tie:
            # An insertion sort is quadratic: the caller sorts by all columns instead.
            longest = max(longest, end - start)
        else:
            for i in range(start + 1, end):
                # Shift the larger rows up by one, and put `row` into the gap.
                row = order[i]
                j = i - 1
                while j >= start and (
                    high[order[j]] > high[row] or (high[order[j]] == high[row] and low[order[j]] > low[row])
                ):
                    order[j + 1] = order[j]
                    j -= 1
                order[j + 1] = row
        start = end
    return longest


def order_by(major: Int64, minor: Int64, high: UInt64, low: UInt64) -> Int64:
    """Return the permutation that sorts rows by (major, minor, high, low).

    Packs the rank of `major` and `minor` into one int64, which sorts several
    times faster than four columns; ties are few and sorted afterwards.
    Columns of long ties go to `np.lexsort`.

    Args:
        major: int64[n], compared signed.
        minor: int64[n], compared signed.
        high: uint64[n], first tie break.
        low: uint64[n], second tie break.
    """
    if major.size == 0:
        return np.empty(0, np.int64)
    ranks, _ = dense_rank(major)
    return order_by_key(packed(ranks, minor), high, low)


def packed(ranks: Int64, minor: Int64, bits: int = 63) -> Int64:
    """Return numbers in the order of (rank, minor), int64[n] of at most `bits` bits, none negative.

    Example:
        >>> packed(np.array([1, 0, 1]), np.array([10, 13, 13])).tolist()
        [4, 3, 7]

    Args:
        ranks: int64[n], from 0, as `dense_rank` returns them; n is above 0.
        minor: int64[n], compared signed.
        bits: 62 or 63; the sign bit is not for use.
    """
    # Python integers: the span of two int64 may need 64 bits.
    least = int(minor.min())
    minor_bits = (int(minor.max()) - least).bit_length()
    if int(ranks.max()).bit_length() + minor_bits > bits:
        # Two ranks always fit: there are fewer than 2^31 rows.
        minor, distinct = dense_rank(minor)
        least, minor_bits = 0, distinct.size.bit_length()
    return (ranks << minor_bits) | (minor - least)


def order_of(*keys: Int64) -> Int64:
    """Return the permutation that sorts rows by `keys`, each int64[n]; equal rows keep their order.

    The first key is the foremost: the order of `np.lexsort` called with the keys reversed. A radix sort:
    two to three times faster than `np.argsort` on ids, ranks and times.

    Example:
        >>> order_of(np.array([30, 10, 20, 10])).tolist()
        [1, 3, 2, 0]
        >>> order_of(np.array([2, 1, 2, 1]), np.array([7, 9, 6, 8])).tolist()
        [3, 1, 2, 0]
    """
    # Least significant key first: each further sort is stable, so it keeps the order of the one before.
    *others, last = keys
    order = _stable_order(last)
    for key in reversed(others):
        order = order[_stable_order(key[order])]
    return order


def _stable_order(key: Int64) -> Int64:
    if key.size < _SHORT:
        return np.argsort(key, kind="stable")
    # Python integers again: the span may need 64 bits, which the kernel's uint64 holds.
    least = int(key.min())
    bits = (int(key.max()) - least).bit_length()
    return _radix_order(key, least, bits)


@njit(cache=True, nogil=True)
def _radix_order(key: Int64, least: int, bits: int) -> Int64:
    """Sort by digits of up to 11 bits, the lowest first; each pass keeps the order of the one before."""
    # One pass that ends at the first descent, and spares sorted columns the whole sort.
    if _is_ascending(key):
        return np.arange(key.size)
    # Digits of 2,048 values: their counters fit the first-level cache, and 64 bits take six passes.
    passes = max(1, (bits + 10) // 11)
    width = (bits + passes - 1) // passes
    mask = np.uint64((1 << width) - 1)
    starts = np.zeros((passes, 1 << width), np.int64)
    keys, next_keys = np.empty(key.size, np.uint64), np.empty(key.size, np.uint64)
    # Half the bytes to move: a column here has fewer than 2^32 rows.
    rows, next_rows = np.empty(key.size, np.uint32), np.empty(key.size, np.uint32)

    # Count all digits of all passes in one look at the keys.
    for row in range(key.size):
        # Modulo 2^64 the difference is right even where int64 would overflow. All operands of the shifts
        # are uint64 as well: numba makes a float64 of uint64 and int64.
        value = np.uint64(key[row]) - np.uint64(least)
        keys[row], rows[row] = value, row
        for step in range(passes):
            starts[step, (value >> np.uint64(step * width)) & mask] += 1

    # Scatter by one digit a pass.
    for step in range(passes):
        start, shift = starts[step], np.uint64(step * width)
        if start[(keys[0] >> shift) & mask] == key.size:
            continue  # all keys have the same digit
        # Counts become the first place of each digit.
        total = 0
        for digit in range(start.size):
            start[digit], total = total, total + start[digit]
        for position in range(key.size):
            digit = (keys[position] >> shift) & mask
            next_keys[start[digit]], next_rows[start[digit]] = keys[position], rows[position]
            start[digit] += 1
        # The targets of this pass are the sources of the next.
        keys, next_keys = next_keys, keys
        rows, next_rows = next_rows, rows
    return rows.astype(np.int64)


@njit(cache=True, nogil=True)
def _is_ascending(key: Int64) -> bool:
    """Tell whether no key is below the one before; keys in disorder are found out soon."""
    row = 1
    while row < key.size and key[row - 1] <= key[row]:
        row += 1
    return row >= key.size


def order_by_key(key: Int64, high: UInt64, low: UInt64) -> Int64:
    """Return the permutation that sorts rows by (key, high, low), where keys seldom tie.

    Args:
        key: int64[n], compared signed.
        high: uint64[n], first tie break.
        low: uint64[n], second tie break.
    """
    order = order_of(key)
    if _sort_ties(key, order, high, low, _LONG_TIE) > _LONG_TIE:
        return np.lexsort((low, high, key))
    return order


def as_unsigned(values: Int64) -> UInt64:
    """Return signed ids as unsigned numbers of the same order, for a tie break."""
    return values.view(np.uint64) ^ np.uint64(1 << 63)


def stable_order(*keys: Int64) -> Int64:
    """Return the permutation that sorts rows by `keys`, the first one first, and else keeps their order.

    For keys of few distinct values, which pack into 16 bits and sort in linear time.
    """
    # A mixed radix number; the spans of all keys together must stay below 2^63, which nothing checks.
    packed = np.zeros(keys[0].size, np.int64)
    for key in keys:
        if key.size:
            least = int(key.min())
            packed = packed * (int(key.max()) - least + 1) + (key - least)
    # NumPy's stable sort is a radix sort for 16-bit integers, and a merge or Tim sort for wider ones.
    if packed.size and packed.max() < 1 << 16:
        return np.argsort(packed.astype(np.uint16), kind="stable")
    return np.argsort(packed, kind="stable")


def part_of(ids: Int64 | UInt64, parts: int) -> Int64:
    """Return which of `parts` equal ranges of unsigned ids (a power of two) holds each id."""
    # The top bits of the id seen as unsigned: negative ids lie in the last parts.
    shift = 64 - (parts.bit_length() - 1)
    if shift == 64:
        return np.zeros(ids.size, np.int64)
    return (ids.view(np.uint64) >> np.uint64(shift)).astype(np.int64)


def part_of_group(ids: Int64, group: Int64, parts: Mapping[int, int]) -> Int64:
    """Return which range of ids holds each id, where each group has a number of equal ranges of its own.

    Args:
        ids: int64[n].
        group: int64[n], such as day numbers.
        parts: how many ranges a group has, a power of two; one where it is not named.
    """
    most = max(parts.values(), default=1)
    if most == 1 or not group.size:
        return np.zeros(ids.size, np.int64)
    first, last = int(group.min()), int(group.max())
    # How many low bits of the finest part number each group drops; all of them where it has one part.
    fold = np.full(last - first + 1, most.bit_length() - 1)
    for number, count in parts.items():
        if first <= number <= last:
            fold[number - first] = (most // count).bit_length() - 1
    part: Int64 = part_of(ids, most) >> fold[group - first]
    return part


def parts_for(rows: int, rows_a_part: int) -> int:
    """Return the power of two of parts that keeps each near `rows_a_part` rows at most.

    Example:
        >>> parts_for(41, 10)
        8
    """
    # Parts rounded up, then to the next power of two: the bit length of one less.
    return 1 << max(0, -(-rows // rows_a_part) - 1).bit_length()


def few_at_once(bounds: Int64, most: int) -> list[tuple[int, int]]:
    """Group neighbouring ranges of rows, so that no copy of all rows need be held.

    Example:
        >>> few_at_once(np.array([0, 4, 6, 20]), 8)
        [(0, 2), (2, 3)]

    Args:
        bounds: int64[n + 1], ascending: range i is of the rows [bounds[i], bounds[i + 1]).
        most: rows of a group, more where a single range has more.

    Returns:
        the first range of each group, and the one after its last.
    """
    groups: list[tuple[int, int]] = []
    first = 0
    while first < bounds.size - 1:
        # The last bound within reach; one range is taken in any case.
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + most, "right")) - 1)
        groups.append((first, last))
        first = last
    return groups


def buckets_for(rows: int, rows_a_bucket: int) -> int:
    """Return the power of two of buckets for a batch, of about `rows_a_bucket` rows, or more of very many."""
    return parts_for(rows, grown(rows_a_bucket, rows, _MANY_ROWS))


def grown(size: int, total: int, until: int) -> int:
    """Return the size of the parts of a total; beyond a bound it grows with the total's square root.

    Between two steps each part of the first hands a piece to each part of the second. Parts of one
    size would make the number of pieces grow with the square of the total, and each costs some work.

    Args:
        size: of a part as long as the total is no greater than `until`.
        total: in any unit.
        until: in the same unit.
    """
    return size if total <= until else int(size * (total / until) ** 0.5)
