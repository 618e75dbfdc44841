"""The persons that a trace has come across: a number each, and how early each was exposed.

Persons are tokens of 64 bits. Tracing touches few of a lake's, so they are
numbered in the order in which they are met, in a hash table that grows.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from pipelines.arrays import Int64

NEVER_US = np.iinfo(np.int64).max
CLOSED_US = np.iinfo(np.int64).min
"""The exposure of a person for whom no other matters any more."""

_LEAST = 1 << 10


class People(NamedTuple):
    """Persons by number.

    Attributes:
        slots: int32[2^k], a number each, or -1; where a token is looked for.
        token: int64[m], by number; the first `taken[0]` of them are.
        exposed_us: int64[m], the earliest exposure found so far; NEVER_US is none.
        via: int64[m], the token of the infector of that exposure.
        fresh: uint8[m], 1 where this hop found it.
        taken: int64[1], how many numbers are.
    """

    slots: npt.NDArray[np.int32]
    token: Int64
    exposed_us: Int64
    via: Int64
    fresh: npt.NDArray[np.uint8]
    taken: Int64


def nobody() -> People:
    """No persons yet."""
    return People(
        np.full(2 * _LEAST, -1, np.int32),
        np.empty(_LEAST, np.int64),
        np.empty(_LEAST, np.int64),
        np.empty(_LEAST, np.int64),
        np.empty(_LEAST, np.uint8),
        np.zeros(1, np.int64),
    )


@njit(inline="always")
def slot_of(slots: Any, tokens: Any, token: int) -> Any:
    """Where the number of a token stands in `slots`, or the empty place that it would take."""
    mask = np.uint64(slots.size - 1)
    mixed = np.uint64(token) * np.uint64(0x9E3779B97F4A7C15)
    slot = (mixed >> np.uint64(32)) & mask
    while slots[slot] >= 0 and tokens[slots[slot]] != token:
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(nogil=True)
def _doubled(people: People) -> People:
    count = people.taken[0]
    slots = np.full(2 * people.slots.size, -1, np.int32)
    token = np.empty(2 * people.token.size, np.int64)
    exposed_us = np.empty(token.size, np.int64)
    via = np.empty(token.size, np.int64)
    fresh = np.empty(token.size, np.uint8)
    token[:count] = people.token[:count]
    exposed_us[:count] = people.exposed_us[:count]
    via[:count] = people.via[:count]
    fresh[:count] = people.fresh[:count]
    for number in range(count):
        slots[slot_of(slots, token, token[number])] = number
    return People(slots, token, exposed_us, via, fresh, people.taken)


@njit(nogil=True)
def numbered(people: People, token: int) -> tuple[People, int]:
    """The number of a token, which is given one when it has none; the table may be another afterwards."""
    slot = slot_of(people.slots, people.token, token)
    number = people.slots[slot]
    if number >= 0:
        return people, number
    number = people.taken[0]
    if number == people.token.size:
        people = _doubled(people)
        slot = slot_of(people.slots, people.token, token)
    people.slots[slot] = number
    people.token[number] = token
    people.exposed_us[number] = NEVER_US
    people.via[number] = 0
    people.fresh[number] = 0
    people.taken[0] = number + 1
    return people, number


@njit(cache=True, nogil=True)
def numbers_of(people: People, tokens: Int64) -> tuple[People, Int64]:
    """The number of each token, int64[n]."""
    numbers = np.empty(tokens.size, np.int64)
    for row in range(tokens.size):
        people, numbers[row] = numbered(people, tokens[row])
    return people, numbers


@njit(nogil=True)
def note_exposure(people: People, number: int, exposed_us: int, via: int) -> None:
    """Keep an exposure if it is the earliest; of one hop's equal ones that by the smaller token."""
    best_us = people.exposed_us[number]
    if exposed_us < best_us or (
        exposed_us == best_us and people.fresh[number] == 1 and via < people.via[number]
    ):
        people.exposed_us[number] = exposed_us
        people.via[number] = via
        people.fresh[number] = 1
