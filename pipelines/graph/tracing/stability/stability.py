"""For each row of a list the share of draws that keep it, when scans, visits or people are missing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from operator import methodcaller
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.graph.stays_index import Span
from pipelines.graph.tracing.infectious_intervals import Intervals, Isolation
from pipelines.graph.tracing.stability.drawn_stays import Sources
from pipelines.graph.tracing.stability.draws import (
    DRAWS_AT_ONCE,
    Drawn,
    Terms,
    all_of,
    found_in_draws,
    passing_on_in_draws,
)
from pipelines.graph.tracing.stability.in_play import (
    InPlay,
    PeopleInPlay,
    StaysInPlay,
    joined_stays,
    people_in_play,
    sources_in_play,
    stays_in_play,
)
from pipelines.graph.tracing.stability.scans_in_play import lake_scans, scans_in_play
from pipelines.graph.tracing.stability.thinning import KEPT, UNITS, keys_of, masks_of
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Bool, Float64, Int64, UInt8, UInt64
from pipelines.lake import Lake
from pipelines.terminal.progress import add_work, work_done
from schemas.rules import Rule

_STEP = "trace draws"
_THREADS = 2
_SCANS_A_PIECE = 1 << 18  # whose parts take about 300 MB with twenty draws
_NO_TIME = np.empty(0, np.int64)
_SAMPLE = 4_096  # stays that tell well enough when all of them were

PARTS: Final = (32, 16, 8, 4, 2)
"""Of all stays, the last 32nd is looked at first, then what else is in the last 16th, and so on."""

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
    parts: tuple[int, ...] = PARTS,
) -> pa.Table:
    """Add to the rows of a trace the share of draws that still list the person, 0 to 1, by unit.

    Infectors are those of the trace: whom a draw alone would find early enough to pass on, since a stay
    without its `out` may end later, passes on to nobody.

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
        parts: where people of the last tier are looked for first; no answer depends on them.

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
    people = people_in_play(graph, index, cases, isolated, person, passing_on)
    terms = Terms(rule, graph.criteria, depth, graph.until_us)
    # int64[rows], the position of each row's person: draws count by person.
    rank = np.searchsorted(people.persons, person)
    shares = _Draws(lake, graph, people, terms, draws, share, parts).shares()
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


_Thinned = Callable[[range, UInt64], tuple[StaysInPlay, UInt64]]
"""Of some draws, and the draws wanted of each person, uint64[p], the stays and the draws that have each."""


class _Unit(NamedTuple):
    """What is missing in draws.

    Attributes:
        thinned_of: what draws leave of the stays in play.
        people_of: uint64[p], the draws that have each person.
    """

    thinned_of: Callable[[InPlay], _Thinned]
    people_of: Callable[[range], UInt64]


class _Early(NamedTuple):
    """What some draws find before the last tier.

    Attributes:
        some: the draws.
        people: uint64[p], those that have each person.
        near: uint64[e], those that have each encounter.
        listed: uint64[p], those that list each person by then.
        sources: when cases and infectors are infectious.
    """

    some: range
    people: UInt64
    near: UInt64
    listed: UInt64
    sources: Sources


class _Draws:
    """The draws of one trace.

    Only when infectors are exposed is asked of all that they did. Of the last tier one exposure a draw is
    enough, and most people have one within the last days, when most others are infectious: so these are
    looked at first, and what was before only of people who are not found in every draw by then.
    """

    def __init__(
        self,
        lake: Lake,
        graph: TemporalGraph,
        people: PeopleInPlay,
        terms: Terms,
        draws: int,
        share: tuple[int, int],
        parts: tuple[int, ...],
    ) -> None:
        self._paired, self._graph, self._people, self._terms = lake_scans(lake), graph, people, terms
        self._draws, self._share = draws, share
        early = sources_in_play(graph, people, passing_on=terms.depth > 2)
        # Cases alone expose the first tier.
        self._sources = early if terms.depth != 2 else sources_in_play(graph, people, passing_on=True)
        self._spans = _spans(graph, people.from_us(), terms.depth, parts)
        infectors = ~people.of_cases() & people.infector & (terms.depth > 1)
        self._infectors = InPlay(people, early, _in_all(infectors), *self._spans[-1], is_thorough=True)

    def shares(self) -> list[Float64]:
        """Return the share of draws that list each person, float64[p], for each of `UNITS`."""
        scans = _Unit(self._scans, self._everybody)
        others = (_Unit(self._visits, self._everybody), _Unit(self._stays_of_people, self._kept_people))
        everyone = ~self._people.of_cases()
        part = np.arange(everyone.size) % _THREADS
        with ThreadPoolExecutor(_THREADS) as pool:
            early = list(pool.map(self._early, (scans, *others)))
            # Scans take the longest, so they come first, and each thread has its part of the people.
            tasks = [(scans, early[0], everyone & (part == number)) for number in range(_THREADS)]
            tasks += [(unit, drawn, everyone) for unit, drawn in zip(others, early[1:], strict=True)]
            add_work(_STEP, len(tasks) * self._draws, "draw")
            counts = list(pool.map(lambda task: self._listed(*task), tasks))
        by_scans = np.sum(counts[:_THREADS], axis=0)
        return [count / self._draws for count in (by_scans, *counts[_THREADS:])]

    def _early(self, unit: _Unit) -> list[_Early]:
        """Trace draws up to the tier before the last, 64 at a time, a bit each."""
        found = []
        thinned, near = unit.thinned_of(self._infectors), self._people.near
        for first in range(0, self._draws, DRAWS_AT_ONCE):
            some = range(first, min(first + DRAWS_AT_ONCE, self._draws))
            people = unit.people_of(some)
            # An encounter is there with both of the people.
            met = people[near.person] & people[near.other]
            drawn = Drawn(*thinned(some, people), met)
            listed, sources = passing_on_in_draws(self._infectors, self._terms, drawn, len(some))
            found.append(_Early(some, people, met, listed, sources))
        return found

    def _listed(self, unit: _Unit, early: list[_Early], target: Bool) -> Int64:
        """Count the draws that list each target, int64[p]."""
        counts = np.zeros(target.size, np.int64)
        # The same for all draws, since each person is looked for in all of them.
        first = self._look(unit, _in_all(target), self._spans[0])
        for some, people, met, listed, sources in early:
            listed = np.where(target, listed, np.uint64(0))
            for number, span in enumerate(self._spans):
                # Nobody is looked for in draws that list him already, or do not have him.
                wanted = np.where(target, people & ~listed, np.uint64(0))
                if not wanted.any():
                    break
                play, thinned = self._look(unit, wanted, span) if number else first
                drawn = Drawn(*thinned(some, np.where(self._sources.is_source, people, wanted)), met)
                listed |= found_in_draws(play, self._terms, drawn, sources, wanted, len(some))
            counts += np.bitwise_count(listed)
            work_done(_STEP, len(some))
        return counts

    def _look(self, unit: _Unit, wanted: UInt64, span: tuple[int, int]) -> tuple[InPlay, _Thinned]:
        is_thorough = span == self._spans[-1]
        play = InPlay(self._people, self._sources, wanted, *span, is_thorough)
        return play, unit.thinned_of(play)

    def _scans(self, play: InPlay) -> _Thinned:
        """Leave out scans, and pair the others again."""
        scans = scans_in_play(self._paired, self._graph, play)
        pieces = list(scans.in_pieces(_SCANS_A_PIECE))
        # Each event is hashed once a draw, however many visits it stands in.
        events = [np.array_split(column, len(pieces)) for column in scans.events()]

        def thinned(some: range, wanted: UInt64) -> tuple[StaysInPlay, UInt64]:
            def hashed(keys: UInt8, person: Int64, needed: UInt64) -> UInt64:
                return masks_of("scans", some, keys, self._share, wanted[person] & needed)

            with ThreadPoolExecutor(_THREADS) as pool:
                # A piece alone is not worth a thread.
                each = pool.map if len(pieces) > 1 else map
                # uint64[events], the draws that keep each.
                kept = np.concatenate(list(each(hashed, *events)))
                made = each(methodcaller("stays", kept, len(some)), pieces)
                # Pieces hold different visits; a stay that two of them make would only be traced twice.
                stays, masks = zip(*made, strict=True)
            return joined_stays(stays), np.concatenate(masks)

        return thinned

    def _visits(self, play: InPlay) -> _Thinned:
        """Leave out stays; encounters are none."""
        stays, ids, needed = stays_in_play(self._graph, play)
        keys = keys_of(ids)
        return lambda some, wanted: (
            stays,
            masks_of("visits", some, keys, self._share, wanted[stays.person] & needed),
        )

    def _stays_of_people(self, play: InPlay) -> _Thinned:
        """Leave out nothing of people who are there."""
        stays, _, needed = stays_in_play(self._graph, play)
        return lambda _, wanted: (stays, wanted[stays.person] & needed)

    def _kept_people(self, some: range) -> UInt64:
        mask = masks_of("people", some, keys_of(self._people.persons), self._share)
        # F0 is never left out.
        mask[self._people.cases] = all_of(len(some))
        return mask

    def _everybody(self, some: range) -> UInt64:
        return np.full(self._people.persons.size, all_of(len(some)))


def _in_all(people: Bool) -> UInt64:
    """Want some people in all draws, uint64[p]."""
    return np.where(people, all_of(DRAWS_AT_ONCE), np.uint64(0))


def _spans(graph: TemporalGraph, from_us: int, depth: int, parts: tuple[int, ...]) -> list[tuple[int, int]]:
    """From when to when the last tier is looked at, one span after another; the last is all of the time."""
    whole = (from_us, graph.until_us)
    # Cases alone expose the first tier, early or late.
    if depth == 1:
        return [whole]
    files = graph.files("person", Span(*whole))
    step = max(1, sum(columns.enter_us.size for columns in files) // _SAMPLE)
    enter_us = np.sort(np.concatenate([_NO_TIME, *(columns.enter_us[::step] for columns in files)]))
    enter_us = enter_us[(enter_us > from_us) & (enter_us < graph.until_us)]
    # When the last part of all stays begins, and so on.
    cuts = [int(enter_us[-1 - enter_us.size // part]) for part in parts if enter_us.size >= part]
    # Without a cut the whole would be looked at twice.
    spans = pairwise([graph.until_us, *cuts, from_us]) if cuts else ()
    return [*((before, at) for at, before in spans if before < at), whole]
