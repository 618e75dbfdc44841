"""F1, F2 and so on: hop by hop from the index cases, in the order of time.

A hop expands from the persons that the one before it found: the new ones, and
those found again with an earlier exposure. The latter keep their row, and
pass infection on from the earlier instant.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.arrays import Int64
from pipelines.graph.accumulate import note_contacts
from pipelines.graph.expand import batches, joined, pieces_of, pieces_of_encounters, rows_beside
from pipelines.graph.infectious import Intervals, Isolation, passing_on
from pipelines.graph.people import CLOSED_US, People, nobody, numbers_of
from pipelines.graph.sources import NO_STAYS, by_venue
from pipelines.graph.sweep import sweep, swept_classes
from pipelines.graph.under_rule import Network
from schemas.rules import Rule

_MANY = 5_000  # infectious persons whose stays are not even collected when venues can be swept
_ROWS_AT_MOST = 2_000_000  # beside those of fewer, beyond which a sweep is faster


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
    where: Network, rule: Rule, index: Intervals, cases: Int64, isolated: Isolation, depth: int
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
    people, numbers = numbers_of(nobody(), np.unique(cases))
    people.exposed_us[numbers] = CLOSED_US
    tiered = np.zeros(0, np.bool_)
    found: list[Hop] = []
    sources = index
    for tier in range(1, depth + 1):
        if tier == depth:
            people.exposed_us[: tiered.size][tiered] = CLOSED_US
        people = _expand(where, people, sources)
        tiered = np.concatenate((tiered, np.zeros(people.met - tiered.size, np.bool_)))
        hop = _found(people, sources, tiered)
        if hop.person.size == 0:
            break
        found.append(hop)
        sources = passing_on(hop.person, hop.exposed_us, rule, isolated, where.until_us)
    return found


def _found(people: People, sources: Intervals, tiered: npt.NDArray[np.bool_]) -> Hop:
    """What the hop just made has found; marks the new persons as tiered."""
    numbers = np.flatnonzero(people.fresh[: people.met])
    numbers = numbers[np.argsort(people.token[numbers])]
    new = ~tiered[numbers]
    tiered[numbers] = True
    people.fresh[numbers] = 0
    return Hop(sources, people.token[numbers], people.exposed_us[numbers], people.via[numbers], new)


def _expand(where: Network, people: People, sources: Intervals) -> People:
    """Note everybody whom the sources expose."""
    people, met = pieces_of_encounters(where.near, sources, people)
    swept = swept_classes(where.criteria)
    many = bool(swept.all()) and sources.person.size > _MANY
    stays = by_venue(where.stays_of(sources)) if not many else NO_STAYS
    files = where.beside(stays)
    beside = rows_beside(files, stays)
    of_swept = swept[stays.kind[beside.stay]] == 1
    if many or (swept.any() and (beside.last - beside.first).sum(where=of_swept) > _ROWS_AT_MOST):
        people, _ = numbers_of(people, where.everybody())
        sweep(where.all_beside(sources), people, sources, where.criteria, where.classes, where.until_us)
        beside = beside.at(~of_swept)
    zoned = where.criteria.same_zone.astype(np.uint8)
    # Batches of owners must not part the intervals of one person.
    person = np.cumsum(np.diff(sources.person, prepend=sources.person[:1]) != 0)
    for (first, last), some in batches(beside, person[stays.owner], person.size):
        people, pieces = pieces_of(files, where.zones, zoned, stays, sources.person, some, people)
        inside = (person[met.owner] >= first) & (person[met.owner] < last)
        note_contacts(people, joined([pieces, met.at(inside)]), sources.person, where.criteria)
    return people
