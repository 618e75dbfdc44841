"""Decide who is F1, F2 and so on: hop by hop from the index cases, in the order of time.

A hop expands from the people whom the one before it found: the new ones, and
those found again with an earlier exposure. The latter keep their row, and pass
infection on from the earlier instant.
"""

from typing import NamedTuple

import numpy as np

from pipelines.graph.tracing.clipped_stays import NO_STAYS, by_venue
from pipelines.graph.tracing.contact_criteria import swept_classes
from pipelines.graph.tracing.exposure_criteria import record_exposures
from pipelines.graph.tracing.exposure_table import (
    CLOSED_US,
    NEVER_US,
    NO_CONTACT_US,
    AllPersons,
    ExposureTable,
    numbers_of,
)
from pipelines.graph.tracing.infectious_intervals import Intervals, Isolation, passing_on
from pipelines.graph.tracing.overlap_join import (
    Overlaps,
    batches,
    candidate_ranges,
    encounters_of,
    find_overlaps,
)
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Bool, Int64
from schemas.rules import Rule


class Hop(NamedTuple):
    """What one hop found.

    Attributes:
        sources: who could pass infection on in it, and when.
        person: int64[n], tokens of those found, ascending.
        exposed_us: int64[n], microseconds UTC.
        via: int64[n], the token of the infector.
        new: bool[n], whether no earlier hop had found the person.
        last_us: int64[n], the end of a new person's latest contact with any of the sources;
            of a person found again it is not known.
    """

    sources: Intervals
    person: Int64
    exposed_us: Int64
    via: Int64
    new: Bool
    last_us: Int64


def hops(
    graph: TemporalGraph, rule: Rule, index: Intervals, cases: Int64, isolated: Isolation, depth: int
) -> list[Hop]:
    """Trace from the index cases.

    Args:
        graph: the lake under the rule.
        rule: the rule.
        index: when the index cases are infectious.
        cases: int64[c], the tokens of all index cases, who are never contacts.
        isolated: when people who are cases were isolated.
        depth: the last tier.

    Returns:
        a hop a tier, fewer when nobody is left to be found.
    """
    search = _Search(graph, cases)
    found: list[Hop] = []
    sources = index
    for tier in range(1, depth + 1):
        hop = search.hop(sources, last=tier == depth)
        # People found again count too: from an earlier exposure they pass infection on once more.
        if hop.person.size == 0:
            break
        found.append(hop)
        # Another hop could only move exposures of people who have their rows already.
        if search.has_found_all():
            break
        sources = passing_on(hop.person, hop.exposed_us, rule, isolated, graph.until_us)
    return found


class _Search:
    """Who has been found so far, by number; people are numbered as they are met, or all at once."""

    def __init__(self, graph: TemporalGraph, cases: Int64) -> None:
        self._graph = graph
        # A case is nobody's contact at any hop: closed, it takes no exposure and its overlaps are skipped.
        self._people, numbers = numbers_of(ExposureTable.empty(), np.unique(cases))
        self._people.exposed_us[numbers] = CLOSED_US
        self._tiered = np.zeros(0, np.bool_)  # who has a row, by number; shorter than the table
        self._persons: AllPersons | None = None

    def hop(self, sources: Intervals, *, last: bool) -> Hop:
        """Find whom the sources expose; in the last hop only those whom no hop before has found."""
        # The last hop passes on to nobody, so an earlier exposure of a person with a row changes nothing.
        if last:
            self._people.exposed_us[: self._tiered.size][self._tiered] = CLOSED_US
        # A last contact is with the sources of this hop alone.
        self._people.last_us[: self._people.persons] = NO_CONTACT_US
        if sources.person.size:
            if sources.person.size > self._graph.tuning.many_infectious:
                # This many sources meet most people: number all in one pass instead of growing the table.
                self._number_all()
            self._expand(sources)
        return self._result(sources)

    def has_found_all(self) -> bool:
        """Tell whether everybody is known to have been found."""
        people = self._people
        return self._persons is not None and not (people.exposed_us[: people.persons] == NEVER_US).any()

    def _number_all(self) -> AllPersons:
        """Give everybody a number, those who have a stay in the order of their tokens."""
        if self._persons is None:
            self._persons = self._graph.all_persons()
            met = self._people
            # Numbers change here. People without a stay come behind those who have one.
            people, numbers = numbers_of(self._persons.people.copy(), met.token[: met.persons])
            for name in ("exposed_us", "via", "fresh", "last_us"):
                getattr(people, name)[numbers] = getattr(met, name)[: met.persons]
            tiered = np.zeros(people.persons, np.bool_)
            tiered[numbers[: self._tiered.size]] = self._tiered
            self._tiered = tiered
            # People with encounters alone are numbered too: `has_found_all` must not forget them.
            self._people, _ = numbers_of(people, self._graph.near.person)
        return self._persons

    def _expand(self, sources: Intervals) -> None:
        """Record everybody whom the sources expose, and when each new person met any of them last."""
        graph = self._graph
        swept = swept_classes(graph.criteria)
        # With many sources and all classes swept, no stay of a source is looked at by itself.
        many = bool(swept.all()) and sources.person.size > graph.tuning.many_infectious
        stays = NO_STAYS if many else by_venue(graph.stays_of(sources))
        # Candidate rows of the stays, found by search; none has been read yet.
        files = graph.beside(stays)
        ranges = candidate_ranges(files, stays)
        # How many rows a join would read in the classes that could be swept instead.
        of_swept = swept[stays.kind[ranges.stay]] == 1
        rows = int((ranges.last - ranges.first).sum(where=of_swept))
        sweep = None
        if many or (swept.any() and rows > graph.tuning.swept_rows):
            from pipelines.graph.tracing.sweeps.sweep import prepare_sweep  # loads kernels few questions need

            # Arguments in this order: `_number_all` replaces `self._people`.
            sweep = prepare_sweep(graph, self._number_all(), self._people, sources)
            # From here on the ranges, and the join below, are of the classes that cannot be swept.
            ranges = ranges.at(~of_swept)
        self._people, met = encounters_of(graph.near, sources, self._people)
        # People repeat in `met`: `at` takes every entry, assignment by index would keep the last one.
        np.maximum.at(self._people.last_us, met.other, met.end_us)
        if sweep is not None:
            from pipelines.graph.tracing.sweeps.sweep import sweep_exposures
            from pipelines.graph.tracing.sweeps.sweep_cumulative import record_cumulative_exposures

            short_overlaps = sweep_exposures(sweep, self._people)
            record_cumulative_exposures(graph, self._people, sources, short_overlaps, met, swept)
        # Batches of owners must not part the intervals of one person.
        # `person` is the position of each interval's person, from 0.
        person = np.cumsum(np.diff(sources.person, prepend=sources.person[:1]) != 0)
        zoned = graph.criteria.same_zone.astype(np.uint8)
        for (first, last), some in batches(ranges, person[stays.owner], person.size):
            arguments = (graph.zones, zoned, stays, sources.person, some, self._people)
            self._people, overlaps = find_overlaps(files, *arguments)
            # Encounters of these sources are summed with their overlaps of class 0.
            inside = (person[met.owner] >= first) & (person[met.owner] < last)
            overlaps = Overlaps.concatenated([overlaps, met.at(inside)])
            record_exposures(self._people, overlaps, sources.person, graph.criteria)
        if sweep is not None:
            from pipelines.graph.tracing.last_contact import sweep_last_contacts

            # Only people who are new get a row, and none of them is a source of this hop.
            sweep_last_contacts(sweep, self._people, np.flatnonzero(self._is_new() & self._is_fresh()))

    def _is_new(self) -> Bool:
        """Tell whether no hop has found each person, by number."""
        new = np.ones(self._people.persons, np.bool_)
        new[: self._tiered.size] = ~self._tiered
        return new

    def _is_fresh(self) -> Bool:
        """Tell whether this hop has found each person, or found an earlier exposure, by number."""
        fresh: Bool = self._people.fresh[: self._people.persons] == 1
        return fresh

    def _result(self, sources: Intervals) -> Hop:
        """Return what the hop just made has found, and mark the new people as found."""
        people, new = self._people, self._is_new()
        # By token: people are numbered in the order in which they are met.
        numbers = np.flatnonzero(self._is_fresh())
        numbers = numbers[np.argsort(people.token[numbers])]
        self._tiered = ~new
        self._tiered[numbers] = True
        # Ties go by token within one hop only: an equal exposure never replaces that of an earlier hop.
        people.fresh[numbers] = 0
        columns = (people.exposed_us[numbers], people.via[numbers], new[numbers], people.last_us[numbers])
        return Hop(sources, people.token[numbers], *columns)
