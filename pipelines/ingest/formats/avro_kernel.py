"""Records of Avro, compiled: a schema as a table of nodes, and a walk over the bytes along it.

A node is (what it is, first child, number of children or bytes); children
lie in one list. The walk knows every type, so a field that nobody wants is
stepped over whatever it holds.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from pipelines.kernels.types import Int32, Int64, UInt8

NULL: Final = 0
BOOLEAN: Final = 1
LONG: Final = 2
FLOAT: Final = 3
DOUBLE: Final = 4
TEXT: Final = 5
FIXED: Final = 6
ENUM: Final = 7
ARRAY: Final = 8
MAP: Final = 9
UNION: Final = 10
RECORD: Final = 11
"""What a node is: int and long are LONG, string and bytes TEXT."""

DAMAGED: Final = -1
"""The position behind bytes that follow no schema."""

_MOST_DEPTH: Final = 64


class Nodes(NamedTuple):
    """A schema.

    Attributes:
        nodes: int64[nodes, 3], what a node is, its first child, its number of children or bytes.
        children: int64[c], nodes.
    """

    nodes: Int64
    children: Int64


class Found(NamedTuple):
    """The values of wanted fields in some records.

    Attributes:
        leaf: int32[wanted, rows], the node of the value, its union resolved.
        start: int64[wanted, rows], where a text's bytes or another value begins; of a
            number its value, of an enum its symbol's, of a float or double its bits.
        length: int32[wanted, rows], bytes; -1 of null.
    """

    leaf: Int32
    start: Int64
    length: Int32


@njit(cache=True, nogil=True)
def read_long(data: UInt8, at: int) -> tuple[Any, int]:
    """A zigzag number of at most ten bytes, and the position behind it."""
    number = np.uint64(0)
    for shift in range(0, 70, 7):
        if at >= data.size:
            return 0, DAMAGED
        byte = np.uint64(data[at])
        at += 1
        number |= (byte & np.uint64(0x7F)) << np.uint64(shift)
        if byte < 0x80:
            sign = np.int64(number & np.uint64(1))
            return np.int64(number >> np.uint64(1)) ^ -sign, at
    return 0, DAMAGED


@njit(cache=True, nogil=True)
def _plain_stop(what: int, length: int, data: UInt8, at: int) -> int:
    """The position behind a value without children."""
    if what == NULL:
        return at
    if what == BOOLEAN:
        at += 1
    elif what == FLOAT:
        at += 4
    elif what == DOUBLE:
        at += 8
    elif what == FIXED:
        at += length
    elif what == TEXT:
        size, at = read_long(data, at)
        if at < 0 or size < 0 or size > data.size - at:
            return DAMAGED
        at += size
    else:
        _, at = read_long(data, at)
    return at if at <= data.size else DAMAGED


@njit(cache=True, nogil=True)
def _resolved(schema: Nodes, node: int, data: UInt8, at: int) -> tuple[int, int]:
    """The branch that a value of a union takes, and the position behind its number."""
    what, first, count = schema.nodes[node]
    if what != UNION:
        return node, at
    branch, at = read_long(data, at)
    if at < 0 or branch < 0 or branch >= count:
        return node, DAMAGED
    return schema.children[first + branch], at


@njit(cache=True, nogil=True)
def _items(data: UInt8, at: int) -> tuple[int, int]:
    """The number of items that follow in an array or map, and where; what is stepped over is none.

    A negative number is followed by a length in bytes, which is the way past them.
    """
    items, at = read_long(data, at)
    while at >= 0 and items < 0:
        size, at = read_long(data, at)
        if at < 0 or size < 0 or size > data.size - at:
            return 0, DAMAGED
        items, at = read_long(data, at + size)
    if items > data.size:  # values of no length, without end
        return 0, DAMAGED
    return items, at


@njit(cache=True, nogil=True)
def _next_child(schema: Nodes, open_values: Int64, data: UInt8, at: int) -> tuple[int, int]:
    """The node of the next value inside an open one, -1 where it is done, and where that value begins."""
    node, done = open_values
    what, first, count = schema.nodes[node]
    if what == RECORD:
        open_values[1] = done + 1
        return (-1 if done == count else schema.children[first + done]), at
    left = done
    if left == 0:
        left, at = _items(data, at)
        if at < 0 or left == 0:
            return -1, at
    open_values[1] = left - 1
    if what == MAP:
        at = _plain_stop(TEXT, 0, data, at)
    return schema.children[first], at


@njit(cache=True, nogil=True)
def skip(schema: Nodes, node: int, data: UInt8, at: int, stack: Int64) -> int:
    """The position behind a value of any type, or `DAMAGED`.

    Args:
        schema: what there may be.
        node: what the value is; a union is resolved already.
        data: uint8.
        at: where the value begins.
        stack: int64[most depth, 2], scratch: the open values, and how far each is. No
            recursion, which numba does not survive when it comes from its cache.
    """
    nodes = schema.nodes
    if nodes[node, 0] < ARRAY:
        return _plain_stop(nodes[node, 0], nodes[node, 2], data, at)
    depth = 1
    stack[0, 0], stack[0, 1] = node, 0
    while depth > 0 and at >= 0:
        child, at = _next_child(schema, stack[depth - 1], data, at)
        if child < 0 or at < 0:
            depth -= 1
            continue
        child, at = _resolved(schema, child, data, at)
        if at >= 0 and nodes[child, 0] < ARRAY:
            at = _plain_stop(nodes[child, 0], nodes[child, 2], data, at)
        elif depth == stack.shape[0]:
            return DAMAGED
        else:
            stack[depth, 0], stack[depth, 1] = child, 0
            depth += 1
    return at


@njit(cache=True, nogil=True)
def _bits(data: UInt8, start: int, stop: int) -> Any:
    """The little-endian number in some bytes."""
    bits = np.int64(0)
    for at in range(start, stop):
        bits |= np.int64(data[at]) << np.int64(8 * (at - start))
    return bits


@njit(cache=True, nogil=True)
def collect(schema: Nodes, root: int, slot: Int32, data: UInt8, at: int, found: Found) -> int:
    """Find the values of the wanted fields of the next records, as many as there is room for.

    Args:
        schema: what there may be.
        root: the node of the record.
        slot: int32[fields], the number of a wanted field, -1 of another.
        data: uint8, the records of a block.
        at: where the first begins.
        found: what is written.

    Returns:
        The position behind the last record, or `DAMAGED`.
    """
    first = schema.nodes[root, 1]
    stack = np.empty((_MOST_DEPTH, 2), np.int64)
    for row in range(found.leaf.shape[1]):
        for field in range(slot.size):
            node, begin = _resolved(schema, schema.children[first + field], data, at)
            if begin < 0:
                return DAMAGED
            at = skip(schema, node, data, begin, stack)
            if at < 0:
                return DAMAGED
            if slot[field] >= 0:
                _note(schema.nodes[node, 0], data, begin, at, found, slot[field], row)
                found.leaf[slot[field], row] = node
    return at


@njit(cache=True, nogil=True)
def _note(what: int, data: UInt8, begin: int, stop: int, found: Found, wanted: int, row: int) -> None:
    """Write down a value that lies in `data[begin:stop]`."""
    if what == TEXT:
        _, begin = read_long(data, begin)
    found.length[wanted, row] = -1 if what == NULL else stop - begin
    if what in (LONG, ENUM):
        begin, _ = read_long(data, begin)
    elif what in (FLOAT, DOUBLE, BOOLEAN):
        begin = _bits(data, begin, stop)
    found.start[wanted, row] = begin
