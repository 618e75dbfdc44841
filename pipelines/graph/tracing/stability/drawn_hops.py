"""Whom some draws list, hop by hop; and when their infectors are exposed, where that matters.

A person is in the list of a draw with one exposure, whichever. Most people have one within the last days,
when most others are infectious, so these are looked at first, and earlier days only for people and draws that
are still missing. Infectors pass on from their first exposure, so all of their time is looked at; that is
left to infectors beside somebody whom two hops do not find.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from typing import TypeVar

import numpy as np

from pipelines.graph.tracing.exposure_table import NEVER_US
from pipelines.graph.tracing.infectious_intervals import latency_us
from pipelines.graph.tracing.stability.drawn_stays import Sources
from pipelines.graph.tracing.stability.draws import (
    Drawn,
    Terms,
    cases_in_draws,
    exposed_in_draws,
    found_in_draws,
)
from pipelines.graph.tracing.stability.in_play import (
    InPlay,
    PeopleInPlay,
    SourcesInPlay,
    people_beside,
    sources_in_play,
)
from pipelines.graph.tracing.stability.thinned_units import ByUnit, ThinnedUnits
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Bool, Int64

_Found = TypeVar("_Found")

_NO_DRAW = np.uint64(0)


class DrawnHops:
    """The hops of some draws, at most `DRAWS_AT_ONCE`."""

    def __init__(
        self,
        graph: TemporalGraph,
        people: PeopleInPlay,
        terms: Terms,
        units: ThinnedUnits,
        spans: list[tuple[int, int]],
    ) -> None:
        self._graph, self._people, self._terms, self._units = graph, people, terms, units
        self._spans = spans
        self._draws = len(units.some)
        # For each of `UNITS`, when cases are infectious, and when they and people found by one hop are.
        self._cases = [cases_in_draws(people, self._draws)] * len(units.present)
        self._after_one = self._cases

    def listed(self) -> ByUnit:
        """Return the draws that list each person."""
        tier, depth = self._people.tier, self._terms.depth
        listed = [np.zeros(tier.size, np.uint64) for _ in self._units.present]
        infectors = self._missing(self._people.infectors(depth), listed)
        if depth > 1:
            listed, self._after_one = self._exposed(infectors, self._cases)
        # Those of a later tier can wait: hardly anybody is found sooner than by the trace.
        for hop in range(min(depth, 2), min(depth, 3) + 1):
            target = (tier > 0) & ((tier <= hop) | (hop == depth))
            self._find(target, listed, self._after_one if hop <= 2 else None)
        if depth > 3 and any(draws.any() for draws in self._missing(tier > 0, listed)):
            self._find(tier > 0, listed, self._exposed_in_all_hops(infectors))
        return listed

    def _find(self, target: Bool, listed: ByUnit, sources: list[Sources] | None) -> None:
        """Add to the draws that list each target those in which sources expose him.

        Args:
            target: bool[p].
            listed: the draws so far.
            sources: for each of `UNITS`; None is whom two hops find, and not known yet.
        """
        reach = self._reach_of(sources) if sources else None
        for span in self._spans:
            # Nobody is looked for in draws that list him already.
            wanted = self._missing(target, listed)
            if not any(draws.any() for draws in wanted):
                return
            plays = self._plays(wanted, reach or self._reach_of_infectors(wanted, span), span)
            look = self._units.look(plays)
            exposing = sources or self._exposed(look.needed_of_infectors(), self._after_one)[1]
            found = self._each(found_in_draws, plays, look.drawn(_draws_of(exposing)), exposing)
            for draws, more in zip(listed, found, strict=True):
                draws |= more

    def _exposed(self, infectors: ByUnit, sources: list[Sources]) -> tuple[ByUnit, list[Sources]]:
        """Find in which draws sources expose infectors, and when cases and those are infectious."""
        return self._first_exposures(infectors, self._reach_of(sources), _draws_of(sources), sources, 1)

    def _exposed_in_all_hops(self, infectors: ByUnit) -> list[Sources]:
        """Tell when cases, and whom the hops before the last find, are infectious."""
        reach = self._reach_of_infectors(infectors, self._spans[-1])
        # Infectors expose each other, in which draws is not known before.
        hops = self._terms.depth - 1
        return self._first_exposures(infectors, reach, self._units.present, self._cases, hops)[1]

    def _first_exposures(
        self,
        infectors: ByUnit,
        reach: SourcesInPlay,
        infectious: ByUnit,
        sources: list[Sources],
        hops: int,
    ) -> tuple[ByUnit, list[Sources]]:
        """Look at all of the time for exposures of infectors, of which each draw counts the first."""
        plays = self._plays(infectors, reach, self._spans[-1])
        drawn = self._units.look(plays).drawn(infectious)
        found = self._each(partial(exposed_in_draws, hops=hops), plays, drawn, sources)
        listed, exposing = zip(*found, strict=True)
        return list(listed), list(exposing)

    def _each(
        self,
        hop: Callable[[InPlay, Terms, Drawn, Sources, int], _Found],
        plays: list[InPlay],
        drawn: list[Drawn],
        sources: list[Sources],
    ) -> Iterator[_Found]:
        """Expand each unit."""
        return self._units.pool.map(hop, plays, repeat(self._terms), drawn, sources, repeat(self._draws))

    def _plays(self, wanted: ByUnit, reach: SourcesInPlay, span: tuple[int, int]) -> list[InPlay]:
        """Return what is in play for each unit; all that can expose somebody only in the last span."""
        is_thorough = span == self._spans[-1]
        return [InPlay(self._people, reach, draws, *span, is_thorough) for draws in wanted]

    def _reach_of(self, sources: list[Sources]) -> SourcesInPlay:
        """Gather where people stay who are infectious in some draw."""
        until_us = max(int(one.end_us.max()) for one in sources)
        return self._sources_in_play(self._since(sources), self._people.from_us(), until_us)

    def _reach_of_infectors(self, wanted: ByUnit, span: tuple[int, int]) -> SourcesInPlay:
        """Gather where people stay who may expose those wanted within a span."""
        infectors = self._people.infectors(self._terms.depth)
        if span != self._spans[-1]:
            # Whom only a stay of a draw brings beside somebody may be missing, until the last look.
            targets = np.bitwise_or.reduce(wanted) != 0
            infectors &= people_beside(self._graph, self._people, targets, span)
        since_us = self._since(self._cases)
        # Nobody passes on before the first case was infectious and the latency has passed.
        since_us[infectors] = self._people.from_us() + latency_us(self._terms.rule)
        return self._sources_in_play(since_us, span[0], self._terms.until_us)

    def _since(self, sources: list[Sources]) -> Int64:
        """Return when each person is infectious first, in any draw of any unit, int64[p]."""
        since_us = np.full(self._people.persons.size, NEVER_US)
        for one in sources:
            np.minimum.at(since_us, one.person(), one.start_us)
        return since_us

    def _sources_in_play(self, since_us: Int64, from_us: int, until_us: int) -> SourcesInPlay:
        return sources_in_play(self._graph, self._people, since_us, from_us, until_us)

    def _missing(self, target: Bool, listed: ByUnit) -> ByUnit:
        """Return the draws that have each target and do not list him."""
        return [
            np.where(target, have & ~found, _NO_DRAW)
            for have, found in zip(self._units.present, listed, strict=True)
        ]


def _draws_of(sources: list[Sources]) -> ByUnit:
    return [one.draws() for one in sources]
