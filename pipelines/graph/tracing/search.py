"""F1, F2 and so on: hop by hop from the index cases, in the order of time.

A hop expands from the persons that the one before it found: the new ones, and
those found again with an earlier exposure. The latter keep their row, and
pass infection on from the earlier instant.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.graph.tracing.clipped_stays import NO_STAYS, by_venue
from pipelines.graph.tracing.exposure_criteria import note_contacts
from pipelines.graph.tracing.exposure_table import CLOSED_US, NEVER_US, Everybody, ExposureTable, numbers_of
from pipelines.graph.tracing.infectious_intervals import Intervals, Isolation, passing_on
from pipelines.graph.tracing.overlap_join import batches, joined, pieces_of, pieces_of_encounters, rows_beside
from pipelines.graph.tracing.sweep import sweep, swept_classes
from pipelines.graph.tracing.sweep_cumulative import add_up
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Int64
from schemas.rules import Rule


class Hop(NamedTuple):
    """What one hop found.

    Attributes:
        sources: who could pass infection on in it, and when.
        person: int64[n], tokens of those found, ascending.
        exposed_us: int64[n], microseconds UTC.
        via: int64[n], the token of the infector.
        new: bool[n], whether no earlier hop had found the person.
    """

    sources: Intervals
    person: Int64
    exposed_us: Int64
    via: Int64
    new: npt.NDArray[np.bool_]


def hops(
    where: TemporalGraph, rule: Rule, index: Intervals, cases: Int64, isolated: Isolation, depth: int
) -> list[Hop]:
    """Trace from the index cases.

    Args:
        where: the lake under the rule.
        rule: the rule.
        index: when the index cases are infectious.
        cases: int64[c], the tokens of all index cases, who are nobody's contact.
        isolated: when persons who are cases were isolated.
        depth: the last tier.

    Returns:
        A hop a tier, fewer when there is nobody left to find.
    """
    search = _Search(where, cases)
    found: list[Hop] = []
    sources = index
    for tier in range(1, depth + 1):
        hop = search.hop(sources, last=tier == depth)
        if hop.person.size == 0:
            break
        found.append(hop)
        if search.nobody_is_left():
            break
        sources = passing_on(hop.person, hop.exposed_us, rule, isolated, where.until_us)
    return found


class _Search:
    """Who has been found so far, by number; numbers are given as persons are met, or to everybody at once."""

    def __init__(self, where: TemporalGraph, cases: Int64) -> None:
        self._where = where
        self._people, numbers = numbers_of(ExposureTable.empty(), np.unique(cases))
        self._people.exposed_us[numbers] = CLOSED_US
        self._tiered = np.zeros(0, np.bool_)
        self._everybody: Everybody | None = None

    def hop(self, sources: Intervals, *, last: bool) -> Hop:
        """Find whom the sources expose; of the last hop only those whom none had found before."""
        if last:
            self._people.exposed_us[: self._tiered.size][self._tiered] = CLOSED_US
        if sources.person.size == 0:
            return self._found(sources)
        if sources.person.size > self._where.tuning.many_infectious:
            self._number_everybody()
        self._push(sources)
        return self._found(sources)

    def nobody_is_left(self) -> bool:
        """Whether it is known that everybody has been found."""
        return self._everybody is not None and self._left().size == 0

    def _number_everybody(self) -> Everybody:
        """Give everybody a number, those who have a stay in the order of their tokens."""
        if self._everybody is None:
            self._everybody = self._where.everybody()
            met = self._people
            people, numbers = numbers_of(self._everybody.people.copy(), met.token[: met.met])
            for name in ("exposed_us", "via", "fresh"):
                getattr(people, name)[numbers] = getattr(met, name)[: met.met]
            tiered = np.zeros(people.met, np.bool_)
            tiered[numbers[: self._tiered.size]] = self._tiered
            self._tiered = tiered
            self._people, _ = numbers_of(people, self._where.near.person)
        return self._everybody

    def _left(self) -> Int64:
        """The numbers of those who have not been found."""
        return np.flatnonzero(self._people.exposed_us[: self._people.met] == NEVER_US)

    def _found(self, sources: Intervals) -> Hop:
        """What the hop just made has found; marks the new persons as found."""
        people = self._people
        new = np.ones(people.met, np.bool_)
        new[: self._tiered.size] = ~self._tiered
        numbers = np.flatnonzero(people.fresh[: people.met])
        numbers = numbers[np.argsort(people.token[numbers])]
        self._tiered = ~new
        self._tiered[numbers] = True
        people.fresh[numbers] = 0
        return Hop(
            sources, people.token[numbers], people.exposed_us[numbers], people.via[numbers], new[numbers]
        )

    def _push(self, sources: Intervals) -> None:
        """Note everybody whom the sources expose."""
        where = self._where
        self._people, met = pieces_of_encounters(where.near, sources, self._people)
        swept = swept_classes(where.criteria)
        many = bool(swept.all()) and sources.person.size > where.tuning.many_infectious
        stays = NO_STAYS if many else by_venue(where.stays_of(sources))
        files = where.beside(stays)
        beside = rows_beside(files, stays)
        of_swept = swept[stays.kind[beside.stay]] == 1
        rows = int((beside.last - beside.first).sum(where=of_swept))
        if many or (swept.any() and rows > where.tuning.swept_rows):
            everybody = self._number_everybody()
            _, met = pieces_of_encounters(where.near, sources, self._people)
            rule = (where.criteria, where.classes, where.until_us)
            short = sweep(where.all_beside(sources), everybody, self._people, sources, *rule)
            add_up(where, self._people, sources, short, met, swept)
            beside = beside.at(~of_swept)
        # Batches of owners must not part the intervals of one person.
        person = np.cumsum(np.diff(sources.person, prepend=sources.person[:1]) != 0)
        zoned = where.criteria.same_zone.astype(np.uint8)
        for (first, last), some in batches(beside, person[stays.owner], person.size):
            arguments = (where.zones, zoned, stays, sources.person, some, self._people)
            self._people, pieces = pieces_of(files, *arguments)
            inside = (person[met.owner] >= first) & (person[met.owner] < last)
            note_contacts(self._people, joined([pieces, met.at(inside)]), sources.person, where.criteria)
