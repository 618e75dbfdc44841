"""Everybody who has a stay, by number, kept for as long as the process lives and the files stay the same."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

from pipelines.graph.tracing.exposure_table import ExposureTable, nobody, numbers_of, slot_of
from pipelines.kernels.compile import helper
from pipelines.kernels.types import Int32, Int64
from pipelines.lake.sidecar import Sidecar

THREADS = 2

_lock = threading.Lock()
_kept: list[tuple[tuple[Sidecar, ...], "Everybody"]] = []


class Everybody:
    """All persons who have a stay, numbered in the order of their tokens."""

    def __init__(self, tokens: Int64) -> None:
        """Number them.

        Args:
            tokens: int64[p], ascending, each once.
        """
        self.people, _ = numbers_of(nobody(), tokens)
        self._numbers: dict[int, tuple[Sidecar, Int32]] = {}

    def numbers(self, columns: Sidecar, pool: ThreadPoolExecutor) -> Int32:
        """The number of the person of each row of a file, int32[n]; kept from then on."""
        kept = self._numbers.get(id(columns))
        if kept is not None:
            return kept[1]
        columns.check("person")
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
        columns.check("person")
        room = np.empty(tokens.size + columns.person.size, np.int64)
        tokens = room[: _merged(tokens, columns.person, room)]
    everybody = Everybody(tokens)
    with _lock:
        _kept[:] = [(tuple(files), everybody)]
    return everybody


def copied(people: ExposureTable) -> ExposureTable:
    """The same persons in a table of their own."""
    columns: list[Any] = [column.copy() for column in people]
    return ExposureTable(*columns)


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
