"""The keyed identity of a scan within its UTC day, made for every row: the hottest hash there is.

The event key is the first 16 bytes of HMAC-SHA-256 under the event sub-key of

    01 ‖ UTC day, 4 bytes ‖ event id                                    with an event id
    02 ‖ person ‖ venue ‖ zone ‖ direction ‖ microseconds, 8 bytes      without one

where the length, one byte, stands before each text and before the microseconds,
numbers are big-endian and signed, days count from 1970, the person is canonical,
texts are NFC, an absent zone is empty and the direction is written out.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from pipelines.ingest.validate.text_column import Texts
from pipelines.kernels.byte_copy import move
from pipelines.kernels.compile import inlined
from pipelines.kernels.sha256 import BLOCK, blocks_of, hash_lanes, head, key_states
from pipelines.kernels.sha256_simd import LANES
from pipelines.kernels.types import Int32, Int64, Spans, UInt8, UInt32, UInt64
from pipelines.times import DAY_US
from schemas.codes import DIRECTIONS

BY_EVENT_ID, BY_CONTENT = 1, 2
"""The first byte of what is hashed, so that no event id can pass for a content."""

_ROOM = 8 * BLOCK
"""Bytes for the longest message: three texts of at most 140 bytes, and less than 40 beside them."""

_QUEUES = 3
"""Messages of one block, of two and of more wait apart, so that lanes work on messages of like size."""

_EVENT_ID_FRAME = 6
_CONTENT_FRAME = 14
"""Bytes that are hashed beside the texts."""

_DIRECTION_SIZES = np.array([len(name) for name in DIRECTIONS], np.int64)
_DIRECTIONS = np.frombuffer("".join(name.ljust(8) for name in DIRECTIONS).encode(), np.uint8)
assert _DIRECTION_SIZES.max() <= 8


@dataclass(frozen=True)
class EventContent:
    """What identifies a scan that has no event id; n scans.

    Attributes:
        persons: the distinct canonical persons.
        venues: the distinct venue codes.
        zones: the distinct zones.
        ids: int32[3, n], each scan's person, venue and zone among them, -1 for no zone.
        direction: uint8[n] codes.
        occurred_us: int64[n].
    """

    persons: Spans
    venues: Spans
    zones: Spans
    ids: Int32
    direction: UInt8
    occurred_us: Int64


def event_keys(key: bytes, event_id: Texts, content: EventContent) -> UInt64:
    """The event keys of n scans, uint64[2, n], as big-endian halves.

    Args:
        key: the event sub-key.
        event_id: n texts of at most 64 bytes, absent where the content is to be hashed.
        content: the scans.
    """
    inner, outer = key_states(key)
    return _event_keys(
        inner,
        outer,
        (event_id.data, event_id.side, event_id.start, event_id.length),
        _parts(content.persons),
        _parts(content.venues),
        _parts(content.zones),
        content.ids,
        content.direction,
        content.occurred_us,
    )


def _parts(texts: Spans) -> tuple[UInt8, Int64, Int32]:
    return texts.data, texts.start, texts.length


@njit(cache=True, nogil=True)
def _event_keys(
    inner: UInt32,
    outer: UInt32,
    event_id: tuple[UInt8, UInt8, Int64, Int32],
    persons: tuple[UInt8, Int64, Int32],
    venues: tuple[UInt8, Int64, Int32],
    zones: tuple[UInt8, Int64, Int32],
    ids: Int32,
    direction: UInt8,
    occurred_us: Int64,
) -> UInt64:
    keys = np.empty((2, direction.size), np.uint64)
    room = np.zeros(_QUEUES * LANES * _ROOM, np.uint8)
    places = (np.arange(_QUEUES * LANES) * _ROOM).reshape(_QUEUES, LANES)
    sizes = np.zeros((_QUEUES, LANES), np.int64)
    rows = np.zeros((_QUEUES, LANES), np.int64)
    waiting = np.zeros(_QUEUES, np.int64)
    state = np.empty(16 * LANES, np.uint32)
    words = np.empty(16 * LANES, np.uint32)
    for row in range(direction.size):
        size = _size_of(event_id, persons, venues, zones, ids, direction, row)
        queue = min(blocks_of(size), _QUEUES) - 1
        lane = waiting[queue]
        at = places[queue, lane]
        if event_id[3][row] < 0:
            _put_content(persons, venues, zones, ids, direction, occurred_us, row, room, at)
        else:
            _put_event_id(event_id, row, occurred_us, room, at)
        sizes[queue, lane] = size
        rows[queue, lane] = row
        waiting[queue] += 1
        if lane + 1 == LANES:
            waiting[queue] = 0
            hash_lanes(room, places[queue], sizes[queue], inner, outer, state, words)
            _keep(keys, rows[queue], lane + 1, state)
    for queue in range(_QUEUES):
        hash_lanes(room, places[queue], sizes[queue], inner, outer, state, words)
        _keep(keys, rows[queue], waiting[queue], state)
    return keys


@inlined
def _keep(keys: UInt64, rows: Int64, lanes: int, state: UInt32) -> None:
    for lane in range(lanes):
        keys[0, rows[lane]] = head(state, 0, lane)
        keys[1, rows[lane]] = head(state, 2, lane)


@inlined
def _size_of(
    event_id: tuple[UInt8, UInt8, Int64, Int32],
    persons: tuple[UInt8, Int64, Int32],
    venues: tuple[UInt8, Int64, Int32],
    zones: tuple[UInt8, Int64, Int32],
    ids: Int32,
    direction: UInt8,
    row: int,
) -> int:
    """Bytes that are hashed of a scan."""
    if event_id[3][row] >= 0:
        return int(_EVENT_ID_FRAME + event_id[3][row])
    zone = ids[2, row]
    size = persons[2][ids[0, row]] + venues[2][ids[1, row]] + (zones[2][zone] if zone >= 0 else 0)
    return int(_CONTENT_FRAME + size + _DIRECTION_SIZES[direction[row]])


@inlined
def _put_event_id(
    event_id: tuple[UInt8, UInt8, Int64, Int32], row: int, occurred_us: Int64, room: UInt8, at: int
) -> None:
    """Write what is hashed of a scan with an event id."""
    data, side, start, length = event_id
    room[at] = BY_EVENT_ID
    end = _put_number(occurred_us[row] // DAY_US, 4, room, at + 1)
    if start[row] < data.size:
        _put_text(data, start[row], length[row], room, end)
    else:
        _put_text(side, start[row] - data.size, length[row], room, end)


@inlined
def _put_content(
    persons: tuple[UInt8, Int64, Int32],
    venues: tuple[UInt8, Int64, Int32],
    zones: tuple[UInt8, Int64, Int32],
    ids: Int32,
    direction: UInt8,
    occurred_us: Int64,
    row: int,
    room: UInt8,
    at: int,
) -> None:
    """Write what is hashed of a scan without an event id."""
    room[at] = BY_CONTENT
    end = _put_known(persons, ids[0, row], room, at + 1)
    end = _put_known(venues, ids[1, row], room, end)
    end = _put_known(zones, ids[2, row], room, end)
    code = direction[row]
    end = _put_text(_DIRECTIONS, 8 * code, _DIRECTION_SIZES[code], room, end)
    room[end] = 8
    _put_number(occurred_us[row], 8, room, end + 1)


@inlined
def _put_known(texts: tuple[UInt8, Int64, Int32], number: int, message: UInt8, to: int) -> int:
    """Append one of the distinct texts, or an empty one for a number below 0; the position behind."""
    if number < 0:
        message[to] = 0
        return to + 1
    return _put_text(texts[0], texts[1][number], texts[2][number], message, to)


@inlined
def _put_text(data: UInt8, at: int, size: int, message: UInt8, to: int) -> int:
    """Append a text of at most 255 bytes and its length before it; the position behind."""
    message[to] = size
    return move(data, at, size, message, to + 1)


@inlined
def _put_number(number: int, size: int, message: UInt8, to: int) -> int:
    """Append a big-endian number of `size` bytes; the position behind."""
    for index in range(size):
        message[to + index] = (number >> (8 * (size - 1 - index))) & 0xFF
    return to + size
