"""What some draws leave of the stays in play, when scans, visits or people are missing."""

from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller

import numpy as np

from pipelines.graph.tracing.stability.draws import Drawn, all_of
from pipelines.graph.tracing.stability.in_play import (
    NO_STAYS,
    InPlay,
    PeopleInPlay,
    StaysInPlay,
    joined_stays,
    stays_in_play,
)
from pipelines.graph.tracing.stability.scans_in_play import LakeScans, scans_in_play
from pipelines.graph.tracing.stability.thinning import KEPT, keys_of, masks_of
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import UInt8, UInt64

THREADS = 2
_SCANS_A_PIECE = 1 << 18  # whose parts take about 300 MB with twenty draws

ByUnit = list[UInt64]
"""For each of `UNITS` some draws of each person, uint64[p]."""


class ThinnedUnits:
    """Some draws of each unit.

    Attributes:
        some: their numbers.
        present: those that have each person.
        margins_us: by how much stays of a draw may begin earlier, or end later, than those of the lake.
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
        self._lake_scans, self._graph, self._share, self._pool = scans, graph, share, pool
        self.some = some
        self.margins_us = (int(scans.rules.max_stay_us.max()), 0, 0)
        everybody = np.full(people.persons.size, all_of(len(some)))
        kept = self._kept("people", keys_of(people.persons), everybody)
        # F0 is never left out.
        kept[people.cases] = all_of(len(some))
        self.present: ByUnit = [everybody, everybody, kept]
        # An encounter is there with both of the people.
        self._near = [have[people.near.person] & have[people.near.other] for have in self.present]

    def of(self, play: InPlay, wanted: ByUnit, infectious: ByUnit) -> list[Drawn]:
        """Return what the draws leave, for each of `UNITS`.

        Args:
            play: what is in play; `wanted` stands for its own.
            wanted: the draws in which each person is looked for.
            infectious: those in which each may expose others.
        """
        who = [have & (one | two) for have, one, two in zip(self.present, wanted, infectious, strict=True)]
        scans, visits, people = wanted
        # Two units leave out whole stays, so the same are in play; scans are read by other threads.
        whole = self._pool.submit(self._whole_stays, play._replace(wanted=visits | people), *who[1:])
        left = [self._paired_again(play._replace(wanted=scans), who[0]), *whole.result()]
        return [Drawn(*stays, near) for stays, near in zip(left, self._near, strict=True)]

    def _whole_stays(self, play: InPlay, visits: UInt64, people: UInt64) -> list[tuple[StaysInPlay, UInt64]]:
        """Leave out visits, or all visits of people; encounters are none."""
        stays, ids, needed = stays_in_play(self._graph, play)
        kept = masks_of("visits", self.some, keys_of(ids), self._share, visits[stays.person] & needed)
        return [(stays, kept), (stays, people[stays.person] & needed)]

    def _kept(self, unit: str, keys: UInt8, wanted: UInt64) -> UInt64:
        """Return the draws that keep each key, of those in which it is wanted."""
        parts = np.array_split(keys, THREADS), np.array_split(wanted, THREADS)
        masks = self._pool.map(lambda key, draws: masks_of(unit, self.some, key, self._share, draws), *parts)
        return np.concatenate(list(masks))

    def _paired_again(self, play: InPlay, who: UInt64) -> tuple[StaysInPlay, UInt64]:
        """Leave out scans, and pair the others again."""
        if not play.wanted.any():
            return NO_STAYS, np.empty(0, np.uint64)
        scans = scans_in_play(self._lake_scans, self._graph, play)

        keys, person, needed = scans.events()
        # Each event is hashed once a draw, however many visits it stands in.
        kept = self._kept("scans", keys, who[person] & needed)
        # A piece for each thread at least.
        size = min(_SCANS_A_PIECE, scans.token.size // THREADS + 1)
        made = self._pool.map(methodcaller("stays", kept, len(self.some)), scans.in_pieces(size))
        # Pieces hold different visits; a stay that two of them make would only be traced twice.
        stays, masks = zip(*made, strict=True)
        return joined_stays(stays), np.concatenate(masks)
