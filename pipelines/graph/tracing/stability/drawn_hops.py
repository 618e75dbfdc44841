"""Whom some draws list, hop by hop; and when their infectors are exposed, where that matters.

Of people who are looked for one exposure a draw is enough, and most have one within the last days, when most
others are infectious: so these are looked at first, and what was before only of people who are not found in
every draw by then. When an infector is exposed first is asked of all that he did, but beyond one hop only of
those beside somebody whom fewer hops do not find.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import TypeVar

import numpy as np

from pipelines.graph.tracing.exposure_table import NEVER_US
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
    needed_of_sources,
    sources_in_play,
)
from pipelines.graph.tracing.stability.thinned_units import ByUnit, ThinnedUnits
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Bool

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
        pool: ThreadPoolExecutor,
    ) -> None:
        self._graph, self._people, self._terms, self._units = graph, people, terms, units
        self._spans, self._pool = spans, pool
        self._draws = len(units.some)
        # For each of `UNITS`, when cases are infectious, and when cases and whom one hop finds.
        self._cases = [cases_in_draws(people, self._draws) for _ in units.present]
        self._after_one = self._cases

    def listed(self) -> ByUnit:
        """Return the draws that list each person."""
        tier, depth = self._people.tier, self._terms.depth
        listed = [np.zeros(tier.size, np.uint64) for _ in self._units.present]
        if depth > 1:
            infectors = self._missing(self._people.infectors(depth), listed)
            listed, self._after_one = self._exposed(infectors, self._cases)
        for hop in range(min(depth, 2), depth + 1):
            # Those of a later tier can wait: hardly anybody is found sooner than by the trace.
            target = (tier > 0) & ((tier <= hop) | (hop == depth))
            self._find(hop, target, listed)
        return listed

    def _find(self, hop: int, target: Bool, listed: ByUnit) -> None:
        """Add to the draws that list each target those in which this hop finds him."""
        wanted = self._missing(target, listed)
        if not _any(wanted):
            return
        sources = self._infectious_after(hop - 1, wanted)
        infectious = [one.draws() for one in sources]
        reach = self._sources_in_play(sources)
        for span in self._spans:
            # Nobody is looked for in draws that list him already.
            wanted = self._missing(target, listed)
            if not _any(wanted):
                return
            play = InPlay(self._people, reach, wanted[0], *span, is_thorough=span == self._spans[-1])
            drawn = self._units.of(play, wanted, infectious)
            for draws, more in zip(
                listed, self._each(found_in_draws, play, wanted, drawn, sources), strict=True
            ):
                draws |= more

    def _infectious_after(self, hops: int, wanted: ByUnit) -> list[Sources]:
        """Tell when cases are infectious, and whom some hops find, of those who may expose people wanted."""
        if hops == 0:
            return self._cases
        if hops == 1:
            return self._after_one
        infectors = self._people.infectors(self._terms.depth)
        since_us = np.where(infectors, self._people.from_us(), NEVER_US)
        reach = sources_in_play(self._graph, self._people, since_us, self._terms.until_us)
        beside = self._pool.map(
            lambda one: needed_of_sources(self._graph, self._people, reach, *one),
            zip(wanted, self._units.margins_us, strict=True),
        )
        asked = [draws & have for draws, have in zip(beside, self._units.present, strict=True)]
        return self._exposed(asked, self._infectious_after(hops - 1, asked))[1]

    def _exposed(self, infectors: ByUnit, sources: list[Sources]) -> tuple[ByUnit, list[Sources]]:
        """Find in which draws sources expose infectors, and when cases and those are infectious."""
        reach = self._sources_in_play(sources)
        play = InPlay(self._people, reach, infectors[0], *self._spans[-1], is_thorough=True)
        drawn = self._units.of(play, infectors, [one.draws() for one in sources])
        found = self._each(exposed_in_draws, play, infectors, drawn, sources)
        listed, infectious = zip(*found, strict=True)
        return list(listed), list(infectious)

    def _each(
        self,
        hop: Callable[[InPlay, Terms, Drawn, Sources, int], _Found],
        play: InPlay,
        wanted: ByUnit,
        drawn: list[Drawn],
        sources: list[Sources],
    ) -> Iterator[_Found]:
        """Expand each unit by a hop."""
        plays = [play._replace(wanted=draws) for draws in wanted]
        return self._pool.map(hop, plays, repeat(self._terms), drawn, sources, repeat(self._draws))

    def _sources_in_play(self, sources: list[Sources]) -> SourcesInPlay:
        """Gather where people stay who are infectious in some draw."""
        since_us = np.full(self._people.persons.size, NEVER_US)
        for one in sources:
            np.minimum.at(since_us, one.person(), one.start_us)
        until_us = max(int(one.end_us.max()) for one in sources)
        return sources_in_play(self._graph, self._people, since_us, until_us)

    def _missing(self, target: Bool, listed: ByUnit) -> ByUnit:
        """Return the draws that have each target and do not list him."""
        return [
            np.where(target, have & ~found, _NO_DRAW)
            for have, found in zip(self._units.present, listed, strict=True)
        ]


def _any(wanted: ByUnit) -> bool:
    return any(bool(draws.any()) for draws in wanted)
