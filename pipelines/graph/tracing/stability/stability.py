"""For each row of a list the share of draws that keep it, when scans, visits or people are missing."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipelines.graph.tracing.infectious_intervals import Intervals, Isolation
from pipelines.graph.tracing.stability.in_play import InPlay, beside_infectors, in_play
from pipelines.graph.tracing.stability.scans_in_play import longest_stay_us, scans_in_play
from pipelines.graph.tracing.stability.side_by_side import Terms, listed_in_draws
from pipelines.graph.tracing.stability.thinning import KEPT, UNITS, kept, keys_of, keys_of_events
from pipelines.graph.tracing.temporal_graph import TemporalGraph
from pipelines.kernels.types import Bool, Float64, Int64
from pipelines.lake import Lake
from pipelines.terminal.progress import add_work, work_done
from schemas.rules import Rule

_STEP = "trace draws"
_ROWS_AT_ONCE = 2_000_000  # stays or scans of draws that are traced side by side

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
    if rows.num_rows == 0:
        for name in COLUMNS:
            rows = rows.append_column(name, pa.array([], pa.float64()))
        return rows
    person = rows["person"].to_numpy()
    passing_on = person[rows["tier"].to_numpy() < depth]
    margin_us = 2 * longest_stay_us(lake)
    play = in_play(graph, index, cases, isolated, person, passing_on, margin_us)
    terms = Terms(rule, graph.criteria, depth, graph.until_us)
    rank = np.searchsorted(play.persons, person)
    add_work(_STEP, len(UNITS) * draws, "draw")
    draws_of = _Draws(lake, play, terms, draws, share)
    for name, found in zip(
        COLUMNS, (draws_of.of_scans(), draws_of.of_visits(), draws_of.of_people()), strict=True
    ):
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
        self._stays = play.stays.at(beside_infectors(play.stays, play.infector, terms.criteria))
        self._draws, self._share = draws, share

    def of_scans(self) -> Float64:
        """Leave out scans, and pair the others again."""
        play, terms = self._play, self._terms
        scans = scans_in_play(self._lake, play, zoned=terms.criteria.zoned)
        keys = keys_of_events(scans.high, scans.low)
        counts = np.zeros(play.persons.size)
        for some in self._chunks(keys.shape[0]):
            draw, row = np.nonzero([kept("scans", one, keys, self._share) for one in some])
            stays, draw_of_stay = scans.stays(play, row, draw)
            beside = beside_infectors(stays, play.infector, terms.criteria, draw_of_stay)
            stays, draw_of_stay = stays.at(beside), draw_of_stay[beside]
            near = np.ones((len(some), play.near.person.size), np.bool_)
            counts += listed_in_draws(play, terms, stays, draw_of_stay, near).sum(axis=0)
        return counts / self._draws

    def of_visits(self) -> Float64:
        """Leave out stays; encounters are none."""
        play = self._play
        keys = keys_of(self._stays.stay_id)
        counts = np.zeros(play.persons.size)
        for some in self._chunks(keys.shape[0]):
            chosen = np.array([kept("visits", one, keys, self._share) for one in some])
            near = np.ones((len(some), play.near.person.size), np.bool_)
            counts += self._listed(chosen, near).sum(axis=0)
        return counts / self._draws

    def of_people(self) -> Float64:
        """Leave out people who are no case, with all their stays and encounters."""
        play = self._play
        keys = keys_of(play.persons)
        counts = np.zeros(play.persons.size)
        for some in self._chunks(self._stays.person.size):
            people = np.array([kept("people", one, keys, self._share) for one in some])
            people[:, play.cases] = True
            near = people[:, play.near.person] & people[:, play.near.other]
            counts += self._listed(people[:, self._stays.person], near).sum(axis=0)
        return counts / self._draws

    def _listed(self, chosen: Bool, near: Bool) -> Bool:
        """Trace draws that keep some of the stays, bool[draws, n]."""
        draw, row = np.nonzero(chosen)
        found: Bool = listed_in_draws(self._play, self._terms, self._stays.at(row), draw, near)
        return found

    def _chunks(self, rows: int) -> Iterator[range]:
        """Cut the draws into some that are traced at once."""
        at_once = max(1, _ROWS_AT_ONCE // max(rows, 1))
        for first in range(0, self._draws, at_once):
            some = range(first, min(first + at_once, self._draws))
            yield some
            work_done(_STEP, len(some))
