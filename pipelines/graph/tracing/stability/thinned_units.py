"""What some draws leave of the stays in play, when scans, visits or people are missing."""

from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from typing import NamedTuple

import numpy as np

from pipelines.graph.tracing.stability.draws import Drawn, all_of
from pipelines.graph.tracing.stability.in_play import (
    NO_STAYS,
    THREADS,
    InPlay,
    PeopleInPlay,
    StaysInPlay,
    joined_stays,
    stays_in_play,
)
from pipelines.graph.tracing.stability.scans_in_play import LakeScans, ScansInPlay, scans_in_play
from pipelines.graph.tracing.stability.thinning import KEPT, keys_of, masks_of
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Int64, UInt8, UInt64

_AT_ONCE = 1 << 18  # scans whose parts take about 300 MB with twenty draws, and keys to hash

ByUnit = list[UInt64]
"""For each of `UNITS` some draws of each person, uint64[p]."""


class ThinnedUnits:
    """Some draws of each unit.

    Attributes:
        some: their numbers.
        present: those that have each person.
        pool: for what is done side by side.
    """

    def __init__(
        self,
        scans: LakeScans,
        graph: TemporalGraph,
        people: PeopleInPlay,
        some: range,
        pool: ThreadPoolExecutor,
        share: tuple[int, int] = KEPT,
    ) -> None:
        self._scans, self._graph, self._share = scans, graph, share
        self.some, self.pool = some, pool
        everybody = np.full(people.persons.size, all_of(len(some)))
        kept = self.kept("people", keys_of(people.persons), everybody)
        # F0 is never left out.
        kept[people.tier == 0] = all_of(len(some))
        self.present: ByUnit = [everybody, everybody, kept]

    def look(self, plays: list[InPlay]) -> "Look":
        """Look for what can expose people.

        Args:
            plays: what is in play, for each of `UNITS`; they differ in who is looked for.
        """
        scans, visits, people = plays
        # Visits and people leave out whole stays, so the same are in play.
        both = visits._replace(wanted=visits.wanted | people.wanted)
        whole = self.pool.submit(stays_in_play, self._graph, both)
        paired = scans_in_play(self._scans, self._graph, scans) if scans.wanted.any() else None
        return Look(self, plays, paired, *whole.result())

    def kept(self, unit: str, keys: UInt8, wanted: UInt64) -> UInt64:
        """Return the draws that keep each key, of those in which it is wanted, uint64[n]."""
        # At least one for each thread.
        parts = max(THREADS, -(-wanted.size // _AT_ONCE))
        masks = self.pool.map(
            lambda key, draws: masks_of(unit, self.some, key, self._share, draws),
            np.array_split(keys, parts),
            np.array_split(wanted, parts),
        )
        return np.concatenate(list(masks))


class Look(NamedTuple):
    """What can expose people, within the span of a look.

    Attributes:
        units: the draws.
        plays: what is in play, for each of `UNITS`.
        scans: what stays are made from, None when nobody is looked for.
        stays: those of the lake.
        stay_id: int64[n], of each.
        needed: uint64[n], the draws in which each is needed.
    """

    units: ThinnedUnits
    plays: list[InPlay]
    scans: ScansInPlay | None
    stays: StaysInPlay
    stay_id: Int64
    needed: UInt64

    def needed_of_infectors(self) -> ByUnit:
        """Return the draws in which it matters when each infector is infectious."""
        needed = [np.zeros_like(play.wanted) for play in self.plays]
        if self.scans is not None:
            np.bitwise_or.at(needed[0], self.scans.person(), self.scans.needed)
        for draws in needed[1:]:
            np.bitwise_or.at(draws, self.stays.person, self.needed)
        for draws, play, have in zip(needed, self.plays, self.units.present, strict=True):
            near = play.people.near
            np.bitwise_or.at(draws, near.person, play.wanted[near.other])
            # Of cases it is known.
            infector = play.sources.is_source() & (play.people.tier > 0)
            draws &= np.where(infector, have, np.uint64(0))
        return needed

    def drawn(self, infectious: ByUnit) -> list[Drawn]:
        """Return what the draws leave, for each of `UNITS`.

        Args:
            infectious: the draws in which each person may expose others.
        """
        by_unit = zip(self.units.present, self.plays, infectious, strict=True)
        scans, visits, people = (have & (play.wanted | draws) for have, play, draws in by_unit)
        person, near = self.stays.person, self.plays[0].people.near
        left = [
            self._paired_again(scans),
            (self.stays, self.units.kept("visits", keys_of(self.stay_id), visits[person] & self.needed)),
            (self.stays, people[person] & self.needed),
        ]
        # An encounter is there with both of the people.
        met = (have[near.person] & have[near.other] for have in self.units.present)
        return [Drawn(*stays, draws) for stays, draws in zip(left, met, strict=True)]

    def _paired_again(self, wanted: UInt64) -> tuple[StaysInPlay, UInt64]:
        """Leave out scans, and pair the others again."""
        if self.scans is None:
            return NO_STAYS, np.empty(0, np.uint64)
        keys, person, needed = self.scans.events()
        # Each event is hashed once a draw, however many visits it stands in.
        kept = self.units.kept("scans", keys, wanted[person] & needed)
        # A piece for each thread at least.
        size = min(_AT_ONCE, self.scans.token.size // THREADS + 1)
        pair = methodcaller("stays", kept, len(self.units.some))
        # Pieces hold different visits; a stay that two of them make would only be traced twice.
        stays, masks = zip(*self.units.pool.map(pair, self.scans.in_pieces(size)), strict=True)
        return joined_stays(stays), np.concatenate(masks)
