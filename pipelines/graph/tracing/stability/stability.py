"""For each row of a list the share of draws that keep it, when scans, visits or people are missing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import methodcaller

import numpy as np
import pyarrow as pa

from pipelines.graph.tracing.infectious_intervals import Intervals, Isolation
from pipelines.graph.tracing.stability.draws import DRAWS_AT_ONCE, Terms, all_of, listed_in_draws
from pipelines.graph.tracing.stability.in_play import InPlay, StaysInPlay, in_play, joined_stays
from pipelines.graph.tracing.stability.scans_in_play import scans_in_play
from pipelines.graph.tracing.stability.thinning import KEPT, UNITS, keys_of, masks_of
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Float64, Int64, UInt64
from pipelines.lake import Lake
from pipelines.terminal.progress import add_work, work_done
from schemas.rules import Rule

_STEP = "trace draws"
_THREADS = 2

COLUMNS = tuple(f"stability_{unit}" for unit in UNITS)


def with_stability(
    lake: Lake,
    rows: pa.Table,
    graph: TemporalGraph,
    rule: Rule,
    index: Intervals,
    cases: Int64,
    isolated: Isolation,
    depth: int,
    draws: int,
    share: tuple[int, int] = KEPT,
) -> pa.Table:
    """Add to the rows of a trace the share of draws that still list the person, 0 to 1, by unit.

    Args:
        lake: where the scans lie.
        rows: of `TRACE`.
        graph: what was traced through.
        rule: the rule pack.
        index: when the cases are infectious.
        cases: int64[c], their tokens, whom no draw leaves out as people.
        isolated: when people who are cases were isolated.
        depth: the last tier.
        draws: how many.
        share: of keys that a draw keeps, numerator and denominator.

    Returns:
        The rows with `stability_scans stability_visits stability_people` at the end.
    """
    # Without rows nobody may be infectious either, and there would be no time to look at.
    if rows.num_rows == 0:
        for name in COLUMNS:
            rows = rows.append_column(name, pa.array([], pa.float64()))
        return rows
    person = rows["person"].to_numpy()
    # People of the last tier pass on to nobody, in no draw.
    passing_on = person[rows["tier"].to_numpy() < depth]
    play = in_play(graph, index, cases, isolated, person, passing_on)
    terms = Terms(rule, graph.criteria, depth, graph.until_us)
    # int64[rows], the position of each row's person: draws count by person.
    rank = np.searchsorted(play.persons, person)
    add_work(_STEP, len(UNITS) * draws, "draw")
    draws_of = _Draws(lake, play, terms, draws, share)
    # Scans use threads of their own; visits and people are drawn beside them on one more.
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(lambda: (draws_of.of_visits(), draws_of.of_people()))
        shares = (draws_of.of_scans(), *others.result())
    for name, found in zip(COLUMNS, shares, strict=True):
        rows = rows.append_column(name, pa.array(found[rank]))
    return rows


def stability_note(rows: pa.Table, draws: int) -> Iterator[str]:
    """Say what the list can be expected to lose.

    Args:
        rows: with the columns of `with_stability`.
        draws: how many were made.
    """
    if rows.num_rows:
        lost = [1 - float(np.mean(rows[name].to_numpy())) for name in COLUMNS]
        said = ", ".join(
            f"{share:.1%} with a tenth of the {unit} missing" for unit, share in zip(UNITS, lost, strict=True)
        )
        yield f"of {rows.num_rows:,} rows expect to lose {said} ({draws:,} draws)"


class _Draws:
    """The draws of one trace; each method returns float64[p], the share of draws that list each person."""

    def __init__(self, lake: Lake, play: InPlay, terms: Terms, draws: int, share: tuple[int, int]) -> None:
        self._lake, self._play, self._terms = lake, play, terms
        self._stays = play.stays
        self._draws, self._share = draws, share

    def of_scans(self) -> Float64:
        """Leave out scans, and pair the others again."""
        play, terms = self._play, self._terms
        reach_us = int(terms.criteria.indirect_us.max())
        # Cases alone pass on to a first tier.
        until_us = terms.until_us if terms.depth > 1 else int(play.infectious.end_us.max())
        scans = scans_in_play(self._lake, play, until_us, reach_us, zoned=terms.criteria.zoned)
        # Each event is hashed once a draw, however many visits it stands in; the pieces keep their order.
        keys = np.array_split(scans.keys(), _THREADS)
        pieces = list(scans.in_pieces(_THREADS))
        counts = np.zeros(play.persons.size)
        with ThreadPoolExecutor(_THREADS) as pool:
            # 64 draws at a time: masks of events, then stays with masks, then one trace of them all.
            for some in self._chunks():
                hashed = pool.map(partial(masks_of, "scans", some, share=self._share), keys)
                # uint64[events], the draws that keep each.
                kept = np.concatenate(list(hashed))
                made = pool.map(methodcaller("stays", kept, len(some)), pieces)
                # Pieces hold different visits; a stay that two of them make would only be traced twice.
                stays, masks = zip(*made, strict=True)
                mask = np.concatenate(masks)
                counts += self._listed(joined_stays(stays), mask, self._all_near(some), some)
        return counts / self._draws

    def of_visits(self) -> Float64:
        """Leave out stays; encounters are none."""
        keys = keys_of(self._stays.stay_id)
        counts = np.zeros(self._play.persons.size)
        for some in self._chunks():
            mask = masks_of("visits", some, keys, self._share)
            counts += self._listed(self._stays, mask, self._all_near(some), some)
        return counts / self._draws

    def of_people(self) -> Float64:
        """Leave out people who are no case, with all their stays and encounters."""
        play = self._play
        keys = keys_of(play.persons)
        counts = np.zeros(play.persons.size)
        for some in self._chunks():
            # uint64[p], by person: a stay is there with its person, an encounter with both of them.
            people = masks_of("people", some, keys, self._share, always=play.cases)
            near = people[play.near.person] & people[play.near.other]
            counts += self._listed(self._stays, people[self._stays.person], near, some)
        return counts / self._draws

    def _all_near(self, some: range) -> UInt64:
        """All draws have every encounter."""
        return np.full(self._play.near.person.size, all_of(len(some)))

    def _listed(self, stays: StaysInPlay, mask: UInt64, near: UInt64, some: range) -> Int64:
        """Trace some draws, and return how many of them list each person, int64[p]."""
        found = listed_in_draws(self._play, self._terms, stays, mask, near, len(some))
        return np.bitwise_count(found).astype(np.int64)

    def _chunks(self) -> Iterator[range]:
        """Cut the draws into some that are traced at once."""
        for first in range(0, self._draws, DRAWS_AT_ONCE):
            some = range(first, min(first + DRAWS_AT_ONCE, self._draws))
            yield some
            work_done(_STEP, len(some))
