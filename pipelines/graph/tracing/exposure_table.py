"""The people that a trace has met: a dense number each, the earliest exposure, the latest contact.

People are tokens of 64 bits. A trace usually touches few of a lake's, so they
are numbered in the order in which they are met, in a hash table that grows
between the kernels that fill it. A trace that meets many numbers everybody
who has a stay at once; that numbering is kept as long as the process lives and
the files stay the same.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from pipelines.kernels.compile import helper, inlined
from pipelines.kernels.hash_table import fill, new_slots, slot_of
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.lake.sidecars.sidecar import Sidecar

NEVER_US = np.iinfo(np.int64).max
"""The exposure of a person who has not been exposed; the start of an interval that never begins."""

CLOSED_US = np.iinfo(np.int64).min
"""The exposure of a person to whom no other exposure matters any more."""

NO_CONTACT_US = np.iinfo(np.int64).min
"""The last contact of a person who has had none in a hop."""

THREADS = 2  # of a sweep: each has a state of its own, 32 bytes a person

_FEWEST = 1 << 10  # people that a new table has room for, so that small questions seldom let it grow


class ExposureTable(NamedTuple):
    """People by number.

    Example:
        >>> people, numbers = numbers_of(ExposureTable.empty(), np.array([7, -2, 7]))
        >>> numbers.tolist(), people.persons
        ([0, 1, 0], 2)

    Attributes:
        slots: int32[2^k], the hash table from tokens to numbers.
        token: int64[m], by number; only the first `taken[0]` of each column are filled.
        exposed_us: int64[m], the earliest exposure found so far; NEVER_US for none.
        via: int64[m], the token of the infector of that exposure.
        fresh: uint8[m], 1 where this hop found it.
        last_us: int64[m], the end of the latest contact with anybody infectious in this hop.
        taken: int64[1], how many people are numbered; an array, so that kernels can change it.
    """

    slots: Int32
    token: Int64
    exposed_us: Int64
    via: Int64
    fresh: UInt8
    last_us: Int64
    taken: Int64

    @classmethod
    def empty(cls) -> "ExposureTable":
        """Return a table without people."""
        return _with_capacity(_FEWEST, 0)

    def copy(self) -> "ExposureTable":
        """Return the same people in arrays of their own."""
        columns: list[Any] = [column.copy() for column in self]
        return ExposureTable(*columns)

    @property
    def persons(self) -> int:
        """How many people are numbered."""
        return int(self.taken[0])


_COLUMNS = ("token", "exposed_us", "via", "fresh", "last_us")


def with_room(people: ExposureTable, more: int) -> ExposureTable:
    """Return the same people in a table with room for `more` others."""
    if people.persons + more <= people.token.size:
        return people
    # At least twice the size, a power of two, so growing is linear in all.
    grown = _with_capacity(people.persons + more, people.persons)
    for name in _COLUMNS:
        getattr(grown, name)[: people.persons] = getattr(people, name)[: people.persons]
    # A key's place depends on how many slots there are: all enter again.
    fill(grown.slots, grown.token, people.persons)
    return grown


def numbers_of(people: ExposureTable, tokens: Int64) -> tuple[ExposureTable, Int64]:
    """Return the number of each token, int64[n], and the table, which is another one if it had to grow."""
    numbers = np.empty(tokens.size, np.int64)
    done = 0
    while done < tokens.size:
        # Room for one is enough to ask for: the table doubles, and `_number` stops when it is full.
        people = with_room(people, 1)
        done = _number(people, tokens, numbers, done)
    return people, numbers


def _with_capacity(persons: int, taken: int) -> ExposureTable:
    slots = new_slots(persons)
    # No more people than half the slots, so every probe ends at a free one.
    token, exposed_us, via, last_us = np.empty((4, slots.size // 2), np.int64)
    fresh = np.empty(token.size, np.uint8)  # filled by `number_of`, person by person
    return ExposureTable(slots, token, exposed_us, via, fresh, last_us, np.array([taken], np.int64))


@inlined
def number_of(people: ExposureTable, token: int) -> int:
    """Return the number of a token, giving it the next one if it has none; there must be room."""
    slot = slot_of(people.slots, people.token, token)
    number: int = people.slots[slot]
    if number < 0:
        number = people.taken[0]
        people.slots[slot] = number
        people.token[number] = token
        people.exposed_us[number] = NEVER_US
        people.via[number] = 0
        people.fresh[number] = 0
        people.last_us[number] = NO_CONTACT_US
        people.taken[0] = number + 1
    return number


@inlined
def record_exposure(people: ExposureTable, number: int, exposed_us: int, via: int) -> None:
    """Keep an exposure if it is the earliest; of equal ones of one hop, that by the smaller token."""
    best_us = people.exposed_us[number]
    # CLOSED_US lies before every instant: nothing is earlier, so a closed person stays as he is.
    # An equal exposure that an earlier hop found stands; within a hop the smaller token has it.
    if exposed_us < best_us or (
        exposed_us == best_us and people.fresh[number] == 1 and via < people.via[number]
    ):
        people.exposed_us[number] = exposed_us
        people.via[number] = via
        people.fresh[number] = 1


@helper
def _number(people: ExposureTable, tokens: Int64, numbers: Int64, begin: int) -> int:
    """Number tokens from `begin` on while there is room; return how many are done."""
    for row in range(begin, tokens.size):
        if people.taken[0] == people.token.size:
            return row
        numbers[row] = number_of(people, tokens[row])
    return tokens.size


class AllPersons:
    """Everybody who has a stay, numbered in ascending order of token."""

    def __init__(self, tokens: Int64) -> None:
        """Number them.

        Args:
            tokens: int64[p], ascending, each once.
        """
        self.people, _ = numbers_of(ExposureTable.empty(), tokens)
        self._numbers: dict[int, tuple[Sidecar, Int32]] = {}

    def numbers(self, columns: Sidecar, pool: ThreadPoolExecutor) -> Int32:
        """Return the number of the person of each row of a file, int32[n]; computed once a file."""
        # Keyed by identity: the tuple holds the sidecar, so that its id cannot be given to another one.
        kept = self._numbers.get(id(columns))
        if kept is not None:
            return kept[1]
        columns.check("person")
        numbers = np.empty(columns.person.size, np.int32)
        # Two slices of rows, each written by one thread.
        bounds = [numbers.size * part // THREADS for part in range(THREADS + 1)]
        table = self.people.slots, self.people.token
        slices = [slice(first, last) for first, last in pairwise(bounds)]
        list(pool.map(lambda part: _look_up(*table, columns.person[part], numbers[part]), slices))
        self._numbers[id(columns)] = columns, numbers
        return numbers


_lock = threading.Lock()
_latest: list[tuple[tuple[Sidecar, ...], AllPersons]] = []


def all_persons(files: Sequence[Sidecar]) -> AllPersons:
    """Number everybody who has a stay; the answer for the latest files is kept.

    Args:
        files: `stays` in the order of persons.
    """
    with _lock:
        for known, persons in _latest:
            # By identity: files are mapped once a process, so the same files are the same objects.
            if [id(one) for one in known] == [id(one) for one in files]:
                return persons
    # Outside the lock: two questions at once may both number everybody, and the later result is kept.
    tokens = np.empty(0, np.int64)
    for columns in files:
        columns.check("person")
        merged = np.empty(tokens.size + columns.person.size, np.int64)
        tokens = merged[: _merge(tokens, columns.person, merged)]
    persons = AllPersons(tokens)
    with _lock:
        _latest[:] = [(tuple(files), persons)]
    return persons


@helper
def _merge(one: Int64, other: Int64, merged: Int64) -> int:
    """Put the distinct values of two ascending arrays into `merged`; return how many there are."""
    count = of_one = of_other = 0
    while of_one < one.size or of_other < other.size:
        # Of equal tokens both are taken, one after the other, and the second one is dropped below, as are
        # the further rows of one person.
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
def _look_up(slots: Int32, tokens: Int64, person: Int64, numbers: Int32) -> None:
    for row in range(person.size):
        # Everybody here must be numbered: FREE, which is -1, would be taken for the last person.
        numbers[row] = slots[slot_of(slots, tokens, person[row])]
