"""Event keys: what identifies a scan within its UTC day, a keyed hash of every row.

The event key is the first 16 bytes of HMAC-SHA-256 under the event sub-key of

    01 ‖ UTC day, 4 bytes ‖ scanner ‖ event id                          with an event id
    02 ‖ person ‖ venue ‖ zone ‖ direction ‖ microseconds, 8 bytes      without one

where one byte of length precedes each text and the microseconds, numbers are
big-endian and signed, days count from 1970, the person is canonical, texts are
tidy, an absent scanner or zone is empty and the direction is written out. Readers
number their scans from 1, each for itself, hence the scanner beside the event id.

This hashes every row and is the hottest loop of ingest, so messages are hashed
eight at a time (`pipelines.kernels.sha256`), those of equal block counts together.
"""

from dataclasses import dataclass
from typing import Final

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
"""The first byte of a message, so that no event id can pass for a content."""

_ROOM: Final = 8 * BLOCK
"""Bytes reserved for a message: at most three texts of 140 bytes and less than 40 bytes beside them."""

_QUEUES: Final = 3
"""Messages of one block, of two and of more wait in queues of their own, so that lanes end together."""

_EVENT_ID_FRAME: Final = 7  # kind, day in four bytes, two lengths
_CONTENT_FRAME: Final = 14  # kind, five lengths, time in eight bytes
"""Bytes of a message beside its texts."""

_PERSON, _VENUE, _ZONE, _SCANNER = range(4)
_DIRECTION_SIZES = np.array([len(name) for name in DIRECTIONS], np.int64)
# Eight bytes a name, so that the name of a code begins at eight times the code.
_DIRECTIONS = np.frombuffer("".join(name.ljust(8) for name in DIRECTIONS).encode(), np.uint8)
assert _DIRECTION_SIZES.max() <= 8

_Column = tuple[UInt8, Int64, Int32]
"""The bytes, starts and lengths of distinct texts."""

_EventIds = tuple[UInt8, UInt8, Int64, Int32]
"""The two buffers, starts and lengths of event ids, a row each."""

_Message = tuple[_EventIds, _Column, _Column, _Column, _Column, Int32, UInt8, Int64]
"""Event ids; persons, venues, zones, scanners; ids, direction, occurred_us as in `EventFields`."""


@dataclass(frozen=True)
class EventFields:
    """What event keys are made of; n scans.

    Attributes:
        event_id: n texts of at most 64 bytes, absent where the content identifies the scan.
        persons: the distinct canonical persons.
        venues: the distinct venue codes.
        zones: the distinct zones.
        scanners: the distinct scanners.
        ids: int32[4, n], each scan's person, venue, zone and scanner among them, -1 for none.
        direction: uint8[n] codes.
        occurred_us: int64[n].
    """

    event_id: Texts
    persons: Spans
    venues: Spans
    zones: Spans
    scanners: Spans
    ids: Int32
    direction: UInt8
    occurred_us: Int64


def event_keys(key: bytes, fields: EventFields) -> UInt64:
    """Return the event keys of n scans as big-endian halves, uint64[2, n].

    Args:
        key: the event sub-key.
        fields: of the scans.
    """
    inner, outer = key_states(key)
    event_id = fields.event_id
    return _event_keys(
        inner,
        outer,
        (
            (event_id.data, event_id.side, event_id.start, event_id.length),
            _column(fields.persons),
            _column(fields.venues),
            _column(fields.zones),
            _column(fields.scanners),
            fields.ids,
            fields.direction,
            fields.occurred_us,
        ),
    )


def _column(texts: Spans) -> _Column:
    return texts.data, texts.start, texts.length


@njit(cache=True, nogil=True)
def _event_keys(inner: UInt32, outer: UInt32, message: _Message) -> UInt64:
    event_id, _, _, _, _, _, direction, _ = message
    keys = np.empty((2, direction.size), np.uint64)
    # A message for each lane of each queue; what lies behind a message is padded when it is hashed.
    room = np.zeros(_QUEUES * LANES * _ROOM, np.uint8)
    places = (np.arange(_QUEUES * LANES) * _ROOM).reshape(_QUEUES, LANES)
    sizes = np.zeros((_QUEUES, LANES), np.int64)
    rows = np.zeros((_QUEUES, LANES), np.int64)
    waiting = np.zeros(_QUEUES, np.int64)  # how many lanes of each queue are taken
    state = np.empty(16 * LANES, np.uint32)
    words = np.empty(16 * LANES, np.uint32)
    for row in range(direction.size):
        size = _size_of(message, row)
        # Queue by the number of blocks: a hash takes as long as the longest message of its lanes.
        queue = min(blocks_of(size), _QUEUES) - 1
        lane = waiting[queue]
        at = places[queue, lane]
        if event_id[3][row] < 0:
            _put_content(message, row, room, at)
        else:
            _put_event_id(message, row, room, at)
        sizes[queue, lane] = size
        rows[queue, lane] = row
        waiting[queue] += 1
        # All lanes are taken: hash them, and begin the queue again.
        if lane + 1 == LANES:
            waiting[queue] = 0
            hash_lanes(room, places[queue], sizes[queue], inner, outer, state, words)
            _keep(keys, rows[queue], lane + 1, state)
    # The rest. Lanes in which nothing waits are hashed with the others, but not kept.
    for queue in range(_QUEUES):
        hash_lanes(room, places[queue], sizes[queue], inner, outer, state, words)
        _keep(keys, rows[queue], waiting[queue], state)
    return keys


@inlined
def _keep(keys: UInt64, rows: Int64, lanes: int, state: UInt32) -> None:
    """Store the hashes of the first lanes as the keys of their rows."""
    for lane in range(lanes):
        keys[0, rows[lane]] = head(state, 0, lane)
        keys[1, rows[lane]] = head(state, 2, lane)


@inlined
def _size_of(message: _Message, row: int) -> int:
    """Return the size of a scan's message."""
    event_id, persons, venues, zones, scanners, ids, direction, _ = message
    if event_id[3][row] >= 0:
        return int(_EVENT_ID_FRAME + _text_size(scanners, ids[_SCANNER, row]) + event_id[3][row])
    size = _text_size(persons, ids[_PERSON, row]) + _text_size(venues, ids[_VENUE, row])
    size += _text_size(zones, ids[_ZONE, row])
    return int(_CONTENT_FRAME + size + _DIRECTION_SIZES[direction[row]])


@inlined
def _text_size(texts: _Column, number: int) -> int:
    return int(texts[2][number]) if number >= 0 else 0


@inlined
def _put_event_id(message: _Message, row: int, room: UInt8, at: int) -> None:
    """Write the message of a scan with an event id."""
    event_id, _, _, _, scanners, ids, _, occurred_us = message
    data, side, start, length = event_id
    # What is written here, and its order, is in all lakes: a change would make every repeat new.
    room[at] = BY_EVENT_ID
    # Floor division, as in Python: days before 1970 are negative.
    end = _put_number(occurred_us[row] // DAY_US, 4, room, at + 1)
    end = _put_known(scanners, ids[_SCANNER, row], room, end)
    # Event ids stand where they were read, in one of two buffers; the other texts are distinct copies.
    if start[row] < data.size:
        _put_text(data, start[row], length[row], room, end)
    else:
        _put_text(side, start[row] - data.size, length[row], room, end)


@inlined
def _put_content(message: _Message, row: int, room: UInt8, at: int) -> None:
    """Write the message of a scan without an event id."""
    _, persons, venues, zones, _, ids, direction, occurred_us = message
    room[at] = BY_CONTENT
    end = _put_known(persons, ids[_PERSON, row], room, at + 1)
    end = _put_known(venues, ids[_VENUE, row], room, end)
    end = _put_known(zones, ids[_ZONE, row], room, end)
    code = direction[row]
    end = _put_text(_DIRECTIONS, 8 * code, _DIRECTION_SIZES[code], room, end)
    room[end] = 8
    _put_number(occurred_us[row], 8, room, end + 1)


@inlined
def _put_known(texts: _Column, number: int, room: UInt8, to: int) -> int:
    """Append one of the distinct texts, or an empty one for a number below 0; return where it ends."""
    if number < 0:
        room[to] = 0
        return to + 1
    return _put_text(texts[0], texts[1][number], texts[2][number], room, to)


@inlined
def _put_text(data: UInt8, at: int, size: int, room: UInt8, to: int) -> int:
    """Append a text of at most 255 bytes behind its length; return where it ends."""
    room[to] = size
    # `move` may write up to SLACK bytes more: the next field or the padding overwrites them.
    return move(data, at, size, room, to + 1)


@inlined
def _put_number(number: int, size: int, room: UInt8, to: int) -> int:
    """Append a big-endian number of `size` bytes; return where it ends."""
    for index in range(size):
        # The shift keeps the sign, so negative numbers come out in two's complement.
        room[to + index] = (number >> (8 * (size - 1 - index))) & 0xFF
    return to + size
