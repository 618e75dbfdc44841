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
from pipelines.kernels.types import Int64, UInt8, UInt64

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
        kept = masks_of("people", some, keys_of(people.persons), share)
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

    def _paired_again(self, play: InPlay, who: UInt64) -> tuple[StaysInPlay, UInt64]:
        """Leave out scans, and pair the others again."""
        if not play.wanted.any():
            return NO_STAYS, np.empty(0, np.uint64)
        scans = scans_in_play(self._lake_scans, self._graph, play)

        def hashed(keys: UInt8, person: Int64, needed: UInt64) -> UInt64:
            return masks_of("scans", self.some, keys, self._share, who[person] & needed)

        # Each event is hashed once a draw, however many visits it stands in.
        events = [np.array_split(column, THREADS) for column in scans.events()]
        # uint64[events], the draws that keep each.
        kept = np.concatenate(list(self._pool.map(hashed, *events)))
        made = self._pool.map(methodcaller("stays", kept, len(self.some)), scans.in_pieces(_SCANS_A_PIECE))
        # Pieces hold different visits; a stay that two of them make would only be traced twice.
        stays, masks = zip(*made, strict=True)
        return joined_stays(stays), np.concatenate(masks)
