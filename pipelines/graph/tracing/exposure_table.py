"""The persons that a trace has come across: a number each, and how early each was exposed.

Persons are tokens of 64 bits. Tracing touches few of a lake's, so they are
numbered in the order in which they are met, in a hash table that grows
between the kernels that fill it. A trace that meets many numbers everybody
who has a stay at once; that numbering is kept for as long as the process
lives and the files stay the same.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.hash_table import fill, new_slots, slot_of
from pipelines.kernels.types import Int32, Int64
from pipelines.lake.sidecar import Sidecar

NEVER_US = np.iinfo(np.int64).max
CLOSED_US = np.iinfo(np.int64).min
"""The exposure of a person for whom no other matters any more."""

_LEAST = 1 << 10

THREADS = 2

_lock = threading.Lock()
_kept: list[tuple[tuple[Sidecar, ...], "Everybody"]] = []


class ExposureTable(NamedTuple):
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

    @classmethod
    def empty(cls) -> "ExposureTable":
        """Return a table without persons."""
        return _sized(_LEAST, 0)

    def copy(self) -> "ExposureTable":
        """Return the same persons in a table of their own."""
        columns: list[Any] = [column.copy() for column in self]
        return ExposureTable(*columns)

    @property
    def met(self) -> int:
        """How many persons have a number."""
        return int(self.taken[0])


def with_room(people: ExposureTable, more: int) -> ExposureTable:
    """The same persons, in a table that can number so many more."""
    if people.met + more <= people.token.size:
        return people
    grown = _sized(people.met + more, people.met)
    for name in ("token", "exposed_us", "via", "fresh"):
        getattr(grown, name)[: people.met] = getattr(people, name)[: people.met]
    fill(grown.slots, grown.token, people.met)
    return grown


def numbers_of(people: ExposureTable, tokens: Int64) -> tuple[ExposureTable, Int64]:
    """The number of each token, int64[n]; the table may be another afterwards."""
    numbers = np.empty(tokens.size, np.int64)
    done = 0
    while done < tokens.size:
        people = with_room(people, 1)
        done = _number(people, tokens, numbers, done)
    return people, numbers


def _sized(persons: int, taken: int) -> ExposureTable:
    slots = new_slots(persons)
    room = slots.size // 2
    return ExposureTable(
        slots,
        *(np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)),
        np.empty(room, np.uint8),
        np.array([taken], np.int64),
    )


@inlined
def number_of(people: ExposureTable, token: int) -> int:
    """The number of a token, which is given one when it has none; there must be room."""
    slot = slot_of(people.slots, people.token, token)
    number: int = people.slots[slot]
    if number < 0:
        number = people.taken[0]
        people.slots[slot] = number
        people.token[number] = token
        people.exposed_us[number] = NEVER_US
        people.via[number] = 0
        people.fresh[number] = 0
        people.taken[0] = number + 1
    return number


@inlined
def note_exposure(people: ExposureTable, number: int, exposed_us: int, via: int) -> None:
    """Keep an exposure if it is the earliest; of one hop's equal ones that by the smaller token."""
    best_us = people.exposed_us[number]
    if exposed_us < best_us or (
        exposed_us == best_us and people.fresh[number] == 1 and via < people.via[number]
    ):
        people.exposed_us[number] = exposed_us
        people.via[number] = via
        people.fresh[number] = 1


@helper
def _number(people: ExposureTable, tokens: Int64, numbers: Int64, begin: int) -> int:
    """Number tokens from `begin` on as long as there is room; how many are done."""
    for row in range(begin, tokens.size):
        if people.taken[0] == people.token.size:
            return row
        numbers[row] = number_of(people, tokens[row])
    return tokens.size


class Everybody:
    """All persons who have a stay, numbered in the order of their tokens."""

    def __init__(self, tokens: Int64) -> None:
        """Number them.

        Args:
            tokens: int64[p], ascending, each once.
        """
        self.people, _ = numbers_of(ExposureTable.empty(), tokens)
        self._numbers: dict[int, tuple[Sidecar, Int32]] = {}

    def numbers(self, columns: Sidecar, pool: ThreadPoolExecutor) -> Int32:
        """The number of the person of each row of a file, int32[n]; kept from then on."""
        kept = self._numbers.get(id(columns))
        if kept is not None:
            return kept[1]
        numbers = np.empty(columns.person.size, np.int32)
        bounds = [numbers.size * part // THREADS for part in range(THREADS + 1)]
        table = self.people.slots, self.people.token
        slices = [slice(first, last) for first, last in pairwise(bounds)]
        list(pool.map(lambda part: _fill(*table, columns.person[part], numbers[part]), slices))
        self._numbers[id(columns)] = columns, numbers
        return numbers


def everybody_in(files: Sequence[Sidecar]) -> Everybody:
    """Everybody who has a stay.

    Args:
        files: `stays` in the order of persons; the answer for the last ones asked about is kept.
    """
    with _lock:
        for known, everybody in _kept:
            if [id(one) for one in known] == [id(one) for one in files]:
                return everybody
    tokens = np.empty(0, np.int64)
    for columns in files:
        room = np.empty(tokens.size + columns.person.size, np.int64)
        tokens = room[: _merged(tokens, columns.person, room)]
    everybody = Everybody(tokens)
    with _lock:
        _kept[:] = [(tuple(files), everybody)]
    return everybody


@helper
def _merged(one: Int64, other: Int64, merged: Int64) -> int:
    """Put the distinct values of both, which ascend, into `merged`; how many there are."""
    count = of_one = of_other = 0
    while of_one < one.size or of_other < other.size:
        if of_other == other.size or (of_one < one.size and one[of_one] < other[of_other]):
            value = one[of_one]
            of_one += 1
        else:
            value = other[of_other]
            of_other += 1
        if count == 0 or merged[count - 1] != value:
            merged[count] = value
            count += 1
    return count


@helper
def _fill(slots: Int32, tokens: Int64, person: Int64, numbers: Int32) -> None:
    for row in range(person.size):
        numbers[row] = slots[slot_of(slots, tokens, person[row])]
