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

from pipelines.graph.stays_index import Span
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
from pipelines.graph.tracing.stability.thinned_units import ByUnit, Look, ThinnedUnits
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
        # By unit, when cases are infectious, and when cases and those are whom one hop finds.
        self._known = [[cases_in_draws(people, self._draws)] * len(units.present)]
        self._reaches: dict[int, SourcesInPlay] = {}

    def listed(self) -> ByUnit:
        """Return the draws that list each person."""
        tier, depth = self._people.tier, self._terms.depth
        listed = [np.zeros(tier.size, np.uint64) for _ in self._units.present]
        if depth > 1:
            listed, after_one = self._exposed(1, self._missing(self._people.infectors(depth), listed))
            self._known.append(after_one)
        for hop in range(min(depth, 2), depth + 1):
            # Those of a later tier can wait: hardly anybody is found sooner than by the trace.
            target = (tier > 0) & ((tier <= hop) | (hop == depth))
            self._find(hop, target, listed)
        return listed

    def _find(self, hop: int, target: Bool, listed: ByUnit) -> None:
        """Add to the draws that list each target those in which this hop finds him."""
        for span in self._spans:
            # Nobody is looked for in draws that list him already.
            wanted = self._missing(target, listed)
            if not any(draws.any() for draws in wanted):
                return
            is_thorough = span == self._spans[-1]
            play = InPlay(self._people, self._reach(hop, wanted, span), wanted[0], *span, is_thorough)
            look = self._units.look(play, wanted)
            sources = self._infectious_after(hop - 1, look)
            drawn = look.drawn([one.draws() for one in sources])
            found = self._each(found_in_draws, play, wanted, drawn, sources)
            for draws, more in zip(listed, found, strict=True):
                draws |= more

    def _infectious_after(self, hops: int, look: Look) -> list[Sources]:
        """Tell when cases are infectious, and those whom some hops find, as far as a look needs it."""
        return self._known[hops] if hops < 2 else self._exposed(hops, look.needed_of_infectors())[1]

    def _exposed(self, hops: int, infectors: ByUnit) -> tuple[ByUnit, list[Sources]]:
        """Find in which draws some hops find infectors, and when cases and those are infectious."""
        whole = self._spans[-1]
        play = InPlay(
            self._people, self._reach(hops, infectors, whole), infectors[0], *whole, is_thorough=True
        )
        look = self._units.look(play, infectors)
        sources = self._infectious_after(hops - 1, look)
        drawn = look.drawn([one.draws() for one in sources])
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

    def _reach(self, hop: int, wanted: ByUnit, span: tuple[int, int]) -> SourcesInPlay:
        """Gather where people stay who may expose those wanted in a hop."""
        if hop in self._reaches:
            return self._reaches[hop]
        people, terms = self._people, self._terms
        since_us = np.full(people.persons.size, NEVER_US)
        # After more than one hop it may be any infector.
        if hop > 2:
            infectors = people.infectors(terms.depth)
            if span != self._spans[-1]:
                # Those of the lake's own stays will do, until all are looked for.
                infectors &= people_beside(
                    self._graph, people, np.bitwise_or.reduce(wanted) != 0, Span(*span)
                )
            since_us[infectors] = people.from_us() + latency_us(terms.rule)
        known = [one for sources in self._known[:hop] for one in sources]
        for one in known:
            np.minimum.at(since_us, one.person(), one.start_us)
        if hop > 2:
            return sources_in_play(self._graph, people, since_us, span[0], terms.until_us)
        until_us = max(int(one.end_us.max()) for one in known)
        reach = sources_in_play(self._graph, people, since_us, people.from_us(), until_us)
        return self._reaches.setdefault(hop, reach)

    def _missing(self, target: Bool, listed: ByUnit) -> ByUnit:
        """Return the draws that have each target and do not list him."""
        return [
            np.where(target, have & ~found, _NO_DRAW)
            for have, found in zip(self._units.present, listed, strict=True)
        ]
